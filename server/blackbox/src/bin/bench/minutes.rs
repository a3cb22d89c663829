//! Memory over a long time: one figure per minute, the median of its samples.

use crate::figures::median;
use crate::fixture::Memory;
use blackbox::Fault;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Minutes {
    looks: Vec<Memory>,
    ended: Vec<Memory>,
}

impl Minutes {
    /// Adds a sample taken `after` the start; returns a minute's number and figure when that minute has ended.
    pub fn look(&mut self, after: Duration, memory: Memory) -> Option<(usize, Memory)> {
        self.looks.push(memory);
        if after.as_secs() / MINUTE.as_secs() <= self.ended.len() as u64 {
            return None;
        }
        let of = |figure: fn(&Memory) -> Option<f64>| self.looks.iter().filter_map(figure).collect::<Vec<_>>();
        let postgres = of(|memory| memory.postgres);
        let minute = Memory {
            server: median(&of(|memory| Some(memory.server))),
            postgres: (!postgres.is_empty()).then(|| median(&postgres)),
        };
        self.looks.clear();
        self.ended.push(minute);
        Some((self.ended.len(), minute))
    }

    /// The last minute of the warm-up, and the last minute overall.
    pub fn compared(&self, warm_up: Duration) -> Result<(Memory, Memory), Fault> {
        let minutes = usize::try_from(warm_up.as_secs() / MINUTE.as_secs()).unwrap_or_default();
        let both = self.ended.get(minutes.saturating_sub(1)).zip(self.ended.last());
        both.map(|(first, last)| (*first, *last))
            .ok_or_else(|| "memory was not sampled for that long".into())
    }

    /// The program's memory in every minute.
    pub fn line(&self) -> String {
        let all: Vec<_> = self
            .ended
            .iter()
            .map(|minute| format!("{:.1}", minute.server))
            .collect();
        format!("Memory each minute, MiB: {}.", all.join(", "))
    }
}
