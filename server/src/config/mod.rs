//! The operator's configuration, read from the environment and a file, and validated completely before the server starts.

mod clients;
mod mail_groups;
mod providers;
mod read;
mod sites;
mod table;
mod tables;

pub use clients::CLIENT_KEYS;
pub use mail_groups::MAIL_GROUP_KEYS;
pub use providers::PROVIDER_KEYS;
pub use read::{Origin, is_loopback_name};
pub use sites::{SITE_KEYS, SITE_RULE_KEYS};
pub use table::{KEYS, Key};
pub use tables::TableKey;
pub(crate) use tables::secret;

use account::Secret;
use backend::oauth::{ClientSettings, SiteRuleSettings, SiteSettings, TokenAlgorithm, shares_cookies};
use backend::oidc::ProviderSettings;
use backend::{EngineChoice, Settings};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use {clients::CLIENTS, mail_groups::MAIL_GROUPS, providers::PROVIDERS, sites::SITE_RULES, sites::SITES};

/// The configuration. Its `Default` contains the documented defaults.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The public origin of the service.
    pub origin: Origin,
    /// The URL of the database; may contain a password.
    pub database_url: Secret,
    /// The URL of the mail server; may contain a password.
    pub smtp_url: Option<Secret>,
    /// The name for EHLO; by default the origin's host.
    pub smtp_ehlo_name: Option<String>,
    /// Trusted certificate authorities in addition to the public ones.
    pub ca_file: Option<PathBuf>,
    /// The RSA keys for clients with RS256, if any.
    pub rsa_key_file: Option<PathBuf>,
    /// The DNS server for verifying domains; by default this machine's.
    pub dns_server: Option<SocketAddr>,
    /// The file with the server's keys.
    pub key_file: PathBuf,
    /// Proxies trusted to set `X-Forwarded-For`.
    pub trusted_proxies: Vec<IpNet>,
    /// A file of leaked passwords.
    pub leaked_file: Option<PathBuf>,
    /// The URL of a range service for leaked passwords.
    pub leaked_range_url: Option<String>,
    /// The number of concurrent password hashes.
    pub hashes_at_once: usize,
    /// The password hashing implementation.
    pub hashing: EngineChoice,
    /// The log filter.
    pub log: String,
    /// The log format.
    pub log_format: LogFormat,
    /// The address of the metrics listener, if any.
    pub metrics_listen: Option<SocketAddr>,
    /// The URL of the trace collector, if any; may contain a password.
    pub otlp_url: Option<Secret>,
    /// The fraction of traced requests.
    pub otlp_share: f64,
    /// The folder with the browser's files; searched for by default.
    pub site: Option<PathBuf>,
    /// The identity providers.
    pub providers: Vec<ProviderSettings>,
    /// The clients of the OpenID provider.
    pub clients: Vec<ClientSettings>,
    /// The sites behind a reverse proxy.
    pub sites: Vec<SiteSettings>,
    /// Who may open parts of them.
    pub site_rules: Vec<SiteRuleSettings>,
    /// Names, limits and policies of the account service.
    pub settings: Settings,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For reading at a terminal.
    Human,
    /// For log collectors: one JSON object per line.
    Json,
}

/// The purpose of the configuration. Serving has stricter requirements than an operator command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigPurpose {
    /// Serving users.
    Serve,
    /// Development, on this machine only.
    ServeDev,
    /// An operator command such as `user add`.
    Command,
}

/// An invalid key: its place, the problem and the allowed values. Never contains a secret value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is set: `REKEY_LISTEN`, or `listen in rekey.toml`.
    pub key: String,
    /// The problem, in one sentence.
    pub text: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

impl Default for Config {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3000)),
            origin: Origin {
                text: settings.origin.clone(),
                https: false,
                host: "127.0.0.1".into(),
            },
            database_url: Secret::from("sqlite://data/rekey.db"),
            smtp_url: None,
            smtp_ehlo_name: None,
            ca_file: None,
            rsa_key_file: None,
            dns_server: None,
            key_file: "data/keys.toml".into(),
            trusted_proxies: Vec::new(),
            leaked_file: None,
            leaked_range_url: None,
            hashes_at_once: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            hashing: EngineChoice::Auto,
            log: "info".into(),
            log_format: LogFormat::Human,
            metrics_listen: None,
            otlp_url: None,
            otlp_share: 1.0,
            site: None,
            providers: Vec::new(),
            clients: Vec::new(),
            sites: Vec::new(),
            site_rules: Vec::new(),
            settings,
        }
    }
}

