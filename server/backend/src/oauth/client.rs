//! A client: the addresses to which it may lead a browser, and how it proves who it is.

use super::client_options::ClientOptions;
use super::client_settings::ClientSettings;
use super::sites::Site;
use crate::random;
use crate::store::clients::StoredClient;
use account::{Secret, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use subtle::ConstantTimeEq;

/// A client.
pub(crate) struct Client {
    pub id: String,
    pub name: String,
    pub third_party: bool,
    pub backchannel_logout_uri: Option<String>,
    pub options: ClientOptions,
    pub keys: Option<JwkSet>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    secret_digest: Option<String>,
    /// The digest of the secret before, which is accepted until this time.
    previous: Option<(String, Timestamp)>,
}

impl From<ClientSettings> for Client {
    fn from(settings: ClientSettings) -> Self {
        Self {
            id: settings.id,
            name: settings.name,
            third_party: settings.third_party,
            backchannel_logout_uri: settings.backchannel_logout_uri,
            redirect_uris: settings.redirect_uris,
            post_logout_redirect_uris: settings.post_logout_redirect_uris,
            secret_digest: match &settings.client_secret {
                Some(secret) => Some(random::digest(secret)),
                // Known to no one. Attack: keys that cannot be read make the client public.
                None => settings
                    .options
                    .jwks
                    .is_some()
                    .then(|| random::digest(&random::token())),
            },
            previous: None,
            keys: settings
                .options
                .jwks
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok()),
            options: settings.options,
        }
    }
}

impl From<StoredClient> for Client {
    fn from(stored: StoredClient) -> Self {
        Self {
            secret_digest: stored.secret_digest,
            previous: stored.previous,
            ..Self::from(stored.settings)
        }
    }
}

impl Client {
    /// Makes the client that stands for a site.
    pub(super) fn of_site(site: &Site) -> Self {
        Self {
            id: site.client_id.clone(),
            name: site.name.clone(),
            third_party: false,
            backchannel_logout_uri: None,
            redirect_uris: vec![site.return_uri()],
            post_logout_redirect_uris: vec![[&site.origin, "/"].concat()],
            // Unknown to everyone. Attack: a user of the site redeems its code for tokens at the endpoint for clients.
            secret_digest: Some(random::digest(&random::token())),
            previous: None,
            keys: None,
            options: ClientOptions {
                home_uri: Some([&site.origin, "/"].concat()),
                ..ClientOptions::default()
            },
        }
    }

    /// Returns whether the browser may return to an address: exactly a registered one, or one on loopback with any port, for
    /// native apps (RFC 8252 §7.3).
    ///
    /// Attack: an address that a pattern or a parser takes for the registered one carries the code to another host.
    pub fn accepts(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| {
            registered == uri
                || matches!((without_loopback(registered), without_loopback(uri)), (Some(one), Some(other)) if one == other)
        })
    }

    /// Returns whether the browser may return to an address after sign-out.
    pub fn accepts_after_logout(&self, uri: &str) -> bool {
        self.post_logout_redirect_uris
            .iter()
            .any(|registered| registered == uri)
    }

    /// Returns whether the client has a secret or keys.
    pub const fn is_confidential(&self) -> bool {
        self.secret_digest.is_some()
    }

    /// Compares the secret in constant time, also with the one before while both are accepted. Attack: the secret is guessed by
    /// response times.
    pub fn has_secret(&self, secret: &Secret, now: Timestamp) -> bool {
        let digest = random::digest(secret);
        let is = |own: &String| bool::from(own.as_bytes().ct_eq(digest.as_bytes()));
        let previous = self.previous.as_ref().filter(|(_, until)| now.0 < until.0);
        self.secret_digest.as_ref().is_some_and(is) || previous.is_some_and(|(digest, _)| is(digest))
    }
}

/// Returns the host and the path of an address on loopback, without its port.
fn without_loopback(uri: &str) -> Option<(&'static str, &str)> {
    ["http://127.0.0.1", "http://[::1]"].into_iter().find_map(|host| {
        let rest = uri.strip_prefix(host)?;
        let Some(after) = rest.strip_prefix(':') else {
            return Some((host, rest));
        };
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let (port, path) = after.split_at(digits);
        port.parse::<u16>().ok().map(|_| (host, path))
    })
}
