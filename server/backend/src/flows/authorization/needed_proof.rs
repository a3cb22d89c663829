//! What a client's request demands of the user's proofs: how recent they are (`max_age`, `prompt`), and of how many factors
//! (`acr_values`).

use super::waiting_request::find_at;
use crate::Fault;
use crate::flows::confirm::is_fresh;
use crate::oauth::factors;
use crate::store::ReadConn;
use crate::store::authorization::AuthorizationRequest;
use crate::store::sessions::Session;
use account::{Method, Timestamp};

/// What a user must still prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::flows) enum NeededProof {
    Nothing,
    /// Who they are, by any method.
    Any,
    /// Who they are, by this method.
    By(Method),
}

/// Returns what a session's user must still prove. More factors than the account has are not asked for: the user would never arrive.
pub(super) fn needed_proof(
    request: &AuthorizationRequest,
    session: &Session,
    has_password: bool,
    now: Timestamp,
) -> NeededProof {
    let is_recent = is_recent(request, session);
    let most = 1 + i64::from(has_password);
    let asked = if request.factors > most { 0 } else { request.factors };
    if is_recent && factors(&session.methods) >= asked {
        NeededProof::Nothing
    } else if asked == 0 {
        NeededProof::Any
    } else if has_password && !counted(request, session, now).any(|method| method == Method::Password.as_str()) {
        NeededProof::By(Method::Password)
    } else {
        NeededProof::By(Method::EmailCode)
    }
}

/// Returns what a session's user must still prove for the request that waits at `next`; `None` if none waits there.
pub(in crate::flows) async fn needed_for(
    conn: &mut ReadConn,
    next: &str,
    session: &Session,
    has_password: bool,
    now: Timestamp,
) -> Result<Option<NeededProof>, Fault> {
    let request = find_at(conn, next, now).await?;
    Ok(request.map(|request| needed_proof(&request, session, has_password, now)))
}

/// Returns the methods of a session whose user has just proven who they are, before the destination `next`.
pub(in crate::flows) async fn methods_after(
    conn: &mut ReadConn,
    next: &str,
    session: &Session,
    method: Method,
    now: Timestamp,
) -> Result<String, Fault> {
    let method = method.as_str();
    let request = find_at(conn, next, now).await?.filter(|request| request.factors > 0);
    let mut methods: Vec<_> = match &request {
        Some(request) => counted(request, session, now)
            .filter(|earlier| *earlier != method)
            .collect(),
        None => Vec::new(),
    };
    methods.push(method);
    Ok(methods.join(" "))
}

/// Returns the methods of the last proof that the next one adds to.
///
/// Attack: someone with an old session and the mailbox counts as two factors, because the owner once entered the password.
fn counted<'a>(request: &AuthorizationRequest, session: &'a Session, now: Timestamp) -> impl Iterator<Item = &'a str> {
    let counts = is_recent(request, session) && is_fresh(session, now);
    session.methods.split(' ').filter(move |_| counts)
}

/// Returns whether the session's user proved who they are as recently as the client demands. Attack: someone at an unlocked
/// computer.
fn is_recent(request: &AuthorizationRequest, session: &Session) -> bool {
    request
        .authenticated_after
        .is_none_or(|after| session.authenticated_at > after)
}
