//! Packs everything that a browser requests into one folder, which the server reads at startup.
//!
//! `bundle ENTRY_WASM ACCOUNT_WASM STYLE PUBLIC SITE [--quick] [--gate]`, with `sass`, `wasm-opt` and `esbuild` on the
//! PATH. `--quick` skips the steps that only reduce the size; `--gate` fails if the files exceed their budgets.

mod browser;
mod budget;
mod site;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match pack(std::env::args().skip(1)) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("bundle: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

fn pack(words: impl Iterator<Item = String>) -> Result<ExitCode> {
    let order = Order::from_words(words)?;
    let inputs = order.fingerprint()?;
    let record = order.work.join("last.json");
    let sizes = match budget::unchanged(&record, &inputs).filter(|_| order.site.join(site::MANIFEST).is_file()) {
        Some(sizes) => sizes,
        None => {
            // Run in parallel, because the optimizer takes most of the time.
            let (entry, account) = std::thread::scope(|scope| {
                let account = scope.spawn(|| browser::program(&order, "account", &order.account));
                let entry = browser::program(&order, "entry", &order.entry);
                (entry, account.join())
            });
            let account = account.map_err(|_| anyhow!("packing the account pages stopped"))?;
            let (entry, account) = (entry?, account?);
            let style = browser::stylesheet(&order)?;
            let sizes = site::lay_out(&order, &entry, &account, &style)?;
            budget::remember(&record, inputs, &sizes)?;
            sizes
        }
    };
    budget::print(&sizes)?;
    if order.gate && !budget::kept(&sizes) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The files to pack, the output folder and the flags.
struct Order {
    entry: PathBuf,
    account: PathBuf,
    style: PathBuf,
    public: PathBuf,
    site: PathBuf,
    /// Temporary files and the record of the last run, next to the site.
    work: PathBuf,
    quick: bool,
    gate: bool,
}

impl Order {
    fn from_words(words: impl Iterator<Item = String>) -> Result<Self> {
        let (flags, paths): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with("--"));
        if let Some(unknown) = flags
            .iter()
            .find(|flag| !["--quick", "--gate"].contains(&flag.as_str()))
        {
            bail!("{unknown} is not known here");
        }
        let [entry, account, style, public, site] = paths.as_slice() else {
            bail!("usage: bundle ENTRY_WASM ACCOUNT_WASM STYLE PUBLIC SITE [--quick] [--gate]");
        };
        let mut work = PathBuf::from(site).into_os_string();
        work.push(".work");
        Ok(Self {
            entry: entry.into(),
            account: account.into(),
            style: style.into(),
            public: public.into(),
            site: site.into(),
            work: work.into(),
            quick: flags.iter().any(|flag| flag == "--quick"),
            gate: flags.iter().any(|flag| flag == "--gate"),
        })
    }

    /// Returns a hash of everything that affects the result: the inputs, this program, the pinned commands.
    fn fingerprint(&self) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update([u8::from(self.quick)]);
        let mut files = vec![self.entry.clone(), self.account.clone(), std::env::current_exe()?];
        files.extend(files_under(self.style.parent().unwrap_or(Path::new(".")))?);
        files.extend(files_under(&self.public)?);
        files.extend(Some(PathBuf::from("end2end/package-lock.json")).filter(|lock| lock.is_file()));
        for file in files {
            let bytes = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            digest.update(file.to_string_lossy().as_bytes());
            digest.update(Sha256::digest(bytes));
        }
        Ok(hex::encode(digest.finalize()))
    }
}

/// Returns every file in a folder and its subfolders, in a stable order.
fn files_under(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("reading the folder {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_under(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Runs a command installed by npm; shows its output only if it fails.
fn run(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{name} does not start; `.ci/setup build` installs it"))?;
    if !output.status.success() {
        bail!("{name} failed:\n{}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(output.stdout)
}
