//! The operator commands other than `serve`.

pub mod backup;
pub mod clients;
pub mod keys;
pub mod mail;
pub mod mail_groups;
pub mod organizations;
mod users;

use crate::cli::{HandOver, NewUser, User};
use crate::config::{
    CLIENT_KEYS, Config, KEYS, MAIL_GROUP_KEYS, PROVIDER_KEYS, Problem, SITE_KEYS, SITE_RULE_KEYS, TableKey, variable,
};
use crate::import::{self, Import};
use crate::terminal::printable;
use crate::{demo, start};
use account::{Account, EmailAddress, Keyring, Name, Organization, Secret, Timestamp};
use backend::oauth::{ClientSettings, SiteRuleSettings, SiteSettings};
use backend::oidc::ProviderSettings;
use backend::store::Db;
use backend::{Backend, NewAccount, retried};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// The time limit of a health check.
const HEALTH_TIME: Duration = Duration::from_secs(2);

/// Formats a point in time for command output.
fn moment(at: Timestamp) -> String {
    format!("{} {} UTC", at.day(), at.hour_and_minute())
}

/// The reason for a command's failure.
pub enum Failed {
    /// All problems with the configuration, one per line.
    Configuration(Vec<Problem>),
    /// Any other cause, as a sentence.
    Other(String),
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configuration(problems) => {
                problems.iter().try_for_each(|problem| writeln!(f, "{problem}"))?;
                writeln!(
                    f,
                    "Configuration problems: {}. Fix them and run the command again.",
                    problems.len()
                )
            }
            Self::Other(text) => writeln!(f, "{text}"),
        }
    }
}

impl From<String> for Failed {
    fn from(text: String) -> Self {
        Self::Other(text)
    }
}

/// Writes a command's result to standard output.
pub fn say(text: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout();
    out.write_all(printable(text).as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Failed::Other(error.kind().to_string()))
}

/// Runs `rekey migrate`.
pub async fn migrate(config: &Config) -> Result<(), Failed> {
    start::database(config).await?;
    say("The database tables are up to date.\n")
}

/// Runs `rekey seed`.
pub async fn seed(config: Config, keys: Keyring) -> Result<(), Failed> {
    // Attack: the demo accounts' password is public.
    if !config.origin.is_loopback() {
        return Err(Failed::Other(
            "Demo accounts need a loopback host in REKEY_ORIGIN, because their password is public.".into(),
        ));
    }
    let backend = start::backend(&config, keys).await?;
    demo::add_demo(&backend).await?;
    let names = demo::DEMO
        .map(|(email, _, particular)| format!("{email} {particular}\n"))
        .concat();
    say(&format!("{names}The password is \"{}\".\n", demo::PASSWORD))
}

/// Fails if the database file does not exist. With a mistyped path, a command would create an empty one and find no accounts.
fn need_database(config: &Config) -> Result<(), Failed> {
    match Db::file(config.database_url.expose()) {
        Some(file) if !file.exists() => Err(Failed::Other(format!(
            "The database {} does not exist. Check {}.",
            file.display(),
            variable("database_url")
        ))),
        _ => Ok(()),
    }
}

/// Runs `rekey user …`.
pub async fn user(config: Config, keys: Keyring, user: User) -> Result<(), Failed> {
    if !matches!(user, User::Add(_)) {
        need_database(&config)?;
    }
    let backend = start::backend(&config, keys).await?;
    match user {
        User::Add(new) => add(&backend, new).await,
        User::List => list(&backend).await,
        User::Show { address: typed } => users::show(&backend, &address(&typed)?).await,
        User::Email {
            address: typed,
            new,
            yes,
        } => users::change_address(&backend, &address(&typed)?, &address(&new)?, yes).await,
        User::Delete {
            address: typed,
            now,
            yes,
        } => users::delete(&backend, &address(&typed)?, now, yes).await,
        User::HandOver(HandOver {
            email,
            organization,
            administrator_name,
            administrator_email,
        }) => {
            let email = address(&email)?;
            let organization = Organization {
                name: organization,
                administrator_name,
                administrator_email: address(&administrator_email)?.into(),
            };
            let found =
                retried(async || Ok(backend.accounts().assign_to_organization(&email, &organization).await?)).await;
            if !found.map_err(|fault| fault.to_string())? {
                return Err(no_account(&email));
            }
            let name = &organization.name;
            let of = organizations::find(&backend, name).await?;
            let until = organizations::until_verified(&backend, &of, &email).await?;
            say(&format!("{email} is now managed by {name}{until}.\n"))
        }
        User::TakeBack { address: typed } => {
            let email = address(&typed)?;
            let found = retried(async || Ok(backend.accounts().take_back(&email).await?)).await;
            if !found.map_err(|fault| fault.to_string())? {
                return Err(no_account(&email));
            }
            say(&format!("{email} is no longer managed by an organization.\n"))
        }
        User::Disable { email, undo } => {
            let email = address(&email)?;
            let found = retried(async || Ok(backend.accounts().disable(&email, !undo).await?)).await;
            if !found.map_err(|fault| fault.to_string())? {
                return Err(no_account(&email));
            }
            say(&format!(
                "{email} is now {}.\n",
                if undo { "active" } else { "deactivated" }
            ))
        }
    }
}

