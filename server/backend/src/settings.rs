use crate::Limits;
use account::PasswordPolicy;
use std::sync::{Arc, PoisonError, RwLock};

/// What most people's addresses end in.
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

/// What an operator decides: names, figures, policies. Every figure is a default of the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The product's name on screens and in mails.
    pub brand: String,
    /// Where people reach the service: `https://accounts.example.com`, without a slash at the end.
    pub origin: String,
    /// Sender of codes and of answers to requests: `noreply@signin.example.com`.
    pub sender_codes: String,
    /// Sender of notices: `noreply@example.com`.
    pub sender_notices: String,
    /// What a new password must be.
    pub password: PasswordPolicy,
    /// Passwords that zxcvbn guesses in fewer tries than ten to this power are refused.
    pub password_guesses_log10: f64,
    /// How often what may be tried.
    pub limits: Limits,
    /// Domains of mail providers with so many people that one client network may write to any number of them.
    pub large_mail_domains: Vec<String>,
    /// How long a trusted device is not asked for a code, in days.
    pub trust_days: i64,
    /// A session ends after so many minutes without use.
    pub session_idle_minutes: i64,
    /// A session ends after so many days in any case.
    pub session_days: i64,
    /// Whether strangers may make themselves an account.
    pub sign_up: bool,
}

/// The settings in force: they change while the service runs.
#[derive(Debug)]
pub struct LiveSettings(RwLock<Arc<Settings>>);

impl LiveSettings {
    /// Those of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Settings> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them. What has begun goes on with those that it has read.
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
        }
    }
}
