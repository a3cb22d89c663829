//! The context of a request, and the response for each kind of caller; the only user of leptos_axum.
//!
//! A page's script reads JSON with a status. A plain form is always answered with 303 to the flow's page, which shows the
//! step; what was refused travels in a one-shot cookie, never in an address.

use super::cookies::{self, Flash};
use super::destination::{Destination, Page};
use super::{Failure, PageState};
use crate::settings::{PublicSettings, Theme};
use account::Refusal;
use backend::{Backend, BrowserTokens, Caller, Error, TokenChange, Transition};
use http::header::{ACCEPT, HeaderName, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use leptos::nonce::Nonce;
use leptos::prelude::*;
use leptos::server_fn::error::ServerFnErrorErr;
use leptos_axum::ResponseOptions;

/// The form of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResponseKind {
    /// JSON, for the script of a page.
    Json,
    /// A redirect, for the form of a browser without scripts.
    Redirect,
    /// The page itself.
    Document,
}

/// One request: its caller, the tokens of the browser, and the form of the response.
pub(super) struct RequestContext {
    pub backend: Backend,
    pub caller: Caller,
    pub held: BrowserTokens,
    kind: ResponseKind,
    page: Page,
    flash: Option<Flash>,
    typed_email: Option<String>,
    typed_name: Option<String>,
    response: ResponseOptions,
}

impl RequestContext {
    /// The request that is being answered.
    pub fn here() -> Result<Self, Failure> {
        let (Some(parts), Some(response), Some(backend)) = (use_context::<Parts>(), use_context(), use_context())
        else {
            return Err(log("a server function outside of a request"));
        };
        let (kind, page) = response_kind(&parts);
        Ok(Self {
            backend,
            caller: caller(&parts),
            held: cookies::held(&parts.headers),
            kind,
            page,
            flash: Flash::from_request(&parts.headers),
            typed_email: None,
            typed_name: None,
            response,
        })
    }

    /// Shows this e-mail again in the form if the answer is no.
    pub fn keeping_email(mut self, typed: &str) -> Self {
        self.typed_email = Some(typed.to_owned());
        self
    }

    /// Shows this name again in the form if the answer is no.
    pub fn keeping_name(mut self, typed: &str) -> Self {
        self.typed_name = Some(typed.to_owned());
        self
    }

    /// Tells the outcome of something that was done or refused.
    pub fn tell<S: Destination>(self, outcome: Result<Transition<S>, Error>) -> Result<S, Failure> {
        match outcome {
            Ok(transition) => {
                self.hand_over(&transition.tokens);
                let page = Page::at(transition.step.path());
                // A script that stays on its page reads it from this answer.
                if transition.step.done().is_some() && (self.kind == ResponseKind::Redirect || page != self.page) {
                    self.leave(&Flash {
                        page,
                        failure: None,
                        email: None,
                        name: None,
                        done: transition.step.done(),
                    });
                }
                if self.kind == ResponseKind::Redirect {
                    self.send_to(transition.step.path());
                }
                Ok(transition.step)
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Tells where a flow stands. Changes nothing but the browser's one-shot cookie.
    pub fn show<S: Destination>(self, step: Result<S, impl Into<Error>>) -> Result<PageState<S>, Failure> {
        let mut step = match step {
            Ok(step) => step,
            Err(error) => return Err(self.refuse(error.into())),
        };
        // So that the page's first form leads to one flow, however often it is sent and whichever answer is lost.
        if S::BEGINS_FLOW && self.held.visit.is_none() {
            self.set_cookie(cookies::of_visit(&BrowserTokens::new_visit()));
        }
        // Finished in another tab.
        if self.kind == ResponseKind::Document && self.held.session.is_some() && step.leads_on() {
            self.send_to(step.path());
        }
        let flash = self
            .flash
            .clone()
            .filter(|flash| flash.page == self.page && (flash.done.is_some() || self.kind == ResponseKind::Document));
        let Some(flash) = flash else {
            return Ok(PageState {
                step,
                failure: None,
                typed_email: None,
                typed_name: None,
            });
        };
        self.set_cookie(Flash::cleared());
        if let Some(done) = flash.done {
            step.say(done);
        }
        Ok(PageState {
            step,
            failure: flash.failure,
            typed_email: flash.email,
            typed_name: flash.name,
        })
    }

    fn refuse(&self, error: Error) -> Failure {
        let (failure, status, retry_after_s) = match error {
            Error::Repeated(tokens) => {
                self.hand_over(&tokens);
                return self.refuse(Refusal::StepElsewhere.into());
            }
            Error::Refused(refusal) => {
                self.backend.metrics().refused(&refusal);
                let (status, wait) = (refusal.status(), refusal.retry_after_s());
                (Failure::Refused(refusal), status, wait)
            }
            Error::Fault(fault) => {
                self.backend.metrics().failed(fault.kind());
                match fault.retry_after_s() {
                    Some(retry_after_s) => {
                        tracing::warn!(%fault, "request rejected: busy");
                        (Failure::Busy { retry_after_s }, 503, Some(retry_after_s))
                    }
                    None => (log(&fault.to_string()), 500, None),
                }
            }
        };
        // The dead token stays where it is: letting it go could take the new one along that another answer has just brought.
        let signed_out = failure == Failure::Refused(Refusal::SignedOut);
        match self.kind {
            ResponseKind::Redirect | ResponseKind::Document if signed_out => {
                self.send_to(&["/signin?next=", self.page.path()].concat())
            }
            ResponseKind::Redirect => {
                self.leave(&Flash {
                    page: self.page,
                    failure: Some(failure.clone()),
                    email: self.typed_email.clone(),
                    name: self.typed_name.clone(),
                    done: None,
                });
                self.send_to(self.page.path());
            }
            ResponseKind::Json | ResponseKind::Document => {
                self.response
                    .set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
                if let Some(seconds) = retry_after_s {
                    self.response.insert_header(RETRY_AFTER, HeaderValue::from(seconds));
                }
            }
        }
        failure
    }

    fn hand_over(&self, tokens: &[TokenChange]) {
        for change in tokens {
            self.set_cookie(cookies::of_change(change));
        }
    }

    fn leave(&self, flash: &Flash) {
        self.set_cookie(flash.to_header());
    }

    fn set_cookie(&self, header: Option<HeaderValue>) {
        if let Some(header) = header {
            self.response.append_header(SET_COOKIE, header);
        }
    }

    fn send_to(&self, path: &str) {
        if let Some((name, value)) = see_other(path) {
            self.response.insert_header(name, value);
        }
        self.response.set_status(StatusCode::SEE_OTHER);
    }
}

/// 303 and not leptos_axum's own redirect: that is a 302, after which a browser may send the form once more.
fn see_other(path: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((LOCATION, HeaderValue::from_str(path).ok()?))
}

fn response_kind(parts: &Parts) -> (ResponseKind, Page) {
    let path = parts.uri.path();
    if !path.starts_with("/api/") {
        return (ResponseKind::Document, Page::at(path));
    }
    let kind = if wants_html(&parts.headers) {
        ResponseKind::Redirect
    } else {
        ResponseKind::Json
    };
    (kind, Page::of_endpoint(path))
}

/// Whether a page is wanted rather than data: a browser without scripts, or an address that was typed.
#[must_use]
pub fn wants_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes);
    let mut types = lines.flat_map(|line| line.split(|byte| [b',', b';'].contains(byte)));
    types.any(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"text/html"))
}

