//! What went wrong, as the person reads it.

use crate::words::Words;
use account::{Field, Refusal};
use leptos::prelude::*;

/// A sentence and, if it is about one, the field to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What to do about it.
    pub text: String,
    /// Where.
    pub field: Option<Field>,
}

impl Problem {
    /// A refusal in the person's words.
    #[must_use]
    pub fn of(words: Words, refusal: &Refusal) -> Self {
        Self {
            text: words.refusal(refusal),
            field: refusal.field(),
        }
    }

    /// A sentence about no field.
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

/// Makes [`use_problem`] work below here.
pub(crate) fn provide_problem(problem: Option<Problem>) {
    provide_context(ProblemHere(problem));
}

/// What the step around here shows as its problem.
#[must_use]
pub fn use_problem() -> Option<Problem> {
    use_context::<ProblemHere>().and_then(|here| here.0)
}
