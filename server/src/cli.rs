//! The command line.

use crate::commands::clients::Client;
use crate::commands::keys::Keys;
use crate::commands::mail::Mail;
use crate::commands::mail_groups::{self, MailGroups};
use crate::commands::organizations::Org;
use crate::commands::{self, Failed, backup};
use crate::config::{self, Config, ConfigPurpose, Problem, variable};
use crate::import::{self, Import};
use crate::terminal::printable;
use crate::traces::Traces;
use crate::{keys, logs, serve};
use account::Keyring;
use backend::Take;
use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Self-hosted account service: sign-in, sign-up, password reset and account security.
#[derive(Parser)]
#[command(name = "rekey", version, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve {
        /// Development mode: loopback only, with demo accounts; e-mails are kept in data/emails and shown at /dev/emails
        #[arg(long)]
        dev: bool,
        /// Reload pages when the server restarts; used by `make watch`
        #[arg(long, requires = "dev", hide = true)]
        watch: bool,
    },
    /// Create or update the database tables
    Migrate,
    /// Add the demo accounts used in development mode
    Seed,
    /// Manage accounts
    #[command(subcommand)]
    User(User),
    /// Manage organizations: their domains, provider and administrators
    #[command(subcommand)]
    Org(Org),
    /// Manage products whose users sign in here, beside those of the configuration file
    #[command(subcommand)]
    Client(Client),
    /// Import accounts and their password hashes from another system
    Import(Import),
    /// Back up the SQLite database to a new file; a server may be running (for PostgreSQL, use `pg_dump`)
    Backup {
        /// Path of the backup; must not exist yet
        file: PathBuf,
    },
    /// Replace the SQLite database with a backup and keep the previous one (for PostgreSQL, use `pg_restore`)
    Restore {
        /// A backup made by `rekey backup`
        file: PathBuf,
        /// Keep sessions, trusted devices, flows, codes and queued e-mails; use only when moving to another host
        #[arg(long)]
        keep_sessions: bool,
        /// Accept passwords not hashed with this service's keys, such as imported ones; the backup's author may know them
        #[arg(long)]
        accept_foreign_hashes: bool,
    },
    /// End all sessions, flows and codes, and remove trust from all devices; everyone must sign in again
    EndSessions {
        /// After restoring a backup: also drop the e-mails queued in it
        #[arg(long)]
        restored: bool,
    },
    /// Manage the server's keys
    #[command(subcommand)]
    Keys(Keys),
    /// Test the connection to the mail server, and manage queued e-mails
    #[command(subcommand)]
    Mail(Mail),
    #[command(flatten)]
    MailGroups(MailGroups),
    /// Check that the server at REKEY_LISTEN is ready; for container health checks
    Health,
    /// Check the configuration and print it
    CheckConfig {
        /// Check it for `serve --dev`
        #[arg(long)]
        dev: bool,
        /// Print all keys with their defaults and meanings as a Markdown table
        #[arg(long)]
        list: bool,
    },
}

/// Manage accounts.
#[derive(Subcommand)]
pub enum User {
    /// Add an account; its address is treated as verified
    Add(NewUser),
    /// List accounts: e-mail address, name, kind, state
    List,
    /// Show one account: kind, last sign-in, sessions, trusted devices, open flows and queued e-mails
    Show {
        /// E-mail address of the account
        address: String,
    },
    /// Change the address of an account; both addresses are notified, sessions continue, open flows and codes end
    Email {
        /// E-mail address of the account
        address: String,
        /// New address, treated as verified
        new: String,
        /// Confirm the change; the owner of the new address gets access to the account
        #[arg(long)]
        yes: bool,
    },
    /// Delete an account with everything stored about it after REKEY_DELETION_GRACE_DAYS; until then, its owner can keep it
    Delete {
        /// E-mail address of the account
        address: String,
        /// Delete it at once, which cannot be undone
        #[arg(long)]
        now: bool,
        /// Confirm the deletion
        #[arg(long)]
        yes: bool,
    },
    /// Transfer an account to an organization; its password is kept but refused, its sessions and codes end
    HandOver(HandOver),
    /// Take an account back from its organization; its old password works again, its sessions end
    TakeBack {
        /// E-mail address of the account
        address: String,
    },
    /// Deactivate an account; its sessions and codes end
    Disable {
        /// E-mail address of the account
        #[arg(long)]
        email: String,
        /// Reactivate it instead
        #[arg(long)]
        undo: bool,
    },
}

