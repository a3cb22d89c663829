//! File sizes and their limits.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

/// Size limits in bytes after brotli; 1 KB is 1,000.
const BUDGETS: [Budget; 3] = [
    Budget {
        what: "JavaScript and WASM on the way in",
        name: "/pkg/entry.",
        at_most: 131_000,
    },
    Budget {
        what: "JavaScript and WASM of the account pages",
        name: "/pkg/account.",
        at_most: 121_000,
    },
    Budget {
        what: "stylesheet",
        name: "/pkg/rekey.",
        at_most: 3_000,
    },
];

struct Budget {
    what: &'static str,
    /// The prefix of its files' URLs.
    name: &'static str,
    at_most: usize,
}

impl Budget {
    fn used(&self, sizes: &[Size]) -> usize {
        let of_it = sizes.iter().filter(|size| size.address.starts_with(self.name));
        of_it.map(Size::over_the_wire).sum()
    }
}

/// The size of one file of the site in bytes.
#[derive(Clone, Serialize, Deserialize)]
pub struct Size {
    pub address: String,
    pub raw: usize,
    pub brotli: Option<usize>,
    pub gzip: Option<usize>,
}

impl Size {
    fn over_the_wire(&self) -> usize {
        self.brotli.unwrap_or(self.raw)
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    inputs: String,
    sizes: Vec<Size>,
}

/// Returns the sizes of the last run, if no input has changed since.
pub fn unchanged(record: &Path, inputs: &str) -> Option<Vec<Size>> {
    let record: Record = serde_json::from_slice(&std::fs::read(record).ok()?).ok()?;
    (record.inputs == inputs).then_some(record.sizes)
}

pub fn remember(record: &Path, inputs: String, sizes: &[Size]) -> Result<()> {
    std::fs::write(
        record,
        serde_json::to_vec_pretty(&Record {
            inputs,
            sizes: sizes.to_vec(),
        })?,
    )?;
    Ok(())
}

pub fn kept(sizes: &[Size]) -> bool {
    BUDGETS.iter().all(|budget| budget.used(sizes) <= budget.at_most)
}

pub fn print(sizes: &[Size]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let or_dash = |bytes: Option<usize>| bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    writeln!(out, "  {:<40} {:>9} {:>9} {:>9}", "bytes", "raw", "brotli", "gzip")?;
    for size in sizes {
        writeln!(
            out,
            "  {:<40} {:>9} {:>9} {:>9}",
            size.address,
            size.raw,
            or_dash(size.brotli),
            or_dash(size.gzip)
        )?;
    }
    for budget in &BUDGETS {
        let (bytes, at_most) = (budget.used(sizes), budget.at_most);
        let verdict = if bytes <= at_most { "within" } else { "OVER" };
        writeln!(
            out,
            "  {}: {bytes} bytes over the wire, {verdict} the agreed {at_most}",
            budget.what
        )?;
    }
    Ok(())
}
