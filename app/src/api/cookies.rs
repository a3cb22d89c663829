//! Cookies: session, device and flow tokens, the visit token, the theme, and the one-time flash.

use ::cookie::time::Duration;
use ::cookie::{Cookie, CookieBuilder, SameSite};
use account::{EmailAddress, Purpose, Refusal, Secret, SecurityDone, Theme};
use backend::{BrowserTokens, TokenChange, TokenKind};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::client::Failure;
use crate::site_map::PageId;

// Attack: session fixation from `evil.example.com`. The `__Host-` prefix keeps subdomains from setting these cookies.
const FLASH: &str = "__Host-flash";
const TYPED: &str = "__Host-typed";
const THEME: &str = "__Host-theme";
/// The cookie with the language chosen on a page.
pub const LANGUAGE: &str = "__Host-language";
const VISIT: &str = "__Host-visit";
/// Lifetime of the flash: enough for one redirect, so that a later visit does not show an old failure.
const FLASH_SECONDS: i64 = 120;
/// Lifetime of what was typed: enough for a sign-in with a slow e-mail.
const TYPED_SECONDS: i64 = 15 * 60;
const YEAR_S: i64 = 365 * 24 * 60 * 60;
/// Maximum length of the flash; browsers drop cookies larger than 4 KiB.
const FLASH_LONGEST: usize = 3_000;

const fn name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Session => "__Host-session",
        TokenKind::Device => "__Host-device",
        TokenKind::Flow(Purpose::SignIn) => "__Host-signin",
        TokenKind::Flow(Purpose::Reset) => "__Host-reset",
        TokenKind::Flow(Purpose::SignUp) => "__Host-signup",
        TokenKind::Flow(Purpose::Confirm) => "__Host-confirm",
        TokenKind::Flow(Purpose::ChangeEmail) => "__Host-email",
        TokenKind::Flow(Purpose::Secure) => "__Host-secure",
        TokenKind::Provider => "__Host-provider",
        TokenKind::Connection => "__Host-connection",
    }
}

/// Returns the tokens in a request's cookies.
#[must_use]
pub fn held(headers: &HeaderMap) -> BrowserTokens {
    let token = |kind| cookie(headers, name(kind)).map(Secret::from);
    BrowserTokens {
        session: token(TokenKind::Session),
        device: token(TokenKind::Device),
        flows: Purpose::ALL
            .into_iter()
            .filter_map(|purpose| Some((purpose, token(TokenKind::Flow(purpose))?)))
            .collect(),
        provider: token(TokenKind::Provider),
        connection: token(TokenKind::Connection),
        visit: cookie(headers, VISIT).map(Secret::from),
    }
}

/// Returns the `Set-Cookie` header that begins a visit, which lasts until the browser closes.
pub(super) fn of_visit(token: &Secret) -> Option<HeaderValue> {
    HeaderValue::from_str(&ours(VISIT, token.expose()).build().to_string()).ok()
}

/// Returns the theme chosen in this browser.
pub(super) fn theme(headers: &HeaderMap) -> Option<String> {
    cookie(headers, THEME).map(ToOwned::to_owned)
}

/// Returns the `Set-Cookie` header that keeps the chosen theme, also for pages before sign-in.
#[must_use]
pub fn of_theme(theme: Theme) -> Option<HeaderValue> {
    set(THEME, theme.as_str(), YEAR_S)
}

/// Returns the `Set-Cookie` header that keeps the chosen language, likewise: one of [`LANGUAGES`](crate::words::LANGUAGES).
#[must_use]
pub fn of_language(language: &str) -> Option<HeaderValue> {
    set(LANGUAGE, language, YEAR_S)
}

/// Returns the `Set-Cookie` header for a changed token.
pub(super) fn of_change(change: &TokenChange) -> Option<HeaderValue> {
    match &change.token {
        Some(token) => set(name(change.kind), token.expose(), change.keep_s),
        None => set(name(change.kind), "", 0),
    }
}

/// Data that survives one redirect in a browser without scripts. Never contains a password or a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Flash {
    /// The destination page.
    pub page: PageId,
    /// The failure to show.
    pub failure: Option<Failure>,
    /// The typed e-mail address.
    pub email: Option<String>,
    /// The typed name.
    pub name: Option<String>,
    /// The completed action, for a one-time confirmation.
    pub done: Option<SecurityDone>,
    /// Whether a new code was sent.
    #[serde(default)]
    pub is_resent: bool,
}

impl Flash {
    /// Reads the request's flash. It is unsigned, because it decides nothing: a forged one affects only the forger's browser.
    pub fn from_request(headers: &HeaderMap) -> Option<Self> {
        Self::in_cookie(headers, FLASH)
    }

    /// Reads what was typed into a form that waited for a sign-in or a proof.
    pub fn typed_from_request(headers: &HeaderMap) -> Option<Self> {
        Self::in_cookie(headers, TYPED)
    }