impl Config {
    /// Returns the name for EHLO (RFC 5321 §4.1.1.1): a domain, or an address in brackets.
    #[must_use]
    pub fn ehlo_name(&self) -> String {
        let host = self.origin.host.trim_end_matches('.');
        match (&self.smtp_ehlo_name, host.parse()) {
            (Some(name), _) => name.clone(),
            (None, Ok(IpAddr::V4(address))) => format!("[{address}]"),
            (None, Ok(IpAddr::V6(address))) => format!("[IPv6:{address}]"),
            (None, Err(_)) => host.to_owned(),
        }
    }
}

/// Returns the environment of this process, for the whole program.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(key, value)| (key.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(key, _)| key.starts_with(PREFIX))
        .collect()
}

/// Returns whether cargo-leptos has started this process and reloads its pages.
#[must_use]
pub fn is_watched() -> bool {
    std::env::var_os("LEPTOS_WATCH").is_some()
}

/// Reads the file named by `REKEY_CONFIG` and overrides it from the environment. Returns the valid part and all problems, so that
/// an operator can fix them at once.
#[must_use]
pub fn load(environment: &[(String, String)], purpose: ConfigPurpose) -> (Config, Vec<Problem>) {
    let mut config = Config::default();
    let mut problems = Vec::new();
    let overridden = |name: &str| environment.iter().any(|(key, _)| *key == variable(name));
    if let Some((_, path)) = environment.iter().find(|(key, _)| key == CONFIG) {
        match file_table(Path::new(path)) {
            Ok(mut table) => {
                let (providers, clients) = (table.remove(PROVIDERS.name), table.remove(CLIENTS.name));
                let (sites, site_rules) = (table.remove(SITES.name), table.remove(SITE_RULES.name));
                let mail_groups = table.remove(MAIL_GROUPS.name);
                let values: Vec<_> = table.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
                problems.extend(open_file_with_password(Path::new(path), &values));
                for (name, value) in values.into_iter().filter(|(name, _)| !overridden(name)) {
                    let key = format!("{name} in {path}");
                    set(&mut config, &name, value, key, &mut problems);
                }
                if let Some(value) = providers {
                    config.providers = PROVIDERS.read(&value, path, &mut problems);
                }
                if let Some(value) = clients {
                    config.clients = CLIENTS.read(&value, path, &mut problems);
                }
                if let Some(value) = sites {
                    config.sites = SITES.read(&value, path, &mut problems);
                }
                if let Some(value) = mail_groups {
                    config.settings.mail_groups = MAIL_GROUPS.read(&value, path, &mut problems);
                }
                if let Some(value) = site_rules {
                    config.site_rules = SITE_RULES.read(&value, path, &mut problems);
                }
            }
            Err(text) => problems.push(Problem {
                key: CONFIG.into(),
                text,
            }),
        }
    }
    for (key, value) in environment {
        if key == CONFIG {
            continue;
        }
        let name = key.strip_prefix(PREFIX).unwrap_or(key).to_ascii_lowercase();
        // Only the documented spelling of a name is accepted.
        let name = if variable(&name) == *key { name } else { key.clone() };
        set(&mut config, &name, Ok(value.clone()), key.clone(), &mut problems);
    }
    config.settings.origin.clone_from(&config.origin.text);
    if purpose == ConfigPurpose::ServeDev {
        let stand_ins = crate::dev::stand_in_settings(&config.origin.text);
        let is_new = |stand_in: &ProviderSettings| !config.providers.iter().any(|other| other.id == stand_in.id);
        let stand_ins: Vec<_> = stand_ins.into_iter().filter(is_new).collect();
        config.providers.extend(stand_ins);
        let sample = crate::dev::sample_product();
        if config.clients.iter().all(|client| client.id != sample.id) {
            config.clients.push(sample);
        }
    }
    together(&config, purpose, &mut problems);
    (config, problems)
}

const PREFIX: &str = "REKEY_";
const CONFIG: &str = "REKEY_CONFIG";

/// Returns the name of a key's environment variable.
#[must_use]
pub fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

fn set(config: &mut Config, name: &str, value: Result<String, String>, key: String, problems: &mut Vec<Problem>) {
    let Some(known) = KEYS.iter().find(|known| known.name == name) else {
        let retired = table::RETIRED.iter().find(|(retired, _)| *retired == name);
        let text = match retired {
            Some((_, text)) => (*text).to_owned(),
            None if [
                PROVIDERS.name,
                CLIENTS.name,
                SITES.name,
                SITE_RULES.name,
                MAIL_GROUPS.name,
            ]
            .contains(&name) =>
            {
                tables::only_in_the_file(name)
            }
            None => "is not a known key; run `rekey check-config --list` to list all keys".into(),
        };
        problems.push(Problem { key, text });
        return;
    };
    if let Err(wrong) = value.and_then(|value| (known.set)(config, value.trim())) {
        problems.push(Problem {
            key,
            text: format!("{wrong}; it must be {}", known.takes),
        });
    }
}

