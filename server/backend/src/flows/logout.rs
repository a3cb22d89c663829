//! Sign-out that a product asks for (OpenID Connect RP-Initiated Logout 1.0).

use super::request::BrowserRequest;
use crate::oauth::{LogoutRequest, known_as, logout_redirect};
use crate::{Error, Transition};

/// Sign-out that a product asks for.
#[derive(Clone, Copy)]
pub struct ClientLogout<'a>(pub(super) BrowserRequest<'a>);

/// Where such a request leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientLogoutStep {
    /// To a page that asks whether to sign out.
    Ask,
    /// Signed out, and back to the product at a registered address.
    Return {
        /// The client's name.
        client: String,
        /// The client's address.
        url: String,
    },
    /// Signed out here.
    SignedOut,
    /// Nowhere: the request is malformed. For the log.
    Refused(&'static str),
}

impl ClientLogout<'_> {
    /// Begins a sign-out: at once if the request has an ID token of the browser's session, else after a question.
    ///
    /// Attack: a page of another site signs its visitor out by a link. Only products of this session have an ID token of it.
    ///
    /// # Errors
    /// A database fault.
    pub async fn begin(self, query: &str) -> Result<Transition<ClientLogoutStep>, Error> {
        let asked = match self.0.backend.logout_request(query).await? {
            Ok(asked) => asked,
            Err(reason) => return Ok(Transition::to(ClientLogoutStep::Refused(reason))),
        };
        let mut conn = self.0.read().await?;
        let session = self.0.find_session(&mut conn, self.0.now()).await?;
        let is_proven = match (&session, &asked.session) {
            (Some(session), Some((client, sid))) => {
                let known = known_as(&mut conn, client, &session.account_id, &session.id).await?;
                known.is_some_and(|known| known.sid == *sid)
            }
            _ => false,
        };
        drop(conn);
        match session {
            Some(_) if is_proven => self.finish(asked).await,
            Some(_) => Ok(Transition::to(ClientLogoutStep::Ask)),
            // Attack: a page of another site ends a sign-in that waits for its code.
            None => Ok(Transition::to(leave(asked))),
        }
    }

    /// Signs out after the question, here or everywhere. The form repeats the request.
    ///
    /// # Errors
    /// A database fault.
    pub async fn confirm(self, query: &str) -> Result<Transition<ClientLogoutStep>, Error> {
        match self.0.backend.logout_request(query).await? {
            Ok(asked) => {
                if asked.everywhere {
                    match self.0.sessions().end_others().await {
                        // Signed out in another tab.
                        Ok(_) | Err(Error::Refused(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                self.finish(asked).await
            }
            Err(reason) => Ok(Transition::to(ClientLogoutStep::Refused(reason))),
        }
    }

    async fn finish(self, asked: LogoutRequest) -> Result<Transition<ClientLogoutStep>, Error> {
        let signed_out = self.0.sessions().sign_out().await?;
        Ok(signed_out.map(|_| leave(asked)))
    }
}

fn leave(asked: LogoutRequest) -> ClientLogoutStep {
    match asked.back {
        Some((client, uri)) => ClientLogoutStep::Return {
            client,
            url: logout_redirect(&uri, asked.state.as_deref()),
        },
        None => ClientLogoutStep::SignedOut,
    }
}
