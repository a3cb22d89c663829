//! The keys of the configuration, one row each: the parser and the documentation use the same table.

use super::{Config, LogFormat, read};
use backend::{EngineChoice, Limits};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A key of the configuration.
pub struct Key {
    /// Its name in the file, such as `listen` for `REKEY_LISTEN`.
    pub name: &'static str,
    /// The allowed values, as a continuation of "it must be".
    pub takes: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
    /// The value without secrets.
    pub show: fn(&Config) -> String,
}

/// One of the [`Limits`].
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

/// Removed and renamed keys of earlier releases, each with an instruction.
pub const RETIRED: &[(&str, &str)] = &[
    (
        "limit_reset_an_hour",
        "this key was removed; delete it, or set REKEY_LIMIT_EMAILS_AN_HOUR",
    ),
    (
        "limit_reset_a_day",
        "this key was removed; delete it, or set REKEY_LIMIT_EMAILS_A_DAY",
    ),
    (
        "smtp_ca_file",
        "this key is now REKEY_CA_FILE, which all connections use",
    ),
    ("limit_wrong_codes_an_hour", WRONG_CODES),
    ("limit_wrong_codes_a_day", WRONG_CODES),
    ("limit_wrong_codes_in_a_row", WRONG_CODES),
];
const WRONG_CODES: &str = "this key was removed; delete it: incorrect codes now lengthen later codes";

