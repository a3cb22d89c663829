//! `rekey import`: accounts from another system, with the password hashes that they have there.

mod addresses;
mod columns;
mod csv;
mod json_lines;
mod moment;
mod progress;
mod record;
mod text;

use crate::commands::{Failed, say};
use addresses::Addresses;
use backend::{Backend, ImportedAccount, retried};
use clap::{Args, ValueEnum};
use columns::Columns;
use progress::{Counts, Progress};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Accounts in one transaction: so few that others who write wait for milliseconds only.
const BATCH: usize = 1_000;
/// Batches that are read ahead of the one that is written, so that memory stays the same for every length of file.
const AHEAD: usize = 4;

/// A file of accounts.
#[derive(Args)]
pub struct Import {
    /// Its columns or fields: email, name, password_hash, language, created_at, email_verified, disabled. Only email is needed.
    /// `-` is standard input
    pub file: PathBuf,
    /// When not given, the ending of the file tells: .csv, or .jsonl, .ndjson, .json
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Leave out a column that this import doesn't know; can be given several times
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Read and check every record, and add no account; needs no database
    #[arg(long)]
    pub dry_run: bool,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line with the names of the columns, then a record for each account (RFC 4180); separated by commas, semicolons or tabs
    Csv,
    /// A JSON object on each line
    JsonLines,
}

/// A record as it stands in the file: names and values.
type Object = serde_json::Map<String, serde_json::Value>;

/// One record of the file.
struct Record {
    /// The line where it begins, from 1.
    number: u64,
    /// The line where it ends, where that can be another one.
    last_line: Option<u64>,
    /// What it holds, or what is wrong, as a sentence without the hash.
    object: Result<Object, String>,
}

/// What is read of a file; an error when nothing more can be.
type Records = Box<dyn Iterator<Item = Result<Record, String>>>;

/// Some records of a file.
#[derive(Default)]
struct Batch {
    accounts: Vec<ImportedAccount>,
    refused: Vec<(u64, String)>,
    /// Accounts whose password isn't taken over, as their address isn't verified.
    unverified: usize,
}

/// Adds every account of the file that does not exist; without a `backend` it only checks the records. Those that are refused are
/// named on standard error, and the rest goes in.
///
/// # Errors
/// A sentence, when a record was refused or the file or the database did not last to the end. What was counted until then is
/// said on standard output.
pub async fn run(backend: Option<&Backend>, import: &Import) -> Result<(), Failed> {
    let format = format(import)?;
    let input = open(&import.file)?;
    let mut progress = Progress::new(length(&import.file));
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {}", import.file.display(), error.kind());
    let input = text::as_utf8(progress.watch(input))
        .map_err(unreadable)?
        .ok_or_else(|| format!("{} is empty.", import.file.display()))?;
    let columns = Columns::new(&import.ignore);
    let (sender, mut batches) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || read(format, &columns, input, &sender));
    let mut written = Ok(());
    while let Some(batch) = batches.recv().await {
        match add(backend, &batch.accounts).await {
            Ok(added) => progress.count(&batch, added),
            Err(failed) => {
                written = Err(failed);
                break;
            }
        }
    }
    // The reader stops when nothing takes its batches.
    drop(batches);
    let counts = progress.end();
    say(&result(counts, backend.is_none()))?;
    written?;
    reading
        .await
        .map_err(|_| "The file could not be read to its end.".to_owned())??;
    refused(counts, backend.is_none())
}

fn format(import: &Import) -> Result<Format, String> {
    let ending = import.file.extension().and_then(|ending| ending.to_str());
    match (import.format, ending) {
        (Some(format), _) => Ok(format),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, Some("jsonl" | "ndjson" | "json")) => Ok(Format::JsonLines),
        (None, _) => {
            Err("The name of the file does not tell its format; say --format csv or --format json-lines.".into())
        }
    }
}

/// The file or standard input.
fn open(path: &Path) -> Result<Box<dyn Read + Send>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {}", path.display(), error.kind()))?;
    Ok(Box::new(file))
}

/// How long the file is in bytes, if it is one.
fn length(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    about.is_file().then_some(about.len())
}

/// Reads to the end, or until nothing takes the batches any more.
fn read(
    format: Format,
    columns: &Columns,
    input: impl Read + 'static,
    batches: &mpsc::Sender<Batch>,
) -> Result<(), String> {
    let records: Records = match format {
        Format::Csv => Box::new(csv::records(input, &|names| columns.check(names))?),
        Format::JsonLines => Box::new(json_lines::records(input)),
    };
    let mut addresses = Addresses::default();
    let mut batch = Batch::default();
    let mut ended = Ok(());
    for record in records {
        match record {
            Ok(record) => batch.push(record, columns, &mut addresses),
            Err(why) => {
                ended = Err(why);
                break;
            }
        }
        let full = batch.accounts.len() + batch.refused.len() >= BATCH;
        if full && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    let _ = batches.blocking_send(batch);
    ended
}

impl Batch {
    fn push(&mut self, record: Record, columns: &Columns, addresses: &mut Addresses) {
        let number = record.number;
        let account = record
            .object
            .and_then(|object| columns.fields(&object))
            .and_then(|fields| {
                let account = addresses.admit(fields.account()?, number)?;
                self.unverified += usize::from(!fields.email_verified && !fields.password_hash.is_empty());
                Ok(account)
            });
        match account {
            Ok(account) => self.accounts.push(account),
            Err(why) => {
                let why = match record.last_line {
                    Some(last) if last > number => format!("{why} (the record goes on to line {last})"),
                    _ => why,
                };
                self.refused.push((number, why));
            }
        }
    }
}

async fn add(backend: Option<&Backend>, accounts: &[ImportedAccount]) -> Result<usize, Failed> {
    let Some(backend) = backend else { return Ok(0) };
    let added = retried(|| backend.import(accounts)).await;
    added.map_err(|error| Failed::Other(format!("{error}. Run it again later: no account is added twice.")))
}

fn result(counts: Counts, dry_run: bool) -> String {
    let Counts {
        accounts,
        added,
        refused,
        unverified,
    } = counts;
    let counted = if dry_run {
        format!("{accounts} accounts can be imported, {refused} records are refused.\n")
    } else {
        format!(
            "{added} added, {} already there, {refused} refused.\n",
            accounts - added
        )
    };
    match unverified {
        0 => counted,
        _ => format!(
            "{counted}{unverified} with an unverified address come without their password; a reset sets a new one.\n"
        ),
    }
}

fn refused(counts: Counts, dry_run: bool) -> Result<(), Failed> {
    match (counts.refused, dry_run) {
        (0, _) => Ok(()),
        (_, true) => Err(Failed::Other("Not every record can be imported.".into())),
        (_, false) => Err(Failed::Other(
            "Not every record was imported. Fix those that are named above and run it again: no account is added twice."
                .into(),
        )),
    }
}
