//! Authorization of a client: the browser comes from a product, signs in if necessary, and returns with a code.

mod answer;
mod needed_proof;
mod waiting_request;

pub(super) use needed_proof::{NeededProof, methods_after, needed_for};
pub use waiting_request::{WaitingProduct, waits_for_product};

use super::deletion::choice;
use super::request::BrowserRequest;
use crate::oauth::{Client, Hints, InvalidRequest, OFFLINE, REQUEST_MS, ValidRequest, connect, has_scope, redirect};
use crate::store::authorization::{self, AuthorizationRequest};
use crate::store::deletions;
use crate::{Error, random};
use account::Timestamp;
use answer::Answer;

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
            // A wish, which is not worth an error.
            factors: if asked.prompt.none { 0 } else { asked.factors },
            ends_at: now.plus_ms(REQUEST_MS).0,
        };
        let error = match self.answer(&request, &asked.client, asked.prompt.consent, now).await? {
            Answer::Code(step) => return Ok(step),
            Answer::SignIn => "login_required",
            Answer::OtherUser => return Ok(self.refuse_other_user(&request, &asked.client)),
            Answer::Consent { .. } => "consent_required",
            Answer::Leaving => "interaction_required",
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
            "consent_required" | "interaction_required" => Ok(AuthorizationStep::Ask {
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
            Answer::Leaving => Ok(choose_first(&request.id)),
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
        if deletions::find(&mut tx, &session.account_id).await?.is_some() {
            return Ok(choose_first(&request.id));
        }
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
            Answer::Leaving => Ok(choose_first(&request.id)),
            Answer::SignIn | Answer::Consent { .. } => self.ask(&request.id, Hints::default(), now).await,
        }
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

/// Leads to the page on which the owner of an account that waits for its deletion chooses.
fn choose_first(request: &str) -> AuthorizationStep {
    AuthorizationStep::Ask {
        page: choice(&[CONTINUE, request].concat()),
        hints: Hints::default(),
    }
}