/// Runs `rekey import`.
pub async fn import(config: Config, keys: Keyring, import: &Import) -> Result<(), Failed> {
    let backend = start::backend(&config, keys).await?;
    import::run(Some(&backend), import).await
}

fn no_account(email: &EmailAddress) -> Failed {
    Failed::Other(format!("There is no account with the address {email}."))
}

async fn add(backend: &Backend, new: NewUser) -> Result<(), Failed> {
    let email = address(&new.email)?;
    let name = Name::parse(&new.name).map_err(|_| {
        format!(
            "--name must be one line of 1 to {} characters without links or addresses",
            Name::MAX_CHARS
        )
    })?;
    let issuer = match new.provider.as_deref() {
        None => None,
        Some(id) => Some(issuer_of(backend, id)?),
    };
    let managed_by = match new.organization {
        None => None,
        Some(organization) => Some(Organization {
            name: organization,
            administrator_name: new.administrator_name.unwrap_or_default(),
            administrator_email: address(&new.administrator_email.unwrap_or_default())?.into(),
        }),
    };
    let password = if new.password_stdin {
        Some(password_from_input()?)
    } else {
        None
    };
    let person = NewAccount {
        email: email.clone(),
        name,
        password,
        issuer,
        managed_by,
        language: new.language,
    };
    let added = backend
        .accounts()
        .create(person)
        .await
        .map_err(|error| error.to_string())?;
    if !added {
        return Err(Failed::Other(format!(
            "There is already an account with the address {email}; it was not changed."
        )));
    }
    say(&format!("Added {email}.\n"))
}

/// Returns the issuer of a provider. Google's is known even if it is not configured yet.
fn issuer_of(backend: &Backend, id: &str) -> Result<String, String> {
    match backend.providers().find(id) {
        Some(provider) => Ok(provider.issuer().to_owned()),
        None if id == "google" => Ok(backend::oidc::GOOGLE.to_owned()),
        None => Err(format!("The configuration has no provider with the id {id:?}.")),
    }
}

/// Reads the password from standard input, because other users of the machine can read command lines.
fn password_from_input() -> Result<Secret, String> {
    let mut typed = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut typed)
        .map_err(|_| "The password is not UTF-8 text.")?;
    let typed = typed.trim_end_matches(['\r', '\n']);
    if typed.is_empty() {
        Err("Standard input contains no password.".into())
    } else {
        Ok(Secret::from(typed))
    }
}

async fn list(backend: &Backend) -> Result<(), Failed> {
    const AT_ONCE: i64 = 500;
    let mut after: Option<EmailAddress> = None;
    loop {
        let people = backend
            .accounts()
            .list(after.as_ref(), AT_ONCE)
            .await
            .map_err(|fault| fault.to_string())?;
        say(&people.iter().map(line).collect::<String>())?;
        match people.last() {
            Some(last) if people.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX) => {
                after = Some(last.email.clone())
            }
            _ => return Ok(()),
        }
    }
}

fn kind_of(account: &Account) -> String {
    match &account.managed_by {
        Some(membership) => format!("managed by {}", membership.organization.name),
        None if account.has_password => "password".to_owned(),
        None => match &account.issuer {
            Some(issuer) => issuer.trim_start_matches("https://").to_owned(),
            None => "no password".to_owned(),
        },
    }
}

fn line(person: &Account) -> String {
    let kind = kind_of(person);
    let state = if person.disabled_at.is_some() {
        "deactivated"
    } else {
        "active"
    };
    format!("{}\t{}\t{kind}\t{state}\n", person.email, person.name)
}

fn address(typed: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(typed).map_err(|_| format!("{typed:?} is not an e-mail address"))
}

/// Runs `rekey health`.
pub async fn health(config: &Config) -> Result<(), Failed> {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let client = reqwest::Client::builder().no_proxy().timeout(HEALTH_TIME).build();
    let asked = match client {
        Ok(client) => client.get(format!("http://{address}/readyz")).send().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(answer) if answer.status().is_success() => say("ready\n"),
        Ok(answer) => Err(Failed::Other(format!(
            "not ready: the server answered {}",
            answer.status()
        ))),
        Err(_) => Err(Failed::Other(format!("not ready: no answer at {address}"))),
    }
}

/// Runs `rekey check-config`.
pub fn show(config: &Config) -> Result<(), Failed> {
    let lines = KEYS
        .iter()
        .map(|key| format!("{}={}\n", variable(key.name), (key.show)(config)));
    let providers = config.providers.iter().map(|provider| shown(provider, config));
    let clients = config.clients.iter().map(shown_client);
    let sites = config.sites.iter().map(|site| shown_site(site, &config.site_rules));
    let groups = config.settings.mail_groups.iter().map(mail_groups::shown);
    let tables = providers.chain(clients).chain(sites).chain(groups);
    say(&lines.chain(tables).collect::<String>())
}

