//! Lays out the site's folder: content-hashed names, and compressed forms of each file.

use crate::browser::Program;
use crate::budget::Size;
use crate::{Order, files_under};
use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// The list of this build's file names, for the server.
pub const MANIFEST: &str = "manifest.json";

/// Extensions of compressible files; pictures and fonts are already compressed.
const TEXT: [&str; 9] = ["css", "html", "js", "json", "mjs", "svg", "txt", "webmanifest", "xml"];

#[derive(Serialize)]
struct Manifest {
    entry: Names,
    account: Names,
    css: String,
}

#[derive(Serialize)]
struct Names {
    js: String,
    wasm: String,
}

/// Builds a temporary folder and swaps it in, so that the site never mixes two builds.
pub fn lay_out(order: &Order, entry: &Program, account: &Program, style: &[u8]) -> Result<Vec<Size>> {
    let aside = order.work.join("site");
    if aside.exists() {
        std::fs::remove_dir_all(&aside)?;
    }
    std::fs::create_dir_all(aside.join("pkg"))?;

    let mut sizes = Vec::new();
    let mut hashed = |stem: &str, ending: &str, bytes: &[u8]| -> Result<String> {
        let address = format!("/pkg/{stem}.{}.{ending}", short_hash(bytes));
        sizes.push(write(&aside, &address, bytes, order.quick)?);
        Ok(address)
    };
    let mut names = |name: &str, program: &Program| -> Result<Names> {
        Ok(Names {
            js: hashed(name, "js", &program.js)?,
            wasm: hashed(name, "wasm", &program.wasm)?,
        })
    };
    let manifest = Manifest {
        entry: names("entry", entry)?,
        account: names("account", account)?,
        css: hashed("rekey", "css", style)?,
    };
    for file in files_under(&order.public)? {
        let address = format!("/{}", file.strip_prefix(&order.public)?.to_string_lossy());
        let bytes = std::fs::read(&file)?;
        sizes.push(write(&aside, &address, &bytes, order.quick)?);
    }
    std::fs::write(aside.join(MANIFEST), serde_json::to_vec_pretty(&manifest)?)?;

    if order.site.exists() {
        std::fs::remove_dir_all(&order.site)?;
    }
    std::fs::rename(&aside, &order.site).context("putting the site in its place")?;
    Ok(sizes)
}

fn short_hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

fn write(folder: &Path, address: &str, bytes: &[u8], quick: bool) -> Result<Size> {
    let path = folder.join(address.trim_start_matches('/'));
    let ending = path
        .extension()
        .map(|ending| ending.to_string_lossy().into_owned())
        .unwrap_or_default();
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    std::fs::write(&path, bytes)?;
    let mut size = Size {
        address: address.to_owned(),
        raw: bytes.len(),
        brotli: None,
        gzip: None,
    };
    if !quick && (ending == "wasm" || TEXT.contains(&ending.as_str())) {
        size.brotli = beside(&path, "br", bytes, brotli(bytes)?)?;
        size.gzip = beside(&path, "gz", bytes, gzip(bytes)?)?;
    }
    Ok(size)
}

/// Stores a compressed form next to its file if it is smaller.
fn beside(path: &Path, ending: &str, bytes: &[u8], packed: Vec<u8>) -> Result<Option<usize>> {
    if packed.len() >= bytes.len() {
        return Ok(None);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    std::fs::write(name, &packed)?;
    Ok(Some(packed.len()))
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes)?;
    Ok(packed.finish()?)
}
