//! `make release`: starts a copy of the program in an empty folder, checks that a browser gets every file of each page, and
//! prints size and start-up time.
//!
//! `REKEY_BIN` names the program (`target/dist/rekey`).

use blackbox::http::{Connection, Jar};
use blackbox::program::{Mode, Program};
use blackbox::{Fault, development, path, say};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

/// Starts on an existing database.
const STARTS: usize = 5;

const EMAIL: &str = "ada@example.org";
const PASSWORD: &str = "lantern orbit velvet maple";

fn main() -> ExitCode {
    let result = look().and_then(|report| {
        let written = std::io::stdout().write_all(report.as_bytes());
        written.map_err(|error| error.to_string())
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&format!("the program needs another file: {fault}"));
            ExitCode::FAILURE
        }
    }
}

fn look() -> Result<String, Fault> {
    let binary = path("REKEY_BIN", "target/dist/rekey")?;
    let bytes = std::fs::metadata(&binary).map_err(|error| error.to_string())?.len();
    let program = Program::copied(binary)?;
    let mut running = program.start(Mode::Development)?;
    let first_ms = running.first_200("/healthz")? * 1_000.0;
    program.create_account(EMAIL, Some(PASSWORD))?;
    let mut jar = development::sign_in(&running, program.folder(), EMAIL, PASSWORD)?;
    let files = whole_pages(program.port(), &mut jar)?;
    running.stop()?;
    let mut starts_ms = Vec::new();
    for _ in 0..STARTS {
        let mut running = program.start(Mode::Development)?;
        starts_ms.push(running.first_200("/healthz")? * 1_000.0);
        running.stop()?;
    }
    starts_ms.sort_by(f64::total_cmp);
    let median_ms = starts_ms.get(STARTS / 2).copied().unwrap_or_default();
    Ok(format!(
        "size                   {:.1} MiB\nfirst start            {first_ms:.0} ms to the first 200 of /healthz, tables and keys made\n\
         start                  {median_ms:.0} ms, median of {STARTS}\nfiles in the program   {files}, all that its pages ask for\n",
        bytes as f64 / 1_048_576.0,
    ))
}

/// Requests a page of each kind and all files that they reference; returns the number of files.
fn whole_pages(port: u16, jar: &mut Jar) -> Result<usize, Fault> {
    let signed_out = &mut Jar::default();
    let pages: [(&str, &mut Jar, &[&str]); 3] = [
        ("/security", jar, &[".css", ".js", ".wasm"]),
        ("/signin", &mut signed_out.clone(), &[".css", ".js", ".wasm"]),
        ("/help/allowlist", signed_out, &[".css"]),
    ];
    let mut connection = Connection::open(port)?;
    let mut asked = BTreeSet::new();
    for (page, jar, endings) in pages {
        let answer = connection.get(page, jar)?;
        if answer.status != 200 {
            return Err(answer.unexpected(page));
        }
        let html = answer.text();
        // A URL ends at a quote.
        let named = html
            .match_indices("/pkg/")
            .filter_map(|(at, _)| html.get(at..)?.split(['"', '\'', '`', ')']).next());
        let named: BTreeSet<String> = named.map(str::to_owned).collect();
        for ending in endings {
            if !named.iter().any(|file| file.ends_with(*ending)) {
                return Err(format!("{page} names no {ending} file"));
            }
        }
        asked.extend(named);
    }
    for file in &asked {
        for packed in [false, true] {
            let answer = connection.page(file, packed)?;
            let is_packed = !answer.header("content-encoding").is_empty();
            if answer.status != 200 || answer.body.is_empty() || is_packed != packed {
                return Err(answer.unexpected(file));
            }
        }
    }
    Ok(asked.len())
}
