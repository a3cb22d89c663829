//! The answer to a client's request in a browser: a code, or what its user must do first.

use super::needed_proof::{NeededProof, needed_proof};
use super::{Authorization, AuthorizationStep};
use crate::oauth::{CODE_MS, Client, code_kept_until, has_scope, known_as, redirect};
use crate::store::authorization::{self, AuthorizationCode, AuthorizationRequest};
use crate::store::limits::Rule;
use crate::store::sessions::{self, Session};
use crate::store::{ReadConn, accounts, connected_products, deletions};
use crate::{Error, Fault, random};
use account::{AccountId, Timestamp};

/// Whether a signed-in browser gets a code.
pub(super) enum Answer {
    Code(AuthorizationStep),
    SignIn,
    /// The client expects another user.
    OtherUser,
    /// The account waits for its deletion.
    Leaving,
    Consent {
        session: String,
        email: String,
    },
}

async fn has_password(conn: &mut ReadConn, session: &Session) -> Result<bool, Fault> {
    let account = accounts::find(conn, &AccountId(session.account_id.clone())).await?;
    Ok(account.is_some_and(|stored| stored.account.require_password().is_ok()))
}

impl Authorization<'_> {
    /// Returns whether the user has agreed to all that the client asks for.
    async fn is_known(self, conn: &mut ReadConn, account: &str, request: &AuthorizationRequest) -> Result<bool, Fault> {
        let known = connected_products::find(conn, account, &request.client_id).await?;
        let known = known.map(|known| known.scope).unwrap_or_default();
        Ok(request.scope.split(' ').all(|scope| has_scope(&known, scope)))
    }

    async fn question(self, conn: &mut ReadConn, session: Session) -> Result<Answer, Fault> {
        let account = accounts::find(conn, &AccountId(session.account_id)).await?;
        Ok(account.map_or(Answer::SignIn, |stored| Answer::Consent {
            session: session.id,
            email: stored.account.email.to_string(),
        }))
    }

    /// Issues a code in the browser's session, unless its user must sign in or consent first.
    pub(super) async fn answer(
        self,
        request: &AuthorizationRequest,
        client: &Client,
        asks_consent: bool,
        now: Timestamp,
    ) -> Result<Answer, Error> {
        let mut conn = self.0.read().await?;
        let session = self.0.find_session(&mut conn, now).await?;
        let Some(session) = session else {
            return Ok(Answer::SignIn);
        };
        // Attack: a product gets a user who believes that the account is gone.
        if deletions::find(&mut conn, &session.account_id).await?.is_some() {
            return Ok(Answer::Leaving);
        }
        if let Some(expected) = &request.subject {
            let known = known_as(&mut conn, client, &session.account_id, &session.id).await?;
            if known.is_none_or(|known| known.sub != *expected) {
                return Ok(Answer::OtherUser);
            }
        }
        let has_password = request.factors > 0 && has_password(&mut conn, &session).await?;
        if needed_proof(request, &session, has_password, now) != NeededProof::Nothing {
            return Ok(Answer::SignIn);
        }
        let must_ask =
            asks_consent || client.third_party && !self.is_known(&mut conn, &session.account_id, request).await?;
        if must_ask {
            return Ok(self.question(&mut conn, session).await?);
        }
        drop(conn);
        let code = random::token();
        let row = AuthorizationCode {
            digest: random::digest(&code),
            session_id: session.id.clone(),
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            scope: request.scope.clone(),
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            expires_at: now.plus_ms(CODE_MS).0,
            used_at: None,
            ends_at: code_kept_until(now).0,
        };
        // Unsynced, because a lost code only repeats the sign-in.
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        // Attack: a signed-in user fills the database with codes.
        self.0.backend.take(&mut tx, &[self.rule()], now).await?;
        // Attack: the session is ended at the same time, and the code would outlive it.
        if !sessions::lock_for_update(&mut tx, &row.session_id).await? {
            return Ok(Answer::SignIn);
        }
        // Attack: the user disconnects the product at the same time, and the code would connect it again.
        if client.third_party && !self.is_known(&mut tx, &session.account_id, request).await? {
            return Ok(self.question(&mut tx, session).await?);
        }
        authorization::insert_code(&mut tx, &row).await?;
        tx.commit().await?;
        self.0.backend.metrics().client_event(&request.client_id, "code");
        let issuer = &self.0.backend.settings().origin;
        let response = [("code", code.expose())];
        Ok(Answer::Code(AuthorizationStep::Return {
            client: client.name.clone(),
            url: redirect(&request.redirect_uri, &response, request.state.as_deref(), issuer),
        }))
    }

    /// Limits the requests of a client network. Not with the limit of sign-ins: any site can make its visitors' browsers send these.
    pub(super) fn rule(self) -> Rule {
        let most = self.0.backend.limits().client_a_minute.saturating_mul(15);
        Rule::new(format!("authorize {}", self.0.caller.client), most, 60_000)
    }
}
