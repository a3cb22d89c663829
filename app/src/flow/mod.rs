//! A page's side of a flow: the current step, the forms, and their responses.

mod controller;
mod events;
mod form;

pub use controller::{FormController, Refresh};
pub use form::Form;

use crate::client::{Failure, PageState, browser, initial_state, json};
use crate::ui::{ReceivedAt, failure_page, provide_problem, use_announce};
use crate::view::View;
#[cfg(not(feature = "ssr"))]
use crate::view::{Shown, fixed};
use crate::words::use_words;
use account::EmailAddress;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

/// The state of a page; sent as JSON.
pub trait Step: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Returns the identity of the step: its kind and address. A shorter waiting time is the same step; another user's password
    /// step is a different one.
    fn key(&self) -> (u8, Option<EmailAddress>);
}

/// A flow on this page: its current step and the controller of its forms.
pub struct Flow<S: Step> {
    /// The current step.
    pub step: RwSignal<S>,
    /// The step's time of arrival, by the browser's clock.
    received_at: StoredValue<i64>,
    /// The controller of the step's forms.
    pub controller: FormController,
    /// The typed e-mail address, to refill the form after a refusal without scripts.
    pub typed_email: StoredValue<Option<String>>,
    /// The typed name, to refill the form after a refusal without scripts.
    pub typed_name: StoredValue<Option<String>>,
}

impl<S: Step> Copy for Flow<S> {}
impl<S: Step> Clone for Flow<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Step> Flow<S> {
    /// Creates a flow from the server's state; `read` requests it again.
    pub fn new<F>(state: PageState<S>, read: fn() -> F) -> Self
    where
        F: Future<Output = Result<PageState<S>, Failure>> + 'static,
    {
        let step = RwSignal::new(state.step);
        let received_at = StoredValue::new(browser::now_ms());
        let set = move |new| {
            received_at.set_value(browser::now_ms());
            step.set(new);
        };
        let refresh = Callback::new(move |refresh: Refresh| {
            spawn_local(async move {
                let Ok(now) = read().await else { return };
                // The response to a form sent in the meantime is newer.
                let Some(key) = step.try_with_untracked(Step::key).filter(|_| refresh.is_current()) else {
                    return;
                };
                let continued = now.step.key() != key;
                if step.with_untracked(|step| *step != now.step) {
                    set(now.step);
                }
                if continued {
                    refresh.continued();
                }
            });
        });
        let take = Callback::new(move |answer: String| match json::read::<S>(&answer) {
            Some(new) => {
                set(new);
                true
            }
            None => false,
        });
        Self {
            step,
            received_at,
            controller: FormController::new(state.failure, take, refresh),
            typed_email: StoredValue::new(state.typed_email),
            typed_name: StoredValue::new(state.typed_name),
        }
    }

    /// Shows the flow. The view is a function of the step and of the last failure.
    #[cfg(feature = "ssr")]
    pub fn show(self, view: impl Fn(S) -> AnyView + 'static) -> View {
        self.draw(view)
    }

    /// Shows the flow. The view is a function of the step and of the last failure, and is rebuilt when either changes.
    #[cfg(not(feature = "ssr"))]
    pub fn show(self, view: impl Fn(S) -> AnyView + 'static) -> View {
        Box::new(move || {
            let step = self.step.with(Step::key);
            let view = self.draw(&view);
            let has_news = self.controller.take_news();
            Some(Shown { step, has_news, view })
        })
    }

    fn draw(self, view: impl Fn(S) -> AnyView) -> AnyView {
        provide_problem(self.controller.problem());
        provide_context(ReceivedAt(self.received_at.get_value()));
        let step = self.step.get();
        untrack(|| view(step))
    }

    /// Listens for changes of the flow in other tabs, as long as `is_open` returns true for the step.
    pub fn follow(self, name: &'static str, is_open: fn(&S) -> bool) {
        let announce = use_announce();
        let words = use_words();
        let open = Memo::new(move |_| self.step.with(is_open));
        let elsewhere = Callback::new(move |()| announce.say(words.say("frame.elsewhere")));
        events::listen(
            name,
            open,
            Callback::new(move |()| self.controller.refresh(Some(elsewhere))),
        );
    }
}

/// Renders a page with state from the server. Waits for the state, so that the page is complete without scripts, and embeds it
/// for the app in the browser.
#[cfg(feature = "ssr")]
pub fn page_of<T, F>(read: fn() -> F, show: fn(PageState<T>) -> View) -> View
where
    T: Step,
    F: Future<Output = Result<PageState<T>, Failure>> + Send + 'static,
{
    let page = Suspend::new(async move {
        match read().await {
            Ok(state) => {
                let json = initial_state::page(&state);
                view! {
                    {show(state)}
                    {json}
                }
                .into_any()
            }
            Err(failure) => failure_page(failure),
        }
    });
    page.into_any()
}

/// Shows a page with state: embedded by the server, or requested if the app opens the page.
#[cfg(not(feature = "ssr"))]
pub fn page_of<T, F>(read: fn() -> F, show: fn(PageState<T>) -> View) -> View
where
    T: Step,
    F: Future<Output = Result<PageState<T>, Failure>> + Send + 'static,
{
    if let Some(state) = initial_state::page() {
        return show(state);
    }
    let owner = Owner::current().unwrap_or_default();
    let state = RwSignal::new_local(None::<Result<PageState<T>, Failure>>);
    spawn_local(async move {
        let now = read().await;
        let _ = state.try_set(Some(now));
    });
    let page = std::cell::OnceCell::<View>::new();
    Box::new(move || {
        let state = state.get()?;
        let page = page.get_or_init(|| {
            owner.with(|| {
                untrack(|| match state {
                    Ok(state) => show(state),
                    Err(failure) => fixed(move || failure_page(failure.clone())),
                })
            })
        });
        page()
    })
}
