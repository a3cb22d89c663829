//! The commands `rekey org …`.

use super::{Failed, address, need_database, no_account, say};
use crate::config::Config;
use crate::start;
use account::{EmailAddress, Keyring, Membership, Name, Organization, Refusal};
use backend::{Backend, Error, NewAdministrator, OrganizationDetails, retried};
use clap::{Args, Subcommand};

/// Number of organizations read at once.
const AT_ONCE: i64 = 500;

/// Manage organizations.
#[derive(Subcommand)]
pub enum Org {
    /// Add an organization
    Add(NewOrganization),
    /// List organizations: name, provider, domains, number of members, administrators
    List,
    /// Add, verify, trust or remove a domain of an organization
    Domain {
        /// Name of the organization
        name: String,
        #[command(subcommand)]
        action: Domain,
    },
    /// Set the provider through which members sign in
    Provider {
        /// Name of the organization
        name: String,
        /// Id of a `[[providers]]` table of the configuration, or `none`
        provider: String,
    },
    /// Add or remove an administrator of an organization
    Admin {
        /// Name of the organization
        name: String,
        #[command(subcommand)]
        action: Admin,
    },
    /// Remove an organization; its accounts are taken back and their sessions end
    Remove {
        /// Name of the organization
        name: String,
        /// Confirm the removal, which cannot be undone
        #[arg(long)]
        yes: bool,
    },
}

/// An organization to add.
#[derive(Args)]
pub struct NewOrganization {
    /// Name of the organization, as its members know it
    name: String,
    /// Name of the administrator who helps with passwords
    #[arg(long)]
    administrator_name: String,
    /// E-mail address of the administrator
    #[arg(long)]
    administrator_email: String,
}

/// What to do with a domain.
#[derive(Subcommand)]
pub enum Domain {
    /// Claim a domain and print the DNS record that proves it
    Add {
        /// Domain of e-mail addresses, such as example.com
        domain: String,
    },
    /// Verify a claimed domain by its DNS record
    Verify {
        /// A claimed domain
        domain: String,
    },
    /// Verify a domain without the DNS, because you know that it belongs to the organization
    Trust {
        /// Domain of e-mail addresses, such as example.com
        domain: String,
    },
    /// Remove a domain; members keep their accounts
    Remove {
        /// A claimed domain
        domain: String,
    },
}

/// What to do with an administrator.
#[derive(Subcommand)]
pub enum Admin {
    /// Make an account an administrator
    Add {
        /// E-mail address of the account
        address: String,
        /// Assign the account to the organization first; its password is then refused and its sessions end
        #[arg(long)]
        yes: bool,
    },
    /// Make an administrator a member without rights
    Remove {
        /// E-mail address of the account
        address: String,
    },
}

/// Runs `rekey org …`.
pub async fn run(config: Config, keys: Keyring, org: Org) -> Result<(), Failed> {
    if !matches!(org, Org::Add(_)) {
        need_database(&config)?;
    }
    let backend = start::backend(&config, keys).await?;
    match org {
        Org::Add(new) => add(&backend, new).await,
        Org::List => list(&backend).await,
        Org::Domain { name, action } => domain(&backend, &find(&backend, &name).await?, &action).await,
        Org::Provider { name, provider } => {
            set_provider(&config, &backend, &find(&backend, &name).await?, &provider).await
        }
        Org::Admin { name, action } => administrator(&backend, &find(&backend, &name).await?, &action).await,
        Org::Remove { name, yes } => remove(&backend, &find(&backend, &name).await?, yes).await,
    }
}

pub(super) async fn find(backend: &Backend, name: &str) -> Result<Membership, Failed> {
    let found = backend.organizations().find(name).await;
    let found = found.map_err(|fault| fault.to_string())?;
    found.ok_or_else(|| Failed::Other(format!("There is no organization with the name {name}.")))
}

async fn add(backend: &Backend, new: NewOrganization) -> Result<(), Failed> {
    let line = |typed: &str, option: &str| {
        let name = Name::parse(typed).map_err(|_| {
            format!(
                "{option} must be one line of 1 to {} characters without links or addresses",
                Name::MAX_CHARS
            )
        });
        name.map(|name| name.as_str().to_owned())
    };
    let organization = Organization {
        name: line(&new.name, "NAME")?,
        administrator_name: line(&new.administrator_name, "--administrator-name")?,
        administrator_email: address(&new.administrator_email)?.into(),
    };
    let created = retried(async || Ok(backend.organizations().create(&organization).await?)).await;
    if created.map_err(|error| error.to_string())?.is_none() {
        return Err(Failed::Other(format!(
            "There is already an organization with the name {}; it was not changed.",
            organization.name
        )));
    }
    say(&format!("Added {}.\n", organization.name))
}

async fn list(backend: &Backend) -> Result<(), Failed> {
    let mut after = String::new();
    loop {
        let page = backend.organizations().list(&after, AT_ONCE).await;
        let page = page.map_err(|fault| fault.to_string())?;
        say(&page.iter().map(line).collect::<String>())?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.membership.organization.name);
    }
}

fn line(details: &OrganizationDetails) -> String {
    let domains = details.domains.iter().map(|domain| {
        let state = if domain.verified_at.is_some() {
            "verified"
        } else {
            "not verified"
        };
        format!("{} ({state})", domain.domain)
    });
    let listed = |items: Vec<String>| match items.join(", ") {
        none if none.is_empty() => "-".to_owned(),
        items => items,
    };
    let unit = if details.members == 1 { "member" } else { "members" };
    format!(
        "{}\t{}\t{}\t{} {unit}\t{}\n",
        details.membership.organization.name,
        details.membership.provider.as_deref().unwrap_or("-"),
        listed(domains.collect()),
        details.members,
        listed(details.administrators.clone())
    )
}

