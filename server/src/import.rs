//! `rekey import`: people from another system, with the password hashes that they have there.

mod addresses;
mod csv;
mod json_lines;
mod person;
mod progress;

use crate::commands::{Failed, say};
use addresses::Addresses;
use backend::{Backend, ImportedPerson, retried};
use clap::{Args, ValueEnum};
use progress::{Counts, Progress};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// People in one transaction: so few that others who write wait for milliseconds only.
const BATCH: usize = 1_000;
/// Batches that are read ahead of the one that is written, so that memory stays the same for every length of file.
const AHEAD: usize = 4;

/// A file of people.
#[derive(Args)]
pub struct Import {
    /// Its columns or fields: email, name, password_hash (may be empty), language, created_at. `-` is standard input
    pub file: PathBuf,
    /// When not given, the ending of the file tells: .csv, or .jsonl, .ndjson, .json
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Read and check every line, and add nobody; needs no database
    #[arg(long)]
    pub dry_run: bool,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line with the names of the columns, then a record a person (RFC 4180)
    Csv,
    /// A JSON object a line
    JsonLines,
}

/// A person of the file, or why not.
struct Line {
    /// Where it begins, from 1.
    number: u64,
    /// What is wrong, as a sentence without the hash and without an address that does not read.
    person: Result<ImportedPerson, String>,
}

/// What is read of a file; an error when nothing more can be.
type Lines = Box<dyn Iterator<Item = Result<Line, String>>>;

/// Some lines of a file.
#[derive(Default)]
struct Batch {
    people: Vec<ImportedPerson>,
    refused: Vec<(u64, String)>,
}

/// Adds everybody in the file who has no account; without a `backend` it only checks the lines. Those that are refused are named
/// on standard error, and the rest goes in.
///
/// # Errors
/// A sentence, when a line was refused or the file or the database did not last to the end. What was counted until then is said
/// on standard output.
pub async fn run(backend: Option<&Backend>, import: &Import) -> Result<(), Failed> {
    let format = format(import)?;
    let input = open(&import.file)?;
    let mut progress = Progress::new(length(&import.file));
    let input = progress.watch(input);
    let (sender, mut batches) = mpsc::channel(AHEAD);
    let reading = tokio::task::spawn_blocking(move || read(format, input, &sender));
    let mut written = Ok(());
    while let Some(batch) = batches.recv().await {
        match add(backend, &batch.people).await {
            Ok(added) => progress.count(&batch, added),
            Err(failed) => {
                written = Err(failed);
                break;
            }
        }
    }
    // Who reads and finds nobody to take it stops.
    drop(batches);
    let counts = progress.end();
    say(&told(counts, backend.is_none()))?;
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

/// The file or standard input, without the mark (BOM) that some programs set in front of UTF-8.
fn open(path: &Path) -> Result<Box<dyn Read + Send>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {}", path.display(), error.kind());
    let mut input: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(unreadable)?)
    };
    let mut begin = Vec::new();
    (&mut input).take(3).read_to_end(&mut begin).map_err(unreadable)?;
    if begin.is_empty() {
        return Err(format!("{} is empty.", path.display()));
    }
    if begin == "\u{feff}".as_bytes() {
        begin.clear();
    }
    Ok(Box::new(Cursor::new(begin).chain(input)))
}

/// How long the file is in bytes, if it is one.
fn length(path: &Path) -> Option<u64> {
    let about = std::fs::metadata(path).ok()?;
    about.is_file().then_some(about.len())
}

/// Reads to the end, or until nobody takes it any more.
fn read(format: Format, input: impl Read + 'static, batches: &mpsc::Sender<Batch>) -> Result<(), String> {
    let lines: Lines = match format {
        Format::Csv => Box::new(csv::lines(input)?),
        Format::JsonLines => Box::new(json_lines::lines(input)),
    };
    let mut addresses = Addresses::default();
    let mut batch = Batch::default();
    let mut ended = Ok(());
    for line in lines {
        match line {
            Ok(Line { number, person }) => match person.and_then(|person| addresses.admit(person, number)) {
                Ok(person) => batch.people.push(person),
                Err(why) => batch.refused.push((number, why)),
            },
            Err(why) => {
                ended = Err(why);
                break;
            }
        }
        let full = batch.people.len() + batch.refused.len() >= BATCH;
        if full && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    let _ = batches.blocking_send(batch);
    ended
}

async fn add(backend: Option<&Backend>, people: &[ImportedPerson]) -> Result<usize, Failed> {
    let Some(backend) = backend else { return Ok(0) };
    let added = retried(|| backend.import(people)).await;
    added.map_err(|error| Failed::Other(format!("{error}. Run it again later: nobody is added twice.")))
}

fn told(counts: Counts, dry_run: bool) -> String {
    let Counts { people, added, refused } = counts;
    if dry_run {
        format!("{people} people can be imported, {refused} lines are refused.\n")
    } else {
        format!("{added} added, {} already there, {refused} refused.\n", people - added)
    }
}

fn refused(counts: Counts, dry_run: bool) -> Result<(), Failed> {
    match (counts.refused, dry_run) {
        (0, _) => Ok(()),
        (_, true) => Err(Failed::Other("Not every line can be imported.".into())),
        (_, false) => Err(Failed::Other(
            "Not every line was imported. Mend those that are named above and run it again: nobody is added twice."
                .into(),
        )),
    }
}
