//! The registered clients: products whose users sign in here.

use super::client_options::{ClientOptions, TokenAlgorithm};
use super::client_rates::ClientRates;
use super::rsa_keys::RsaKeys;
use super::sites::{Site, SiteRuleSettings, SiteSettings};
use super::stored_clients::StoredClients;
use crate::store::clients::StoredClient;
use crate::trust::is_encrypted_or_local;
use crate::{Backend, TrustedRoots, random};
use account::{Secret, Timestamp};
use jsonwebtoken::jwk::JwkSet;
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// The configuration of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// The identifier, `client_id` in requests.
    pub id: String,
    /// The name for users.
    pub name: String,
    /// The addresses to which the browser may return.
    pub redirect_uris: Vec<String>,
    /// The client's secret; without it, the client is public, such as a native app.
    pub client_secret: Option<Secret>,
    /// Whether another company operates the product: users are asked before it learns something about them.
    pub third_party: bool,
    /// The addresses to which the browser may return after sign-out.
    pub post_logout_redirect_uris: Vec<String>,
    /// The address that is told when a session ends (OpenID Connect Back-Channel Logout 1.0).
    pub backchannel_logout_uri: Option<String>,
    /// What few clients need.
    pub options: ClientOptions,
}

/// An invalid field of [`ClientSettings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidClient {
    /// The name of the field.
    pub name: &'static str,
    /// The problem, as a continuation of the name: "is not https".
    pub text: &'static str,
}

/// The registered clients. None by default. Clones share those of the database.
#[derive(Clone, Default)]
pub struct Clients {
    /// Those of the configuration file.
    configured: Arc<Vec<Arc<Client>>>,
    /// Those of the database.
    pub(super) stored: Arc<StoredClients>,
    sites: Arc<Vec<Site>>,
    rsa_keys: Arc<RsaKeys>,
    pub(super) rates: Arc<ClientRates>,
    /// Tells clients that a session has ended.
    http: reqwest::Client,
}

/// The time limit for a client's answer to a logout token.
const LOGOUT_LIMIT: Duration = Duration::from_secs(5);

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

/// The longest redirect address.
const URI_LEN: usize = 512;

impl ClientSettings {
    /// Returns whether the client proves who it is: by a secret, or by keys.
    #[must_use]
    pub const fn is_confidential(&self) -> bool {
        self.client_secret.is_some() || self.options.jwks.is_some()
    }

    /// Returns the invalid fields, also those that must differ from `earlier` clients.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<InvalidClient> {
        let is_allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_id = (1..=32).contains(&self.id.len()) && self.id.bytes().all(is_allowed);
        let is_repeated = earlier.iter().any(|other| other.id == self.id);
        let is_name = (1..=40).contains(&self.name.chars().count())
            && !self.name.chars().any(char::is_control)
            && self.name.trim() == self.name;
        let none = self.redirect_uris.is_empty().then_some("is empty");
        let uris = none.or_else(|| self.redirect_uris.iter().find_map(|uri| uri_problem(uri)));
        let problem_after = |uris: &[String]| uris.iter().find_map(|uri| uri_problem(uri));
        let is_short = self
            .client_secret
            .as_ref()
            .is_some_and(|secret| secret.expose().len() < 32);
        let id = if !is_id {
            Some("is not an identifier")
        } else {
            is_repeated.then_some("is the identifier of another client")
        };
        let has_both = self.client_secret.is_some() && self.options.jwks.is_some();
        [
            ("id", id),
            ("name", (!is_name).then_some("is empty, too long, or not one line")),
            ("redirect_uris", uris),
            (
                "post_logout_redirect_uris",
                problem_after(&self.post_logout_redirect_uris),
            ),
            (
                "backchannel_logout_uri",
                problem_after(self.backchannel_logout_uri.as_slice()),
            ),
            // Attack: a short secret is guessed offline or at the token endpoint.
            (
                "client_secret_file",
                is_short
                    .then_some("names a file with a short secret")
                    .or(has_both.then_some("is set together with jwks_file")),
            ),
        ]
        .into_iter()
        .chain(self.options.problems())
        .filter_map(|(name, text)| text.map(|text| InvalidClient { name, text }))
        .collect()
    }
}

