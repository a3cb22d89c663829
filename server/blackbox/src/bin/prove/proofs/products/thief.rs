//! What a thief, another client or another site does with requests, codes and tokens of a product.

use super::SECRET;
use super::tricks::TRICKS;
use crate::browser::Browser;
use crate::race;
use crate::service::{Kind, Service};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use blackbox::Fault;
use blackbox::http::{Answer, Wanted, encoded, form_of};
use serde_json::Value;

const VERIFIER: &str = "a-verifier-of-43-to-128-unreserved-characters";
const CALLBACK: &str = "https://shop.example/callback";

/// See the module documentation.
pub struct Thief<'a> {
    service: &'a Service,
    pub tries: usize,
    /// What was accepted.
    pub accepted: Vec<String>,
}

fn challenge() -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, VERIFIER.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(digest)
}

/// Returns a claim of an ID token.
pub fn claim(tokens: &Value, name: &str) -> Result<String, Fault> {
    let token = tokens["id_token"].as_str().unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap_or_default());
    let claims: Value = serde_json::from_slice(&claims.unwrap_or_default()).unwrap_or_default();
    claims[name]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("no {name} in {tokens}"))
}

impl<'a> Thief<'a> {
    pub const fn new(service: &'a Service) -> Self {
        Self {
            service,
            tries: 0,
            accepted: Vec::new(),
        }
    }

    pub fn try_everything(&mut self) -> Result<(), Fault> {
        let email = self.service.create_account(Kind::Local)?;
        let mut browser = self.service.browser_at(0);
        browser.sign_in(&self.service.mail, &email)?;
        self.addresses(&mut browser)?;
        self.downgrades(&mut browser)?;
        self.mix_ups(&mut browser)?;
        self.stolen_codes(&mut browser)?;
        self.used_codes(&mut browser)?;
        self.codes_at_once(&mut browser)?;
        self.refreshes_at_once(&mut browser)?;
        self.tokens_of_others(&mut browser)?;
        self.after_sign_out(browser)
    }

    fn asked(client: &str, redirect_uri: &str, more: &[(&str, &str)]) -> String {
        let challenge = challenge();
        let mut fields = vec![
            ("client_id", client),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", "openid email offline_access"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        format!("/oauth/authorize?{}", form_of(&fields))
    }

    fn code(&self, browser: &mut Browser, client: &str) -> Result<String, Fault> {
        let callback = format!("https://{client}.example/callback");
        let answer = browser.open(&Self::asked(client, &callback, &[]))?;
        let code = answer.header("location").split("code=").nth(1);
        let code = code.and_then(|rest| rest.split('&').next());
        code.map(str::to_owned).ok_or_else(|| answer.unexpected("no code"))
    }

    fn form(client: &str, code: &str, changes: &[(&str, &str)]) -> String {
        let callback = format!("https://{client}.example/callback");
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("client_secret", SECRET),
            ("redirect_uri", &callback),
            ("code", code),
            ("code_verifier", VERIFIER),
        ];
        for (name, value) in changes {
            fields.retain(|(known, _)| known != name);
            fields.push((name, value));
        }
        form_of(&fields)
    }

    fn refresh_form(token: &str) -> String {
        form_of(&[
            ("grant_type", "refresh_token"),
            ("client_id", "shop"),
            ("client_secret", SECRET),
            ("refresh_token", token),
        ])
    }

    /// Sends a form of a client to the next server.
    fn send(&self, endpoint: &str, form: &str) -> Result<Answer, Fault> {
        self.service.browser_at(1).post_as(endpoint, form, Wanted::Data)
    }

    /// Signs a browser in to a product; returns its tokens.
    pub fn sign_in_to(&self, browser: &mut Browser, client: &str, server: usize) -> Result<Value, Fault> {
        let code = self.code(browser, client)?;
        let mut product = self.service.browser_at(server);
        let answer = product.post_as("/oauth/token", &Self::form(client, &code, &[]), Wanted::Data)?;
        let tokens = answer.json();
        if tokens["access_token"].is_string() {
            Ok(tokens)
        } else {
            Err(answer.unexpected("signing in to a product"))
        }
    }

