//! Users of a Keycloak realm export.

use super::{Fields, Found, LeftOut, Object, as_text, google_subject, is_yes, text};
use serde_json::Value;

pub(super) fn fields(user: &Object) -> Result<Found, String> {
    // A service account.
    if user.get("serviceAccountClientId").is_some_and(Value::is_string) {
        return Ok(Err(LeftOut::ServiceAccount));
    }
    let email_verified = user.get("emailVerified").is_some_and(is_yes);
    let name = [text(user, "firstName"), text(user, "lastName")].join(" ");
    let locale = user.get("attributes").map(|attributes| &attributes["locale"][0]);
    let credentials = user.get("credentials").and_then(Value::as_array);
    let password = credentials.and_then(|all| all.iter().find(|credential| credential["type"] == "password"));
    let password_hash = match password {
        Some(credential) => hash(credential).ok_or("its password credential has an unknown format")?,
        None => String::new(),
    };
    Ok(Ok(Fields {
        email: text(user, "email"),
        name: name.trim().to_owned(),
        password_hash,
        language: locale.map(as_text).unwrap_or_default(),
        created_at: text(user, "createdTimestamp"),
        email_verified,
        google_subject: google_subject(
            user.get("federatedIdentities").unwrap_or(&Value::Null),
            ("identityProvider", "google"),
            "userId",
        ),
        disabled: !user.get("enabled").is_none_or(is_yes),
    }))
}

/// Returns the credential as a PHC string; `secretData` and `credentialData` are JSON in a string.
fn hash(credential: &Value) -> Option<String> {
    let parsed = |name: &str| serde_json::from_str::<Value>(credential[name].as_str()?).ok();
    let (secret, data) = (parsed("secretData")?, parsed("credentialData")?);
    // PHC strings have no padding.
    let base64 = |name: &str| Some(secret[name].as_str()?.trim_end_matches('=').to_owned());
    let (value, salt) = (base64("value")?, base64("salt")?);
    let rounds = data["hashIterations"].as_u64()?;
    let algorithm = data["algorithm"].as_str()?;
    match algorithm {
        "pbkdf2" | "pbkdf2-sha256" | "pbkdf2-sha512" => Some(format!("${algorithm}$i={rounds}${salt}${value}")),
        "argon2" => {
            let parameter = |name: &str| data["additionalParameters"][name][0].as_str();
            let (kind, memory, lanes) = (parameter("type")?, parameter("memory")?, parameter("parallelism")?);
            let version = match parameter("version")? {
                "1.0" => 16,
                "1.3" => 19,
                _ => return None,
            };
            Some(format!(
                "$argon2{kind}$v={version}$m={memory},t={rounds},p={lanes}${salt}${value}"
            ))
        }
        _ => None,
    }
}
