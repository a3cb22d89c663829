//! Authorization of a client: the browser comes from a product, signs in if necessary, and returns with a code.

use super::request::BrowserRequest;
use crate::oauth::{CODE_MS, Client, InvalidRequest, Prompt, REQUEST_MS, ValidRequest, redirect};
use crate::store::authorization::{self, AuthorizationCode, AuthorizationRequest};
use crate::store::{ReadConn, sessions};
use crate::{Backend, Error, Fault, random};
use account::Timestamp;

/// The path to which the browser returns after sign-in.
const CONTINUE: &str = "/oauth/continue?request=";

/// Authorization of a client.
#[derive(Clone, Copy)]
pub struct Authorization<'a>(pub(super) BrowserRequest<'a>);

/// Where an authorization request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorizationStep {
    /// Back to the client, with a code or an error.
    Return {
        /// The client's name.
        client: String,
        /// The client's address with the response.
        url: String,
    },
    /// To a page of this service, which leads on to `/oauth/continue`.
    Ask {
        /// The page's path and query.
        page: String,
    },
    /// Nowhere: the client and its address are not proven, or the request has expired. The reason is for the log.
    Refused(&'static str),
}

impl Authorization<'_> {
    /// Accepts a client's request: the raw query.
    ///
    /// # Errors
    /// A refusal of too many requests, or a database fault.
    pub async fn begin(self, query: &str) -> Result<AuthorizationStep, Error> {
        let now = self.0.now();
        let issuer = self.0.backend.settings().origin.clone();
        let asked = match ValidRequest::read(self.0.backend.clients(), &issuer, query) {
            Ok(asked) => asked,
            Err(InvalidRequest::Unproven(reason)) => return Ok(AuthorizationStep::Refused(reason)),
            Err(InvalidRequest::Returned(url)) => {
                return Ok(AuthorizationStep::Return {
                    client: String::new(),
                    url,
                });
            }
        };
        let by_age = asked.max_age_s.map(|age| now.plus_seconds(-age).0);
        let authenticated_after = match asked.prompt {
            Prompt::Login => Some(now.0),
            Prompt::None | Prompt::Default => by_age,
        };
        let request = AuthorizationRequest {
            id: random::id(),
            client_id: asked.client.id.clone(),
            redirect_uri: asked.redirect_uri,
            scope: asked.scope,
            state: asked.state,
            nonce: asked.nonce,
            challenge: asked.challenge,
            authenticated_after,
            ends_at: now.plus_ms(REQUEST_MS).0,
        };
        if let Some(step) = self.answer(&request, &asked.client.name, now).await? {
            return Ok(step);
        }
        if asked.prompt == Prompt::None {
            let error = [("error", "login_required")];
            return Ok(AuthorizationStep::Return {
                client: asked.client.name.clone(),
                url: redirect(&request.redirect_uri, &error, request.state.as_deref(), &issuer),
            });
        }
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        // Attack: a flood of requests fills the database.
        self.0.backend.take(&mut tx, &[self.0.begin_rule()], now).await?;
        authorization::insert_request(&mut tx, &request).await?;
        tx.commit().await?;
        self.ask(&request.id, now).await
    }

    /// Continues a request after sign-in. It stays open until it expires, so that a reload works.
    ///
    /// Attack: another browser opens the request's address. The client refuses the response there: its state and its PKCE verifier
    /// are in the browser that began.
    ///
    /// # Errors
    /// A database fault.
    pub async fn resume(self, id: &str) -> Result<AuthorizationStep, Error> {
        let now = self.0.now();
        let mut conn = self.0.read().await?;
        let request = find(&mut conn, id, now).await?;
        drop(conn);
        let Some(request) = request else {
            return Ok(AuthorizationStep::Refused("the request has expired"));
        };
        let Some(client) = self.0.backend.client_of(&request) else {
            return Ok(AuthorizationStep::Refused("the client is no longer registered"));
        };
        match self.answer(&request, &client.name, now).await? {
            Some(step) => Ok(step),
            None => self.ask(&request.id, now).await,
        }
    }

    /// Issues a code in the browser's session. `None` if its user must sign in first.
    async fn answer(
        self,
        request: &AuthorizationRequest,
        client: &str,
        now: Timestamp,
    ) -> Result<Option<AuthorizationStep>, Error> {
        let mut conn = self.0.read().await?;
        let session = self.0.find_session(&mut conn, now).await?;
        drop(conn);
        let Some(session) = session.filter(|session| is_recent(request, session.authenticated_at)) else {
            return Ok(None);
        };
        let code = random::token();
        let row = AuthorizationCode {
            digest: random::digest(&code),
            session_id: session.id,
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            scope: request.scope.clone(),
            nonce: request.nonce.clone(),
            challenge: request.challenge.clone(),
            expires_at: now.plus_ms(CODE_MS).0,
            used_at: None,
        };
        // Unsynced, because a lost code only repeats the sign-in.
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        // Attack: the session is ended at the same time, and the code would outlive it.
        if !sessions::lock_for_update(&mut tx, &row.session_id).await? {
            return Ok(None);
        }
        authorization::insert_code(&mut tx, &row).await?;
        tx.commit().await?;
        let issuer = &self.0.backend.settings().origin;
        let response = [("code", code.expose())];
        Ok(Some(AuthorizationStep::Return {
            client: client.to_owned(),
            url: redirect(&request.redirect_uri, &response, request.state.as_deref(), issuer),
        }))
    }

    /// Leads to sign-in, or to reauthentication with a session.
    async fn ask(self, request: &str, now: Timestamp) -> Result<AuthorizationStep, Error> {
        let mut conn = self.0.read().await?;
        let page = if self.0.find_session(&mut conn, now).await?.is_some() {
            "/security/confirm?next="
        } else {
            "/signin?next="
        };
        Ok(AuthorizationStep::Ask {
            page: [page, CONTINUE, request].concat(),
        })
    }
}

