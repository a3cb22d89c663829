//! The registered clients: products whose users sign in here.

use super::client::Client;
use super::client_options::TokenAlgorithm;
use super::client_rates::ClientRates;
use super::client_settings::{ClientSettings, InvalidClient};
use super::rsa_keys::RsaKeys;
use super::sites::{Site, SiteRuleSettings, SiteSettings};
use super::stored_clients::StoredClients;
use crate::{Backend, TrustedRoots};
use account::Secret;
use std::sync::Arc;
use std::time::Duration;

/// The time limit for a client's answer to a logout token.
const LOGOUT_LIMIT: Duration = Duration::from_secs(5);

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

impl Backend {
    pub(crate) fn clients(&self) -> &Clients {
        &self.parts.clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::Timestamp;

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
