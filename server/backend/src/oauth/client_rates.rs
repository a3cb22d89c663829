//! The number of requests of each client, on this server. Not in the database: a row for each client would be written at each request.

use account::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

/// The requests of the current minute, by client and network.
#[derive(Default)]
pub(super) struct ClientRates(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    number: i64,
    requests: HashMap<(String, String), i64>,
}

/// Attack: requests from ever new networks fill the memory. Those of further networks are not counted.
const MOST_NETWORKS: usize = 50_000;

impl ClientRates {
    /// Counts a request from a network; `""` counts all networks together. Returns the seconds until the next one is accepted if there
    /// were `most` in this minute.
    pub fn count(&self, client: &str, network: &str, most: i64, now: Timestamp) -> Option<i64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.0.div_euclid(60_000);
        if minute.number != number {
            *minute = Minute {
                number,
                requests: HashMap::new(),
            };
        }
        let known = minute.requests.len();
        let requests = match minute.requests.entry((client.to_owned(), network.to_owned())) {
            Entry::Vacant(_) if !network.is_empty() && known >= MOST_NETWORKS => return None,
            entry => entry.or_default(),
        };
        if *requests >= most {
            return Some(((number + 1) * 60_000 - now.0 + 999) / 1_000);
        }
        *requests += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(600_000);

    #[test]
    fn each_client_has_its_own_limit_each_minute() {
        let rates = ClientRates::default();
        let at = |ms: i64| NOW.plus_ms(ms);
        for _ in 0..3 {
            assert_eq!(rates.count("shop", "", 3, at(0)), None);
        }
        assert_eq!(rates.count("shop", "", 3, at(0)), Some(60));
        assert_eq!(rates.count("shop", "", 3, at(59_500)), Some(1));
        assert_eq!(rates.count("other", "", 3, at(0)), None);
        assert_eq!(rates.count("shop", "", 3, at(60_000)), None);
    }

    #[test]
    fn a_flood_of_networks_takes_no_memory_and_no_limit_of_others() {
        let rates = ClientRates::default();
        rates.count("app", "known", 1, NOW);
        for network in 0..MOST_NETWORKS + 10 {
            assert_eq!(rates.count("app", &network.to_string(), 1, NOW), None);
        }
        assert_eq!(rates.0.lock().unwrap().requests.len(), MOST_NETWORKS);
        assert_eq!(rates.count("app", "known", 1, NOW), Some(60));
        assert_eq!(rates.count("shop", "", 1, NOW), None);
        assert_eq!(rates.count("shop", "", 1, NOW), Some(60));
    }
}
