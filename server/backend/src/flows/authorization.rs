//! Authorization of a client: the browser comes from a product, signs in if necessary, and returns with a code.

use super::request::BrowserRequest;
use crate::oauth::{
    CODE_MS, Client, Hints, InvalidRequest, OFFLINE, REQUEST_MS, ValidRequest, code_kept_until, connect, has_scope,
    known_as, redirect,
};
use crate::store::authorization::{self, AuthorizationCode, AuthorizationRequest};
use crate::store::limits::Rule;
use crate::store::sessions::{self, Session};
use crate::store::{ReadConn, accounts, connected_products};
use crate::{Backend, Error, Fault, random};
use account::{AccountId, Timestamp};
use std::sync::Arc;

/// The path to which the browser returns after sign-in.
const CONTINUE: &str = "/oauth/continue/";

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
    /// To a page of this service, which leads on to `/oauth/continue/ID`.
    Ask {
        /// The page's path and query.
        page: String,
        /// What the page may take from the client's request.
        hints: Hints,
    },
    /// To a page that asks whether the client may learn about the user.
    Consent(Consent),
    /// Nowhere: the client and its address are not proven, or the request has expired. The reason is for the log.
    Refused(&'static str),
}

/// What a user is asked before a client of another company learns something about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The id of the waiting request.
    pub request: String,
    /// The client's name.
    pub client: String,
    /// Its mark: a `data:` URL of an image.
    pub logo: Option<String>,
    /// Whether another company operates it.
    pub third_party: bool,
    /// The id of the session that is asked; grants no access.
    pub session: String,
    /// The address of the signed-in account.
    pub email: String,
    /// Whether the client asks for the address.
    pub sees_email: bool,
    /// Whether it asks for the name.
    pub sees_name: bool,
    /// Whether it asks for the organization.
    pub sees_organization: bool,
    /// Whether it asks for refresh tokens, which work until the session ends.
    pub stays_signed_in: bool,
}

/// The product that waits for a user, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingProduct {
    /// The client's name.
    pub name: String,
    /// Its mark: a `data:` URL of an image.
    pub logo: Option<String>,
}

/// Whether a signed-in browser gets a code.
enum Answer {
    Code(AuthorizationStep),
    SignIn,
    /// The client expects another user.
    OtherUser,
    Consent {
        session: String,
        email: String,
    },
}

