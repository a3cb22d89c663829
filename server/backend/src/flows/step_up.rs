//! Token renewal at every step up. A flow gets a new token after a correct code or password, a device at each sign-in; the
//! previous token stops working at once.
//!
//! Attack: a cookie copied while it was worth little (at the address step, or before a device was trusted) gains value when
//! the owner proves more. Each proof is therefore bound to a new token, which the copy doesn't have.
//!
//! Lost responses: a double click or a dropped connection may lose the response with the new token. For 30 s, the previous
//! token is therefore still recognized, but only as follows:
//! - With the same correct code or password, it gets the same new token again. The sender has proven as much as the owner,
//!   so a copied token alone gains nothing. If two responses cross, the browser ends up with a live token either way.
//! - Without them, the browser sees its previous step and a notice that the flow continued. It cannot set a password.
//! - The last step of a sign-in, sent again, leads to the same session and device, because their tokens are derived, too.
//! - A device's previous token still identifies the device, to avoid a false alarm, but is not trusted: a code is required.
//!
//! New tokens are derived from the previous ones and a server key, so that a repeated request gets the same token and no
//! token is stored. They cannot be guessed without the key, nor computed from the database, which contains only digests.

use super::mailed_email::hold_flow;
use super::request::BrowserRequest;
use crate::store::flows::Flow;
use crate::store::{ReadConn, WriteTx, flows};
use crate::{Backend, Error, Fault, TokenChange, random};
use account::{NextStep, Purpose, Refusal, Secret, Timestamp};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Time for which a replaced token is accepted, in case a response was lost.
pub(super) const LOST_ANSWER_MS: i64 = 30_000;

/// Relation of a token to the flow that it identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The flow's current token.
    Current,
    /// Replaced within the last 30 s.
    JustReplaced,
    /// Replaced more than 30 s ago.
    Replaced,
}

/// Returns the step that a browser with such a token sees.
pub(super) fn shown_step(flow: &Flow, standing: Standing, now: Timestamp) -> NextStep {
    match standing {
        Standing::Current => flow.progress.next_step(now),
        // This browser hasn't received the new token yet.
        Standing::JustReplaced if flow.progress.is_live(now) => flow.progress.previous_step(),
        Standing::JustReplaced | Standing::Replaced => NextStep::Over,
    }
}

impl BrowserRequest<'_> {
    /// Finds the browser's current flow for a purpose, in any state.
    pub(super) async fn find_flow(self, conn: &mut ReadConn, purpose: Purpose) -> Result<Option<Flow>, Fault> {
        let found = self.look_up_flow(conn, purpose).await?;
        Ok(found.and_then(|(flow, standing)| (standing == Standing::Current).then_some(flow)))
    }

    /// Finds the flow that the browser's token identifies, even if that token was replaced.
    pub(super) async fn look_up_flow(
        self,
        conn: &mut ReadConn,
        purpose: Purpose,
    ) -> Result<Option<(Flow, Standing)>, Fault> {
        let Some(token) = self.tokens.flow(purpose) else {
            return Ok(None);
        };
        let digest = random::digest(token);
        let found = flows::find(conn, &digest, purpose).await?;
        Ok(found.map(|flow| {
            let standing = match flow.stepped_up_at {
                _ if flow.is_held_by(&digest) => Standing::Current,
                Some(at) if self.now() < at.plus_ms(LOST_ANSWER_MS) => Standing::JustReplaced,
                _ => Standing::Replaced,
            };
            (flow, standing)
        }))
    }

    /// Finds the flow that the browser can continue, or refuses.
    pub(super) async fn demand_flow(self, conn: &mut ReadConn, purpose: Purpose) -> Result<Flow, Error> {
        match self.look_up_flow(conn, purpose).await? {
            Some((flow, Standing::Current)) => Ok(flow),
            Some((_, Standing::JustReplaced)) => Err(Refusal::StepElsewhere.into()),
            Some((_, Standing::Replaced)) | None => Err(Refusal::FlowGone.into()),
        }
    }

    /// Gives a flow a new token and returns it for the browser.
    pub(super) async fn step_up(
        self,
        tx: &mut WriteTx,
        purpose: Purpose,
        flow: &Flow,
        now: Timestamp,
    ) -> Result<TokenChange, Error> {
        let token = self
            .backend
            .next_token(self.tokens.flow(purpose).ok_or(Refusal::FlowGone)?);
        flows::step_up(tx, &flow.id, &random::digest(&token), now).await?;
        Ok(hold_flow(purpose, token))
    }

    /// Responds to a correct answer that was already accepted. If this browser sent it the first time, too, it
    /// gets the token of the first response.
    pub(super) async fn repeated(self, conn: &mut ReadConn, purpose: Purpose) -> Result<Error, Fault> {
        let now = self.now();
        let found = self.look_up_flow(conn, purpose).await?;
        let tokens = match (found, self.tokens.flow(purpose)) {
            (Some((flow, Standing::JustReplaced)), Some(token)) => {
                let token = self.backend.next_token(token);
                let holds = flow.progress.is_live(now) && flow.is_held_by(&random::digest(&token));
                holds.then(|| vec![hold_flow(purpose, token)])
            }
            (Some((flow, Standing::Current)), Some(token))
                if purpose == Purpose::SignIn && flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS)) =>
            {
                self.session_again(conn, token, now).await?
            }
            (Some((flow, Standing::Current)), _)
                if purpose == Purpose::Confirm && flow.progress.has_just_finished(now.plus_ms(-LOST_ANSWER_MS)) =>
            {
                self.confirmed_again(conn, now).await?.map(|token| vec![token])
            }
            _ => None,
        };
        Ok(tokens.map_or_else(|| Refusal::StepElsewhere.into(), Error::Repeated))
    }

    /// Derives the session token from the tokens of the flow and the device. Attack: on a trusted device no code is needed, so a
    /// flow token copied at the address step, plus the password, must not lead to the session.
    pub(super) fn session_token(self, flow: &Secret) -> Secret {
        let device = self.tokens.device.as_ref().map_or("", Secret::expose);
        self.backend.derive("session token", &[flow.expose(), device])
    }
}

impl Backend {
    /// Derives the successor of a token.
    pub(super) fn next_token(&self, token: &Secret) -> Secret {
        self.derive("next token", &[token.expose()])
    }

    /// Derives the token of a device that first signs in with a flow's last step.
    pub(super) fn device_token(&self, flow: &Secret) -> Secret {
        self.derive("device token", &[flow.expose()])
    }

    fn derive(&self, usage: &str, from: &[&str]) -> Secret {
        let from: Vec<_> = from.iter().map(|part| part.as_bytes()).collect();
        BASE64_URL_SAFE_NO_PAD
            .encode(self.parts.keys.current().mac(usage, &from))
            .into()
    }
}
