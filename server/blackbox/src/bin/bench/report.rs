//! A part of the report: the conditions, and the figures.

use crate::fixture::Fixture;
use blackbox::{Fault, machine};
use std::time::Instant;

/// The state of the machine when a measurement began.
pub struct Conditions {
    began: Instant,
    load: String,
    busy_s: f64,
    own_s: f64,
}

impl Conditions {
    pub fn note() -> Result<Self, Fault> {
        Ok(Self {
            began: Instant::now(),
            load: machine::load()?,
            busy_s: machine::busy_s()?,
            own_s: machine::own_cpu_s()?,
        })
    }

    /// Formats a part of the report. The CPU time of PostgreSQL in `places` isn't counted as other load.
    pub fn part(&self, title: &str, places: &[&Fixture], figures: &str) -> Result<String, Fault> {
        let mut ours_s = machine::own_cpu_s()? - self.own_s;
        for fixture in places {
            ours_s += fixture.postgres_cpu_s()?.unwrap_or_default();
        }
        let seconds = self.began.elapsed().as_secs_f64();
        let others = (machine::busy_s()? - self.busy_s - ours_s).max(0.0) / seconds;
        let (before, after) = (&self.load, machine::load()?);
        Ok(format!(
            "\n### {title}\n\nLoad before: {before}; after: {after}. Others took {others:.2} cores in these {seconds:.0} s.\n\n{figures}"
        ))
    }
}
