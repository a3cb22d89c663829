//! An OpenID provider on the loopback. It has many issuers, each of which is correct except for one lie.

mod jws;
mod responses;

use crate::{Fault, http};
use jws::SigningKey;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The service's identifier at every issuer.
pub const CLIENT_ID: &str = "client-of-rekey";

/// The path of the discovery document, below an issuer.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The path of the public keys.
pub const KEYS: &str = "/keys";
/// The path of the token endpoint.
pub const TOKEN: &str = "/token";

/// The only difference from a correct provider.
#[derive(Clone, Copy)]
pub enum Lie {
    /// No difference.
    None,
    /// Changes the header of the ID token.
    Header(fn(&mut Value)),
    /// Changes the claims of the ID token.
    Claims(fn(&mut Value)),
    /// Changes the claims after signing.
    SignedClaims(fn(&mut Value)),
    /// Names the algorithm `none` and has no signature.
    Unsigned,
    /// Signs with HS256, with the public key as the secret.
    PublicKeyAsSecret,
    /// Signs with a key that is not published, under the name of the published one.
    UnpublishedKey,
    /// Signs with a key that only the token's header contains.
    KeyInHeader,
    /// Sends user information about another subject.
    OtherUserinfo,
    /// Redeems a code with any PKCE verifier.
    AnyVerifier,
    /// Changes the discovery document.
    Discovery(fn(&mut Value)),
    /// Responds differently at a path.
    Endpoint(&'static str, Reply),
}

/// A false response.
#[derive(Clone, Copy)]
pub enum Reply {
    /// The correct response, followed by 5 MB of white space.
    Huge,
    /// A redirect (307) to an address with the correct response.
    Moved,
    /// Only a status.
    Status(u16),
    /// A document.
    Json(&'static str),
}

/// A user of the provider.
#[derive(Debug, Clone)]
pub struct Person {
    /// The permanent identifier.
    pub subject: String,
    /// The address.
    pub email: String,
    /// Whether the provider says that it has verified the address.
    pub email_verified: bool,
}

/// The redirect back to the service. Displayed as a query string.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// The code for the token endpoint.
    pub code: String,
    /// The state of the request.
    pub state: String,
    /// The issuer.
    pub iss: String,
}

/// See the module documentation. Stops when dropped.
pub struct LyingProvider {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    origin: String,
    lies: BTreeMap<&'static str, Lie>,
    key: SigningKey,
    unpublished: SigningKey,
    state: Mutex<State>,
    over: AtomicBool,
}

#[derive(Default)]
struct State {
    grants: BTreeMap<String, Grant>,
    granted: usize,
    /// The issuer and path of each request.
    requests: Vec<(String, String)>,
    /// The issuer of each issued ID token.
    issued: Vec<String>,
}

/// A user who has signed in at an issuer.
#[derive(Clone)]
struct Grant {
    id: String,
    /// The parameters of the authorization request.
    request: BTreeMap<String, String>,
    person: Person,
    lie: Lie,
}

impl LyingProvider {
    /// Starts a provider with an issuer for each lie: its identifier and the lie.
    ///
    /// # Errors
    /// Fails if no port is available or no key can be created.
    pub fn start(lies: impl IntoIterator<Item = (&'static str, Lie)>) -> Result<Self, Fault> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let shared = Arc::new(Shared {
            origin: format!("http://{address}"),
            lies: lies.into_iter().collect(),
            key: SigningKey::generate()?,
            unpublished: SigningKey::generate()?,
            state: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let all = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if all.over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), all) = (stream, all.clone()) else {
                    continue;
                };
                // A failure means that the client has disconnected, as it does during an endless response.
                std::thread::spawn(move || all.serve(stream).ok());
            }
        });
        Ok(Self { shared, address })
    }

    /// Returns the issuer with an identifier.
    #[must_use]
    pub fn issuer(&self, id: &str) -> String {
        self.shared.issuer(id)
    }

    /// Returns the `[[providers]]` tables of the service's configuration file.
    #[must_use]
    pub fn config(&self) -> String {
        let mut text = String::new();
        for id in self.shared.lies.keys() {
            let issuer = self.issuer(id);
            let _ = writeln!(
                text,
                "[[providers]]\nid = \"{id}\"\nname = \"{id}\"\nissuer = \"{issuer}\"\nclient_id = \"{CLIENT_ID}\"\n"
            );
        }
        text
    }

    /// Signs a person in at the authorization address, and lies.
    ///
    /// # Errors
    /// Fails if it isn't a correct address.
    pub fn sign_in(&self, url: &str, person: &Person) -> Result<Redirect, Fault> {
        self.grant(url, person, None)
    }

    /// Signs a person in at the authorization address, and tells the truth.
    ///
    /// # Errors
    /// Fails if it isn't a correct address.
    pub fn sign_in_honestly(&self, url: &str, person: &Person) -> Result<Redirect, Fault> {
        self.grant(url, person, Some(Lie::None))
    }

    fn grant(&self, url: &str, person: &Person, lie: Option<Lie>) -> Result<Redirect, Fault> {
        let incorrect = || format!("not a correct authorization address: {url}");
        let rest = url.strip_prefix(&format!("{}/", self.shared.origin));
        let (id, query) = rest
            .and_then(|rest| rest.split_once("/authorize?"))
            .ok_or_else(incorrect)?;
        let configured = self.shared.lies.get(id).ok_or_else(incorrect)?;
        let request = fields(query.as_bytes());
        let is = |name: &str, value: &str| request.get(name).is_some_and(|sent| sent == value);
        // A correct provider requires PKCE.
        if !is("response_type", "code") || !is("client_id", CLIENT_ID) || !is("code_challenge_method", "S256") {
            return Err(incorrect());
        }
        let state = request.get("state").ok_or_else(incorrect)?.clone();
        let mut shared = self.shared.state();
        shared.granted += 1;
        let code = format!("code{}", shared.granted);
        let grant = Grant {
            id: id.to_owned(),
            request,
            person: person.clone(),
            lie: lie.unwrap_or(*configured),
        };
        shared.grants.insert(code.clone(), grant);
        let iss = self.issuer(id);
        Ok(Redirect { code, state, iss })
    }

    /// Returns the number of requests for a path of an issuer.
    #[must_use]
    pub fn requests(&self, id: &str, path: &str) -> usize {
        let state = self.shared.state();
        let requests = state.requests.iter();
        requests.filter(|(to, at)| to == id && at == path).count()
    }

    /// Returns the number of ID tokens from an issuer.
    #[must_use]
    pub fn issued(&self, id: &str) -> usize {
        self.shared.state().issued.iter().filter(|issuer| *issuer == id).count()
    }
}

impl Drop for LyingProvider {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wake up the listener, so that it stops.
        let _ = TcpStream::connect(self.address);
    }
}

impl std::fmt::Display for Redirect {
    fn fmt(&self, form: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = [("code", &*self.code), ("state", &self.state), ("iss", &self.iss)];
        form.write_str(&http::form_of(&pairs))
    }
}

impl Shared {
    fn issuer(&self, id: &str) -> String {
        format!("{}/{id}", self.origin)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fields(form: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(form).into_owned().collect()
}
