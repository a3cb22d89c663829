//! Finds the flow that a first form belongs to, so that a form sent twice has one effect.

use super::request::BrowserRequest;
use crate::store::flows::Flow;
use crate::store::{WriteTx, flows};
use crate::{Fault, random};
use account::{EmailAddress, NextStep, Purpose, Secret, Timestamp};

/// Maximum number of flows derived from one visit, purpose and address. Further flows get random tokens.
const FLOWS_OF_A_VISIT: u32 = 16;
/// 256 bits in base64.
const VISIT_LENGTH: usize = 43;

/// The result of [`BrowserRequest::flow_of_form`].
pub(super) struct FlowOfForm {
    /// The browser's token.
    pub token: Secret,
    /// The flow, if a previous request has already begun it.
    pub begun: Option<Flow>,
    /// The flow that the browser held before.
    pub before: Option<Flow>,
}

impl BrowserRequest<'_> {
    /// Finds or prepares the flow of a first form, which a double click, a reload or a lost response may repeat before the
    /// browser has a flow token. The token is derived from the browser's visit, so the repeated form finds the flow of the first.
    pub(super) async fn flow_of_form(
        self,
        tx: &mut WriteTx,
        purpose: Purpose,
        email: &EmailAddress,
        now: Timestamp,
    ) -> Result<FlowOfForm, Fault> {
        let before = self.find_flow(tx, purpose).await?;
        let span_ms = self.backend.limits().reset_every_s * 1_000;
        let is_same = |flow: &Flow| {
            // Absolute, because another server's clock may be slightly ahead.
            let is_fresh = (now.0 - flow.created_at.0).abs() < span_ms;
            let goes_on = match flow.progress.next_step(now) {
                NextStep::Code | NextStep::MailboxCode => true,
                NextStep::Password => !flow.progress.mailbox_first,
                _ => false,
            };
            is_fresh && goes_on && flow.email == *email
        };
        if let (Some(token), Some(flow)) = (self.tokens.flow(purpose), before.as_ref().filter(|flow| is_same(flow))) {
            return Ok(FlowOfForm {
                token: token.clone(),
                begun: Some(flow.clone()),
                before,
            });
        }
        // Attack: a visit that others can guess. Rekey's own visits have 256 bits and this length.
        if let Some(visit) = self
            .tokens
            .visit
            .as_ref()
            .filter(|visit| visit.expose().len() == VISIT_LENGTH)
        {
            let mut before = before.clone();
            for number in 0..FLOWS_OF_A_VISIT {
                let token = random::flow_token(visit, purpose, email, number);
                let digest = random::digest(&token);
                let begun = flows::find(tx, &digest, purpose).await?;
                // After a step up, the flow belongs to another token.
                if begun
                    .as_ref()
                    .is_none_or(|flow| is_same(flow) && flow.is_held_by(&digest))
                {
                    return Ok(FlowOfForm { token, begun, before });
                }
                // An earlier request of this browser, with a lost response. Its code is recognized as one of an earlier flow.
                before = before.or(begun.filter(|flow| flow.progress.is_live(now) && flow.is_held_by(&digest)));
            }
        }
        Ok(FlowOfForm {
            token: random::token(),
            begun: None,
            before,
        })
    }
}