    /// Returns whether an access token works, at each server.
    fn works(&self, tokens: &Value) -> Result<bool, Fault> {
        let token = tokens["access_token"].as_str().unwrap_or_default();
        let mut any = false;
        for server in 0..2 {
            let mut product = self.service.browser_at(server);
            let host = self.service.host();
            let more = format!("Authorization: Bearer {token}\r\n");
            let request = blackbox::http::get_request("/oauth/userinfo", &host, &product.jar, &more);
            any |= product.send(request.as_bytes())?.status == 200;
        }
        Ok(any)
    }

    fn refused(&mut self, what: &str, accepted: bool) {
        self.tries += 1;
        if accepted {
            self.accepted.push(what.to_owned());
        }
    }

    fn addresses(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        for trick in TRICKS {
            let answer = browser.open(&Self::asked("shop", trick, &[]))?;
            let leads_away =
                answer.status != 400 || !answer.header("location").is_empty() || answer.says("http-equiv=\"refresh\"");
            self.refused(&format!("the address {trick:?}"), leads_away);
        }
        let twice = Self::asked("shop", CALLBACK, &[]) + "&redirect_uri=" + &encoded("https://evil.example/");
        let answer = browser.open(&twice)?;
        self.refused("two addresses", answer.status != 400);
        self.code(browser, "shop").map(drop)
    }

