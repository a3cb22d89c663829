//! Problems as the user sees them.

use crate::words::Words;
use account::{Field, Refused};
use leptos::prelude::*;

/// A text and the field to correct, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The text: how to solve the problem.
    pub text: String,
    /// The field.
    pub field: Option<Field>,
}

impl Problem {
    /// Creates the problem for a refusal.
    #[must_use]
    pub fn of(words: Words, refusal: &Refused) -> Self {
        Self {
            text: words.refusal(refusal),
            field: refusal.field,
        }
    }

    /// Creates a problem without a field.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            field: None,
        }
    }
}

#[derive(Clone)]
struct ProblemHere(Option<Problem>);

/// Provides the problem as context for [`use_problem`].
pub(crate) fn provide_problem(problem: Option<Problem>) {
    provide_context(ProblemHere(problem));
}

/// Returns the problem of the current step.
#[must_use]
pub fn use_problem() -> Option<Problem> {
    use_context::<ProblemHere>().and_then(|here| here.0)
}
