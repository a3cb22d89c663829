use crate::client::{Checked, Failure, Fields, browser, requests};
use crate::route::{Route, use_route};
use crate::ui::{Announce, Problem, empty_field, use_announce};
use crate::words::{Words, use_words};
use account::{Refusal, safe_next};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::{JsCast, JsValue};
use leptos::web_sys::HtmlFormElement;

/// Sends the forms of a page, one at a time, and keeps the last failure.
#[derive(Clone, Copy)]
pub struct FormController {
    failure: RwSignal<Option<FormError>>,
    /// Whether the failure has not been shown yet.
    has_news: StoredValue<bool>,
    pending: RwSignal<bool>,
    /// The handler of the response; returns false if it cannot be parsed.
    take: Callback<String, bool>,
    /// The request for the current step.
    refresh: Callback<Refresh>,
    /// The number of forms sent.
    sent: StoredValue<u32>,
    words: Words,
    announce: Announce,
    route: Route,
}

#[derive(Clone)]
struct FormError {
    failure: Failure,
    /// Whether the form still contains the input; it does not after a redirect.
    form_is_kept: bool,
}

impl FormController {
    /// Creates a controller with the failure of the last try, if any.
    pub fn new(failure: Option<Failure>, take: Callback<String, bool>, refresh: Callback<Refresh>) -> Self {
        let failure = RwSignal::new(failure.map(|failure| FormError {
            failure,
            form_is_kept: false,
        }));
        Self {
            failure,
            has_news: StoredValue::new(false),
            pending: RwSignal::new(false),
            take,
            refresh,
            sent: StoredValue::new(0),
            words: use_words(),
            announce: use_announce(),
            route: use_route(),
        }
    }

    /// Returns a controller for a form of another page; on success, that page is shown, with this page's `next`.
    #[must_use]
    pub fn leading_to(self, path: &'static str) -> Self {
        let route = self.route;
        self.ending_with(move || route.go(&route.keep_next(path)))
    }

    /// Returns a controller for the last form before a destination: on success, the page's `next` is loaded, or `path` is shown.
    #[must_use]
    pub fn leading_on(self, path: &'static str) -> Self {
        match self.route.query("next") {
            Some(next) => self.ending_with(move || requests::go(safe_next(&next))),
            None => self.leading_to(path),
        }
    }

    fn ending_with(self, leave: impl Fn() + Send + Sync + 'static) -> Self {
        let take = Callback::new(move |_| {
            leave();
            true
        });
        Self {
            take,
            refresh: Callback::new(|_| ()),
            ..self
        }
    }

    /// Returns whether a response is pending.
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// Returns the failure of the last try as text; tracked.
    pub(super) fn problem(self) -> Option<Problem> {
        self.failure.get().map(|error| error.in_words(self.words))
    }

    /// Returns whether the failure has not been shown yet, and marks it as shown.
    #[cfg(not(feature = "ssr"))]
    pub(super) fn take_news(self) -> bool {
        self.has_news.try_update_value(std::mem::take).unwrap_or_default()
    }

    fn fail(self, failure: Option<Failure>) {
        let _ = self.has_news.try_set_value(failure.is_some());
        let _ = self.failure.try_set(failure.map(|failure| FormError {
            failure,
            form_is_kept: true,
        }));
    }

    /// Checks whether the flow continued elsewhere, unless a form of this page is being sent.
    pub(super) fn refresh(self, then: Option<Callback<()>>) {
        if self.pending.try_get_untracked() == Some(false) {
            let _ = self.refresh.try_run(Refresh {
                controller: self,
                sent: self.sent.get_value(),
                then,
            });
        }
    }

    /// Sends a form after a check in the browser. A second press while a response is pending has no effect.
    ///
    /// Calls `prevent_default` last, so that the browser sends the form itself if anything fails earlier.
    pub(super) fn submit(self, event: &SubmitEvent, action: &'static str, check: Option<Callback<Fields, Checked>>) {
        if browser::is_broken() {
            return;
        }
        if self.pending.get_untracked() {
            event.prevent_default();
            return;
        }
        let form: Option<HtmlFormElement> = event.target().and_then(|target| target.dyn_into().ok());
        let Some((form, fields)) = form.and_then(|form| Fields::of(&form).map(|fields| (form, fields))) else {
            return;
        };
        let sent = match check.map_or(Checked::Send, |check| check.run(fields.clone())) {
            Checked::Send => self.send(action, &fields),
            Checked::Instead(action, fields) => self.send(action, &fields),
            Checked::Refuse(refusal) => {
                self.fail(Some(refusal.into()));
                event.prevent_default();
                browser::refused(&form);
                return;
            }
        };
        if let Some(answer) = sent {
            event.prevent_default();
            browser::asked(&answer);
        }
    }

    /// Sends a form and returns the promise of its response.
    fn send(self, action: &'static str, fields: &Fields) -> Option<JsValue> {
        let answer = requests::post(action, fields)?;
        self.pending.set(true);
        self.announce.forget();
        self.sent.update_value(|sent| *sent += 1);
        spawn_local({
            let answer = answer.clone();
            async move {
                let answer = requests::answer(answer).await;
                // The page may have been removed by now.
                let _ = self.pending.try_set(false);
                let failure = match answer {
                    Ok(json) => match self.take.try_run(json) {
                        // The flow continued, but the response cannot be parsed: this program may be older than the server.
                        Some(false) => return requests::load_anew(),
                        _ => None,
                    },
                    Err(failure) if failure.is_signed_out() => return self.route.leave_for("/signin"),
                    Err(failure) if failure.is_proof_too_old() => return self.route.leave_for("/security/confirm"),
                    Err(failure) => Some(failure),
                };
                if let Some(Failure::Refused(refusal)) = &failure {
                    // Clear the field, because users retype an incorrect password rather than correct hidden text.
                    if [Refusal::SIGN_IN_WRONG, Refusal::CURRENT_WRONG].contains(&refusal.code.as_str()) {
                        refusal.field.into_iter().for_each(empty_field);
                    }
                    self.refresh(None);
                }
                self.fail(failure);
            }
        });
        Some(answer)
    }
}

/// A request for the current step, to detect whether the flow continued elsewhere.
#[derive(Clone, Copy)]
pub struct Refresh {
    controller: FormController,
    sent: u32,
    then: Option<Callback<()>>,
}

impl Refresh {
    /// Returns whether no form has been sent since the request started.
    #[must_use]
    pub fn is_current(self) -> bool {
        self.controller.sent.try_get_value() == Some(self.sent)
            && self.controller.pending.try_get_untracked() == Some(false)
    }

    /// Handles a change of step: clears the failure, which no longer applies, and runs `then`.
    pub fn continued(self) {
        if let Some(then) = self.then {
            self.controller.fail(None);
            then.run(());
        }
    }
}

impl FormError {
    fn in_words(&self, words: Words) -> Problem {
        let (key, reference) = match &self.failure {
            Failure::Refused(refusal) => return Problem::of(words, refusal),
            Failure::Busy { .. } => ("failure.busy", None),
            Failure::Offline => ("failure.offline", None),
            Failure::Broken { reference } => ("failure.broken", reference.as_deref()),
        };
        let again = if self.form_is_kept {
            "failure.still_here"
        } else {
            "failure.again"
        };
        let mut text = [words.say(key), words.say(again)].join(" ");
        if let Some(reference) = reference {
            text.push(' ');
            text.push_str(&words.say_with("failure.reference", &[("reference", reference)]));
        }
        Problem::plain(text)
    }
}
