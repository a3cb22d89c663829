//! Reloads the keys and the configuration on SIGHUP, without interrupting connections, sessions or e-mails.

use crate::config::{self, Config, ConfigPurpose, KEYS, variable};
use crate::logs::LogFilter;
use crate::start;
use backend::{Backend, Keys, Mailer};
use tokio::signal::unix::Signal;
use tokio::sync::watch;

/// Keys of the configuration that need a restart; all others take effect on reload.
const AT_START: [&str; 17] = [
    "listen",
    "origin",
    "database_url",
    "ca_file",
    "rsa_key_file",
    "dns_server",
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

/// The state changed by a reload.
pub struct Reload {
    /// The configuration in force.
    pub config: Config,
    /// The purpose for which it is validated.
    pub purpose: ConfigPurpose,
    /// Receives names, limits and policies.
    pub backend: Backend,
    /// Receives the e-mail transport.
    pub mail: watch::Sender<Mailer>,
    /// The server's keys.
    pub keys: Keys,
    /// The log filter.
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
        // With other providers, the sign-ins in progress would end.
        if read.providers != self.config.providers {
            tracing::warn!(key = "[[providers]]", "a changed key needs a restart");
        }
        if read.clients != self.config.clients {
            tracing::warn!(key = "[[clients]]", "a changed key needs a restart");
        }
        let mut config = keep_from_start(read, &self.config);
        config.settings.origin.clone_from(&config.origin.text);
        let mail = start::mail(&config).map_err(|wrong| vec![wrong])?;
        self.log.replace(&config.log);
        self.backend.replace_settings(config.settings.clone());
        // Connections to an unchanged server are kept. The contents of the CA file may have changed.
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

/// Returns the current configuration with new values of the keys that can be reloaded.
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

/// Returns the names of the changed keys.
fn changed(before: &Config, after: &Config) -> Vec<&'static str> {
    let differs = |name: &str, shown: fn(&Config) -> String| match name {
        // Compared in full, because passwords are not displayed.
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
    fn every_setting_read_at_start_exists() {
        for name in AT_START {
            assert!(KEYS.iter().any(|key| key.name == name), "{name}");
        }
    }

    /// Every new key of the configuration must be reloadable, or be reported as needing a restart.
    #[test]
    fn settings_not_read_at_start_apply_on_reload() {
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
