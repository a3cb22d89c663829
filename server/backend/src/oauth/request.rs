//! The authorization request (RFC 6749 §4.1.1, OpenID Connect Core 1.0 §3.1.2.1).

use super::id_token::CONTEXT_CLASSES;
use super::parameters::{Parameters, is_printable};
use super::{Client, Clients};
use account::EmailAddress;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::sync::Arc;

/// The scopes that are granted; others are ignored.
pub(super) const SCOPES: [&str; 5] = ["openid", "email", "profile", "organization", super::OFFLINE];

/// The longest query of a request.
const QUERY_LEN: usize = 8 * 1024;
/// The longest `state` and `nonce`.
const TEXT_LEN: usize = 1024;
/// The longest hint.
const HINT_LEN: usize = 4 * 1024;

/// What the user is asked (`prompt`). By default, only what is necessary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    /// Nothing: if something is necessary, the client gets an error.
    pub none: bool,
    /// To sign in, even with a session.
    pub login: bool,
    /// Whether the client may learn about them, even if they agreed before.
    pub consent: bool,
}

impl Prompt {
    /// Reads a list; `None` if it is malformed.
    fn read(list: &str) -> Option<Self> {
        let mut prompt = Self::default();
        for word in list.split(' ') {
            match word {
                "none" => prompt.none = true,
                "login" | "select_account" => prompt.login = true,
                "consent" => prompt.consent = true,
                _ => return None,
            }
        }
        (!prompt.none || list == "none").then_some(prompt)
    }
}

/// A request that passed all checks.
pub(crate) struct ValidRequest {
    pub client: Arc<Client>,
    pub redirect_uri: String,
    pub scope: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub challenge: String,
    pub prompt: Prompt,
    pub max_age_s: Option<i64>,
    /// The number of factors of the class that the client prefers (`acr_values`); 0 without a known one.
    pub factors: i64,
    pub hints: Hints,
    /// An ID token of the user that the client expects.
    pub id_token_hint: Option<String>,
}

/// What the pages before sign-in may take from a request. Attack: it is from anyone, so it only fills in a field and chooses one of the
/// languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// The address that the user probably has here (`login_hint`).
    pub login_hint: Option<EmailAddress>,
    /// The preferred languages, separated by spaces (`ui_locales`).
    pub ui_locales: Option<String>,
}