/// An account to transfer.
#[derive(Args)]
pub struct HandOver {
    /// E-mail address of the account
    #[arg(long)]
    pub email: String,
    /// Name of the organization
    #[arg(long)]
    pub organization: String,
    /// Name of the administrator who helps with passwords
    #[arg(long)]
    pub administrator_name: String,
    /// E-mail address of the administrator
    #[arg(long)]
    pub administrator_email: String,
}

/// An account to add.
#[derive(Args)]
pub struct NewUser {
    /// E-mail address of the account
    #[arg(long)]
    pub email: String,
    /// Name of the user
    #[arg(long)]
    pub name: String,
    /// Read the password from standard input; without this, the user sets one with "Forgot password?"
    #[arg(long)]
    pub password_stdin: bool,
    /// The user signs in with this provider of the configuration, where they have the same e-mail address
    #[arg(long)]
    pub provider: Option<String>,
    /// This organization manages the account
    #[arg(long, requires_all = ["administrator_name", "administrator_email"])]
    pub organization: Option<String>,
    /// Name of the administrator who helps with passwords
    #[arg(long, requires = "organization")]
    pub administrator_name: Option<String>,
    /// E-mail address of the administrator
    #[arg(long, requires = "organization")]
    pub administrator_email: Option<String>,
    /// Language of screens and e-mails: en, ar
    #[arg(long, value_parser = crate::http::LANGUAGES)]
    pub language: Option<String>,
}

/// Checks a command line without running it.
///
/// # Errors
/// Returns the parser's message, which is also the output of `--help` and `--version`.
pub fn check(arguments: &[&str]) -> Result<(), clap::Error> {
    Cli::try_parse_from(arguments).map(drop)
}

/// Runs the command of the command line.
pub async fn run() -> ExitCode {
    // Attack: another account on this machine reads the database, its log or a backup, if the shell's umask allows that.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let outcome = match Cli::parse().command {
        Command::Serve { dev, watch } => serve(dev, watch).await,
        Command::Migrate => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::migrate(&config).await,
            Err(failed) => Err(failed),
        },
        Command::Seed => match load_config(ConfigPurpose::Command, KeyFile::Make) {
            Ok((config, Some(keys))) => commands::seed(config, keys).await,
            other => other.map(drop),
        },
        Command::User(user) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::user(config, keys, user).await,
            other => other.map(drop),
        },
        Command::Org(org) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::organizations::run(config, keys, org).await,
            other => other.map(drop),
        },
        Command::Client(client) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::clients::run(config, keys, client).await,
            other => other.map(drop),
        },
        Command::Import(what) if what.dry_run => import::run(None, &what).await,
        Command::Import(what) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::import(config, keys, &what).await,
            other => other.map(drop),
        },
        Command::Backup { file } => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::back_up(&config, &file).await,
            Err(failed) => Err(failed),
        },
        Command::Restore {
            file,
            keep_sessions,
            accept_foreign_hashes: foreign_hashes,
        } => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => {
                let take = Take {
                    keep_sessions,
                    foreign_hashes,
                };
                backup::restore(config, keys, &file, take).await
            }
            other => other.map(drop),
        },
        Command::EndSessions { restored } => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => backup::end_sessions(&config, restored).await,
            Err(failed) => Err(failed),
        },
        Command::Keys(command) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::keys::run(config, keys, command).await,
            other => other.map(drop),
        },
        Command::Mail(Mail::Test(test)) => match load_config(ConfigPurpose::Command, KeyFile::NoFiles) {
            Ok((config, _)) => commands::mail::test(&config, &test).await,
            Err(failed) => Err(failed),
        },
        Command::Mail(Mail::Queue { addresses }) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => commands::mail::queue(&config, keys, addresses).await,
            other => other.map(drop),
        },
        Command::Mail(Mail::Retry(which)) => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::mail::retry(&config, which).await,
            Err(failed) => Err(failed),
        },
        Command::Mail(Mail::Drop { which, yes }) => match load_config(ConfigPurpose::Command, KeyFile::Unused) {
            Ok((config, _)) => commands::mail::mark_failed(&config, which, yes).await,
            Err(failed) => Err(failed),
        },
        Command::MailGroups(command) => match load_config(ConfigPurpose::Command, KeyFile::Needed) {
            Ok((config, Some(keys))) => mail_groups::run(config, keys, command).await,
            other => other.map(drop),
        },
        Command::Health => match load_config(ConfigPurpose::Command, KeyFile::NoFiles) {
            Ok((config, _)) => commands::health(&config).await,
            Err(failed) => Err(failed),
        },
        Command::CheckConfig { list: true, .. } => commands::list_keys(),
        Command::CheckConfig { dev, list: false } => {
            let key_file = if dev { KeyFile::NeededIfThere } else { KeyFile::Needed };
            load_config(purpose(dev), key_file).and_then(|(config, _)| commands::show(&config))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            let _ = write!(std::io::stderr(), "{}", printable(&failed.to_string()));
            ExitCode::FAILURE
        }
    }
}

