//! The keys of the configuration, a row each: the documentation and the reading come from the same table.

use super::{Config, LogFormat, read};
use backend::{EngineChoice, Limits};
use std::path::PathBuf;

/// A key of the configuration.
pub struct Key {
    /// As in the file: `listen`; in the environment `REKEY_LISTEN`.
    pub name: &'static str,
    /// What it takes, after "it takes".
    pub takes: &'static str,
    /// What it decides.
    pub meaning: &'static str,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value without secrets.
    pub show: fn(&Config) -> String,
}

/// A figure of [`Limits`].
macro_rules! limit {
    ($name:literal, $field:ident, $meaning:literal) => {
        Key {
            name: $name,
            takes: "a whole number from 1 to 1000000",
            meaning: $meaning,
            set: |config, value| {
                let limits: &mut Limits = &mut config.settings.limits;
                limits.$field = read::number(value, 1..=1_000_000)?;
                Ok(())
            },
            show: |config| config.settings.limits.$field.to_string(),
        }
    };
}

/// Keys of releases before, and what to do about one: it is no longer needed, or has another name.
pub const RETIRED: &[(&str, &str)] = &[
    (
        "limit_reset_an_hour",
        "this key is gone; delete it, or set REKEY_LIMIT_EMAILS_AN_HOUR",
    ),
    (
        "limit_reset_a_day",
        "this key is gone; delete it, or set REKEY_LIMIT_EMAILS_A_DAY",
    ),
    (
        "smtp_ca_file",
        "this key is REKEY_CA_FILE now: its authorities are trusted by every connection",
    ),
    ("limit_wrong_codes_an_hour", WRONG_CODES),
    ("limit_wrong_codes_a_day", WRONG_CODES),
    ("limit_wrong_codes_in_a_row", WRONG_CODES),
];
const WRONG_CODES: &str = "this key is gone; delete it: wrong codes make the next codes longer and are not limited";