/// All keys, in the order of the documentation.
pub const KEYS: &[Key] = &[
    Key {
        name: "listen",
        takes: "an address and a port, such as 127.0.0.1:3000 or [::1]:3000",
        meaning: "Address to listen on. With `--dev`, it must be a loopback address.",
        set: |config, value| {
            config.listen = value.parse().map_err(|_| "is not an address with a port".to_owned())?;
            Ok(())
        },
        show: |config| config.listen.to_string(),
    },
    Key {
        name: "origin",
        takes: "https://HOST or https://HOST:PORT (http only on a loopback host)",
        meaning: "Public origin of the service, used in e-mails and to reject requests from other sites.",
        set: |config, value| {
            config.origin = read::origin(value)?;
            Ok(())
        },
        show: |config| config.origin.text.clone(),
    },
    Key {
        name: "database_url",
        takes: "sqlite://FILE or postgres://USER:PASSWORD@HOST/NAME",
        meaning: "The database. A missing SQLite file is created. PostgreSQL on another machine uses `sslmode=verify-full` unless the URL sets it.",
        set: |config, value| {
            config.database_url = read::database(value)?;
            Ok(())
        },
        show: |config| read::without_password(config.database_url.expose()),
    },
    Key {
        name: "smtp_url",
        takes: "smtps://USER:PASSWORD@HOST or smtp://USER:PASSWORD@HOST:PORT?tls=required|opportunistic",
        meaning: "The mail server. Optional only for `serve --dev`, which then keeps e-mails in `data/emails`.",
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
        takes: "a domain, or an address such as [192.0.2.25] or [IPv6:2001:db8::25]",
        meaning: "Name sent in EHLO (RFC 5321). Default: the host in `REKEY_ORIGIN`.",
        set: |config, value| {
            config.smtp_ehlo_name = read::ehlo_name(value)?;
            Ok(())
        },
        show: |config| config.smtp_ehlo_name.clone().unwrap_or_default(),
    },
    Key {
        name: "ca_file",
        takes: "the path of a PEM file with certificates",
        meaning: "Certificate authorities to trust in addition to the public ones, for the mail server, PostgreSQL, the OpenTelemetry collector, the range service for leaked passwords and identity providers.",
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
        name: "dns_server",
        takes: "an address and a port, such as 127.0.0.1:53 or [::1]:53",
        meaning: "DNS server that is asked to verify the domains of organizations. Default: the ones in `/etc/resolv.conf`.",
        set: |config, value| {
            config.dns_server = optional_address(value)?;
            Ok(())
        },
        show: |config| {
            config
                .dns_server
                .map_or_else(String::new, |address| address.to_string())
        },
    },
    Key {
        name: "key_file",
        takes: "the path of a file that only its owner may read (mode 0600)",
        meaning: "The server's keys. `serve --dev` creates the file on its first start.",
        set: |config, value| {
            config.key_file = path(value)?.ok_or("is empty")?;
            Ok(())
        },
        show: |config| config.key_file.display().to_string(),
    },
    Key {
        name: "rsa_key_file",
        takes: "the path of a file that only its owner may read (mode 0600), with `PRIVATE KEY` blocks (PEM) of RSA keys",
        meaning: "RSA keys for products with `id_token_signed_response_alg = \"RS256\"`. The first one signs; the others are still published, which a day of overlap needs. `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072` makes one.",
        set: |config, value| {
            config.rsa_key_file = path(value)?;
            if let Some(file) = &config.rsa_key_file {
                let keys = super::tables::secret(file)?;
                backend::oauth::Clients::default().with_rsa_keys(Some(&keys))?;
            }
            Ok(())
        },
        show: |config| {
            config
                .rsa_key_file
                .as_ref()
                .map_or_else(String::new, |file| file.display().to_string())
        },
    },
    Key {
        name: "brand",
        takes: "one line of 1 to 40 characters without < > \" @",
        meaning: "Product name on screens and in e-mails.",
        set: |config, value| {
            config.settings.brand = read::brand(value)?;
            Ok(())
        },
        show: |config| config.settings.brand.clone(),
    },
    Key {
        name: "sender_codes",
        takes: "an e-mail address",
        meaning: "Sender of e-mails with passcodes and of replies to requests.",
        set: |config, value| {
            config.settings.sender_codes = read::sender(value)?;
            Ok(())
        },
        show: |config| config.settings.sender_codes.clone(),
    },
    Key {
        name: "sender_notices",
        takes: "an e-mail address",
        meaning: "Sender of security notices, such as a changed password.",
        set: |config, value| {
            config.settings.sender_notices = read::sender(value)?;
            Ok(())
        },
        show: |config| config.settings.sender_notices.clone(),
    },
    Key {
        name: "trusted_proxies",
        takes: "addresses and networks separated by commas, such as 10.0.0.0/8,::1",
        meaning: "Reverse proxies trusted to set `X-Forwarded-For`. Without any, the client's address is the connection's peer address.",
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
        meaning: "Minimum length of a new password, in characters.",
        set: |config, value| {
            config.settings.password.min = read::number(value, 8..=64)?;
            Ok(())
        },
        show: |config| config.settings.password.min.to_string(),
    },
    Key {
        name: "password_guesses_log10",
        takes: "a number from 0 to 30",
        meaning: "Minimum number of guesses that a new password must withstand, as a power of ten.",
        set: |config, value| {
            config.settings.password_guesses_log10 = read::number(value, 0.0..=30.0)?;
            Ok(())
        },
        show: |config| config.settings.password_guesses_log10.to_string(),
    },
    Key {
        name: "leaked_file",
        takes: "the path of a file with one password, or one upper-case hexadecimal SHA-1, per line",
        meaning: "List of leaked passwords, which are rejected as new passwords. Off when empty.",
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
        takes: "https://…/range/, to which five characters are appended (http only on a loopback host)",
        meaning: "Range service for leaked passwords. It receives the first five characters of a SHA-1. Off when empty.",
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
        meaning: "Number of passwords hashed at the same time. Default: the number of cores.",
        set: |config, value| {
            config.hashes_at_once = read::number(value, 1..=1024)?;
            Ok(())
        },
        show: |config| config.hashes_at_once.to_string(),
    },
    Key {
        name: "hashing",
        takes: "auto or reference",
        meaning: "Password hashing implementation: the fast one if it passes a self-test at startup, or the reference one.",
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
        meaning: "Whether anyone can create an account.",
        set: |config, value| {
            config.settings.sign_up = read::yes_or_no(value)?;
            Ok(())
        },
        show: |config| config.settings.sign_up.to_string(),
    },
    Key {
        name: "trust_days",
        takes: "a whole number from 1 to 365",
        meaning: "Number of days for which a trusted device needs no passcode.",
        set: |config, value| {
            config.settings.trust_days = read::number(value, 1..=365)?;
            Ok(())
        },
        show: |config| config.settings.trust_days.to_string(),
    },
    Key {
        name: "deletion_grace_days",
        takes: "a whole number from 1 to 90",
        meaning: "Number of days between the request to delete an account and its deletion. Until then, its owner can keep it.",
        set: |config, value| {
            config.settings.deletion_grace_days = read::number(value, 1..=90)?;
            Ok(())
        },
        show: |config| config.settings.deletion_grace_days.to_string(),
    },
    Key {
        name: "session_idle_minutes",
        takes: "a whole number from 5 to 525600",
        meaning: "Idle time in minutes after which a session ends.",
        set: |config, value| {
            config.settings.session_idle_minutes = read::number(value, 5..=525_600)?;
            Ok(())
        },
        show: |config| config.settings.session_idle_minutes.to_string(),
    },
    Key {
        name: "session_days",
        takes: "a whole number from 1 to 365",
        meaning: "Maximum session lifetime in days, regardless of activity.",
        set: |config, value| {
            config.settings.session_days = read::number(value, 1..=365)?;
            Ok(())
        },
        show: |config| config.settings.session_days.to_string(),
    },
    limit!(
        "limit_reset_every_s",
        reset_every_s,
        "Minimum seconds between resets or sign-ups by one client for one address."
    ),
    limit!(
        "limit_emails_an_hour",
        emails_an_hour,
        "Maximum e-mails per hour to one mailbox caused by one client network (IPv6 /48: twice as many)."
    ),
    limit!(
        "limit_emails_a_day",
        emails_a_day,
        "Maximum e-mails per day to one mailbox caused by one client network (IPv6 /48: 1.5 times as many)."
    ),
    limit!(
        "limit_emails_to_domain_a_day",
        emails_to_domain_a_day,
        "Maximum e-mails per day to one mail domain caused by one client network (IPv6 /48: twice as many)."
    ),
    Key {
        name: "large_mail_domains",
        takes: "mail domains separated by commas, such as gmail.com,outlook.com",
        meaning: "Domains of large mail providers, to which `REKEY_LIMIT_EMAILS_TO_DOMAIN_A_DAY` does not apply.",
        set: |config, value| {
            config.settings.large_mail_domains = read::mail_domains(value)?;
            Ok(())
        },
        show: |config| config.settings.large_mail_domains.join(","),
    },
    limit!(
        "limit_emails_to_mailbox_a_day",
        emails_to_mailbox_a_day,
        "Maximum e-mails per day to one mailbox caused by all unknown clients; after that, client networks take turns."
    ),
    limit!(
        "limit_email_turn_s",
        email_turn_s,
        "Length of a network's turn in seconds. Each turn allows one e-mail."
    ),
    limit!(
        "limit_codes_an_hour",
        codes_an_hour,
        "Maximum sign-in passcodes per hour and account, after the correct password."
    ),
    limit!(
        "limit_codes_a_day",
        codes_a_day,
        "Maximum sign-in passcodes per day and account, after the correct password."
    ),
    limit!(
        "limit_client_a_minute",
        client_a_minute,
        "Maximum flows per minute started by one client."
    ),
    limit!(
        "limit_product_requests_a_minute",
        product_requests_a_minute,
        "Requests of a product per minute at the endpoints for products, on each server; for a product without a secret, a tenth of them from each network. Further ones get 429 with `Retry-After`."
    ),
    limit!(
        "limit_free_passwords",
        free_passwords,
        "Incorrect passwords per day before unknown clients must enter a passcode first and a known browser must wait."
    ),
    limit!(
        "limit_refused_passwords_an_hour",
        refused_passwords_an_hour,
        "Maximum rejected new passwords (guessable, common, leaked or in use) per hour and address."
    ),
    limit!(
        "limit_password_wait_s",
        password_wait_s,
        "First wait after `REKEY_LIMIT_FREE_PASSWORDS`, in seconds; it doubles each time."
    ),
    limit!(
        "limit_password_wait_max_s",
        password_wait_max_s,
        "Maximum length of these waits, in seconds."
    ),
    Key {
        name: "log",
        takes: "a filter such as info or info,backend=debug",
        meaning: "Log filter.",
        set: |config, value| {
            tracing_subscriber::EnvFilter::try_new(value).map_err(|_| "is not a valid filter".to_owned())?;
            config.log = value.to_owned();
            Ok(())
        },
        show: |config| config.log.clone(),
    },
    Key {
        name: "log_format",
        takes: "human or json",
        meaning: "Format of log lines.",
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
        takes: "an address and a port other than REKEY_LISTEN's, such as 127.0.0.1:9090, that only Prometheus can reach",
        meaning: "Address that serves `/metrics` to Prometheus. Off when empty.",
        set: |config, value| {
            config.metrics_listen = optional_address(value)?;
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
        takes: "http://HOST:4318 or https://HOST; /v1/traces is appended if it has no path",
        meaning: "OpenTelemetry collector that receives traces of requests. Off when empty.",
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
        meaning: "Share of requests that are traced. A decision by a trusted proxy takes precedence.",
        set: |config, value| {
            config.otlp_share = read::number(value, 0.0..=1.0)?;
            Ok(())
        },
        show: |config| config.otlp_share.to_string(),
    },
    Key {
        name: "site",
        takes: "the path of a folder",
        meaning: "Browser files. Default: those embedded by `make release`, otherwise `site` next to the program, otherwise `target/site`.",
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

fn optional_address(value: &str) -> Result<Option<SocketAddr>, String> {
    let address = Some(value).filter(|value| !value.is_empty());
    let address = address.map(str::parse).transpose();
    address.map_err(|_| "is not an address with a port".to_owned())
}

fn path(value: &str) -> Result<Option<PathBuf>, String> {
    Ok(if value.is_empty() { None } else { Some(value.into()) })
}

/// Attack: an eavesdropper learns part of every new password's digest.
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
