//! A client's request that waits while its user signs in, and what pages show of it.

use super::{Authorization, CONTINUE};
use crate::oauth::Client;
use crate::store::ReadConn;
use crate::store::authorization::{self, AuthorizationRequest};
use crate::{Backend, Error, Fault};
use account::Timestamp;
use std::sync::Arc;

/// The product that waits for a user, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingProduct {
    /// The client's name.
    pub name: String,
    /// Its mark: a `data:` URL of an image.
    pub logo: Option<String>,
}

impl Authorization<'_> {
    /// Finds a waiting request and its client. The inner error is a reason for the log.
    pub(super) async fn waiting(
        self,
        id: &str,
        now: Timestamp,
    ) -> Result<Result<(AuthorizationRequest, Arc<Client>), &'static str>, Error> {
        let mut conn = self.0.read().await?;
        let Some(request) = find(&mut conn, id, now).await? else {
            return Ok(Err("the request has expired"));
        };
        let client = self.0.backend.client_of(&request);
        Ok(client
            .map(|client| (request, client))
            .ok_or("the client is no longer registered"))
    }
}

impl Backend {
    /// Returns the product whose request waits at `next`, the path after a sign-in. Reads nothing if none can wait
    /// there.
    ///
    /// Attack: a link names another product. Only what is registered for the stored request's client is shown.
    ///
    /// # Errors
    /// A database fault.
    pub async fn waiting_product(&self, next: &str) -> Result<Option<WaitingProduct>, Fault> {
        let Some(id) = next.strip_prefix(CONTINUE) else {
            return Ok(None);
        };
        let mut conn = self.parts.db.read().await?;
        let request = find(&mut conn, id, self.now()).await?;
        let client = request.as_ref().and_then(|request| self.client_of(request));
        Ok(client.map(|client| WaitingProduct {
            name: client.name.clone(),
            logo: client.options.mark(),
        }))
    }

    /// Returns the client of a request. Attack: an address that the operator has removed since.
    fn client_of(&self, request: &AuthorizationRequest) -> Option<Arc<Client>> {
        let client = self.clients().find(&request.client_id);
        client.filter(|client| client.accepts(&request.redirect_uri))
    }
}

/// Returns whether `next`, the path after a sign-in, leads on to a product.
#[must_use]
pub fn waits_for_product(next: &str) -> bool {
    next.starts_with(CONTINUE)
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

/// Finds the client's request that waits at `next`.
pub(super) async fn find_at(
    conn: &mut ReadConn,
    next: &str,
    now: Timestamp,
) -> Result<Option<AuthorizationRequest>, Fault> {
    match next.strip_prefix(CONTINUE) {
        Some(id) => find(conn, id, now).await,
        None => Ok(None),
    }
}