async fn serve(dev: bool, watch: bool) -> Result<(), Failed> {
    let (config, keys) = load_config(purpose(dev), if dev { KeyFile::Make } else { KeyFile::Needed })?;
    let Some(keys) = keys else { return Ok(()) };
    let traces = Traces::start(&config)?;
    let log = logs::start(&config, traces.as_ref());
    let served = serve::run(config, keys, log, dev, watch).await;
    if let Some(traces) = traces {
        traces.end().await;
    }
    served
}

pub(crate) const fn purpose(dev: bool) -> ConfigPurpose {
    if dev {
        ConfigPurpose::ServeDev
    } else {
        ConfigPurpose::Serve
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyFile {
    Unused,
    /// No file is used, not even the database.
    NoFiles,
    Needed,
    NeededIfThere,
    Make,
}

/// Returns why root must not write to a file's folder: the service could not access root's files.
/// Attack: a compromised service account plants links through which root's commands expose or overwrite root's files.
fn whose_else(file: &Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let owner = std::fs::metadata(folder).ok()?.uid();
    if !rustix::process::geteuid().is_root() || owner == 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == owner.to_string()).then(|| name.to_owned())
    });
    let (user, become_it) = match user {
        Some(user) => (user.clone(), format!("runuser -u {user} --")),
        None => (
            format!("user {owner}"),
            format!("setpriv --reuid {owner} --regid {owner} --clear-groups"),
        ),
    };
    let words: Vec<String> = std::env::args().skip(1).collect();
    Some(format!(
        "the folder {} belongs to {user}, but you are root; run `{become_it} rekey {}`",
        folder.display(),
        words.join(" ")
    ))
}

/// Returns whether the database is a non-empty SQLite file.
fn is_filled(config: &Config) -> bool {
    let file = backend::store::Db::file(config.database_url.expose());
    file.and_then(|file| std::fs::metadata(file).ok())
        .is_some_and(|file| file.len() > 0)
}

/// Loads the configuration and the keys, or returns all problems at once.
fn load_config(purpose: ConfigPurpose, key_file: KeyFile) -> Result<(Config, Option<Keyring>), Failed> {
    let (config, mut problems) = config::load(&config::environment(), purpose);
    let path = &config.key_file;
    let database = backend::store::Db::file(config.database_url.expose());
    for (key, file) in [("key_file", Some(path.clone())), ("database_url", database)] {
        // Read-only commands may run as root.
        let changes = !matches!(key_file, KeyFile::NoFiles | KeyFile::NeededIfThere);
        if let Some(text) = file.filter(|_| changes).and_then(|file| whose_else(&file)) {
            let key = variable(key);
            problems.push(Problem { key, text });
        }
    }
    let keys = match key_file {
        KeyFile::Unused | KeyFile::NoFiles => Ok(None),
        KeyFile::NeededIfThere if !path.exists() => Ok(None),
        // A new key cannot verify or decrypt the existing data.
        KeyFile::Make if !path.exists() && is_filled(&config) => Err(format!(
            "{} does not exist, but the database does: restore the key file, or move the database away",
            path.display()
        )),
        // Only a start without other problems creates a key file.
        KeyFile::Make if problems.is_empty() => keys::read_or_make(path).map(Some),
        KeyFile::Make if !path.exists() => Ok(None),
        _ => keys::read(path).map(Some),
    };
    let keys = keys.unwrap_or_else(|text| {
        problems.push(Problem {
            key: variable("key_file"),
            text,
        });
        None
    });
    if problems.is_empty() {
        Ok((config, keys))
    } else {
        Err(Failed::Configuration(problems))
    }
}