impl Backend {
    /// Returns the name of the product whose request waits at `next`, the path after a sign-in. Reads nothing if none can wait
    /// there.
    ///
    /// Attack: a link names another product. Only the registered name of the stored request's client is shown.
    ///
    /// # Errors
    /// A database fault.
    pub async fn waiting_product(&self, next: &str) -> Result<Option<String>, Fault> {
        let Some(id) = next.strip_prefix(CONTINUE) else {
            return Ok(None);
        };
        let mut conn = self.parts.db.read().await?;
        let request = find(&mut conn, id, self.now()).await?;
        let client = request.as_ref().and_then(|request| self.client_of(request));
        Ok(client.map(|client| client.name.clone()))
    }

    /// Returns the client of a request. Attack: an address that the operator has removed since.
    fn client_of(&self, request: &AuthorizationRequest) -> Option<&Client> {
        let client = self.clients().find(&request.client_id);
        client.filter(|client| client.accepts(&request.redirect_uri))
    }
}

/// Returns whether `next`, the path after a sign-in, leads on to a product.
#[must_use]
pub fn waits_for_product(next: &str) -> bool {
    next.starts_with(CONTINUE)
}

/// Returns whether the session's user proved who they are as recently as the client demands. Attack: someone at an unlocked
/// computer.
fn is_recent(request: &AuthorizationRequest, authenticated_at: i64) -> bool {
    request.authenticated_after.is_none_or(|after| authenticated_at > after)
}

async fn find(conn: &mut ReadConn, id: &str, now: Timestamp) -> Result<Option<AuthorizationRequest>, Fault> {
    // Ids are hexadecimal. Attack: a NUL, which PostgreSQL rejects.
    let is_id = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id {
        authorization::find_request(conn, id, now).await
    } else {
        Ok(None)
    }
}

/// Returns whether a proof is recent enough for the client's request that waits at `next`; `None` if none waits there.
pub(super) async fn is_recent_for(
    conn: &mut ReadConn,
    next: &str,
    authenticated_at: i64,
    now: Timestamp,
) -> Result<Option<bool>, Fault> {
    let Some(id) = next.strip_prefix(CONTINUE) else {
        return Ok(None);
    };
    let request = find(conn, id, now).await?;
    Ok(request.map(|request| is_recent(&request, authenticated_at)))
}
