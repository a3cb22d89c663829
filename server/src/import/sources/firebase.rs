//! Users of `firebase auth:export`, with hashes that need their project's parameters.

use super::{Fields, Object, google_subject, is_yes, text};
use serde_json::Value;
use std::path::Path;

/// The columns of the CSV file without a header line, named like the JSON file's. Further columns belong to other providers.
pub(super) const COLUMNS: [&str; 27] = [
    "localId",
    "email",
    "emailVerified",
    "passwordHash",
    "salt",
    "displayName",
    "photoUrl",
    "googleId",
    "googleEmail",
    "googleDisplayName",
    "googlePhotoUrl",
    "facebookId",
    "facebookEmail",
    "facebookDisplayName",
    "facebookPhotoUrl",
    "twitterId",
    "twitterEmail",
    "twitterDisplayName",
    "twitterPhotoUrl",
    "gitHubId",
    "gitHubEmail",
    "gitHubDisplayName",
    "gitHubPhotoUrl",
    "createdAt",
    "lastSignedInAt",
    "phoneNumber",
    "disabled",
];

/// The password hash parameters of a project, as shown in the Firebase console.
#[derive(Clone)]
pub struct HashConfig {
    /// The part of a `$fbscrypt$` hash before the user's salt.
    prefix: String,
}

impl HashConfig {
    /// Reads the file with the block `hash_config { … }`. Other users of the machine could read a command line.
    ///
    /// # Errors
    /// Returns a message without the contents of the file.
    pub fn read(path: &Path) -> Result<Self, String> {
        let content = std::fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {}", path.display(), error.kind()))?;
        Self::parse(&content).map_err(|missing| {
            format!(
                "{} has no {missing}; it must contain the block hash_config {{ … }} from the Firebase console (Authentication, \
                 Users, Password hash parameters).",
                path.display()
            )
        })
    }

    /// Parses the parameters, or returns the name of a missing one.
    fn parse(content: &str) -> Result<Self, &'static str> {
        let value = |name: &'static str| {
            let lines = content.lines().filter_map(|line| line.trim().split_once(':'));
            let found = lines
                .filter(|(found, _)| found.trim() == name)
                .map(|(_, value)| value.trim().trim_end_matches(',').trim_matches('"'))
                .next();
            found.filter(|value| !value.is_empty()).ok_or(name)
        };
        if value("algorithm")? != "SCRYPT" {
            return Err("algorithm SCRYPT");
        }
        Ok(Self {
            prefix: format!(
                "$fbscrypt$v=1,n={},r={},p=1,ss={},sk={}",
                value("mem_cost")?,
                value("rounds")?,
                value("base64_salt_separator")?,
                value("base64_signer_key")?
            ),
        })
    }
}

pub(super) fn fields(user: &Object, config: Option<&HashConfig>) -> Fields {
    let password_hash = match (text(user, "passwordHash").as_str(), config) {
        ("", _) | (_, None) => String::new(),
        (hash, Some(config)) => format!("{}${}${hash}", config.prefix, text(user, "salt")),
    };
    // A column of the CSV file, or a list in the JSON file.
    let google_subject = match text(user, "googleId") {
        id if !id.is_empty() => id,
        _ => google_subject(
            user.get("providerUserInfo").unwrap_or(&Value::Null),
            ("providerId", "google.com"),
            "rawId",
        ),
    };
    Fields {
        google_subject,
        email: text(user, "email"),
        name: text(user, "displayName"),
        password_hash,
        created_at: text(user, "createdAt"),
        email_verified: user.get("emailVerified").is_some_and(is_yes),
        disabled: user.get("disabled").is_some_and(is_yes),
        ..Fields::default()
    }
}