type FileValue = (String, Result<String, String>);

/// Attack: another account on this machine reads the password of the database or the mail server.
fn open_file_with_password(path: &Path, values: &[FileValue]) -> Option<Problem> {
    let has_password = |value: &str| {
        let user = value.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        user.is_some_and(|(user, _)| user.contains(':')) || value.contains("password=")
    };
    let file = std::fs::metadata(path).ok()?;
    let open = !crate::keys::is_private(file.mode(), file.uid(), file.gid());
    let (name, _) = values
        .iter()
        .find(|(_, value)| value.as_deref().is_ok_and(has_password))?;
    let path = path.display();
    open.then(|| Problem {
        key: format!("{name} in {path}"),
        text: format!("contains a password, and others can read the file; run `chmod 600 {path}`"),
    })
}

fn file_table(path: &Path) -> Result<toml::Table, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {}", path.display(), error.kind()))?;
    // The parser's message quotes the line, which may contain a password; only its position is reported.
    text.parse::<toml::Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        format!(
            "{} is not TOML at line {}",
            path.display(),
            before.matches('\n').count() + 1
        )
    })
}

fn plain(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(yes) => Ok(yes.to_string()),
        toml::Value::Array(values) => Ok(values.iter().map(plain).collect::<Result<Vec<_>, _>>()?.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => Err("has the wrong type".into()),
    }
}

/// Checks rules that involve several keys.
fn together(config: &Config, purpose: ConfigPurpose, problems: &mut Vec<Problem>) {
    let needs_rsa = |client: &&ClientSettings| client.options.id_token_signed_response_alg == TokenAlgorithm::RS256;
    if let Some(client) = config
        .clients
        .iter()
        .find(needs_rsa)
        .filter(|_| config.rsa_key_file.is_none())
    {
        problems.push(Problem {
            key: variable("rsa_key_file"),
            text: format!("is not set, but the client `{}` needs RS256", client.id),
        });
    }
    for site in config
        .sites
        .iter()
        .filter(|site| shares_cookies(&site.origin, &config.origin.text))
    {
        problems.push(Problem {
            key: format!("[[sites]] {}", site.origin),
            text: "has the host of REKEY_ORIGIN, so browsers would send its program the cookies of this service".into(),
        });
    }
    for rule in sites::rules_without_site(&config.sites, &config.site_rules) {
        problems.push(Problem {
            key: format!("[[site_rules]] {rule}"),
            text: "is for no site; its origin must be that of one of the [[sites]]".into(),
        });
    }
    let mut wrong = |name: &str, text: &str| {
        problems.push(Problem {
            key: variable(name),
            text: text.into(),
        })
    };
    // A configured name is validated under its own key.
    if config.smtp_url.is_some()
        && config.smtp_ehlo_name.is_none()
        && backend::check_ehlo_name(&config.ehlo_name()).is_err()
    {
        wrong(
            "smtp_ehlo_name",
            "is not set, and the host in REKEY_ORIGIN cannot be used; it must be a domain, or an address such as [192.0.2.25]",
        );
    }
    if config.leaked_file.is_some() && config.leaked_range_url.is_some() {
        wrong(
            "leaked_range_url",
            "is set together with REKEY_LEAKED_FILE; set only one of them",
        );
    }
    if config.settings.limits.password_wait_s > config.settings.limits.password_wait_max_s {
        wrong(
            "limit_password_wait_s",
            "is longer than REKEY_LIMIT_PASSWORD_WAIT_MAX_S",
        );
    }
    match purpose {
        // Attack: other hosts in the network read the e-mails of the development run, including codes.
        ConfigPurpose::ServeDev if !config.listen.ip().is_loopback() => {
            wrong(
                "listen",
                "must be a loopback address with --dev, such as 127.0.0.1:3000",
            );
        }
        ConfigPurpose::ServeDev if !config.origin.is_loopback() => {
            wrong(
                "origin",
                "must be a loopback host with --dev, such as http://127.0.0.1:3000",
            );
        }
        ConfigPurpose::Serve => {
            if config.smtp_url.is_none() {
                wrong(
                    "smtp_url",
                    "is not set; it must be smtp://… or smtps://… (optional only for `serve --dev`)",
                );
            }
            // Attack: an eavesdropper on the network obtains every session.
            if !config.origin.https && !config.origin.is_loopback() {
                wrong(
                    "origin",
                    "is not https; it must be https://HOST (http only on a loopback host)",
                );
            }
        }
        ConfigPurpose::ServeDev | ConfigPurpose::Command => {}
    }
}
