//! Creates the three files that a page loads: the WASM, the JavaScript that starts it, the stylesheet.

use crate::{Order, run};
use anyhow::{Context, Result, anyhow};
use std::path::Path;
use std::process::Command;
use wasm_bindgen_cli_support::Bindgen;

/// Optimizer passes. They remove whole functions and arguments but change little inside functions: the compiled code
/// is already small, and `-Oz` makes similar functions differ, which compresses worse with brotli.
const OPTIMIZE: [&str; 5] = [
    "--dae-optimizing",
    "--duplicate-function-elimination",
    "--remove-unused-module-elements",
    "-O1",
    "--remove-unused-module-elements",
];

/// WASM features that rustc's output may use. The optimizer needs this list, because wasm-bindgen removes the section
/// that contains it.
const WASM_FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// The application: its WASM and the module that a page imports.
pub struct Program {
    pub wasm: Vec<u8>,
    pub js: Vec<u8>,
}

pub fn program(order: &Order, name: &str, from: &Path) -> Result<Program> {
    let folder = order.work.join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Bindgen::new()
        .input_path(from)
        .out_name("rekey")
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(false)
                .remove_name_section(true)
                .remove_producers_section(true)
                .generate(&folder)
        })
        .map_err(|fault| anyhow!("wasm-bindgen: {fault:#}"))?;

    let glue = folder.join("rekey.js");
    let mut wasm = folder.join("rekey_bg.wasm");
    if !order.quick {
        let small = folder.join("small.wasm");
        run(Command::new("wasm-opt")
            .args(OPTIMIZE)
            .args(WASM_FEATURES)
            .args(["--strip-producers", "--strip-target-features"])
            .arg(&wasm)
            .arg("-o")
            .arg(&small))?;
        wasm = small;
    }
    // Bundle the module and the snippets of all crates into one file.
    let js = run(Command::new("esbuild").arg(&glue).args([
        "--bundle",
        "--format=esm",
        "--minify",
        "--target=es2022",
        "--log-level=error",
    ]))?;
    Ok(Program {
        wasm: std::fs::read(&wasm).context("reading the WASM")?,
        js,
    })
}

pub fn stylesheet(order: &Order) -> Result<Vec<u8>> {
    run(Command::new("sass")
        .args(["--no-source-map", "--no-charset", "--style=compressed"])
        .arg(&order.style))
}
