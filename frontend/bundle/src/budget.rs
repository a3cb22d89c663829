//! How large the files are, and how large they may be.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

/// In bytes after brotli, 1 KB being 1,000.
const PROGRAM_AT_MOST: usize = 220_000;
const STYLE_AT_MOST: usize = 8_000;

/// One file of the site, in bytes.
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

    fn is_of_the_build(&self, endings: &[&str]) -> bool {
        self.address.starts_with("/pkg/") && endings.iter().any(|ending| self.address.ends_with(ending))
    }
}

#[derive(Serialize, Deserialize)]
struct Record {
    inputs: String,
    sizes: Vec<Size>,
}

/// The sizes of the last run, if nothing changed since.
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
    sum(sizes, PROGRAM) <= PROGRAM_AT_MOST && sum(sizes, STYLE) <= STYLE_AT_MOST
}

const PROGRAM: &[&str] = &[".js", ".wasm"];
const STYLE: &[&str] = &[".css"];

fn sum(sizes: &[Size], endings: &[&str]) -> usize {
    sizes
        .iter()
        .filter(|size| size.is_of_the_build(endings))
        .map(Size::over_the_wire)
        .sum()
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
    for (words, endings, at_most) in [
        ("JavaScript and WASM", PROGRAM, PROGRAM_AT_MOST),
        ("stylesheet", STYLE, STYLE_AT_MOST),
    ] {
        let bytes = sum(sizes, endings);
        let verdict = if bytes <= at_most { "within" } else { "OVER" };
        writeln!(
            out,
            "  {words}: {bytes} bytes over the wire, {verdict} the agreed {at_most}"
        )?;
    }
    Ok(())
}
