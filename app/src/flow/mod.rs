//! A page's side of a flow: the step that is shown, the forms that are sent, and what comes back.

mod events;
mod form;
mod talk;

pub use form::{Checked, Fields, Form};
pub use talk::{Look, Talk};

use crate::api::{Failure, Told, json};
use crate::pages::failure_page;
use crate::ui::{Problem, use_announce};
use crate::words::use_words;
use account::{Email, ProfileView, ResetStep, SecurityView, SignInStep, SignUpStep};
use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
use leptos::tachys::reactive_graph::OwnedView;
use leptos::task::spawn_local;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;

/// What a page can show; sent as JSON.
pub trait Step: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What makes it another step: its kind and whose it is. A wait that has become shorter is the same step, another
    /// person's password is not.
    fn key(&self) -> (u8, Option<Email>);
}

impl Step for SignInStep {
    fn key(&self) -> (u8, Option<Email>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterPassword { email } => (1, Some(email.clone())),
            Self::EnterCode(mailed) => (2, Some(mailed.email.clone())),
            Self::SignedIn { .. } => (3, None),
        }
    }
}

impl Step for ResetStep {
    fn key(&self) -> (u8, Option<Email>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::ChoosePassword { email, .. } => (2, Some(email.clone())),
            Self::Done { email } => (3, Some(email.clone())),
        }
    }
}

impl Step for SignUpStep {
    fn key(&self) -> (u8, Option<Email>) {
        match self {
            Self::AskEmail { .. } => (0, None),
            Self::EnterCode(mailed) => (1, Some(mailed.email.clone())),
            Self::ChooseDetails { email, .. } => (2, Some(email.clone())),
            Self::Done { email } => (3, Some(email.clone())),
        }
    }
}

impl Step for SecurityView {
    fn key(&self) -> (u8, Option<Email>) {
        (0, Some(self.email.clone()))
    }
}

impl Step for ProfileView {
    fn key(&self) -> (u8, Option<Email>) {
        (0, Some(self.email.clone()))
    }
}

/// Where a flow stands in this page, and the talk with the server about it.
pub struct Flow<S: Step> {
    /// The step that is shown.
    pub step: RwSignal<S>,
    /// For the forms of the step.
    pub talk: Talk,
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
    /// Begins with what the server told; `read` asks it again.
    pub fn new<F>(told: Told<S>, read: fn() -> F) -> Self
    where
        F: Future<Output = Result<Told<S>, Failure>> + 'static,
    {
        let step = RwSignal::new(told.step);
        let look = Callback::new(move |look: Look| {
            spawn_local(async move {
                let Ok(now) = read().await else { return };
                // A form that was sent meanwhile has the newer answer.
                let Some(key) = step.try_with_untracked(Step::key).filter(|_| look.is_current()) else {
                    return;
                };
                let went_on = now.step.key() != key;
                step.set(now.step);
                if went_on {
                    look.went_on();
                }
            });
        });
        let take = Callback::new(move |answer: String| match json::read::<S>(&answer) {
            Some(new) => {
                step.set(new);
                true
            }
            None => false,
        });
        Self {
            step,
            talk: Talk::new(told.failure, take, look),
            typed_email: StoredValue::new(told.typed_email),
            typed_name: StoredValue::new(told.typed_name),
        }
    }

    /// Shows each step with its own view. The same step with other particulars keeps its view, so that nothing typed is lost
    /// and the focus stays.
    pub fn show(self, view: impl Fn(S) -> AnyView + Send + Sync + 'static) -> AnyView {
        let kind = Memo::new(move |_| self.step.with(Step::key));
        (move || {
            // Read and not only tracked: a memo that nobody reads is never made.
            let _ = kind.get();
            view(self.step.get_untracked())
        })
        .into_any()
    }

    /// A part of the step that may change while the view stays.
    pub fn part<T>(self, first: T, part: fn(S) -> Option<T>) -> Memo<T>
    where
        T: Clone + PartialEq + Send + Sync + 'static,
    {
        Memo::new(move |_| part(self.step.get()).unwrap_or_else(|| first.clone()))
    }

    /// Hears from the server that the flow went on in another tab, as long as `is_open` says that there is one.
    pub fn follow(self, name: &'static str, is_open: fn(&S) -> bool) {
        let announce = use_announce();
        let words = use_words();
        let open = Memo::new(move |_| self.step.with(is_open));
        let elsewhere = Callback::new(move |()| announce.say(words.say("frame.elsewhere")));
        events::listen(name, open, Callback::new(move |()| self.talk.look(Some(elsewhere))));
    }

    /// What went wrong with the last try.
    pub fn problem(self) -> Signal<Option<Problem>> {
        self.talk.problem()
    }
}

/// A page that begins with what the server tells. On the server the page waits for it, so that it is whole without scripts.
#[cfg(feature = "ssr")]
pub fn page_of<T, F>(read: fn() -> F, show: fn(Told<T>) -> AnyView) -> AnyView
where
    T: Step,
    F: Future<Output = Result<Told<T>, Failure>> + Send + 'static,
{
    let told = Resource::new_blocking(|| (), move |()| read());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match told.await {
                    Ok(told) => show(told),
                    Err(failure) => failure_page(failure),
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// In the browser it stands in the page that the server has sent, and is asked for when another page leads here.
///
/// Not a resource in a suspense as on the server: what is there needs no waiting for, and that machinery would be loaded by all.
#[cfg(not(feature = "ssr"))]
pub fn page_of<T, F>(read: fn() -> F, show: fn(Told<T>) -> AnyView) -> AnyView
where
    T: Step,
    F: Future<Output = Result<Told<T>, Failure>> + Send + 'static,
{
    let show = move |told: Result<Told<T>, Failure>| match told {
        Ok(told) => show(told),
        Err(failure) => failure_page(failure),
    };
    if let Some(told) = crate::told::of_page() {
        // What the page provides is to be found by its parts that are made later.
        let owner = Owner::new();
        let view = owner.with(|| show(told));
        return OwnedView::new_with_owner(view, owner).into_any();
    }
    let told = RwSignal::new(None);
    spawn_local(async move {
        let now = read().await;
        let _ = told.try_set(Some(now));
    });
    (move || told.get().map(|told| untrack(|| show(told)))).into_any()
}
