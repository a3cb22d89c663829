//! What a sign-in, a reset or a sign-up asks for next.
//!
//! ```text
//! sign-in   ask e-mail ──► Password ──► Code ──────────────────► Finished (a session begins)
//!                              └── on a trusted device ───────────▲
//!           ask e-mail ──► MailboxCode ──► Password ────────────► Finished
//! reset     ask e-mail ──► Code ──► NewPassword ────────────────► Finished
//! sign-up   ask e-mail ──► Code ──► Details (name, password) ───► Finished (the account exists)
//! ```
//!
//! The second order of a sign-in applies when strangers have used up the password tries of the address, to browsers that never
//! signed in to the account. A sign-up proves the address before the account exists, so that an account cannot be prepared for
//! another user's address.

use crate::{CodeCounter, Purpose, Timestamp};

/// What a flow has sent, and what was proven in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What the flow is for.
    pub purpose: Purpose,
    /// Whether a sign-in asks for the code before the password.
    pub mailbox_first: bool,
    /// Number of codes sent.
    pub codes_sent: i64,
    /// Remaining wrong answers to the current step.
    pub tries_left: i64,
    /// When the password was verified (sign-in).
    pub password_passed_at: Option<Timestamp>,
    /// When the code was verified.
    pub code_passed_at: Option<Timestamp>,
    /// When the flow was completed.
    pub finished_at: Option<Timestamp>,
    /// When the flow was ended by another action.
    pub ended_at: Option<Timestamp>,
    /// Expiry time.
    pub ends_at: Timestamp,
}

/// What a flow asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The code that a sign-in asks for before the password.
    MailboxCode,
    /// The password of a sign-in. Whether the address has an account is not revealed.
    Password,
    /// The code of a reset or a sign-up, or the one that confirms a sign-in.
    Code,
    /// The new password of a reset.
    NewPassword,
    /// The name and password of a sign-up.
    Details,
    /// Nothing: the flow was completed. This happens once.
    Finished,
    /// Nothing: the flow has expired, was ended, or has no tries left.
    Over,
}

impl Progress {
    /// What the flow asks for now.
    #[must_use]
    pub fn next_step(&self, now: Timestamp) -> NextStep {
        if self.finished_at.is_some() {
            return NextStep::Finished;
        }
        let proven = self.code_passed_at.is_some();
        match self.purpose {
            _ if !self.is_live(now) => NextStep::Over,
            Purpose::Reset if proven => NextStep::NewPassword,
            Purpose::SignUp if proven => NextStep::Details,
            Purpose::SignIn if self.password_passed_at.is_none() && !self.mailbox_first => NextStep::Password,
            _ if self.tries_left <= 0 => NextStep::Over,
            Purpose::SignIn if self.password_passed_at.is_none() && proven => NextStep::Password,
            _ if proven || self.codes_sent == 0 => NextStep::Over,
            _ => self.code_step(),
        }
    }

    /// The step before the last proof, for a browser that has not received the answer to it.
    #[must_use]
    pub fn previous_step(&self) -> NextStep {
        match self.finished_at {
            Some(_) if self.ended_with_password() => NextStep::Password,
            None if self.purpose == Purpose::SignIn && !self.mailbox_first => NextStep::Password,
            _ => self.code_step(),
        }
    }

    fn code_step(&self) -> NextStep {
        if self.purpose == Purpose::SignIn && self.mailbox_first {
            NextStep::MailboxCode
        } else {
            NextStep::Code
        }
    }

