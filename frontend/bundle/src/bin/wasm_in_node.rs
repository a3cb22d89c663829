//! Runs a WASM program in Node; cargo's test runner for browser code. Usage: `wasm_in_node PROGRAM.wasm`

use anyhow::{Context, Result, anyhow};
use std::process::{Command, ExitCode};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<ExitCode> {
    let program = std::env::args().nth(1).context("usage: wasm_in_node PROGRAM.wasm")?;
    let folder = format!("{program}.node");
    Bindgen::new()
        .input_path(&program)
        .out_name("program")
        .nodejs(true)
        .and_then(|bindgen| bindgen.typescript(false).generate(&folder))
        .map_err(|fault| anyhow!("wasm-bindgen: {fault:#}"))?;
    // `.cjs`, because a `package.json` in a parent folder may declare ES modules.
    let script = format!("{folder}/program.cjs");
    std::fs::rename(format!("{folder}/program.js"), &script)?;
    let status = Command::new("node")
        .arg(&script)
        .status()
        .context("node does not start")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