/// All keys, in the order of the documentation.
pub const KEYS: &[Key] = &[
    Key {
        name: "listen",
        takes: "an address and a port, as 127.0.0.1:3000 or [::1]:3000",
        meaning: "Where the program listens. Loopback only with `--dev`.",
        set: |config, value| {
            config.listen = value.parse().map_err(|_| "is no address with a port".to_owned())?;
            Ok(())
        },
        show: |config| config.listen.to_string(),
    },
    Key {
        name: "origin",
        takes: "https://HOST or https://HOST:PORT (http on a loopback host)",
        meaning: "Where people reach the service. Stands in mails; other sites' requests are told by it.",
        set: |config, value| {
            config.origin = read::origin(value)?;
            Ok(())
        },
        show: |config| config.origin.text.clone(),
    },
    Key {
        name: "database_url",
        takes: "sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME",
        meaning: "The database. SQLite's file is made when absent. PostgreSQL off this machine: `sslmode=verify-full` unless the address says otherwise.",
        set: |config, value| {
            config.database_url = read::database(value)?;
            Ok(())
        },
        show: |config| read::without_password(config.database_url.expose()),
    },
    Key {
        name: "smtp_url",
        takes: "smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST:PORT?tls=required|opportunistic",
        meaning: "The mail server. Only `serve --dev` does without; it keeps e-mails in `data/emails`.",
        set: |config, value| {
            config.smtp_url = read::smtp(value)?;
            Ok(())
        },
        show: |config| {
            config
                .smtp_url
                .as_ref()
                .map_or_else(String::new, |url| read::without_password(url.expose()))
        },
    },
    Key {
        name: "smtp_ehlo_name",
        takes: "a domain, or an address as [192.0.2.25] or [IPv6:2001:db8::25]",
        meaning: "What the service says in EHLO (RFC 5321). When not set: the host in `REKEY_ORIGIN`.",
        set: |config, value| {
            config.smtp_ehlo_name = read::ehlo_name(value)?;
            Ok(())
        },
        show: |config| config.smtp_ehlo_name.clone().unwrap_or_default(),
    },
    Key {
        name: "ca_file",
        takes: "the path of a PEM file with certificates",
        meaning: "Certificate authorities that are trusted beside the public ones: by the connections to the mail server, PostgreSQL, the OpenTelemetry collector and the service of leaked passwords.",
        set: |config, value| {
            config.ca_file = path(value)?;
            backend::TrustedRoots::with_file(config.ca_file.as_deref()).map(drop)
        },
        show: |config| {
            config
                .ca_file
                .as_ref()
                .map_or_else(String::new, |file| file.display().to_string())
        },
    },
    Key {
        name: "key_file",
        takes: "the path of a file that only its owner may read (mode 0600)",
        meaning: "The server's keys. `serve --dev` makes the file on its first start.",
        set: |config, value| {
            config.key_file = path(value)?.ok_or("is empty")?;
            Ok(())
        },
        show: |config| config.key_file.display().to_string(),
    },
    Key {
        name: "brand",
        takes: "one line of 1 to 40 characters without < > \" @",
        meaning: "The product's name on screens and in mails.",
        set: |config, value| {
            config.settings.brand = read::brand(value)?;
            Ok(())
        },
        show: |config| config.settings.brand.clone(),
    },
    Key {
        name: "sender_codes",
        takes: "an e-mail address",
        meaning: "Sender of mailed codes and of answers to requests.",
        set: |config, value| {
            config.settings.sender_codes = read::sender(value)?;
            Ok(())
        },
        show: |config| config.settings.sender_codes.clone(),
    },
    Key {
        name: "sender_notices",
        takes: "an e-mail address",
        meaning: "Sender of notices, as of a changed password.",
        set: |config, value| {
            config.settings.sender_notices = read::sender(value)?;
            Ok(())
        },
        show: |config| config.settings.sender_notices.clone(),
    },
    Key {
        name: "trusted_proxies",
        takes: "addresses and networks with commas between, as 10.0.0.0/8,::1",
        meaning: "Reverse proxies whose `X-Forwarded-For` tells the client's address. None: the socket does.",
        set: |config, value| {
            config.trusted_proxies = read::networks(value)?;
            Ok(())
        },
        show: |config| {
            config
                .trusted_proxies
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(",")
        },
    },
    Key {
        name: "password_min",
        takes: "a whole number from 8 to 64",
        meaning: "Fewest characters of a new password.",
        set: |config, value| {
            config.settings.password.min = read::number(value, 8..=64)?;
            Ok(())
        },
        show: |config| config.settings.password.min.to_string(),
    },
    Key {
        name: "password_guesses_log10",
        takes: "a number from 0 to 30",
        meaning: "New passwords that are guessed in fewer than ten to this power tries are refused.",
        set: |config, value| {
            config.settings.password_guesses_log10 = read::number(value, 0.0..=30.0)?;
            Ok(())
        },
        show: |config| config.settings.password_guesses_log10.to_string(),
    },
    Key {
        name: "leaked_file",
        takes: "the path of a file: a password, or an upper-case SHA-1 in hexadecimal, a line",
        meaning: "Leaked passwords, refused as new ones. Off when empty.",
        set: |config, value| {
            config.leaked_file = path(value)?;
            let unreadable = |file| std::fs::File::open(file).err();
            match config.leaked_file.as_ref().and_then(unreadable) {
                Some(error) => Err(format!("names a file that cannot be read: {}", error.kind())),
                None => Ok(()),
            }
        },
        show: |config| {
            config
                .leaked_file
                .as_ref()
                .map_or_else(String::new, |path| path.display().to_string())
        },
    },
    Key {
        name: "leaked_range_url",
        takes: "https://…/range/, to which five characters are appended (http on a loopback host)",
        meaning: "A range service of leaked passwords; five characters of a SHA-1 leave. Off when empty.",
        set: |config, value| {
            config.leaked_range_url = range_url(value)?;
            Ok(())
        },
        show: |config| {
            config
                .leaked_range_url
                .as_deref()
                .map_or_else(String::new, read::without_password)
        },
    },
    Key {
        name: "hashes_at_once",
        takes: "a whole number from 1 to 1024",
        meaning: "Passwords hashed at the same time. As many as cores when not set.",
        set: |config, value| {
            config.hashes_at_once = read::number(value, 1..=1024)?;
            Ok(())
        },
        show: |config| config.hashes_at_once.to_string(),
    },
    Key {
        name: "hashing",
        takes: "auto or reference",
        meaning: "Which program hashes passwords: the fast one where it proves right at the start, or the reference.",
        set: |config, value| {
            config.hashing = match value {
                "auto" => EngineChoice::Auto,
                "reference" => EngineChoice::Reference,
                _ => return Err("is neither".into()),
            };
            Ok(())
        },
        show: |config| {
            match config.hashing {
                EngineChoice::Auto => "auto",
                EngineChoice::Reference => "reference",
            }
            .into()
        },
    },
    Key {
        name: "sign_up",
        takes: "true or false",
        meaning: "Whether strangers may make themselves an account.",
        set: |config, value| {
            config.settings.sign_up = read::yes_or_no(value)?;
            Ok(())
        },
        show: |config| config.settings.sign_up.to_string(),
    },
    Key {
        name: "trust_days",
        takes: "a whole number from 1 to 365",
        meaning: "For how many days a trusted device is not asked for a code.",
        set: |config, value| {
            config.settings.trust_days = read::number(value, 1..=365)?;
            Ok(())
        },
        show: |config| config.settings.trust_days.to_string(),
    },
    Key {
        name: "session_idle_minutes",
        takes: "a whole number from 5 to 525600",
        meaning: "A session ends after so many minutes without use.",
        set: |config, value| {
            config.settings.session_idle_minutes = read::number(value, 5..=525_600)?;
            Ok(())
        },
        show: |config| config.settings.session_idle_minutes.to_string(),
    },
    Key {
        name: "session_days",
        takes: "a whole number from 1 to 365",
        meaning: "A session ends after so many days in any case.",
        set: |config, value| {
            config.settings.session_days = read::number(value, 1..=365)?;
            Ok(())
        },
        show: |config| config.settings.session_days.to_string(),
    },
    limit!(
        "limit_reset_every_s",
        reset_every_s,
        "Resets and sign-ups that a client begins for one address: one in so many seconds."
    ),
    limit!(
        "limit_emails_an_hour",
        emails_an_hour,
        "E-mails that one client network causes to one mailbox an hour (an IPv6 /48: twice as many)."
    ),
    limit!(
        "limit_emails_a_day",
        emails_a_day,
        "E-mails that one client network causes to one mailbox a day (an IPv6 /48: half as many again)."
    ),
    limit!(
        "limit_emails_to_domain_a_day",
        emails_to_domain_a_day,
        "E-mails that one client network causes to one mail domain a day (an IPv6 /48: twice as many)."
    ),
    Key {
        name: "large_mail_domains",
        takes: "mail domains with commas between, as gmail.com,outlook.com",
        meaning: "Domains of large mail providers, which `REKEY_LIMIT_EMAILS_TO_DOMAIN_A_DAY` is not for.",
        set: |config, value| {
            config.settings.large_mail_domains = read::mail_domains(value)?;
            Ok(())
        },
        show: |config| config.settings.large_mail_domains.join(","),
    },
    limit!(
        "limit_emails_to_mailbox_a_day",
        emails_to_mailbox_a_day,
        "E-mails that all strangers cause to one mailbox a day; then client networks take turns."
    ),
    limit!(
        "limit_email_turn_s",
        email_turn_s,
        "A turn: one e-mail in so many seconds."
    ),
    limit!(
        "limit_codes_an_hour",
        codes_an_hour,
        "Sign-in codes of one account an hour, after the right password."
    ),
    limit!(
        "limit_codes_a_day",
        codes_a_day,
        "Sign-in codes of one account a day, after the right password."
    ),
    limit!(
        "limit_client_a_minute",
        client_a_minute,
        "Begun flows of one client a minute."
    ),
    limit!(
        "limit_free_passwords",
        free_passwords,
        "Wrong passwords by strangers a day before the mailbox is proven first; of a known browser before waits begin."
    ),
    limit!(
        "limit_refused_passwords_an_hour",
        refused_passwords_an_hour,
        "New passwords for one address that were refused as easy to guess, common, leaked or in use, an hour."
    ),
    limit!(
        "limit_password_wait_s",
        password_wait_s,
        "The first wait after them, in seconds; it doubles."
    ),
    limit!(
        "limit_password_wait_max_s",
        password_wait_max_s,
        "The longest wait, in seconds."
    ),
    Key {
        name: "log",
        takes: "a filter as info or info,backend=debug",
        meaning: "What is logged.",
        set: |config, value| {
            tracing_subscriber::EnvFilter::try_new(value).map_err(|_| "is no filter".to_owned())?;
            config.log = value.to_owned();
            Ok(())
        },
        show: |config| config.log.clone(),
    },
    Key {
        name: "log_format",
        takes: "human or json",
        meaning: "How a line of the log looks.",
        set: |config, value| {
            config.log_format = match value {
                "human" => LogFormat::Human,
                "json" => LogFormat::Json,
                _ => return Err("is neither".into()),
            };
            Ok(())
        },
        show: |config| {
            if config.log_format == LogFormat::Json {
                "json".into()
            } else {
                "human".into()
            }
        },
    },
    Key {
        name: "metrics_listen",
        takes: "an address and a port other than REKEY_LISTEN's, as 127.0.0.1:9090; reachable for Prometheus only",
        meaning: "Where Prometheus reads `/metrics`. Off when empty.",
        set: |config, value| {
            let address = Some(value).filter(|value| !value.is_empty());
            let address = address.map(str::parse).transpose();
            config.metrics_listen = address.map_err(|_| "is no address with a port".to_owned())?;
            Ok(())
        },
        show: |config| {
            config
                .metrics_listen
                .map_or_else(String::new, |address| address.to_string())
        },
    },
    Key {
        name: "otlp_url",
        takes: "http://HOST:4318 or https://HOST, to which /v1/traces is appended where it has no path",
        meaning: "An OpenTelemetry collector that gets a trace of requests. Off when empty.",
        set: |config, value| {
            config.otlp_url = read::otlp(value)?;
            Ok(())
        },
        show: |config| {
            config
                .otlp_url
                .as_ref()
                .map_or_else(String::new, |url| read::without_password(url.expose()))
        },
    },
    Key {
        name: "otlp_share",
        takes: "a number from 0 to 1",
        meaning: "The share of requests that are traced; those that a trusted proxy has decided about are as it says.",
        set: |config, value| {
            config.otlp_share = read::number(value, 0.0..=1.0)?;
            Ok(())
        },
        show: |config| config.otlp_share.to_string(),
    },
    Key {
        name: "site",
        takes: "the path of a folder",
        meaning: "The browser's files. When not set: those in the program, as `make release` builds it; else `site` beside it, else `target/site`.",
        set: |config, value| {
            config.site = path(value)?;
            Ok(())
        },
        show: |config| {
            config
                .site
                .as_ref()
                .map_or_else(String::new, |path| path.display().to_string())
        },
    },
];

fn path(value: &str) -> Result<Option<PathBuf>, String> {
    Ok(if value.is_empty() { None } else { Some(value.into()) })
}

/// Attack: whoever reads the network on the way learns a part of every new password's digest.
fn range_url(value: &str) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let place = value.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let origin = read::origin(&place)?;
    if origin.https || origin.is_loopback() {
        Ok(Some(value.to_owned()))
    } else {
        Err("is not https".into())
    }
}
