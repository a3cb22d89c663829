use crate::Timestamp;
use std::cmp::Reverse;

/// A live flow of an address that is waiting for a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFlow {
    /// The id of the flow.
    pub id: String,
    /// The client network that began it.
    pub client: String,
    /// Whether its browser has signed in to the account before.
    pub known_device: bool,
    /// The remaining tries.
    pub tries_left: i64,
    /// The length of its newest code.
    pub digits: usize,
    /// Whether its code was correct. Such a flow still counts, because strangers must not be able to tell it from a waiting one.
    pub has_passed: bool,
    /// The time when the flow began.
    pub created_at: Timestamp,
}

impl WaitingFlow {
    /// Maximum number of flows per address and [`CodeCounter`](crate::CodeCounter) that wait for a code at the same time.
    pub const MOST: usize = 10;

    /// Returns the flow to end when a client begins one more; `waiting` is ordered by start time.
    /// Prefers the client's own oldest flow, then the oldest of the client with the most; known devices come last.
    /// Attack: ten requests by a stranger end the owner's.
    #[must_use]
    pub fn to_end<'a>(waiting: &'a [Self], client: &str) -> Option<&'a Self> {
        if waiting.len() < Self::MOST {
            return None;
        }
        let any_unknown = waiting.iter().any(|flow| !flow.known_device);
        let candidates: Vec<&Self> = waiting
            .iter()
            .filter(|flow| !(any_unknown && flow.known_device))
            .collect();
        let count = |of: &str| candidates.iter().filter(|flow| flow.client == of).count();
        let own = candidates.iter().find(|flow| flow.client == client);
        // Of equal elements, `min_by_key` returns the first: the oldest.
        own.or_else(|| candidates.iter().min_by_key(|flow| Reverse(count(&flow.client))))
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the index of the ended flow. Each letter is a flow, oldest first: its client, upper case for a known device.
    fn ended(clients: &str, client: &str) -> Option<usize> {
        let waiting: Vec<WaitingFlow> = clients
            .chars()
            .enumerate()
            .map(|(number, c)| WaitingFlow {
                id: number.to_string(),
                client: c.to_ascii_lowercase().to_string(),
                known_device: c.is_ascii_uppercase(),
                tries_left: 5,
                digits: 8,
                has_passed: false,
                created_at: Timestamp(0),
            })
            .collect();
        WaitingFlow::to_end(&waiting, client).map(|flow| flow.id.parse().unwrap())
    }

    #[test]
    fn the_eleventh_flow_ends_the_oldest_of_its_own_or_the_busiest_client() {
        assert_eq!(ended("abbbbbbbb", "b"), None, "nine wait");
        assert_eq!(ended("abbbbbbbbb", "b"), Some(1), "the oldest of the same client");
        assert_eq!(ended("abbbbcccbb", "d"), Some(1), "the oldest of the client with most");
        assert_eq!(ended("abcdefghij", "k"), Some(0), "the oldest of all");
        assert_eq!(ended("Abcdefghij", "k"), Some(1), "not of a known device");
        assert_eq!(ended("AbcdefghiA", "a"), Some(1), "nor by its own client");
        assert_eq!(ended("ABCDEFGHIJ", "b"), Some(1), "unless all are known");
    }
}
