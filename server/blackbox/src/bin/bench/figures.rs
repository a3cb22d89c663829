//! Figures of one kind of request, over all rounds.

use crate::crowd::Done;
use crate::fixture::Cpu;
use crate::table::{Aim, Table};

/// One kind of request over all rounds.
#[derive(Default)]
pub struct Figures {
    a_second: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    server_s: Vec<f64>,
    postgres_s: Vec<f64>,
}

impl Figures {
    pub fn push(&mut self, (done, cpu): (Done, Cpu)) {
        let of_1000 = |seconds: f64| seconds * 1_000.0 / done.count.max(1) as f64;
        self.a_second.push(done.a_second());
        self.p50.push(done.percentile(50));
        self.p99.push(done.percentile(99));
        self.server_s.push(of_1000(cpu.server));
        self.postgres_s.extend(cpu.postgres.map(of_1000));
    }

    /// Adds all figures to the table. `often` is the target rate of `what` per second; `cpu` is the target CPU time per thousand.
    pub fn rows(&self, table: &mut Table, name: &str, what: &str, often: Option<Aim>, cpu: Option<Aim>) {
        table.row(&format!("{name}: {what} a second"), 0, often, &self.a_second);
        table.row(&format!("{name}: p50, ms"), 1, None, &self.p50);
        table.row(&format!("{name}: p99, ms"), 1, None, &self.p99);
        let mut row = |whose: &str, aim, figures: &[f64]| {
            table.row(&format!("{name}: CPU-s of {whose} per 1,000"), 2, aim, figures);
        };
        row("the server", cpu, &self.server_s);
        row("PostgreSQL", None, &self.postgres_s);
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