/// Why a request is refused.
#[derive(Debug)]
pub(crate) enum InvalidRequest {
    /// The client or the address is not proven, so the browser stays here. For the operator's log.
    ///
    /// Attack: an open redirect, or an error message to a site that never asked.
    Unproven(&'static str),
    /// The client learns the error at this address (RFC 6749 §4.1.2.1).
    Returned {
        /// The address with the error.
        url: String,
        error: &'static str,
        description: &'static str,
    },
}

impl ValidRequest {
    /// Checks a raw query. `issuer` is part of errors.
    pub fn read(clients: &Clients, issuer: &str, query: &str) -> Result<Self, InvalidRequest> {
        use InvalidRequest::{Returned, Unproven};
        if query.len() > QUERY_LEN {
            return Err(Unproven("the request is too long"));
        }
        let asked = Parameters::parse(query);
        if asked.repeats("client_id") || asked.repeats("redirect_uri") {
            return Err(Unproven("client_id or redirect_uri is repeated"));
        }
        let client = asked.get("client_id").and_then(|id| clients.find(id));
        let client = client.ok_or(Unproven("client_id is not the id of a client"))?;
        let redirect_uri = asked.get("redirect_uri").filter(|uri| client.accepts(uri));
        let redirect_uri = redirect_uri.ok_or(Unproven("redirect_uri is not registered for this client"))?;
        let state = asked
            .get("state")
            .filter(|state| !asked.repeats("state") && is_printable(state, TEXT_LEN));
        check(&asked).map_err(|(error, description)| {
            let pairs = [("error", error), ("error_description", description)];
            Returned {
                url: redirect(redirect_uri, &pairs, state, issuer),
                error,
                description,
            }
        })?;
        let has = |scope: &&str| {
            asked
                .get("scope")
                .unwrap_or_default()
                .split(' ')
                .any(|one| one == *scope)
        };
        let granted: Vec<_> = SCOPES.into_iter().filter(has).collect();
        Ok(Self {
            client,
            redirect_uri: redirect_uri.to_owned(),
            scope: granted.join(" "),
            state: state.map(str::to_owned),
            nonce: asked.get("nonce").map(str::to_owned),
            challenge: asked.get("code_challenge").unwrap_or_default().to_owned(),
            prompt: asked.get("prompt").and_then(Prompt::read).unwrap_or_default(),
            max_age_s: asked.get("max_age").and_then(|age| age.parse().ok()),
            factors: factors_of(asked.get("acr_values").unwrap_or_default()),
            hints: Hints {
                login_hint: asked.get("login_hint").and_then(|hint| EmailAddress::parse(hint).ok()),
                ui_locales: asked
                    .get("ui_locales")
                    .filter(|tags| is_printable(tags, 200))
                    .map(str::to_owned),
            },
            id_token_hint: asked.get("id_token_hint").map(str::to_owned),
        })
    }
}

/// Checks all but the client and its address. Returns the error and its description.
fn check(asked: &Parameters) -> Result<(), (&'static str, &'static str)> {
    let invalid = |description| Err(("invalid_request", description));
    if asked.repeats_any() {
        return invalid("a parameter is repeated");
    }
    for (name, error) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if asked.get(name).is_some() {
            return Err((error, "this parameter is not supported"));
        }
    }
    match asked.get("response_type") {
        Some("code") => {}
        // Attack: a token in the URL ends up in histories and logs (implicit grant).
        Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
        None => return invalid("response_type is missing"),
    }
    if asked.get("response_mode").is_some_and(|mode| mode != "query") {
        return invalid("response_mode must be query");
    }
    if !asked
        .get("id_token_hint")
        .is_none_or(|hint| is_printable(hint, HINT_LEN))
    {
        return invalid("id_token_hint must be an ID token");
    }
    if !asked
        .get("scope")
        .unwrap_or_default()
        .split(' ')
        .any(|scope| scope == "openid")
    {
        return Err(("invalid_scope", "scope must contain openid"));
    }
    // Attack: a stolen code is redeemed by another party, after the challenge was removed or downgraded to `plain`.
    if asked.get("code_challenge_method") != Some("S256") {
        return invalid("code_challenge_method must be S256");
    }
    if !asked.get("code_challenge").is_some_and(is_challenge) {
        return invalid("code_challenge must be a SHA-256 digest in base64url");
    }
    for name in ["state", "nonce"] {
        if !asked.get(name).is_none_or(|text| is_printable(text, TEXT_LEN)) {
            return invalid("state and nonce must be printable ASCII, at most 1024 characters");
        }
    }
    if asked.get("prompt").is_some_and(|list| Prompt::read(list).is_none()) {
        return invalid("prompt must be none, or a list of login, consent and select_account");
    }
    let is_age = |age: &str| age.parse::<u32>().is_ok();
    if !asked.get("max_age").is_none_or(is_age) {
        return invalid("max_age must be a number of seconds");
    }
    Ok(())
}

/// Returns the number of factors of the first known class in a list. Other classes are ignored: the list is a wish (OpenID Connect
/// Core 1.0 §3.1.2.1).
fn factors_of(list: &str) -> i64 {
    let factors = |class: &str| (1..).zip(CONTEXT_CLASSES).find(|(_, known)| *known == class);
    list.split(' ').find_map(factors).map_or(0, |(factors, _)| factors)
}

fn is_challenge(text: &str) -> bool {
    text.len() == 43
        && BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .is_ok_and(|digest| digest.len() == 32)
}

/// Returns the client's address with a response.
pub(crate) fn redirect(uri: &str, pairs: &[(&str, &str)], state: Option<&str>, issuer: &str) -> String {
    let mut response = form_urlencoded::Serializer::new(String::new());
    response.extend_pairs(pairs);
    if let Some(state) = state {
        response.append_pair("state", state);
    }
    // Attack (mix-up): the client takes this response for another provider's (RFC 9207).
    response.append_pair("iss", issuer);
    let sign = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{sign}{}", response.finish())
}
