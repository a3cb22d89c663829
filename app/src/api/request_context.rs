//! The context of a request: its caller, the browser's tokens, and the response for each kind of caller.
//!
//! A page's script gets JSON with a status. A plain form always gets 303 to the page of its flow, which shows the step; a
//! refusal is passed in a one-time cookie, never in a URL.

use super::cookies::{self, Flash};
use super::destination::{Destination, page_at};
use super::faults::log;
use super::response::{ResponseKind, caller, response_kind, see_other};
use crate::client::{Failure, PageState};
use crate::route::query_value;
use crate::site_map::PageId;
use crate::ui::use_announce;
use crate::words::use_words;
use account::{Refusal, with_next};
use backend::flows::waits_for_product;
use backend::{Backend, BrowserRequest, BrowserTokens, Caller, CurrentStep, Error, TokenChange, Transition};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

/// A request: its caller, the browser's tokens, and the kind of response.
pub(super) struct RequestContext {
    pub backend: Backend,
    pub caller: Caller,
    pub held: BrowserTokens,
    kind: ResponseKind,
    page: PageId,
    flash: Option<Flash>,
    typed: Option<Flash>,
    typed_email: Option<String>,
    typed_name: Option<String>,
    next: String,
    is_resend: bool,
    response: ResponseOptions,
}