/// Returns what is wrong with a redirect address.
pub(super) fn uri_problem(uri: &str) -> Option<&'static str> {
    let is_plain = |b: u8| b.is_ascii_graphic() && !b"\"'<>\\^`{|}*".contains(&b);
    let Ok(url) = reqwest::Url::parse(uri) else {
        return Some("has an entry that is not a URL");
    };
    // Attack: someone on the network reads the code.
    if !is_encrypted_or_local(&url) {
        return Some("has an entry that is not https");
    }
    // Attack: a wildcard or an unusual spelling, which browsers and this service read differently.
    if uri.len() > URI_LEN || !uri.bytes().all(is_plain) || !url.as_str().starts_with(uri.trim_end_matches('/')) {
        return Some("has an entry that is too long or not in its usual spelling");
    }
    let has_more = url.fragment().is_some() || !url.username().is_empty() || url.password().is_some();
    has_more.then_some("has an entry with a fragment or a user name")
}

impl Clients {
    /// Registers the clients. `roots` verify the servers that are told when a session ends.
    ///
    /// # Errors
    /// A sentence for the operator about the first invalid client.
    pub fn new(list: Vec<ClientSettings>, roots: &TrustedRoots) -> Result<Self, String> {
        for (index, client) in list.iter().enumerate() {
            if let Some(InvalidClient { name, text }) = client.invalid_fields(&list[..index]).first() {
                return Err(format!("{name} of the client `{}` {text}", client.id));
            }
        }
        let http = roots.http()?.timeout(LOGOUT_LIMIT);
        let http = http.user_agent(concat!("Rekey/", env!("CARGO_PKG_VERSION")));
        Ok(Self {
            configured: Arc::new(list.into_iter().map(Client::from).map(Arc::new).collect()),
            stored: Arc::default(),
            sites: Arc::default(),
            rsa_keys: Arc::default(),
            rates: Arc::default(),
            http: http.build().map_err(|error| error.to_string())?,
        })
    }

    /// Adds sites. Each is also a client, whose codes only this service redeems.
    ///
    /// # Errors
    /// A sentence for the operator about the first invalid site or rule.
    pub fn with_sites(mut self, sites: Vec<SiteSettings>, rules: &[SiteRuleSettings]) -> Result<Self, String> {
        let sites = Site::all(sites, rules)?;
        let clients = sites.iter().map(Client::of_site).map(Arc::new);
        self.configured = Arc::new(self.configured.iter().cloned().chain(clients).collect());
        self.sites = Arc::new(sites);
        Ok(self)
    }

    /// Adds the RSA keys that sign tokens of clients with RS256: PEM, the current one first.
    ///
    /// # Errors
    /// What is wrong with them, or that a client needs one.
    pub fn with_rsa_keys(mut self, pem: Option<&Secret>) -> Result<Self, String> {
        self.rsa_keys = Arc::new(pem.map_or(Ok(RsaKeys::default()), RsaKeys::read)?);
        let needs_one = |client: &&Arc<Client>| client.options.id_token_signed_response_alg == TokenAlgorithm::RS256;
        match self.configured.iter().find(needs_one) {
            Some(client) if self.rsa_keys.current().is_none() => Err(format!(
                "the client `{}` needs RS256, but there is no RSA key",
                client.id
            )),
            _ => Ok(self),
        }
    }

    pub(super) fn rsa_keys(&self) -> &RsaKeys {
        &self.rsa_keys
    }

    pub(crate) fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Returns whether the configuration file has a client. It takes precedence over one of the database.
    pub(super) fn is_configured(&self, id: &str) -> bool {
        self.configured.iter().any(|client| client.id == id)
    }

    fn all(&self) -> Vec<Arc<Client>> {
        self.configured.iter().chain(&*self.stored.list()).cloned().collect()
    }

    /// Returns the ids of the clients that are told when a session ends.
    pub(super) fn told_of_logout(&self) -> Vec<String> {
        let all = self.all().into_iter();
        all.filter(|client| client.backchannel_logout_uri.is_some())
            .map(|client| client.id.clone())
            .collect()
    }

