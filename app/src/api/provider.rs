//! The way to a provider and back: plain links, not server functions, because the browser leaves this origin.

use super::cookies::{self, Flash};
use super::faults::log;
use super::response::caller;
use crate::client::Failure;
use crate::route::query_value;
use crate::site_map::PageId;
use account::{ProviderIntent, ProviderStep, Refusal, SecurityDone, safe_next, with_next};
use backend::{Backend, Error, TokenChange};
use http::HeaderValue;
use http::request::Parts;

/// A redirect with cookies.
pub struct BrowserRedirect {
    /// The URL: another page, or the provider's.
    pub location: String,
    /// The values of `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
}

/// Redirects to a provider: `/signin/provider/google?next=/profile`. `intent` is `connect` or `confirm`, or absent for a sign-in.
pub async fn begin_provider(backend: &Backend, parts: &Parts, id: &str) -> BrowserRedirect {
    let search = parts.uri.query().unwrap_or_default();
    let next = query_value(search, "next").unwrap_or_default();
    let intent = match query_value(search, "intent").as_deref() {
        Some("connect") => ProviderIntent::Connect,
        Some("confirm") => ProviderIntent::Confirm,
        _ => ProviderIntent::SignIn,
    };
    // Attack: a link on another site connects the account that its visitor has at the provider.
    if is_cross_site(parts) {
        return to(&with_next(start_of(intent).address(), &next));
    }
    let (caller, held) = (caller(parts), cookies::held(&parts.headers));
    match backend
        .request(&caller, &held)
        .provider()
        .begin(id, intent, &next)
        .await
    {
        Ok((location, attempt)) => BrowserRedirect {
            location,
            cookies: cookies::of_change(&attempt).into_iter().collect(),
        },
        Err(error) => refused(backend, error, intent, &next),
    }
}

/// Accepts a provider's response at its redirect address.
pub async fn finish_provider(backend: &Backend, parts: &Parts, id: &str) -> BrowserRedirect {
    let (caller, held) = (caller(parts), cookies::held(&parts.headers));
    let request = backend.request(&caller, &held).provider();
    let (intent, next) = request.intent_and_next();
    match request.finish(id, parts.uri.query().unwrap_or_default()).await {
        Ok(transition) => {
            let (location, flash) = destination(transition.step);
            let changed = token_cookies(&transition.tokens);
            BrowserRedirect {
                location,
                cookies: changed.chain(flash.and_then(|flash| flash.to_header())).collect(),
            }
        }
        Err(error) => refused(backend, error, intent, &next),
    }
}

fn destination(step: ProviderStep) -> (String, Option<Flash>) {
    let flash = |page, failure: Option<Failure>, done| {
        Some(Flash {
            failure,
            done,
            ..Flash::of(page)
        })
    };
    match step {
        ProviderStep::SignedIn { next } | ProviderStep::Confirmed { next } => (safe_next(&next).to_owned(), None),
        ProviderStep::SignInToConnect { provider, next } => {
            let why = Refusal::SignInToConnect { provider }.into();
            (
                with_next(PageId::SignIn.address(), &next),
                flash(PageId::SignIn, Some(why), None),
            )
        }
        ProviderStep::ProveEmail => (PageId::SignUp.address().to_owned(), None),
        ProviderStep::Connected => (
            PageId::Security.address().to_owned(),
            flash(PageId::Security, None, Some(SecurityDone::ProviderConnected)),
        ),
    }
}

/// Returns the page that shows a refusal.
const fn start_of(intent: ProviderIntent) -> PageId {
    match intent {
        ProviderIntent::SignIn => PageId::SignIn,
        ProviderIntent::Connect => PageId::Security,
        ProviderIntent::Confirm => PageId::Confirm,
    }
}

fn refused(backend: &Backend, error: Error, intent: ProviderIntent, next: &str) -> BrowserRedirect {
    refused_at(backend, error, start_of(intent), next)
}

/// Leads to the page that shows a refusal.
pub(super) fn refused_at(backend: &Backend, error: Error, page: PageId, next: &str) -> BrowserRedirect {
    let failure = match error {
        Error::Repeated(tokens) => {
            return BrowserRedirect {
                location: with_next(page.address(), next),
                cookies: token_cookies(&tokens).collect(),
            };
        }
        Error::Refused(refusal) => {
            backend.metrics().refused(&refusal);
            match refusal {
                Refusal::SignedOut => return to(&with_next("/signin", page.address())),
                Refusal::DeletionPending => return to(&with_next("/account/deletion", page.address())),
                Refusal::ProofTooOld => return to(&with_next("/security/confirm", page.address())),
                refusal => refusal.into(),
            }
        }
        Error::Fault(fault) => {
            backend.metrics().failed(fault.kind());
            match fault.retry_after_s() {
                Some(retry_after_s) => Failure::Busy { retry_after_s },
                None => log(&fault.to_string()),
            }
        }
    };
    let flash = Flash {
        failure: Some(failure),
        ..Flash::of(page)
    };
    BrowserRedirect {
        location: with_next(page.address(), next),
        cookies: flash.to_header().into_iter().collect(),
    }
}

fn to(path: &str) -> BrowserRedirect {
    BrowserRedirect {
        location: path.to_owned(),
        cookies: Vec::new(),
    }
}

/// Returns the cookies that change the browser's tokens.
pub fn token_cookies(tokens: &[TokenChange]) -> impl Iterator<Item = HeaderValue> + '_ {
    tokens.iter().filter_map(cookies::of_change)
}

/// Returns whether another site caused the request (Fetch Metadata). Old browsers send no such header.
fn is_cross_site(parts: &Parts) -> bool {
    let site = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site.is_some_and(|site| site != b"same-origin" && site != b"none")
}