impl RequestContext {
    /// Returns the context of the current request.
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
            typed: Flash::typed_from_request(&parts.headers),
            typed_email: None,
            typed_name: None,
            next: query_value(parts.uri.query().unwrap_or_default(), "next").unwrap_or_default(),
            is_resend: false,
            response,
        })
    }

    /// Returns the request as the backend's flows accept it.
    pub fn browser(&self) -> BrowserRequest<'_> {
        self.backend.request(&self.caller, &self.held)
    }

    /// Refills the form with this e-mail address if the request is refused.
    pub fn keeping_email(mut self, typed: &str) -> Self {
        self.typed_email = Some(typed.to_owned());
        self
    }

    /// Refills the form with this name if the request is refused.
    pub fn keeping_name(mut self, typed: &str) -> Self {
        self.typed_name = Some(typed.to_owned());
        self
    }

    /// Keeps the `next` of the form's page in the URL of the following page.
    pub fn keeping_next(mut self, next: &str) -> Self {
        next.clone_into(&mut self.next);
        self
    }

    /// Returns the destination after the page: the form's, or in its URL. Empty if there is none.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// Confirms after a redirect that a new code was sent.
    pub fn resending(mut self) -> Self {
        self.is_resend = true;
        self
    }

    /// Responds with the outcome of an action.
    pub fn tell<S: Destination>(self, outcome: Result<Transition<S>, Error>) -> Result<S, Failure> {
        match outcome {
            Ok(transition) => {
                self.hand_over(&transition.tokens);
                let (path, address) = (transition.step.path(), transition.step.address(&self.next));
                let page = page_at(path);
                // A script that stays on the page reads the confirmation from this response.
                let is_redirect = self.kind == ResponseKind::Redirect;
                // The page of the confirmation is not shown if the browser goes on.
                let is_shown = address.split('#').next() == Some(path);
                let done = transition.step.done().filter(|_| is_shown);
                let is_resent = is_redirect && self.is_resend;
                if is_resent || done.is_some() && (is_redirect || page != self.page) {
                    self.leave(&Flash {
                        done,
                        is_resent,
                        ..Flash::of(page)
                    });
                }
                if is_redirect {
                    self.send_to(&address);
                }
                Ok(transition.step)
            }
            Err(error) => Err(self.refuse(error)),
        }
    }

    /// Responds with the outcome of an action that this browser also remembers, in a cookie.
    pub fn tell_keeping<S: Destination>(
        self,
        outcome: Result<Transition<S>, Error>,
        cookie: Option<HeaderValue>,
    ) -> Result<S, Failure> {
        if outcome.is_ok() {
            self.set_cookie(cookie);
        }
        self.tell(outcome)
    }

    /// Responds with the current step of a flow. Changes only cookies.
    pub fn show<S: Destination>(self, step: Result<S, impl Into<Error>>) -> Result<PageState<S>, Failure> {
        let mut step = match step {
            Ok(step) => step,
            Err(error) => return Err(self.refuse(error.into())),
        };
        // The visit ties the page's first form to one flow, even if the form is sent twice or a response is lost.
        if S::BEGINS_FLOW && self.held.visit.is_none() {
            self.set_cookie(cookies::of_visit(&BrowserTokens::new_visit()));
        }
        // The flow was finished in another tab.
        if self.kind == ResponseKind::Document && self.held.session.is_some() && step.leads_on() {
            self.send_to(&step.address(&self.next));
        }
        let flash = self
            .flash
            .clone()
            .filter(|flash| flash.page == self.page && (flash.done.is_some() || self.kind == ResponseKind::Document));
        let typed = self
            .typed
            .clone()
            .filter(|typed| typed.page == self.page && self.kind == ResponseKind::Document);
        if typed.is_some() {
            self.set_cookie(Flash::typed_cleared());
        }
        let Some(flash) = flash else {
            let state = PageState::of(step);
            return Ok(match typed {
                Some(typed) => PageState {
                    typed_email: typed.email,
                    typed_name: typed.name,
                    ..state
                },
                None => state,
            });
        };
        self.set_cookie(Flash::cleared());
        if let Some(done) = flash.done {
            step.say(done);
        }
        if flash.is_resent {
            use_announce().say(use_words().say("code.resent"));
        }
        Ok(PageState {
            step,
            failure: flash.failure,
            typed_email: flash.email,
            typed_name: flash.name,
        })
    }

    /// Responds with the current step of a flow with a destination.
    pub fn show_flow<S: Destination>(
        self,
        current: Result<CurrentStep<S>, impl Into<Error>>,
    ) -> Result<PageState<S>, Failure> {
        let CurrentStep { step, next } = match current {
            Ok(current) => current,
            Err(error) => return Err(self.refuse(error.into())),
        };
        // A page that was closed and opened again names the product that waits, and its links keep the destination.
        let is_lost = self.next.is_empty() && waits_for_product(&next) && !step.leads_on();
        if self.kind == ResponseKind::Document && is_lost {
            self.send_to(&with_next(self.page.address(), &next));
            return Ok(PageState::of(step));
        }
        self.show(Ok::<_, Error>(step))
    }

    /// Returns the page to open after a sign-in or a proof.
    fn way_back(&self) -> String {
        match self.page {
            // A sign-in is a recent proof.
            PageId::Confirm if !self.next.is_empty() => self.next.clone(),
            page => with_next(page.address(), &self.next),
        }
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
                (refusal.into(), status, wait)
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
        // Keep the invalid token's cookie, because a concurrent response may just have set a new one.
        let signed_out = failure.is_signed_out();
        let proof_too_old = failure.is_proof_too_old();
        match self.kind {
            ResponseKind::Redirect | ResponseKind::Document if failure.is_deletion_pending() => {
                self.send_to(&with_next(PageId::Deletion.address(), &self.way_back()))
            }
            ResponseKind::Redirect | ResponseKind::Document if signed_out => {
                // Others may sign in next. Only a page that compares the address keeps a name.
                if self.typed_name.is_some() {
                    self.keep_typed();
                }
                self.send_to(&with_next("/signin", &self.way_back()))
            }
            ResponseKind::Redirect | ResponseKind::Document if proof_too_old => {
                if self.typed_email.is_some() || self.typed_name.is_some() {
                    self.keep_typed();
                }
                self.send_to(&with_next("/security/confirm", &self.way_back()))
            }
            ResponseKind::Redirect => {
                self.leave(&Flash {
                    failure: Some(failure.clone()),
                    email: self.typed_email.clone(),
                    name: self.typed_name.clone(),
                    ..Flash::of(self.page)
                });
                self.send_to(&with_next(self.page.address(), &self.next));
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

    /// Keeps what was typed while the user proves who they are.
    fn keep_typed(&self) {
        let typed = Flash {
            email: self.typed_email.clone(),
            name: self.typed_name.clone(),
            ..Flash::of(self.page)
        };
        self.set_cookie(typed.to_typed_header());
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