async fn domain(backend: &Backend, of: &Membership, action: &Domain) -> Result<(), Failed> {
    let (organizations, id, name) = (backend.organizations(), of.id.as_str(), &of.organization.name);
    match action {
        Domain::Add { domain } => {
            let record = retried(async || organizations.add_domain(id, domain).await).await;
            let record = record.map_err(|error| failed(&error, domain))?;
            say(&format!(
                "Publish this record in the DNS, then run `rekey org domain {name:?} verify {domain}`:\n\
                 {}. TXT \"{}\"\n",
                record.name, record.value
            ))
        }
        Domain::Verify { domain } => {
            let verified = retried(async || organizations.verify_domain(id, domain).await).await;
            verified.map_err(|error| failed(&error, domain))?;
            say(&format!("{domain} is verified for {name}.\n"))
        }
        Domain::Trust { domain } => {
            let trusted = retried(async || organizations.trust_domain(id, domain).await).await;
            trusted.map_err(|error| failed(&error, domain))?;
            say(&format!("{domain} is verified for {name}.\n"))
        }
        Domain::Remove { domain } => {
            let removed = retried(async || organizations.remove_domain(id, domain).await).await;
            removed.map_err(|error| failed(&error, domain))?;
            say(&format!("{domain} no longer belongs to {name}.\n"))
        }
    }
}

/// Returns the sentence for a failure with a domain.
fn failed(error: &Error, domain: &str) -> Failed {
    let Error::Refused(refusal) = error else {
        return Failed::Other(error.to_string());
    };
    let record = backend::proof_name(domain);
    Failed::Other(match refusal {
        Refusal::DomainMissing | Refusal::DomainMalformed => format!("{domain:?} is not a domain of e-mail addresses."),
        Refusal::DomainPublic => {
            format!("{domain} belongs to a public mail provider and cannot belong to an organization.")
        }
        Refusal::DomainTaken => format!("Another organization has verified {domain}; remove it there first."),
        Refusal::DomainGone => {
            format!("The organization does not claim {domain}; run `rekey org domain … add {domain}`.")
        }
        Refusal::DomainTimeout => {
            "The DNS server did not answer within 5 seconds; try again, or check REKEY_DNS_SERVER.".into()
        }
        Refusal::DomainServerFailed => format!("The DNS server reported a failure for {record}; try again later."),
        Refusal::DomainRecordMissing => format!("The DNS has no TXT record {record}; new records can take some hours."),
        Refusal::DomainRecordWrong => {
            format!(
                "The DNS has a TXT record {record}, but not the right one; `rekey org domain … add {domain}` prints it."
            )
        }
        other => other.to_string(),
    })
}

async fn set_provider(config: &Config, backend: &Backend, of: &Membership, provider: &str) -> Result<(), Failed> {
    let provider = Some(provider).filter(|provider| *provider != "none");
    if let Some(unknown) = provider.filter(|id| !config.providers.iter().any(|known| known.id == *id)) {
        return Err(Failed::Other(format!(
            "The configuration has no [[providers]] table with the id {unknown:?}."
        )));
    }
    let set = retried(async || Ok(backend.organizations().set_provider(&of.id, provider).await?)).await;
    set.map_err(|error| error.to_string())?;
    let name = &of.organization.name;
    say(&match provider {
        Some(id) => format!("Members of {name} now sign in with {id}.\n"),
        None => format!("Members of {name} now sign in with a mailed passcode.\n"),
    })
}

async fn administrator(backend: &Backend, of: &Membership, action: &Admin) -> Result<(), Failed> {
    let (organizations, name) = (backend.organizations(), &of.organization.name);
    match action {
        Admin::Add { address: typed, yes } => {
            let email = address(typed)?;
            let added = retried(async || Ok(organizations.add_administrator(of, &email, *yes).await?)).await;
            match added.map_err(|error| error.to_string())? {
                NewAdministrator::Done => {
                    let until = until_verified(backend, of, &email).await?;
                    say(&format!("{email} is now an administrator of {name}{until}.\n"))
                }
                NewAdministrator::NoAccount => Err(no_account(&email)),
                NewAdministrator::NotManaged => Err(Failed::Other(format!(
                    "{name} does not manage {email}. Add --yes to assign the account to it; its password is then refused and its sessions end."
                ))),
            }
        }
        Admin::Remove { address: typed } => {
            let email = address(typed)?;
            let removed = retried(async || Ok(organizations.remove_administrator(of, &email).await?)).await;
            if !removed.map_err(|error| error.to_string())? {
                return Err(Failed::Other(format!("{email} is not an administrator of {name}.")));
            }
            say(&format!("{email} is no longer an administrator of {name}.\n"))
        }
    }
}

/// Returns the rest of a sentence about a new member who cannot sign in yet.
pub(super) async fn until_verified(backend: &Backend, of: &Membership, email: &EmailAddress) -> Result<String, Failed> {
    let (name, domain) = (&of.organization.name, email.domain());
    let verified = backend.organizations().has_verified(of, domain).await;
    Ok(match verified.map_err(|fault| fault.to_string())? {
        true => String::new(),
        false => format!(", but can sign in only when {name} has verified {domain}"),
    })
}

async fn remove(backend: &Backend, of: &Membership, yes: bool) -> Result<(), Failed> {
    let name = &of.organization.name;
    if !yes {
        return Err(Failed::Other(format!(
            "This removes {name}, takes its accounts back and ends their sessions. Add --yes to confirm."
        )));
    }
    let removed = retried(async || Ok(backend.organizations().remove(of).await?)).await;
    let accounts = removed.map_err(|error| error.to_string())?;
    say(&format!("Removed {name}. Accounts taken back: {accounts}.\n"))
}
