//! Puts the browser's files into the program (feature `embed-site`): lists them for the compiler.
//!
//! They are the folder that `.ci/bundle` made: `REKEY_SITE`, or `target/site` of the repository.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut cargo = std::io::stdout();
    let embed = std::env::var_os("CARGO_FEATURE_EMBED_SITE").is_some();
    let mut table = "&[\n".to_owned();
    writeln!(cargo, "cargo::rerun-if-env-changed=REKEY_SITE")?;
    if embed {
        let site = std::env::var_os("REKEY_SITE").map_or_else(|| "../target/site".into(), PathBuf::from);
        let site = std::fs::canonicalize(&site).unwrap_or(site);
        if !site.join("manifest.json").is_file() {
            return Err(format!("{} has no manifest.json; `.ci/bundle` makes it", site.display()).into());
        }
        writeln!(cargo, "cargo::rerun-if-changed={}", site.display())?;
        let mut files = Vec::new();
        list(&site, &mut files)?;
        // In a settled order, so that the same files make the same program.
        files.sort();
        // What the server can unpack need not be in the program twice.
        let packed = |path: &PathBuf| files.contains(&with_ending(path, ".br"));
        for path in files.iter().filter(|path| !packed(path)) {
            let name = path.strip_prefix(&site)?;
            table.push_str(&format!("({name:?}, include_bytes!({path:?})),\n"));
        }
    } else {
        writeln!(cargo, "cargo::rerun-if-changed=build.rs")?;
    }
    table.push(']');
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    std::fs::write(Path::new(&out).join("site.rs"), table)?;
    Ok(())
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, into)?;
        } else {
            into.push(path);
        }
    }
    Ok(())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
