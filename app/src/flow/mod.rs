//! A page's side of a flow: the step that is shown, the forms that are sent, and what comes back.

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

/// What a page can show; sent as JSON.
pub trait Step: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What makes it another step: its kind and whose it is. A wait that has become shorter is the same step, another
    /// person's password is not.
    fn key(&self) -> (u8, Option<EmailAddress>);
}

/// The current step of a flow in this page, and the controller of its forms.
pub struct Flow<S: Step> {
    /// The step that is shown.
    pub step: RwSignal<S>,
    /// When the server sent it, by the browser's clock.
    received_at: StoredValue<i64>,
    /// For the forms of the step.
    pub controller: FormController,
    /// What was typed as e-mail in a try that was refused without scripts.
    pub typed_email: StoredValue<Option<String>>,
    /// What was typed as name in a try that was refused without scripts.
    pub typed_name: StoredValue<Option<String>>,
}

impl<S: Step> Copy for Flow<S> {}
impl<S: Step> Clone for Flow<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Step> Flow<S> {
    /// Begins with the state that the server sent; `read` asks for it again.
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
                // A form that was sent meanwhile has the newer answer.
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

    /// Shows the flow: a view is a function of the step and of what went wrong with the last try.
    #[cfg(feature = "ssr")]
    pub fn show(self, view: impl Fn(S) -> AnyView + 'static) -> View {
        self.draw(view)
    }

    /// Shows the flow: a view is a function of the step and of what went wrong with the last try, made anew when one of them
    /// is another.
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

    /// Hears from the server that the flow went on in another tab, as long as `is_open` says that there is one.
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

/// A page that begins with what the server tells, which is written beside it for the program in the browser. The page waits for
/// it, so that it is whole without scripts.
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

/// In the browser it stands in the page that the server has sent, and is asked for when another page leads here.
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
