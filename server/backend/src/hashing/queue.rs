//! A hashing queue with fair turns among client networks. A network with many requests slows only itself, and has the whole
//! queue while no other network waits.
//!
//! Custom, because no reviewed crate fits: `fairqueue` and `async_wrr_queue` are unbounded data structures, and `mea`
//! (`fair_share`) never revokes a place. This queue, when full, revokes a place of the network that has the most.

use super::{CROWD, CROWD_MOMENT, MOMENT, WAIT};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

/// The queue. Clones share state.
#[derive(Clone)]
pub(super) struct Queue(Arc<Mutex<State>>);

type Network = Arc<str>;

struct State {
    /// Maximum number of concurrent hashes.
    at_once: usize,
    /// Maximum number of admitted requests, including those being hashed.
    most: usize,
    /// Admitted requests, in order of arrival.
    inside: BTreeMap<u64, Inside>,
    /// Requests waiting for a place, in order of arrival.
    door: BTreeMap<u64, (Network, oneshot::Sender<()>)>,
    /// Networks with a request waiting for a core, next one first.
    turns: VecDeque<Network>,
    next_id: u64,
}

struct Inside {
    network: Network,
    stage: Stage,
}

enum Stage {
    /// Admitted, with other work to do before hashing.
    Arrived,
    Asks(oneshot::Sender<()>),
    Hashes,
}

/// A place in the queue, freed when dropped.
pub struct HashPermit {
    id: u64,
    /// Earliest time for a refusal.
    refused_at: Instant,
    queue: Queue,
}

/// The reason for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Busy {
    QueueFull,
    TooSlow,
}

impl Queue {
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            at_once,
            most: at_once + waiting,
            inside: BTreeMap::new(),
            door: BTreeMap::new(),
            turns: VecDeque::new(),
            next_id: 0,
        })))
    }

    /// Acquires a place. If the queue is full, takes one from a network with more places, or waits briefly for a free one.
    pub(super) async fn place(&self, network: &str) -> Result<HashPermit, Busy> {
        let (sender, admitted) = oneshot::channel();
        let (id, moment) = {
            let mut state = self.state();
            let moment = state.moment(network);
            (state.arrive(network.into(), sender), moment)
        };
        // Created here, so that a request cancelled at any later point frees its place.
        let place = HashPermit {
            id,
            refused_at: Instant::now() + moment,
            queue: self.clone(),
        };
        match timeout(moment, admitted).await {
            Ok(Ok(())) => Ok(place),
            _ => Err(Busy::QueueFull),
        }
    }

    /// Counts requests being hashed, and other admitted requests.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        let hashing = state.hashing();
        (hashing, state.inside.len() - hashing)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HashPermit {
    /// Waits for a core and holds it for the permit's lifetime.
    pub(super) async fn core(&self) -> Result<(), Busy> {
        let turn = self.queue.state().ask(self.id);
        let given = match turn {
            Some(turn) => timeout(WAIT, turn).await,
            None => return Err(self.taken().await),
        };
        match given {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.taken().await),
            Err(_) => Err(Busy::TooSlow),
        }
    }

    /// Refuses a request that lost its place, after the same delay as for a full queue, because clients may retry at once.
    async fn taken(&self) -> Busy {
        sleep_until(self.refused_at).await;
        Busy::QueueFull
    }
}

impl Drop for HashPermit {
    fn drop(&mut self) {
        self.queue.state().leave(self.id);
    }
}

impl State {
    /// Returns the maximum wait for a place for the network's next request.
    fn moment(&self, network: &str) -> Duration {
        let waiting = self.door.values().filter(|(of, _)| &**of == network).count();
        if waiting < CROWD { MOMENT } else { CROWD_MOMENT }
    }

    fn hashing(&self) -> usize {
        let hashes = |inside: &&Inside| matches!(inside.stage, Stage::Hashes);
        self.inside.values().filter(hashes).count()
    }

    /// Counts the admitted requests per network that are not being hashed.
    fn waiting(&self) -> HashMap<Network, usize> {
        let mut waiting = HashMap::new();
        for inside in self.inside.values() {
            if !matches!(inside.stage, Stage::Hashes) {
                *waiting.entry(inside.network.clone()).or_default() += 1;
            }
        }
        waiting
    }

    fn arrive(&mut self, network: Network, sender: oneshot::Sender<()>) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.inside.len() >= self.most {
            self.make_room(&network);
        }
        self.door.insert(id, (network, sender));
        self.admit();
        id
    }

    /// Revokes the newest place of the network with the most places, for a network with at least two fewer. Attack: one client
    /// with hundreds of connections takes all places.
    fn make_room(&mut self, network: &Network) {
        let waiting = self.waiting();
        let own = waiting.get(network).copied().unwrap_or_default();
        let Some((most, count)) = waiting.into_iter().max_by_key(|(_, count)| *count) else {
            return;
        };
        if count < own + 2 {
            return;
        }
        let newest =
            self.inside.iter().rev().find_map(|(id, inside)| {
                (inside.network == most && !matches!(inside.stage, Stage::Hashes)).then_some(*id)
            });
        if let Some(id) = newest {
            // Drops its sender, which notifies the request.
            self.inside.remove(&id);
        }
    }

    /// Admits waiting requests to free places, those of the network with the fewest first.
    fn admit(&mut self) {
        while self.inside.len() < self.most && !self.door.is_empty() {
            let waiting = self.waiting();
            let of = |network: &Network| waiting.get(network).copied().unwrap_or_default();
            let next = self.door.iter().min_by_key(|(_, (network, _))| of(network));
            let Some((network, sender)) = next.map(|(id, _)| *id).and_then(|id| {
                let (network, sender) = self.door.remove(&id)?;
                Some(((id, network), sender))
            }) else {
                return;
            };
            // If the receiver is gone, dropping its permit frees the place.
            let _ = sender.send(());
            let (id, network) = network;
            self.inside.insert(
                id,
                Inside {
                    network,
                    stage: Stage::Arrived,
                },
            );
        }
    }

    /// Requests a core; `None` if the place was revoked.
    fn ask(&mut self, id: u64) -> Option<oneshot::Receiver<()>> {
        let inside = self.inside.get_mut(&id)?;
        let (sender, turn) = oneshot::channel();
        inside.stage = Stage::Asks(sender);
        let network = inside.network.clone();
        if !self.turns.contains(&network) {
            self.turns.push_back(network);
        }
        self.give_cores();
        Some(turn)
    }

    fn give_cores(&mut self) {
        let mut hashing = self.hashing();
        while hashing < self.at_once {
            let Some(network) = self.turns.pop_front() else { return };
            let asks = |inside: &&mut Inside| inside.network == network && matches!(inside.stage, Stage::Asks(_));
            let mut asking = self.inside.values_mut().filter(asks);
            let Some(next) = asking.next() else { continue };
            let others = asking.next().is_some();
            if let Stage::Asks(sender) = std::mem::replace(&mut next.stage, Stage::Hashes) {
                // If the receiver is gone, dropping its permit frees the place and the core.
                let _ = sender.send(());
                hashing += 1;
            }
            if others {
                self.turns.push_back(network);
            }
        }
    }

    fn leave(&mut self, id: u64) {
        self.door.remove(&id);
        if self.inside.remove(&id).is_some() {
            self.admit();
            self.give_cores();
        }
    }
}
