//! The steps of the flows that send a code.
//!
//! ```text
//! sign-in   ask e-mail ──► Password ──► Code ──────────────────► Finished (a session begins)
//!                              └── on a trusted device ───────────▲
//!           ask e-mail ──► MailboxCode ──► Password ────────────► Finished
//!                              └── a member of an organization ───▲
//! reset     ask e-mail ──► Code ──► NewPassword ────────────────► Finished
//! sign-up   ask e-mail ──► Code ──► Details (name, password) ───► Finished (the account exists)
//! secure    ask e-mail ──► Code ──► Review (what will happen) ──► Finished (a reset begins at its new password)
//! confirm, change of the address: Code ─────────────────────────► Finished
//! ```
//!
//! The mailbox-first order of a sign-in applies to browsers that never signed in to the account, once strangers have used up
//! the password tries of the address. Attack: an account is prepared for another user's address; a sign-up therefore proves the
//! address first.

use crate::{CodeCounter, Purpose, Timestamp};

/// The state of a flow: what it has sent and what was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The purpose of the flow.
    pub purpose: Purpose,
    /// Whether a sign-in asks for the code before the password.
    pub mailbox_first: bool,
    /// Number of codes sent.
    pub codes_sent: i64,
    /// Remaining tries for the current step.
    pub tries_left: i64,
    /// When the password was verified (sign-in).
    pub password_passed_at: Option<Timestamp>,
    /// When the code was verified.
    pub code_passed_at: Option<Timestamp>,
    /// When the flow was completed.
    pub finished_at: Option<Timestamp>,
    /// When the flow was ended by another action.
    pub ended_at: Option<Timestamp>,
    /// The time when the flow expires.
    pub ends_at: Timestamp,
}

/// The next step of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The code of a mailbox-first sign-in, before the password.
    MailboxCode,
    /// The password of a sign-in. Whether the address has an account is not revealed.
    Password,
    /// The code of any flow but a mailbox-first sign-in.
    Code,
    /// The new password of a reset.
    NewPassword,
    /// The name and password of a sign-up.
    Details,
    /// The confirmation that the account is to be secured.
    Review,
    /// Nothing: the flow was completed, which happens only once.
    Finished,
    /// Nothing: the flow has expired, was ended, or has no tries left.
    Over,
}

impl Progress {
    /// Returns the flow's next step.
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
            Purpose::Secure if proven => NextStep::Review,
            Purpose::SignIn if self.password_passed_at.is_none() && !self.mailbox_first => NextStep::Password,
            _ if self.tries_left <= 0 => NextStep::Over,
            Purpose::SignIn if self.password_passed_at.is_none() && proven => NextStep::Password,
            _ if proven || self.codes_sent == 0 => NextStep::Over,
            _ => self.code_step(),
        }
    }

    /// Returns the step before the last proof, for a browser that has not received the response.
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

    /// Returns whether the flow is still active.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.finished_at.is_none() && self.ended_at.is_none() && now < self.ends_at
    }

    /// Returns whether the flow is waiting for a code.
    #[must_use]
    pub fn waits_for_code(&self, now: Timestamp) -> bool {
        matches!(self.next_step(now), NextStep::Code | NextStep::MailboxCode)
    }

    /// Returns whether the flow was completed after `since`.
    #[must_use]
    pub fn has_just_finished(&self, since: Timestamp) -> bool {
        self.finished_at.is_some_and(|at| at > since)
    }

    /// Returns whether the password was the last step of a completed sign-in: on a trusted device, or after the code.
    #[must_use]
    pub const fn ended_with_password(&self) -> bool {
        self.finished_at.is_some()
            && self.password_passed_at.is_some()
            && (self.code_passed_at.is_none() || self.mailbox_first)
    }

    /// Returns the counter for the flow's incorrect codes.
    #[must_use]
    pub const fn counter(&self) -> CodeCounter {
        self.purpose.counter(self.mailbox_first)
    }
}

#[cfg(test)]
mod tests {
    use super::NextStep::{Code, Details, Finished, MailboxCode, NewPassword, Over, Password, Review};
    use super::*;
    use Purpose::{ChangeEmail, Reset, Secure, SignIn, SignUp};

    const NOW: Timestamp = Timestamp(1_000);

    /// Creates a flow from marks: `m` mailbox first, `s` code sent, `p` password proven, `c` code proven, `f` finished,
    /// `e` ended, `x` expired, `0` no tries left.
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
            (Secure, "s", Code),
            (Secure, "sc", Review),
            (Secure, "scf", Finished),
            (ChangeEmail, "s", Code),
            (ChangeEmail, "scf", Finished),
        ] {
            assert_eq!(progress(purpose, marks).next_step(NOW), step, "{purpose:?} {marks}");
        }
    }

    #[test]
    fn an_expired_or_ended_flow_is_over() {
        for purpose in Purpose::ALL {
            for marks in ["", "s", "ps", "sc", "ms", "msc"] {
                for end in ["e", "x", "ex"] {
                    let marks = format!("{marks}{end}");
                    assert_eq!(progress(purpose, &marks).next_step(NOW), Over, "{purpose:?} {marks}");
                }
            }
        }
    }

    /// Tries limit the answers to one step. The first password of a sign-in is counted by address instead.
    #[test]
    fn a_step_is_over_without_tries_left() {
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
    fn after_a_lost_response_the_answered_step_is_shown() {
        for (purpose, marks, step) in [
            (SignIn, "ps", Password),
            (SignIn, "pscf", Code),
            (SignIn, "pf", Password),
            (SignIn, "msc", MailboxCode),
            (SignIn, "mscpf", Password),
            (SignIn, "mscf", MailboxCode),
            (Reset, "sc", Code),
            (SignUp, "sc", Code),
        ] {
            assert_eq!(progress(purpose, marks).previous_step(), step, "{purpose:?} {marks}");
        }
    }
}