fn caller(parts: &Parts) -> Caller {
    parts.extensions.get::<Caller>().cloned().unwrap_or_default()
}

/// Logs a fault once and gives the reference that the screen shows. The text holds nothing that a person typed.
fn log(fault: &str) -> Failure {
    let reference: String = Nonce::new()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect();
    tracing::error!(reference, fault, "request failed");
    Failure::Broken {
        reference: Some(reference),
    }
}

/// What to do where the library fails around our function. Its own way would be a redirect to the referring page with the
/// error in the address (attack: a cross-site page that learns from it, and a log that keeps what was typed).
pub(super) fn library_error(error: &ServerFnErrorErr) -> Failure {
    let unreadable = matches!(
        error,
        ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) | ServerFnErrorErr::Deserialization(_)
    );
    let metrics = use_context::<Backend>();
    let metrics = metrics.as_ref().map(Backend::metrics);
    let failure = if unreadable {
        metrics.inspect(|metrics| metrics.refused(&Refusal::FormUnreadable));
        Refusal::FormUnreadable.into()
    } else {
        metrics.inspect(|metrics| metrics.failed("library"));
        log("the server function library")
    };
    if let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) {
        let (kind, page) = response_kind(&parts);
        let (status, headers) = unread(kind, page, &failure);
        response.set_status(status);
        for (name, value) in headers {
            response.append_header(name, value);
        }
    }
    failure
}

/// The answer to a form for `/api/…` that could not be read, for the server where it refuses one before it gets to its
/// function: a status for a script, 303 and a one-shot cookie for a plain form.
#[must_use]
pub fn unreadable_form(path: &str, headers: &HeaderMap) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    let kind = if wants_html(headers) {
        ResponseKind::Redirect
    } else {
        ResponseKind::Json
    };
    unread(kind, Page::of_endpoint(path), &Refusal::FormUnreadable.into())
}

fn unread(kind: ResponseKind, page: Page, failure: &Failure) -> (StatusCode, Vec<(HeaderName, HeaderValue)>) {
    if kind != ResponseKind::Redirect {
        let status = if failure.refusal().is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        return (status, Vec::new());
    }
    let flash = Flash {
        failure: Some(failure.clone()),
        ..Flash::unreadable(page)
    };
    let cookie = flash.to_header().map(|cookie| (SET_COOKIE, cookie));
    (
        StatusCode::SEE_OTHER,
        see_other(page.path()).into_iter().chain(cookie).collect(),
    )
}

/// Leads the page that is being rendered elsewhere.
pub(crate) fn go_to(path: &str) {
    if let (Some(response), Some((name, value))) = (use_context::<ResponseOptions>(), see_other(path)) {
        response.insert_header(name, value);
        response.set_status(StatusCode::SEE_OTHER);
    }
}

/// Tells that the page that is being rendered does not exist.
pub(crate) fn not_found() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
}

/// What the page may know of the operator's settings and of the caller.
pub(crate) fn settings_here() -> PublicSettings {
    let (Some(backend), Some(parts)) = (use_context::<Backend>(), use_context::<Parts>()) else {
        return PublicSettings::default();
    };
    let Caller {
        language, signed_in, ..
    } = caller(&parts);
    PublicSettings {
        signed_in,
        theme: Theme::of(&cookies::theme(&parts.headers).unwrap_or_default()),
        ..public_settings(&backend, &language)
    }
}

/// The same for a page that is nobody's.
pub(crate) fn public_settings(backend: &Backend, language: &str) -> PublicSettings {
    let settings = backend.settings();
    PublicSettings {
        brand: settings.brand.clone(),
        origin: settings.origin.clone(),
        sender_codes: settings.sender_codes.clone(),
        sender_notices: settings.sender_notices.clone(),
        password_min: settings.password.min,
        trust_days: settings.trust_days,
        sign_up: settings.sign_up,
        language: language.to_owned(),
        theme: Theme::Auto,
        signed_in: false,
    }
}
