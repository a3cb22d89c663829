//! Commands for the groups of e-mails that readers can turn on and off.

use super::{Failed, address, need_database, no_account, say};
use crate::config::Config;
use crate::start;
use account::{Keyring, Timestamp};
use backend::store::mail_choices::Reader;
use backend::{Backend, retried};
use clap::Subcommand;

/// Accounts of one page of the export.
const AT_ONCE: i64 = 500;

/// Commands for groups of e-mails.
#[derive(Subcommand)]
pub enum MailGroups {
    /// Print the link for List-Unsubscribe in an e-mail to this address
    UnsubscribeLink {
        /// E-mail address of the account
        address: String,
        /// Id of the group, as in [[mail_groups]]
        group: String,
    },
    /// Manage who gets the groups of e-mails in [[mail_groups]]
    #[command(subcommand)]
    MailGroup(MailGroup),
}

/// Manage who gets a group of e-mails.
#[derive(Subcommand)]
pub enum MailGroup {
    /// Print who wants which e-mails as CSV: address, group, wanted, changed_at, source
    Choices {
        /// Id of the only group to print
        group: Option<String>,
    },
    /// Record what a user has asked for: on or off
    Choose {
        /// E-mail address of the account
        address: String,
        /// Id of the group
        group: String,
        /// Whether the user wants these e-mails
        #[arg(value_parser = ["on", "off"])]
        choice: String,
    },
}

/// Runs the command.
pub async fn run(config: Config, keys: Keyring, command: MailGroups) -> Result<(), Failed> {
    need_database(&config)?;
    let backend = start::backend(&config, keys).await?;
    match command {
        MailGroups::UnsubscribeLink { address: typed, group } => {
            let email = address(&typed)?;
            known(&backend, &group)?;
            let link = backend.accounts().unsubscribe_link(&email, &group).await;
            let link = link.map_err(|fault| fault.to_string())?;
            say(&format!("{}\n", link.ok_or_else(|| no_account(&email))?))
        }
        MailGroups::MailGroup(MailGroup::Choices { group }) => {
            if let Some(group) = &group {
                known(&backend, group)?;
            }
            export(&backend, group.as_deref()).await
        }
        MailGroups::MailGroup(MailGroup::Choose {
            address: typed,
            group,
            choice,
        }) => {
            let email = address(&typed)?;
            known(&backend, &group)?;
            let wanted = choice == "on";
            let found = retried(async || Ok(backend.accounts().choose_mail(&email, &group, wanted).await?)).await;
            if !found.map_err(|fault| fault.to_string())? {
                return Err(no_account(&email));
            }
            say(&format!("{group} is now {choice} for {email}.\n"))
        }
    }
}

fn known(backend: &Backend, group: &str) -> Result<(), Failed> {
    let ids: Vec<String> = backend.accounts().mail_groups().into_iter().map(|(id, _)| id).collect();
    if ids.iter().any(|id| id == group) {
        return Ok(());
    }
    let ids = ids.join(", ");
    Err(Failed::Other(format!(
        "There is no mail group {group:?}. The groups are: {ids}."
    )))
}

/// Prints one line for each active account and group. The addresses are exact, for programs that send e-mails.
async fn export(backend: &Backend, only: Option<&str>) -> Result<(), Failed> {
    say("address,group,wanted,changed_at,source\n")?;
    for (group, default) in backend.accounts().mail_groups() {
        if only.is_some_and(|only| only != group) {
            continue;
        }
        let mut after = String::new();
        loop {
            let readers = backend.accounts().mail_readers(&group, &after, AT_ONCE).await;
            let readers = readers.map_err(|fault| fault.to_string())?;
            let Some(last) = readers.last() else { break };
            last.email.clone_into(&mut after);
            let active = readers.iter().filter(|reader| reader.disabled_at.is_none());
            say(&written(active, &group, default).map_err(|error| error.to_string())?)?;
        }
    }
    Ok(())
}

fn written<'a>(
    readers: impl Iterator<Item = &'a Reader>,
    group: &str,
    default: bool,
) -> Result<String, Box<dyn std::error::Error>> {
    let mut file = csv::Writer::from_writer(Vec::new());
    for reader in readers {
        let wanted = reader.wanted.map_or(default, |wanted| wanted != 0);
        let changed = reader.changed_at.map(|at| Timestamp(at).iso()).unwrap_or_default();
        let source = reader.source.as_deref().unwrap_or("default");
        file.write_record([
            reader.email.as_str(),
            group,
            if wanted { "yes" } else { "no" },
            &changed,
            source,
        ])?;
    }
    Ok(String::from_utf8(file.into_inner()?)?)
}

/// Returns a group of e-mails as in the configuration file.
pub(super) fn shown(group: &backend::MailGroup) -> String {
    let (name_ar, description_ar) = &group.arabic;
    format!(
        "\n[[mail_groups]]\nid = {:?}\nname = {:?}\ndescription = {:?}\nname_ar = {name_ar:?}\n\
         description_ar = {description_ar:?}\ndefault = {}\n",
        group.id, group.name, group.description, group.default
    )
}
