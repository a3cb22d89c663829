//! SIGHUP: the keys and the configuration are read again. No connection, session or e-mail ends by it.

use crate::config::{self, Config, ConfigPurpose, KEYS, variable};
use crate::logs::LogFilter;
use crate::start;
use backend::{Backend, Keys, Mailer};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

/// Keys of the configuration that are read at the start only; all others are in force after a reload.
const AT_START: [&str; 15] = [
    "listen",
    "origin",
    "database_url",
    "ca_file",
    "key_file",
    "trusted_proxies",
    "leaked_file",
    "leaked_range_url",
    "hashes_at_once",
    "hashing",
    "log_format",
    "metrics_listen",
    "otlp_url",
    "otlp_share",
    "site",
];

/// What a reload changes.
pub struct Reload {
    /// In force.
    pub config: Config,
    /// How it is checked.
    pub purpose: ConfigPurpose,
    /// Gets names, figures and policies.
    pub backend: Backend,
    /// Where e-mails go.
    pub mail: watch::Sender<Mailer>,
    /// The server's keys.
    pub keys: Keys,
    /// What is logged.
    pub log: LogFilter,
}

impl Reload {
    /// Reloads at each signal, until dropped.
    pub async fn run(mut self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            self.keys.read_again();
            if let Err(reasons) = self.reload() {
                for reason in reasons {
                    tracing::error!(%reason, "the configuration was not reloaded");
                }
            }
        }
    }

    fn reload(&mut self) -> Result<(), Vec<String>> {
        let (read, problems) = config::load(&config::environment(), self.purpose);
        if !problems.is_empty() {
            return Err(problems.iter().map(ToString::to_string).collect());
        }
        let changed = changed(&self.config, &read);
        let mut config = keep_from_start(read, &self.config);
        config.settings.origin.clone_from(&config.origin.text);
        let mail = start::mail(&config).map_err(|wrong| vec![wrong])?;
        self.log.replace(&config.log);
        self.backend.replace_settings(config.settings.clone());
        // Its connections stay where it is the same server. The authorities' file may have changed under its name.
        self.mail.send_if_modified(|in_force| {
            let is_other = !mail.is_as(in_force);
            if is_other {
                *in_force = mail;
            }
            is_other
        });
        self.config = config;
        let (at_start, now): (Vec<_>, Vec<_>) = changed.into_iter().partition(|name| AT_START.contains(name));
        for name in at_start {
            tracing::warn!(key = variable(name), "a changed key needs a restart");
        }
        let now: Vec<_> = now.into_iter().map(variable).collect();
        tracing::info!(changed = now.join(", "), "the configuration was reloaded");
        Ok(())
    }
}

/// The configuration that is in force with the keys that were read again.
fn keep_from_start(read: Config, before: &Config) -> Config {
    let before = before.clone();
    Config {
        log: read.log,
        smtp_url: read.smtp_url,
        smtp_ehlo_name: read.smtp_ehlo_name,
        settings: read.settings,
        ..before
    }
}

/// Names of the keys with another value.
fn changed(before: &Config, after: &Config) -> Vec<&'static str> {
    let differs = |name: &str, shown: fn(&Config) -> String| match name {
        // Shown without their passwords.
        "smtp_url" => before.smtp_url != after.smtp_url,
        "database_url" => before.database_url != after.database_url,
        "otlp_url" => before.otlp_url != after.otlp_url,
        _ => shown(before) != shown(after),
    };
    let keys = KEYS.iter().filter(|key| differs(key.name, key.show));
    keys.map(|key| key.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_the_start_is_a_key() {
        for name in AT_START {
            assert!(KEYS.iter().any(|key| key.name == name), "{name}");
        }
    }

    /// A key that is added to the configuration is either put in force or named as needing a restart.
    #[test]
    fn what_is_not_read_at_the_start_is_put_in_force() {
        let before = Config::default();
        let others = [
            "smtp://127.0.0.1:2525",
            "mail.example.com",
            "a@example.com",
            "7",
            "20",
            "4000",
            "debug",
            "false",
        ];
        for key in KEYS.iter().filter(|key| !AT_START.contains(&key.name)) {
            let read = others.iter().find_map(|value| {
                let (read, problems) =
                    config::load(&[(variable(key.name), (*value).to_owned())], ConfigPurpose::Command);
                (problems.is_empty() && !changed(&before, &read).is_empty()).then_some(read)
            });
            let read = read.unwrap_or_else(|| panic!("{}: no other value", key.name));
            assert_eq!(changed(&keep_from_start(read, &before), &before), [key.name]);
        }
    }
}
