use crate::{Limits, MailGroup};
use account::PasswordPolicy;
use std::sync::{Arc, PoisonError, RwLock};

/// The most common domains of e-mail addresses.
const LARGE_MAIL_DOMAINS: [&str; 20] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "hotmail.com",
    "live.com",
    "msn.com",
    "yahoo.com",
    "icloud.com",
    "me.com",
    "aol.com",
    "gmx.de",
    "gmx.net",
    "web.de",
    "proton.me",
    "protonmail.com",
    "orange.fr",
    "mail.ru",
    "yandex.ru",
    "qq.com",
    "163.com",
];

/// The operator's settings: names, limits, policies. Defaults are in the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The product's name on screens and in e-mails.
    pub brand: String,
    /// The public URL of the service: `https://accounts.example.com`, without a trailing slash.
    pub origin: String,
    /// Sender of codes and of answers to requests: `noreply@signin.example.com`.
    pub sender_codes: String,
    /// Sender of notices: `noreply@example.com`.
    pub sender_notices: String,
    /// The requirements for a new password.
    pub password: PasswordPolicy,
    /// Passwords that zxcvbn guesses in fewer than ten to this power tries are refused.
    pub password_guesses_log10: f64,
    /// Rate limits.
    pub limits: Limits,
    /// Domains of large mail providers, to which the limit per domain doesn't apply.
    pub large_mail_domains: Vec<String>,
    /// Days for which a trusted device skips the code.
    pub trust_days: i64,
    /// Minutes after which an unused session ends.
    pub session_idle_minutes: i64,
    /// Maximum duration of a session, in days.
    pub session_days: i64,
    /// Whether sign-up is open.
    pub sign_up: bool,
    /// Days for which the owner of an account can cancel its deletion.
    pub deletion_grace_days: i64,
    /// The groups of e-mails that readers can turn on and off.
    pub mail_groups: Vec<MailGroup>,
}

impl Settings {
    /// Returns whether a domain belongs to a large mail provider, by the operator's list or the default one.
    #[must_use]
    pub fn is_large_mail_domain(&self, domain: &str) -> bool {
        LARGE_MAIL_DOMAINS.contains(&domain) || self.large_mail_domains.iter().any(|known| known == domain)
    }
}

/// The settings in force, which can change while the service runs.
#[derive(Debug)]
pub struct LiveSettings(RwLock<Arc<Settings>>);

impl LiveSettings {
    /// Returns the current settings.
    #[must_use]
    pub fn current(&self) -> Arc<Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the settings. Operations in progress continue with the previous ones.
    pub fn replace(&self, settings: Settings) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }
}

impl From<Settings> for LiveSettings {
    fn from(settings: Settings) -> Self {
        Self(RwLock::new(Arc::new(settings)))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            brand: "Rekey".into(),
            origin: "http://127.0.0.1:3000".into(),
            sender_codes: "noreply@signin.rekey.example".into(),
            sender_notices: "noreply@rekey.example".into(),
            password: PasswordPolicy { min: 15 },
            password_guesses_log10: 10.0,
            limits: Limits::default(),
            large_mail_domains: LARGE_MAIL_DOMAINS.map(str::to_owned).into(),
            trust_days: 30,
            session_idle_minutes: 7 * 24 * 60,
            session_days: 30,
            sign_up: true,
            deletion_grace_days: 30,
            mail_groups: Vec::new(),
        }
    }
}