    pub(super) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.all().iter().map(|client| client.id.clone()).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.configured.is_empty() && self.stored.list().is_empty()
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Client>> {
        let stored = self.stored.list();
        let found = self.configured.iter().chain(&*stored).find(|client| client.id == id);
        found.cloned()
    }
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
    fn of_site(site: &Site) -> Self {
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

impl Backend {
    pub(crate) fn clients(&self) -> &Clients {
        &self.parts.clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(uris: &[&str]) -> ClientSettings {
        ClientSettings {
            id: "shop".into(),
            name: "Shop".into(),
            redirect_uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            ..ClientSettings::default()
        }
    }

    fn clients(list: Vec<ClientSettings>) -> Result<Clients, String> {
        Clients::new(list, &TrustedRoots::public())
    }

    #[test]
    fn only_registered_addresses_are_accepted() {
        let registered = [
            "https://shop.example/callback",
            "https://shop.example/other?a=b",
            "http://127.0.0.1/callback",
            "http://[::1]:4000/callback",
        ];
        let clients = clients(vec![settings(&registered)]).unwrap();
        let client = clients.find("shop").unwrap();
        for uri in registered {
            assert!(client.accepts(uri), "{uri}");
        }
        for uri in [
            "http://127.0.0.1:49152/callback",
            "http://[::1]/callback",
            "http://[::1]:1/callback",
        ] {
            assert!(client.accepts(uri), "{uri}");
        }
        for trick in [
            "",
            "https://shop.example/",
            "https://shop.example/callback/",
            "https://shop.example/callback?",
            "https://shop.example/callback#",
            "https://shop.example/callback/../evil",
            "https://shop.example/Callback",
            "https://SHOP.example/callback",
            "https://shop.example:443/callback",
            "https://shop.example:8443/callback",
            "http://shop.example/callback",
            "https://shop.example.evil.example/callback",
            "https://evil.example/https://shop.example/callback",
            "https://shop.example@evil.example/callback",
            "https://evil.example\\@shop.example/callback",
            "https://shop.example/callback\r\n",
            "https://shop.example/callback%0d%0a",
            " https://shop.example/callback",
            "//shop.example/callback",
            "javascript:alert(1)//https://shop.example/callback",
            "https://shop.example/other",
            "https://shop.example/other?a=b&c=d",
            "http://127.0.0.1:0x50/callback",
            "http://127.0.0.1:70000/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:80.evil.example/callback",
            "https://127.0.0.1/callback",
            "http://localhost/callback",
            "http://127.0.0.2/callback",
            "http://127.0.0.1:80/evil",
        ] {
            assert!(!client.accepts(trick), "{trick:?}");
        }
    }

    #[test]
    fn an_invalid_redirect_address_is_refused() {
        for uri in [
            "",
            "shop.example",
            "/callback",
            "http://shop.example/callback",
            "https://*.shop.example/callback",
            "https://shop.example/callback#top",
            "https://user@shop.example/callback",
            "https://shop.example/a b",
            "https://shop.example/a/../b",
            "HTTPS://shop.example/callback",
            "https://Shop.example/callback",
            "com.example.app:/callback",
            "javascript:alert(1)",
        ] {
            let fields = settings(&[uri]).invalid_fields(&[]);
            assert!(fields.iter().any(|field| field.name == "redirect_uris"), "{uri}");
        }
        assert_eq!(settings(&[]).invalid_fields(&[])[0].text, "is empty");
        for uri in [
            "https://shop.example",
            "https://shop.example/",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
        ] {
            assert_eq!(settings(&[uri]).invalid_fields(&[]), [], "{uri}");
        }
    }

    #[test]
    fn a_secret_is_long_and_compared_in_full() {
        let secret = "0123456789abcdef0123456789abcdef";
        let with = |secret: &str| ClientSettings {
            client_secret: Some(secret.into()),
            ..settings(&["https://shop.example/callback"])
        };
        assert_eq!(with(&secret[1..]).invalid_fields(&[])[0].name, "client_secret_file");
        let clients = clients(vec![with(secret)]).unwrap();
        let client = clients.find("shop").unwrap();
        let has = |secret: &str| client.has_secret(&secret.into(), Timestamp(0));
        assert!(has(secret) && !has(&secret[1..]));
        assert!(self::clients(vec![with(secret), with(secret)]).is_err());
    }
}