    /// Whether the flow is still active.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.finished_at.is_none() && self.ended_at.is_none() && now < self.ends_at
    }

    /// Whether the flow is waiting for a code.
    #[must_use]
    pub fn waits_for_code(&self, now: Timestamp) -> bool {
        matches!(self.next_step(now), NextStep::Code | NextStep::MailboxCode)
    }

    /// Whether the flow was completed after `since`.
    #[must_use]
    pub fn has_just_finished(&self, since: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at > since)
    }

    /// Whether the password was the last step of a completed sign-in: on a trusted device, or after the code.
    #[must_use]
    pub const fn ended_with_password(&self) -> bool {
        self.finished_at.is_some() && (self.code_passed_at.is_none() || self.mailbox_first)
    }

    /// The counter of its wrong codes.
    #[must_use]
    pub const fn counter(&self) -> CodeCounter {
        self.purpose.counter(self.mailbox_first)
    }
}

#[cfg(test)]
mod tests {
    use super::NextStep::{Code, Details, Finished, MailboxCode, NewPassword, Over, Password};
    use super::*;
    use Purpose::{Reset, SignIn, SignUp};

    const NOW: Timestamp = Timestamp(1_000);

    /// `marks` holds `m` for mailbox first, `s` for a sent code, `p` and `c` for a proven password and code, `f` for finished,
    /// `e` for ended, `x` for expired and `0` for no tries left.
    fn progress(purpose: Purpose, marks: &str) -> Progress {
        let has = |mark| marks.contains(mark);
        let at = |mark| has(mark).then_some(NOW);
        Progress {
            purpose,
            mailbox_first: has('m'),
            codes_sent: has('s').into(),
            tries_left: if has('0') { 0 } else { 5 },
            password_passed_at: at('p'),
            code_passed_at: at('c'),
            finished_at: at('f'),
            ended_at: at('e'),
            ends_at: if has('x') { NOW } else { NOW.plus_ms(1) },
        }
    }

    #[test]
    fn each_proof_leads_to_the_next_step() {
        for (purpose, marks, step) in [
            (SignIn, "", Password),
            (SignIn, "ps", Code),
            (SignIn, "psf", Finished),
            (SignIn, "pf", Finished),
            (SignIn, "m", Over),
            (SignIn, "ms", MailboxCode),
            (SignIn, "msc", Password),
            (SignIn, "mscpf", Finished),
            (Reset, "s", Code),
            (Reset, "sc", NewPassword),
            (Reset, "scf", Finished),
            (SignUp, "s", Code),
            (SignUp, "sc", Details),
            (SignUp, "scf", Finished),
        ] {
            assert_eq!(progress(purpose, marks).next_step(NOW), step, "{purpose:?} {marks}");
        }
    }

    #[test]
    fn a_flow_that_expired_or_was_ended_asks_for_nothing() {
        for purpose in [SignIn, Reset, SignUp] {
            for marks in ["", "s", "ps", "sc", "ms", "msc"] {
                for end in ["e", "x", "ex"] {
                    let marks = format!("{marks}{end}");
                    assert_eq!(progress(purpose, &marks).next_step(NOW), Over, "{purpose:?} {marks}");
                }
            }
        }
    }

    /// Tries count the answers to one step. The first password of a sign-in is counted by address instead.
    #[test]
    fn without_tries_a_step_is_over() {
        for (purpose, marks, step) in [
            (SignIn, "0", Password),
            (SignIn, "ps0", Over),
            (SignIn, "ms0", Over),
            (SignIn, "msc0", Over),
            (Reset, "s0", Over),
            (Reset, "sc0", NewPassword),
            (SignUp, "sc0", Details),
        ] {
            assert_eq!(progress(purpose, marks).next_step(NOW), step, "{purpose:?} {marks}");
        }
    }

    #[test]
    fn a_browser_without_the_last_answer_sees_the_step_that_it_answered() {
        for (purpose, marks, step) in [
            (SignIn, "ps", Password),
            (SignIn, "pscf", Code),
            (SignIn, "pf", Password),
            (SignIn, "msc", MailboxCode),
            (SignIn, "mscpf", Password),
            (Reset, "sc", Code),
            (SignUp, "sc", Code),
        ] {
            assert_eq!(progress(purpose, marks).previous_step(), step, "{purpose:?} {marks}");
        }
    }
}
