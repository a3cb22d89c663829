//! `rekey import`: accounts from another system, with their password hashes.

mod addresses;
mod columns;
mod csv;
mod json_document;
mod json_lines;
mod moment;
mod progress;
mod record;
mod sources;
mod text;

use crate::commands::{Failed, say};
use account::Timestamp;
use addresses::Addresses;
use backend::{Backend, Clock, ImportedAccount, SystemClock, retried};
use clap::{Args, ValueEnum};
use columns::Columns;
use progress::{Counts, Progress};
use sources::{Found, HashConfig, LeftOut, Source};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Accounts per transaction, few enough that other writers wait only milliseconds.
const BATCH: usize = 1_000;
/// The number of batches read ahead, so that memory use does not depend on the length of the file.
const AHEAD: usize = 4;

/// A file of accounts.
#[derive(Args)]
pub struct Import {
    /// File to import, or `-` for standard input. Columns or fields: email (required), name, password_hash, language, created_at,
    /// email_verified, disabled
    pub file: PathBuf,
    /// Format of the file; by default by its extension: .csv, or .jsonl, .ndjson, .json
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Read the export of this system; unneeded fields are ignored
    #[arg(long, value_enum, conflicts_with = "ignore")]
    pub from: Option<Source>,
    /// File with the password hash parameters of the Firebase project, as shown in the Firebase console
    #[arg(long, value_name = "FILE", required_if_eq("from", "firebase"))]
    pub firebase_hash_config: Option<PathBuf>,
    /// Ignore an unknown column; can be repeated
    #[arg(long, value_name = "COLUMN")]
    pub ignore: Vec<String>,
    /// Check every record without adding accounts; needs no database
    #[arg(long)]
    pub dry_run: bool,
}

/// The format of a file.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A header line, then one record per account (RFC 4180), separated by commas, semicolons or tabs
    Csv,
    /// One JSON object per line
    JsonLines,
    /// One JSON document with a list of users; only with --from
    Json,
}

/// A record as in the file: names and values.
type Object = serde_json::Map<String, serde_json::Value>;

/// One record of the file.
struct Record {
    /// The number of its first line or, in a JSON document, of the user, from 1.
    number: u64,
    /// The number of its last line, if it can have several lines.
    last_line: Option<u64>,
    /// The contents, or a message about the problem without the hash.
    object: Result<Object, String>,
}

/// The records of a file. After an error, no more can be read.
type Records = Box<dyn Iterator<Item = Result<Record, String>>>;

/// Parser of the records of a file.
struct Reader {
    format: Format,
    /// The other system; `None` for the import's own columns.
    source: Option<Source>,
    columns: Columns,
    firebase: Option<HashConfig>,
    now: Timestamp,
}

/// Consecutive records of a file.
#[derive(Default)]
struct Batch {
    accounts: Vec<ImportedAccount>,
    refused: Vec<(u64, String)>,
    left_out: BTreeMap<LeftOut, usize>,
    /// Accounts imported without their password, because their address isn't verified.
    unverified: usize,
}

/// Adds all accounts of the file that do not exist yet; without a `backend`, it only checks the records. Rejected records are
/// reported on standard error, and the rest is imported.
///
/// # Errors
/// Fails if a record was rejected, or if the file or the database failed before the end. The counts up to that point are written
/// to standard output.
pub async fn run(backend: Option<&Backend>, import: &Import) -> Result<(), Failed> {
    let reader = Reader::new(import)?;
    let input = open(&import.file)?;
    let mut progress = Progress::new(length(&import.file), reader.unit());
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {}", import.file.display(), error.kind());
    let input = text::as_utf8(progress.watch(input))
        .map_err(unreadable)?
        .ok_or_else(|| format!("{} is empty.", import.file.display()))?;
    let (sender, mut batches) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || reader.read(input, &sender));
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
    // The reader stops when its channel is closed.
    drop(batches);
    let counts = progress.end();
    say(&result(&counts, backend.is_none()))?;
    written?;
    reading
        .await
        .map_err(|_| "The file could not be read to its end.".to_owned())??;
    refused(&counts, backend.is_none())
}

fn format(import: &Import) -> Result<Format, String> {
    let ending = import.file.extension().and_then(|ending| ending.to_str());
    let formats = import
        .from
        .map_or(&[Format::Csv, Format::JsonLines][..], Source::formats);
    let of_ending = match ending {
        Some("csv") => Some(Format::Csv),
        Some("jsonl" | "ndjson") => Some(Format::JsonLines),
        Some("json") => formats.iter().copied().find(|format| *format != Format::Csv),
        _ => None,
    };
    let format = match (import.format.or(of_ending), formats) {
        (Some(format), _) => format,
        (None, [only]) => *only,
        (None, _) => {
            return Err(format!(
                "The format is not clear from the file name; add {}.",
                options(formats)
            ));
        }
    };
    match import.from {
        _ if formats.contains(&format) => Ok(format),
        Some(_) => Err(format!("Exports of that system need {}.", options(formats))),
        None => Err("--format json needs --from; without it, write one object per line.".into()),
    }
}

fn options(formats: &[Format]) -> String {
    let names = formats.iter().filter_map(Format::to_possible_value);
    let options: Vec<_> = names.map(|name| format!("--format {}", name.get_name())).collect();
    options.join(" or ")
}

