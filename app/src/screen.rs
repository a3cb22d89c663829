//! The content of `main` in the browser. The view is a function of the page's state; each change replaces it as a whole and
//! carries over the inputs. Never relies on text nodes, comments or siblings, which translators, password managers or ad
//! blockers may change.

use crate::client::browser;
use crate::ui::PageFocus;
use crate::view::{Shown, StepKey, View};
use leptos::prelude::*;
use leptos::reactive::effect::RenderEffect;
use leptos::tachys::view::any_view::AnyViewState;
use leptos::tachys::view::{Mountable, Render};
use std::time::Duration;

/// Selector of the inputs, which keep their value, focus, selection and any autofill hidden from scripts.
const FIELDS: &str = "input[id]";
/// Selector of the inputs and of an unchanged alert, which would otherwise be read out again.
const FIELDS_AND_ALERT: &str = "input[id],#problem";

/// The live pages: the visible one and those still loading.
#[derive(Clone, Copy)]
pub(crate) struct Screen {
    pages: StoredValue<Vec<Page>, LocalStorage>,
    /// The number of pages begun so far.
    begun: StoredValue<u32>,
    /// The number of the visible page; 0 is the server's.
    shown: StoredValue<u32>,
}

struct Page {
    number: u32,
    _owner: Owner,
    _effect: RenderEffect<Option<Current>>,
}

/// The view in the document.
struct Current {
    step: StepKey,
    /// The view's owner, which lives one task longer, so that running handlers still find their signals.
    _owner: Owner,
    _state: AnyViewState,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            pages: StoredValue::new_local(Vec::new()),
            begun: StoredValue::new(0),
            shown: StoredValue::new(0),
        }
    }

    /// Begins a page. The previous one keeps working until the new one has content.
    pub(crate) fn begin(self, app: &Owner, page: impl FnOnce() -> View) {
        let number = self.begun.get_value() + 1;
        self.begun.set_value(number);
        let owner = app.child();
        let effect = owner.with(|| {
            let (parent, view) = (owner.clone(), untrack(page));
            RenderEffect::new(move |before: Option<Option<Current>>| {
                let before = before.flatten();
                // A later page is already shown.
                if self.shown.get_value() > number {
                    return before;
                }
                let owner = parent.child();
                let Some(Shown { step, has_news, view }) = owner.with(&view) else {
                    return before;
                };
                let state = self.put(&owner, number, before.as_ref(), &step, has_news, view);
                set_timeout(move || drop(before), Duration::ZERO);
                Some(Current {
                    step,
                    _owner: owner,
                    _state: state,
                })
            })
        });
        self.pages.update_value(|pages| {
            pages.push(Page {
                number,
                _owner: owner,
                _effect: effect,
            });
        });
    }

    fn put(
        self,
        owner: &Owner,
        number: u32,
        before: Option<&Current>,
        step: &StepKey,
        has_news: bool,
        view: AnyView,
    ) -> AnyViewState {
        let (mut state, aside) = owner.with(|| untrack(|| (view.build(), browser::aside())));
        state.mount(&aside, None);
        let is_first = self.shown.get_value() == 0;
        let is_same_step = is_first || before.is_some_and(|before| before.step == *step);
        let kept = match (is_same_step, has_news) {
            (false, _) => "",
            (true, true) => FIELDS,
            (true, false) => FIELDS_AND_ALERT,
        };
        browser::put(&aside, kept);
        // Wait while another page is loading, because that page is the outcome to show.
        if self.begun.get_value() == number {
            browser::settled();
        }
        if self.shown.get_value() != number {
            self.shown.set_value(number);
            set_timeout(
                move || {
                    self.pages
                        .try_update_value(|pages| pages.retain(|page| page.number >= number));
                },
                Duration::ZERO,
            );
        }
        // After a page load, keep the browser's own focus.
        if !is_first
            && (has_news || !is_same_step)
            && let Some(PageFocus(place)) = use_context()
        {
            browser::focus(place.get_value());
        }
        state
    }
}