    fn in_cookie(headers: &HeaderMap, name: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(cookie(headers, name)?).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Returns the `Set-Cookie` header that stores the flash.
    pub fn to_header(&self) -> Option<HeaderValue> {
        self.stored(FLASH, FLASH_SECONDS)
    }

    /// Returns the `Set-Cookie` header that stores what was typed until the user has proved who they are. A cookie of its own: the
    /// pages of a sign-in replace the flash.
    pub fn to_typed_header(&self) -> Option<HeaderValue> {
        self.stored(TYPED, TYPED_SECONDS)
    }

    fn stored(&self, name: &str, seconds: i64) -> Option<HeaderValue> {
        let encoded = |flash: &Self| serde_json::to_vec(flash).ok().map(|json| URL_SAFE_NO_PAD.encode(json));
        let whole = encoded(self)?;
        if whole.len() <= FLASH_LONGEST {
            return set(name, &whole, seconds);
        }
        let short = Self {
            email: None,
            name: None,
            ..self.clone()
        };
        set(name, &encoded(&short)?, seconds)
    }

    /// Returns the `Set-Cookie` header that deletes the flash.
    pub fn cleared() -> Option<HeaderValue> {
        set(FLASH, "", 0)
    }

    /// Returns the `Set-Cookie` header that deletes what was typed.
    pub fn typed_cleared() -> Option<HeaderValue> {
        set(TYPED, "", 0)
    }

    /// Creates an empty flash.
    pub const fn of(page: PageId) -> Self {
        Self {
            page,
            failure: None,
            email: None,
            name: None,
            done: None,
            is_resent: false,
        }
    }

    /// Creates a flash that fills in the address.
    pub fn with_email(page: PageId, email: &EmailAddress) -> Self {
        Self {
            email: Some(email.to_string()),
            ..Self::of(page)
        }
    }

    /// Creates a flash for a form that could not be parsed.
    pub fn unreadable(page: PageId) -> Self {
        Self {
            failure: Some(Refusal::FormUnreadable.into()),
            ..Self::of(page)
        }
    }
}

/// Returns the `Set-Cookie` header that fills in the address on the sign-in page, once.
#[must_use]
pub fn email_filled_in(email: &EmailAddress) -> Option<HeaderValue> {
    Flash::with_email(PageId::SignIn, email).to_header()
}

/// Returns the first non-empty cookie of that name. Parses the header as bytes.
///
/// Attack: a sibling site sets `city=Köln` for the whole domain; parsing the header as text would fail and lose all cookies.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        let fits = key == name.as_bytes() && !value.is_empty() && value.iter().all(|byte| (b' '..=b'~').contains(byte));
        str::from_utf8(value).ok().filter(|_| fits)
    });
    values.next()
}

fn set(name: &str, value: &str, keep_s: i64) -> Option<HeaderValue> {
    let cookie = ours(name, value).max_age(Duration::seconds(keep_s.max(0))).build();
    HeaderValue::from_str(&cookie.to_string()).ok()
}

/// Builds a cookie hidden from scripts and from other sites' forms. Attack: injected code steals a token.
fn ours<'a>(name: &'a str, value: &'a str) -> CookieBuilder<'a> {
    Cookie::build((name, value))
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .path("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    #[test]
    fn tokens_are_read_from_several_cookie_headers() {
        let held = held(&request(&[
            "a=b; __Host-session=one",
            "__Host-reset=two; __Host-signin=",
        ]));
        assert_eq!(held.session.as_ref().map(Secret::expose), Some("one"));
        assert_eq!(held.flow(Purpose::Reset).map(Secret::expose), Some("two"));
        assert!(held.flow(Purpose::SignIn).is_none());
    }

    #[test]
    fn an_unreadable_cookie_does_not_affect_the_others() {
        let mut headers = HeaderMap::new();
        for line in [
            &b"city=K\xf6ln; __Host-session=one; town=K\xc3\xb6ln"[..],
            b"\xff; __Host-device=b\xe4d",
            b"=; ; __Host-device=two; __Host-device=three",
        ] {
            headers.append(COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        let held = held(&headers);
        assert_eq!(held.session.map(String::from).as_deref(), Some("one"));
        assert_eq!(held.device.map(String::from).as_deref(), Some("two"));
    }

    #[test]
    fn a_token_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
        let change = TokenChange {
            kind: TokenKind::Session,
            token: Some("abc".into()),
            keep_s: 60,
        };
        let header = of_change(&change).unwrap();
        let text = header.to_str().unwrap();
        assert!(text.starts_with("__Host-session=abc; "), "{text}");
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=60"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("Domain"), "{text}");
    }

    #[test]
    fn the_visit_cookie_lasts_until_the_browser_closes() {
        let header = of_visit(&"abc".into()).unwrap();
        assert_eq!(
            header.to_str().unwrap(),
            "__Host-visit=abc; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert!(held(&request(&["__Host-visit=abc"])).visit.is_some());
    }

    #[test]
    fn a_flash_survives_a_round_trip() {
        let flash = Flash {
            failure: Some(Refusal::CodeWrong { tries_left: 3 }.into()),
            email: Some("ada@example.com".into()),
            ..Flash::of(PageId::Reset)
        };
        let header = flash.to_header().unwrap();
        let cookie = header.to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(Flash::from_request(&request(&[&cookie])), Some(flash));
    }

    #[test]
    fn an_oversized_flash_drops_the_typed_input() {
        let flash = Flash {
            email: Some("a".repeat(9_000)),
            ..Flash::unreadable(PageId::SignIn)
        };
        let header = flash.to_header().unwrap();
        assert!(header.len() < 4_096);
        let cookie = header.to_str().unwrap().split(';').next().unwrap().to_owned();
        assert_eq!(
            Flash::from_request(&request(&[&cookie])),
            Some(Flash::unreadable(PageId::SignIn))
        );
    }

    #[test]
    fn a_malformed_flash_is_ignored() {
        for forged in ["__Host-flash=%00", "__Host-flash=e30", "__Host-flash=bm8"] {
            assert_eq!(Flash::from_request(&request(&[forged])), None);
        }
    }
}
