//! The number of requests of each client, on this server. Not in the database: a row for each client would be written at each request.

use account::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The requests of the current minute, by client. Only of registered clients, so that their number is bounded.
#[derive(Default)]
pub(super) struct ClientRates(Mutex<HashMap<String, Minute>>);

#[derive(Default)]
struct Minute {
    number: i64,
    requests: i64,
}

impl ClientRates {
    /// Counts a request. Returns the seconds until the next one is accepted if there were `most` in this minute.
    pub fn count(&self, client: &str, most: i64, now: Timestamp) -> Option<i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = match all.get_mut(client) {
            Some(minute) => minute,
            None => all.entry(client.to_owned()).or_default(),
        };
        let number = now.0.div_euclid(60_000);
        if minute.number != number {
            *minute = Minute { number, requests: 0 };
        }
        if minute.requests >= most {
            return Some(((number + 1) * 60_000 - now.0 + 999) / 1_000);
        }
        minute.requests += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_limit_each_minute() {
        let rates = ClientRates::default();
        let at = |ms: i64| Timestamp(600_000 + ms);
        for _ in 0..3 {
            assert_eq!(rates.count("shop", 3, at(0)), None);
        }
        assert_eq!(rates.count("shop", 3, at(0)), Some(60));
        assert_eq!(rates.count("shop", 3, at(59_500)), Some(1));
        assert_eq!(rates.count("other", 3, at(0)), None);
        assert_eq!(rates.count("shop", 3, at(60_000)), None);
    }
}