    fn downgrades(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        for change in [
            [("code_challenge", ""), ("code_challenge_method", "")],
            [("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
            [("code_challenge", VERIFIER), ("code_challenge_method", "")],
            [("response_type", "token"), ("response_mode", "fragment")],
            [("response_type", "code token"), ("response_mode", "query")],
            [("request", "eyJhbGciOiJub25lIn0.e30."), ("state", "s")],
            [("request_uri", "https://evil.example/request"), ("state", "s")],
        ] {
            let answer = browser.open(&Self::asked("shop", CALLBACK, &change))?;
            let location = answer.header("location");
            self.refused(
                &format!("{change:?}"),
                location.contains("code=") || !location.contains("error="),
            );
        }
        Ok(())
    }

    /// Mix-up (RFC 9207): each response names this issuer, and no other, so that a client refuses it for another provider's.
    fn mix_ups(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let tokens = self.sign_in_to(browser, "shop", 0)?;
        let issuer = ["iss=", &encoded(&claim(&tokens, "iss")?)].concat();
        for more in [
            vec![],
            vec![("prompt", "none")],
            vec![("scope", "email")],
            vec![("response_type", "token")],
            vec![("iss", "https://evil.example")],
            vec![("state", "iss=https://evil.example")],
        ] {
            let answer = browser.open(&Self::asked("shop", CALLBACK, &more))?;
            let query = answer.header("location").split_once('?').map_or("", |(_, query)| query);
            let named: Vec<_> = query.split('&').filter(|pair| pair.starts_with("iss=")).collect();
            self.refused(
                &format!("{more:?} with the issuers {named:?}"),
                named != [issuer.as_str()],
            );
        }
        Ok(())
    }

    /// A code that a thief has seen, at another client, address or verifier; then the client redeems it.
    fn stolen_codes(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let code = self.code(browser, "shop")?;
        let digest = challenge();
        for change in [
            vec![("client_id", "other")],
            vec![
                ("client_id", "other"),
                ("redirect_uri", "https://other.example/callback"),
            ],
            vec![("client_secret", "")],
            vec![("client_secret", "a secret of the proofs, 32 letters and mor")],
            vec![("code_verifier", "")],
            vec![("code_verifier", digest.as_str())],
            vec![("code_verifier", "another-verifier-of-43-to-128-characters-ab")],
            vec![("redirect_uri", "https://shop.example/callback/")],
            vec![("redirect_uri", "")],
            vec![("grant_type", "password")],
            vec![("grant_type", "client_credentials")],
            vec![("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")],
        ] {
            let answer = self.send("/oauth/token", &Self::form("shop", &code, &change))?;
            self.refused(&format!("a code with {change:?}"), answer.status == 200);
        }
        let answer = self.send("/oauth/token", &Self::form("shop", &code, &[]))?;
        // A code that was accepted from the thief is used.
        if answer.status == 200 || !self.accepted.is_empty() {
            Ok(())
        } else {
            Err(answer.unexpected("the client's own code"))
        }
    }

    fn used_codes(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let code = self.code(browser, "shop")?;
        let tokens = self.send("/oauth/token", &Self::form("shop", &code, &[]))?.json();
        if !self.works(&tokens)? {
            return Err("an access token did not work".into());
        }
        let again = self.send("/oauth/token", &Self::form("shop", &code, &[]))?;
        self.refused("a used code", again.status == 200);
        let works = self.works(&tokens)?;
        self.refused("a token of a code that was used twice", works);
        let refresh = Self::refresh_form(tokens["refresh_token"].as_str().unwrap_or_default());
        let refreshed = self.send("/oauth/token", &refresh)?;
        self.refused("a refresh token of a code that was used twice", refreshed.status == 200);
        Ok(())
    }

    fn at_once(&self, form: &str) -> Result<Vec<Answer>, Fault> {
        let runners = (0..200).map(|number| {
            let product = self.service.browser_at(number);
            let request =
                blackbox::http::form_request("/oauth/token", &self.service.host(), form, &product.jar, Wanted::Data);
            (product, request.into_bytes())
        });
        race::release(runners.collect())
    }

    fn codes_at_once(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let code = self.code(browser, "shop")?;
        let answers = self.at_once(&Self::form("shop", &code, &[]))?;
        let redeemed: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        self.tries += answers.len();
        if redeemed.len() > 1 {
            self.accepted.push(format!("{} of 200 uses of a code", redeemed.len()));
        }
        if let Some(first) = redeemed.first() {
            let works = self.works(&first.json())?;
            self.refused("a token of a code that was used 200 times", works);
        }
        Ok(())
    }

    /// All get the same refresh token; the one before it is worth nothing once that is used.
    fn refreshes_at_once(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let tokens = self.sign_in_to(browser, "shop", 0)?;
        let form = Self::refresh_form(tokens["refresh_token"].as_str().unwrap_or_default());
        let answers = self.at_once(&form)?;
        let mut next: Vec<_> = answers
            .iter()
            .map(|answer| answer.json()["refresh_token"].to_string())
            .collect();
        next.retain(|token| token != "null");
        next.sort();
        next.dedup();
        self.tries += answers.len();
        let [next] = next.as_slice() else {
            self.accepted.push(format!("{} refresh tokens for one", next.len()));
            return Ok(());
        };
        let newest = self
            .send("/oauth/token", &Self::refresh_form(next.trim_matches('"')))?
            .json();
        let works = self.works(&newest)?;
        if !works {
            return Err("a refreshed token did not work".into());
        }
        let old = self.send("/oauth/token", &form)?;
        self.refused("an old refresh token", old.status == 200);
        let works = self.works(&newest)?;
        self.refused("a token after the use of an old refresh token", works);
        Ok(())
    }

    fn tokens_of_others(&mut self, browser: &mut Browser) -> Result<(), Fault> {
        let tokens = self.sign_in_to(browser, "shop", 0)?;
        for name in ["access_token", "refresh_token"] {
            let token = tokens[name].as_str().unwrap_or_default();
            let form = form_of(&[("client_id", "other"), ("client_secret", SECRET), ("token", token)]);
            let told = self.send("/oauth/introspect", &form)?.json();
            self.refused(
                &format!("another client's {name} at introspection"),
                told["active"] != false,
            );
            self.send("/oauth/revoke", &form)?;
            let refresh = form_of(&[
                ("grant_type", "refresh_token"),
                ("client_id", "other"),
                ("client_secret", SECRET),
                ("refresh_token", token),
            ]);
            let answer = self.send("/oauth/token", &refresh)?;
            self.refused(
                &format!("another client's {name} as a refresh token"),
                answer.status == 200,
            );
        }
        if !self.works(&tokens)? {
            self.accepted.push("another client revoked a token".into());
        }
        let id_token = Value::from_iter([("access_token".to_owned(), tokens["id_token"].clone())]);
        let works = self.works(&id_token)?;
        self.refused("an ID token as an access token", works);
        Ok(())
    }

    fn after_sign_out(&mut self, mut browser: Browser) -> Result<(), Fault> {
        let tokens = self.sign_in_to(&mut browser, "shop", 0)?;
        let code = self.code(&mut browser, "shop")?;
        browser.post("/api/sign_in/sign_out", &[])?;
        let works = self.works(&tokens)?;
        self.refused("an access token after sign-out", works);
        for (what, form) in [
            ("a code after sign-out", Self::form("shop", &code, &[])),
            (
                "a refresh token after sign-out",
                Self::refresh_form(tokens["refresh_token"].as_str().unwrap_or_default()),
            ),
        ] {
            let answer = self.send("/oauth/token", &form)?;
            self.refused(what, answer.status == 200);
        }
        Ok(())
    }
}