impl Authorization<'_> {
    /// Accepts a client's request: the raw query.
    ///
    /// # Errors
    /// A refusal of too many requests, or a database fault.
    pub async fn begin(self, query: &str) -> Result<AuthorizationStep, Error> {
        let now = self.0.now();
        let issuer = self.0.backend.settings().origin.clone();
        let pushed = self.0.backend.pushed_query(query).await?;
        let query = pushed.as_deref().unwrap_or(query);
        let asked = match ValidRequest::read(self.0.backend.clients(), &issuer, query) {
            Ok(asked) => asked,
            Err(InvalidRequest::Unproven(reason)) => return Ok(AuthorizationStep::Refused(reason)),
            Err(InvalidRequest::Returned { url, .. }) => {
                return Ok(AuthorizationStep::Return {
                    client: String::new(),
                    url,
                });
            }
        };
        let subject = match &asked.id_token_hint {
            None => None,
            Some(token) => match self
                .0
                .backend
                .read_hint(token)
                .await?
                .filter(|hint| hint.aud == asked.client.id)
            {
                Some(hint) => Some(hint.sub),
                None => {
                    let error = [
                        ("error", "invalid_request"),
                        ("error_description", "id_token_hint is not an ID token of this client"),
                    ];
                    return Ok(AuthorizationStep::Return {
                        client: asked.client.name.clone(),
                        url: redirect(&asked.redirect_uri, &error, asked.state.as_deref(), &issuer),
                    });
                }
            },
        };
        let by_age = asked.max_age_s.map(|age| now.plus_seconds(-age).0);
        let authenticated_after = if asked.prompt.login { Some(now.0) } else { by_age };
        let request = AuthorizationRequest {
            id: random::id(),
            client_id: asked.client.id.clone(),
            redirect_uri: asked.redirect_uri,
            scope: asked.scope,
            state: asked.state,
            nonce: asked.nonce,
            challenge: asked.challenge,
            authenticated_after,
            asks_consent: i64::from(asked.prompt.consent),
            subject,
            ends_at: now.plus_ms(REQUEST_MS).0,
        };
        let error = match self.answer(&request, &asked.client, asked.prompt.consent, now).await? {
            Answer::Code(step) => return Ok(step),
            Answer::SignIn => "login_required",
            Answer::OtherUser => return Ok(self.refuse_other_user(&request, &asked.client)),
            Answer::Consent { .. } => "consent_required",
        };
        if asked.prompt.none {
            return Ok(self.refuse(&request, &asked.client, error));
        }
        let mut tx = self.0.backend.parts.db.begin_unsynced().await?;
        // Attack: a flood of requests fills the database.
        self.0.backend.take(&mut tx, &[self.rule()], now).await?;
        authorization::insert_request(&mut tx, &request).await?;
        tx.commit().await?;
        match error {
            "consent_required" => Ok(AuthorizationStep::Ask {
                page: [CONTINUE, &request.id].concat(),
                hints: asked.hints,
            }),
            _ => self.ask(&request.id, asked.hints, now).await,
        }
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
        let (request, client) = match self.waiting(id, now).await? {
            Ok(waiting) => waiting,
            Err(reason) => return Ok(AuthorizationStep::Refused(reason)),
        };
        match self.answer(&request, &client, request.asks_consent == 1, now).await? {
            Answer::Code(step) => Ok(step),
            Answer::SignIn => self.ask(&request.id, Hints::default(), now).await,
            Answer::OtherUser => Ok(self.refuse_other_user(&request, &client)),
            Answer::Consent { session, email } => Ok(AuthorizationStep::Consent(Consent {
                client: client.name.clone(),
                logo: client.options.mark(),
                third_party: client.third_party,
                session,
                email,
                sees_email: has_scope(&request.scope, "email"),
                sees_name: has_scope(&request.scope, "profile"),
                sees_organization: has_scope(&request.scope, "organization"),
                stays_signed_in: has_scope(&request.scope, OFFLINE),
                request: request.id,
            })),
        }
    }

    /// Returns to the client that waits at `next`, the path after a sign-in, because the user doesn't want to go on.
    ///
    /// # Errors
    /// A database fault.
    pub async fn cancel(self, next: &str) -> Result<AuthorizationStep, Error> {
        let id = next.strip_prefix(CONTINUE).unwrap_or_default();
        Ok(match self.waiting(id, self.0.now()).await? {
            Ok((request, client)) => self.refuse(&request, &client, "access_denied"),
            Err(reason) => AuthorizationStep::Refused(reason),
        })
    }

    /// Records the user's decision, and continues.
    ///
    /// Attack: another site's page decides for the user. The form is behind the same-origin check.
    ///
    /// # Errors
    /// A database fault.
    pub async fn decide(self, id: &str, session: &str, allowed: bool) -> Result<AuthorizationStep, Error> {
        let now = self.0.now();
        let (mut request, client) = match self.waiting(id, now).await? {
            Ok(waiting) => waiting,
            Err(reason) => return Ok(AuthorizationStep::Refused(reason)),
        };
        if !allowed {
            return Ok(self.refuse(&request, &client, "access_denied"));
        }
        let mut tx = self.0.begin().await?;
        let asked = session;
        let Some(session) = self.0.find_session(&mut tx, now).await? else {
            return self.ask(&request.id, Hints::default(), now).await;
        };
        // Another account has signed in since the question was shown.
        if session.id != asked {
            return Ok(AuthorizationStep::Ask {
                page: [CONTINUE, &request.id].concat(),
                hints: Hints::default(),
            });
        }
        let (account, scope) = (session.account_id.as_str(), request.scope.as_str());
        connect(&mut tx, account, &client.id, scope, self.0.caller, now).await?;
        authorization::note_consent(&mut tx, &request.id).await?;
        tx.commit().await?;
        request.asks_consent = 0;
        match self.answer(&request, &client, false, now).await? {
            Answer::Code(step) => Ok(step),
            Answer::OtherUser => Ok(self.refuse_other_user(&request, &client)),
            Answer::SignIn | Answer::Consent { .. } => self.ask(&request.id, Hints::default(), now).await,
        }
    }

    /// Finds a waiting request and its client. The inner error is a reason for the log.
    async fn waiting(
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

    /// Returns what the client may already learn about the user.
    async fn known_scope(
        self,
        conn: &mut ReadConn,
        session: &Session,
        request: &AuthorizationRequest,
    ) -> Result<String, Fault> {
        let known = connected_products::find(conn, &session.account_id, &request.client_id).await?;
        Ok(known.map(|known| known.scope).unwrap_or_default())
    }

    /// Issues a code in the browser's session, unless its user must sign in or consent first.
    async fn answer(
        self,
        request: &AuthorizationRequest,
        client: &Client,
        asks_consent: bool,
        now: Timestamp,
    ) -> Result<Answer, Error> {
        let mut conn = self.0.read().await?;
        let session = self.0.find_session(&mut conn, now).await?;
        let Some(session) = session.filter(|session| is_recent(request, session.authenticated_at)) else {
            return Ok(Answer::SignIn);
        };
        if let Some(expected) = &request.subject {
            let known = known_as(&mut conn, client, &session.account_id, &session.id).await?;
            if known.is_none_or(|known| known.sub != *expected) {
                return Ok(Answer::OtherUser);
            }
        }
        let must_ask = asks_consent
            || client.third_party && {
                let known = self.known_scope(&mut conn, &session, request).await?;
                !request.scope.split(' ').all(|scope| has_scope(&known, scope))
            };
        if must_ask {
            let account = accounts::find(&mut conn, &AccountId(session.account_id)).await?;
            let session = session.id;
            return Ok(account.map_or(Answer::SignIn, |stored| Answer::Consent {
                session,
                email: stored.account.email.to_string(),
            }));
        }
        drop(conn);
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
    fn rule(self) -> Rule {
        let most = self.0.backend.limits().client_a_minute.saturating_mul(15);
        Rule::new(format!("authorize {}", self.0.caller.client), most, 60_000)
    }

    /// Leads to sign-in, or to reauthentication with a session.
    async fn ask(self, request: &str, hints: Hints, now: Timestamp) -> Result<AuthorizationStep, Error> {
        let mut conn = self.0.read().await?;
        let page = if self.0.find_session(&mut conn, now).await?.is_some() {
            "/security/confirm?next="
        } else {
            "/signin?next="
        };
        Ok(AuthorizationStep::Ask {
            page: [page, CONTINUE, request].concat(),
            hints,
        })
    }

    /// Tells the client that another user is signed in than it expects (OpenID Connect Core 1.0 §3.1.2.1).
    fn refuse_other_user(self, request: &AuthorizationRequest, client: &Client) -> AuthorizationStep {
        self.refuse(request, client, "login_required")
    }

    fn refuse(self, request: &AuthorizationRequest, client: &Client, error: &str) -> AuthorizationStep {
        let (error, issuer) = ([("error", error)], &self.0.backend.settings().origin);
        AuthorizationStep::Return {
            client: client.name.clone(),
            url: redirect(&request.redirect_uri, &error, request.state.as_deref(), issuer),
        }
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