/// Returns a provider as in the configuration file, without its secret, and the address to register there.
fn shown(provider: &ProviderSettings, config: &Config) -> String {
    let secret = if provider.client_secret.is_some() { "(set)" } else { "" };
    format!(
        "\n[[providers]]\nid = {:?}\nname = {:?}\nissuer = {:?}\nclient_id = {:?}\nclient_secret = {secret:?}\nscopes = {:?}\n\
         listed = {}\n# Redirect address: {}\n",
        provider.id,
        provider.name,
        provider.issuer,
        provider.client_id,
        provider.scopes,
        provider.listed,
        provider.redirect_uri(&config.origin.text)
    )
}

/// Returns a client as in the configuration file, without its secret.
fn shown_client(client: &ClientSettings) -> String {
    let secret = if client.client_secret.is_some() { "(set)" } else { "" };
    let (id, name, uris) = (&client.id, &client.name, &client.redirect_uris);
    let after_logout = &client.post_logout_redirect_uris;
    let backchannel = client.backchannel_logout_uri.as_deref().unwrap_or_default();
    let options = &client.options;
    let home = options.home_uri.as_deref().unwrap_or_default();
    let audience = options.access_token_audience.as_deref().unwrap_or_default();
    let algorithm = options.id_token_signed_response_alg.as_str();
    let subjects = if options.pairwise { "pairwise" } else { "public" };
    let set = |is_set: bool| if is_set { "(set)" } else { "" };
    let (logo, keys) = (set(options.logo.is_some()), set(options.jwks.is_some()));
    format!(
        "\n[[clients]]\nid = {id:?}\nname = {name:?}\nredirect_uris = {uris:?}\nclient_secret = {secret:?}\n\
         third_party = {}\npost_logout_redirect_uris = {after_logout:?}\nbackchannel_logout_uri = {backchannel:?}\n\
         home_uri = {home:?}\nlogo = {logo:?}\nid_token_signed_response_alg = {algorithm:?}\nsubject_type = {subjects:?}\n\
         access_token_audience = {audience:?}\njwks = {keys:?}\n",
        client.third_party
    )
}

/// Returns a site as in the configuration file, with its rules.
fn shown_site(site: &SiteSettings, rules: &[SiteRuleSettings]) -> String {
    let (origin, name) = (&site.origin, &site.name);
    let mut text = format!("\n[[sites]]\norigin = {origin:?}\nname = {name:?}\n");
    if let Some(allow) = &site.allow {
        let _ = writeln!(text, "allow = {allow:?}");
    }
    for rule in rules.iter().filter(|rule| rule.origin == site.origin) {
        let (path, allow) = (&rule.path, &rule.allow);
        let _ = write!(
            text,
            "\n[[site_rules]]\norigin = {origin:?}\npath = {path:?}\nallow = {allow:?}\n"
        );
    }
    text
}

/// Runs `rekey check-config --list`.
pub fn list_keys() -> Result<(), Failed> {
    say(&table())
}

/// Returns the keys as Markdown tables.
fn table() -> String {
    let defaults = Config::default();
    let mut table = "| Key | Default | Meaning | Allowed values |\n|---|---|---|---|\n".to_owned();
    for key in KEYS {
        let default = match key.name {
            // The default depends on the machine.
            "hashes_at_once" => "the number of cores".to_owned(),
            _ => Some((key.show)(&defaults))
                .filter(|shown| !shown.is_empty())
                .map_or("–".into(), |shown| format!("`{shown}`")),
        };
        let takes = key.takes.replace('|', "\\|");
        let _ = writeln!(
            table,
            "| `{}` | {default} | {} | {takes} |",
            variable(key.name),
            key.meaning
        );
    }
    let _ = writeln!(
        table,
        "| `REKEY_CONFIG` | – | File with these keys, in lower case and without `REKEY_`. | the path of a TOML file |"
    );
    table.push_str("\nOnly in the file, a `[[providers]]` table for each identity provider:\n\n");
    describe(PROVIDER_KEYS, &mut table);
    table.push_str("\nOnly in the file, a `[[clients]]` table for each product whose users sign in here:\n\n");
    describe(CLIENT_KEYS, &mut table);
    table.push_str("\nOnly in the file, a `[[sites]]` table for each program behind a reverse proxy that asks this service about its users:\n\n");
    describe(SITE_KEYS, &mut table);
    table.push_str(
        "\nOnly in the file, a `[[site_rules]]` table for each part of a site that fewer users may open:\n\n",
    );
    describe(SITE_RULE_KEYS, &mut table);
    table.push_str(
        "\nOnly in the file, a `[[mail_groups]]` table for each group of e-mails that users can turn on and off:\n\n",
    );
    describe(MAIL_GROUP_KEYS, &mut table);
    table
}

fn describe<T>(keys: &[TableKey<T>], table: &mut String) {
    table.push_str("| Key | Default | Meaning | Allowed values |\n|---|---|---|---|\n");
    for key in keys {
        let (name, default) = (key.name, key.default);
        let _ = writeln!(table, "| `{name}` | {default} | {} | {} |", key.meaning, key.takes);
    }
}