/// Opens the file or standard input.
fn open(path: &Path) -> Result<Box<dyn Read + Send>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(std::io::stdin()));
    }
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {}", path.display(), error.kind()))?;
    Ok(Box::new(file))
}

/// Returns the length of a regular file in bytes.
fn length(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    about.is_file().then_some(about.len())
}

impl Reader {
    fn new(import: &Import) -> Result<Self, String> {
        let firebase = import.firebase_hash_config.as_deref().map(HashConfig::read);
        Ok(Self {
            format: format(import)?,
            source: import.from,
            columns: Columns::new(&import.ignore),
            firebase: firebase.transpose()?,
            now: SystemClock::default().now(),
        })
    }

    /// Returns the unit of record numbers.
    const fn unit(&self) -> &'static str {
        match self.format {
            Format::Csv | Format::JsonLines => "line",
            Format::Json => "user",
        }
    }

    /// Reads to the end, or until the receiver is gone.
    fn read(&self, input: impl Read + 'static, batches: &mpsc::Sender<Batch>) -> Result<(), String> {
        let mut addresses = Addresses::new(self.unit());
        let mut batch = Batch::default();
        let mut each = |record| {
            batch.push(record, self, &mut addresses);
            let is_full = batch.accounts.len() + batch.refused.len() >= BATCH;
            !is_full || batches.blocking_send(std::mem::take(&mut batch)).is_ok()
        };
        let read = match self.format {
            Format::Csv => self.csv(input, &mut each),
            Format::JsonLines => all(Box::new(json_lines::records(input)), &mut each),
            Format::Json => json_document::read(input, &mut each),
        };
        let _ = batches.blocking_send(batch);
        read
    }

    fn csv(&self, input: impl Read + 'static, each: &mut dyn FnMut(Record) -> bool) -> Result<(), String> {
        if let Some(names) = self.source.and_then(Source::names_of_columns) {
            return all(Box::new(csv::records_of(input, names)?), each);
        }
        let records = csv::records(input, &|names| match self.source {
            Some(source) => source.check(names),
            None => self.columns.check(names),
        })?;
        all(Box::new(records), each)
    }

    /// Parses a record; an error if it is invalid.
    fn found(&self, object: &Object) -> Result<Found, String> {
        match self.source {
            Some(source) => source.fields(object, self.firebase.as_ref(), self.now),
            None => self.columns.fields(object).map(Ok),
        }
    }
}

/// Passes on records until `each` returns `false`.
fn all(records: Records, each: &mut dyn FnMut(Record) -> bool) -> Result<(), String> {
    for record in records {
        if !each(record?) {
            break;
        }
    }
    Ok(())
}

impl Batch {
    fn push(&mut self, record: Record, reader: &Reader, addresses: &mut Addresses) {
        let number = record.number;
        let fields = match record.object.and_then(|object| reader.found(&object)) {
            Ok(Err(kind)) => {
                *self.left_out.entry(kind).or_default() += 1;
                return;
            }
            Ok(Ok(fields)) => Ok(fields),
            Err(why) => Err(why),
        };
        let account = fields.and_then(|fields| {
            let account = addresses.admit(fields.account()?, number)?;
            self.unverified += usize::from(!fields.email_verified && !fields.password_hash.is_empty());
            Ok(account)
        });
        match account {
            Ok(account) => self.accounts.push(account),
            Err(why) => {
                let why = match record.last_line {
                    Some(last) if last > number => format!("{why} (the record continues to line {last})"),
                    _ => why,
                };
                self.refused.push((number, why));
            }
        }
    }
}

async fn add(backend: Option<&Backend>, accounts: &[ImportedAccount]) -> Result<usize, Failed> {
    let Some(backend) = backend else { return Ok(0) };
    let added = retried(|| backend.accounts().import(accounts)).await;
    added.map_err(|error| {
        Failed::Other(format!(
            "{error}. Run the import again later; no account is added twice."
        ))
    })
}

fn result(counts: &Counts, dry_run: bool) -> String {
    let Counts {
        accounts,
        added,
        refused,
        unverified,
        ..
    } = counts;
    let left_out = left_out(counts);
    let counted = if dry_run {
        format!("{accounts} accounts can be imported, {refused} records are rejected{left_out}.\n")
    } else {
        let there = accounts - added;
        format!("{added} added, {there} already existed, {refused} rejected{left_out}.\n")
    };
    match unverified {
        0 => counted,
        _ => format!(
            "{counted}Imported without a password, because the address is unverified: {unverified}. A reset sets a new one.\n"
        ),
    }
}

/// Formats `, 3 left out (deleted users: 2, anonymous users: 1)`; empty if none were left out.
fn left_out(counts: &Counts) -> String {
    let kinds = counts.left_out.iter();
    let kinds: Vec<_> = kinds.map(|(kind, count)| format!("{}: {count}", kind.name())).collect();
    match counts.left_out.values().sum() {
        0_usize => String::new(),
        sum => format!(", {sum} left out ({})", kinds.join(", ")),
    }
}

fn refused(counts: &Counts, dry_run: bool) -> Result<(), Failed> {
    match (counts.refused, dry_run) {
        (0, _) => Ok(()),
        (_, true) => Err(Failed::Other("Some records cannot be imported.".into())),
        (_, false) => Err(Failed::Other(
            "Some records were not imported. Fix the ones listed above and run the import again; no account is added twice."
                .into(),
        )),
    }
}
