//! Sessions: beginning and ending them, and the security page.

use super::devices::DeviceEntry;
use super::mailed_email::drop_flow;
use super::request::{BrowserRequest, Sessions};
use crate::store::accounts::Stored;
use crate::store::sessions::Session;
use crate::store::{ReadConn, WriteTx, accounts, devices, events, flows, preferences, sessions};
use crate::{Backend, Error, Fault, TokenChange, TokenKind, Transition, Visitor, random};
use account::{
    Account, AccountId, ActivityKind, Attempts, DeviceRow, Method, PasswordAccess, PasswordRow, Purpose, Refusal,
    Secret, SecurityDone, SecurityView, SessionRow, SignOutStep, Timestamp,
};

/// Minimum interval between two updates of a session's last use.
const TOUCH_MS: i64 = 5 * 60_000;
/// Number of events per page.
const EVENTS: usize = 20;

impl Sessions<'_> {
    /// Returns the signed-in account, for the frame around a page. `None` if signed out.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn visitor(self) -> Result<Option<Visitor>, Fault> {
        if self.0.tokens.session.is_none() {
            return Ok(None);
        }
        let mut conn = self.0.read().await?;
        match self.0.signed_in_or_leaving(&mut conn).await {
            Ok((_, stored)) => Ok(Some(Visitor {
                preferences: preferences::find(&mut conn, &stored.account.id).await?,
                language: stored.account.language,
                administers: stored.administers,
                leaves: stored.account.delete_after.is_some(),
            })),
            Err(Error::Refused(_) | Error::Repeated(_)) => Ok(None),
            Err(Error::Fault(fault)) => Err(fault),
        }
    }

    /// Returns the data of the security page, with the activity before `before`, or the newest.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn security(self, before: &str) -> Result<SecurityView, Error> {
        let mut conn = self.0.read().await?;
        let (session, stored) = self.0.signed_in(&mut conn).await?;
        let mut view = self.0.security_in(&mut conn, &session, stored.account).await?;
        if !before.is_empty() {
            let older = events::done(&mut conn, &AccountId(session.account_id), before, EVENTS).await?;
            (view.activity, view.older) = (older.events, older.older);
            (view.newer, view.attempts) = (true, None);
        }
        Ok(view)
    }

    /// Ends a session of this account by row id. Succeeds if the session has already ended.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn end(self, id: &str) -> Result<Transition<SecurityView>, Error> {
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        if sessions::end(&mut tx, &stored.account.id, id).await? {
            self.0
                .log(&mut tx, &stored.account.id, ActivityKind::SessionEnded, self.0.now())
                .await?;
        }
        self.show_after(tx, &session, stored.account, SecurityDone::SessionEnded)
            .await
    }

    /// Ends every session of the account except this one.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn end_others(self) -> Result<Transition<SecurityView>, Error> {
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in_or_leaving(&mut tx).await?;
        if sessions::end_all_but(&mut tx, &stored.account.id, &session.id).await? > 0 {
            self.0
                .log(&mut tx, &stored.account.id, ActivityKind::SessionsEnded, self.0.now())
                .await?;
        }
        self.show_after(tx, &session, stored.account, SecurityDone::OthersEnded)
            .await
    }

    /// Forgets a device by row id. It needs a code again, and copies of its token stay useless.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn forget_device(self, id: &str) -> Result<Transition<SecurityView>, Error> {
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        if devices::forget(&mut tx, &stored.account.id, id).await? {
            self.0
                .log(&mut tx, &stored.account.id, ActivityKind::DeviceForgotten, self.0.now())
                .await?;
        }
        self.show_after(tx, &session, stored.account, SecurityDone::DeviceForgotten)
            .await
    }

    pub(super) async fn show_after(
        self,
        mut tx: WriteTx,
        session: &Session,
        account: Account,
        done: SecurityDone,
    ) -> Result<Transition<SecurityView>, Error> {
        let view = self.0.security_in(&mut tx, session, account).await?;
        tx.commit().await?;
        Ok(Transition::to(SecurityView {
            done: Some(done),
            ..view
        }))
    }

    /// Ends the browser's session; succeeds if already signed out. Without a session token, says so and keeps the cookies.
    /// Attack: a proxy strips the cookie, and the session stays alive although its owner believes that it has ended.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn sign_out(self) -> Result<Transition<SignOutStep>, Error> {
        let now = self.0.now();
        let mut tx = self.0.begin().await?;
        if let Some(session) = self.0.find_session(&mut tx, now).await? {
            let account = AccountId(session.account_id);
            if sessions::end(&mut tx, &account, &session.id).await? {
                self.0.log(&mut tx, &account, ActivityKind::SignedOut, now).await?;
            }
        }
        if let Some(flow) = self.0.find_flow(&mut tx, Purpose::SignIn).await? {
            flows::end(&mut tx, &flow.id, now).await?;
        }
        tx.commit().await?;
        if self.0.tokens.session.is_none() {
            return Ok(Transition::to(SignOutStep::SessionUnknown));
        }
        let session = TokenChange {
            kind: TokenKind::Session,
            token: None,
            keep_s: 0,
        };
        Ok(Transition::new(
            SignOutStep::SignedOut,
            vec![session, drop_flow(Purpose::SignIn)],
        ))
    }
}

impl BrowserRequest<'_> {
    pub(super) async fn security_in(
        self,
        conn: &mut ReadConn,
        session: &Session,
        account: Account,
    ) -> Result<SecurityView, Error> {
        let now = self.now();
        let mut rows: Vec<SessionRow> = sessions::of_account(conn, &account.id, self.backend.idle_ms(), now)
            .await?
            .into_iter()
            .map(|row| SessionRow {
                here: row.id == session.id,
                id: row.id,
                browser: row.browser,
                client: row.client,
                signed_in_at: Timestamp(row.signed_in_at),
                last_seen_at: Timestamp(row.last_seen_at),
            })
            .collect();
        rows.sort_by_key(|row| !row.here);
        let here = self.find_device(conn, &account.id).await?;
        let trusted = devices::trusted(conn, &account.id, now).await?;
        let newest = events::done(conn, &account.id, "", EVENTS).await?;
        let since = account.password_changed_at.unwrap_or(Timestamp(0));
        let leaked = events::was_done(conn, &account.id, ActivityKind::PasswordLeaked, since).await?;
        Ok(SecurityView {
            password: PasswordRow {
                leaked,
                own: self.backend.password_access(&account),
                changed_at: account.password_changed_at,
            },
            invitations: self.invitation_offers(conn, &account).await?,
            connections: self.connection_rows(conn, &account.id).await?,
            providers: self.backend.provider_buttons(),
            products: self.product_rows(conn, &account.id).await?,
            sessions: rows,
            devices: trusted
                .into_iter()
                .filter_map(|device| {
                    Some(DeviceRow {
                        here: here.as_ref().is_some_and(|here| here.id == device.id),
                        trusted_until: Timestamp(device.trusted_until?),
                        id: device.id,
                        browser: device.browser,
                    })
                })
                .collect(),
            activity: newest.events,
            older: newest.older,
            newer: false,
            attempts: events::attempts(conn, &account.id, now.plus_days(-Attempts::DAYS)).await?,
            done: None,
            email: account.email,
        })
    }

    /// Begins a session with new tokens. Attack: session fixation. If the device is new to the account, notifies the owner.
    pub(super) async fn begin_session(
        self,
        tx: &mut WriteTx,
        account: &Account,
        methods: &[Method],
        trust: bool,
        now: Timestamp,
    ) -> Result<Vec<TokenChange>, Error> {
        let flow = self.tokens.flow(Purpose::SignIn).ok_or(Refusal::FlowGone)?;
        let entry = if trust {
            DeviceEntry::Trust
        } else {
            DeviceEntry::Remember
        };
        self.begin_session_from(tx, account, methods, flow, entry, now).await
    }

    /// Begins a session whose tokens are derived from a secret of the sign-in, so that a repeated request leads to the same one.
    pub(super) async fn begin_session_from(
        self,
        tx: &mut WriteTx,
        account: &Account,
        methods: &[Method],
        secret: &Secret,
        entry: DeviceEntry,
        now: Timestamp,
    ) -> Result<Vec<TokenChange>, Error> {
        if let Some(old) = self.find_session(tx, now).await? {
            sessions::end(tx, &AccountId(old.account_id.clone()), &old.id).await?;
        }
        let token = self.session_token(secret);
        let session = self.insert_session(tx, &account.id, methods, token, now).await?;
        let device = self.hold_device(tx, secret, account, entry, now).await?;
        let kind = if methods.contains(&Method::Provider) {
            ActivityKind::ProviderSignedIn
        } else {
            ActivityKind::SignedIn
        };
        self.log(tx, &account.id, kind, now).await?;
        Ok(vec![session, device])
    }

    /// Returns the tokens of a session that a sign-in has begun, if the session is live.
    pub(super) async fn session_again(
        self,
        conn: &mut ReadConn,
        flow: &Secret,
        now: Timestamp,
    ) -> Result<Option<Vec<TokenChange>>, Fault> {
        let token = self.session_token(flow);
        let session = sessions::find(conn, &random::digest(&token), self.backend.idle_ms(), now).await?;
        let Some(session) = session else { return Ok(None) };
        let device = self
            .device_again(conn, Some(flow), &AccountId(session.account_id))
            .await?;
        Ok(Some(
            std::iter::once(self.backend.hold_session(token))
                .chain(device)
                .collect(),
        ))
    }

    /// Inserts a session and returns the browser's token for it.
    pub(super) async fn insert_session(
        self,
        tx: &mut WriteTx,
        account: &AccountId,
        methods: &[Method],
        token: Secret,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let days = self.backend.settings().session_days;
        let session = Session {
            id: random::id_at(now),
            account_id: account.0.clone(),
            browser: self.caller.browser.clone(),
            client: self.caller.client.clone(),
            signed_in_at: now.0,
            last_seen_at: now.0,
            ends_at: now.plus_days(days).0,
            authenticated_at: now.0,
            methods: names(methods),
        };
        sessions::insert(tx, &random::digest(&token), &session).await?;
        Ok(self.backend.hold_session(token))
    }

    /// Finds the browser's live session.
    pub(super) async fn find_session(self, conn: &mut ReadConn, now: Timestamp) -> Result<Option<Session>, Fault> {
        let Some(token) = &self.tokens.session else {
            return Ok(None);
        };
        let session = sessions::find(conn, &random::digest(token), self.backend.idle_ms(), now).await?;
        if let Some(session) = &session {
            self.backend.touch_later(&session.id, session.last_seen_at, now);
        }
        Ok(session)
    }

    /// Finds the browser's live session and its account, or refuses. Also refuses while the account waits for its deletion: its owner
    /// chooses first whether to keep it.
    pub(super) async fn signed_in(self, conn: &mut ReadConn) -> Result<(Session, Stored), Error> {
        let (session, stored) = self.signed_in_or_leaving(conn).await?;
        match stored.account.delete_after {
            Some(_) => Err(Refusal::DeletionPending.into()),
            None => Ok((session, stored)),
        }
    }

    /// As [`signed_in`](Self::signed_in), also for an account that waits for its deletion.
    pub(super) async fn signed_in_or_leaving(self, conn: &mut ReadConn) -> Result<(Session, Stored), Error> {
        let (token, now) = (self.tokens.session.as_ref().ok_or(Refusal::SignedOut)?, self.now());
        let found = accounts::find_by_session(conn, &random::digest(token), self.backend.idle_ms(), now).await?;
        let (session, stored) = found.ok_or(Refusal::SignedOut)?;
        self.backend.touch_later(&session.id, session.last_seen_at, now);
        Ok((session, stored))
    }
}

/// Returns the stored form of methods.
fn names(methods: &[Method]) -> String {
    methods
        .iter()
        .map(|method| method.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

impl Backend {
    /// Returns where an account's password is managed. A provider that users cannot choose any more is no way to sign in.
    pub(crate) fn password_access(&self, account: &Account) -> PasswordAccess {
        account.password_access(|issuer| self.usable_provider(issuer))
    }

    /// Stores a session's token in the browser.
    pub(super) fn hold_session(&self, token: Secret) -> TokenChange {
        TokenChange {
            kind: TokenKind::Session,
            token: Some(token),
            keep_s: self.settings().session_days * 24 * 3_600,
        }
    }

    /// Records the use of a session outside the request, at most once per [`TOUCH_MS`].
    pub(super) fn touch_later(&self, session: &str, last_seen_at: i64, now: Timestamp) {
        let before = now.plus_ms(-TOUCH_MS);
        if last_seen_at >= before.0 {
            return;
        }
        let (backend, id) = (self.clone(), session.to_owned());
        tokio::spawn(async move {
            if let Err(fault) = sessions::touch(&backend.parts.db, &id, before, now).await {
                tracing::warn!(%fault, "the last use of a session was not stored");
            }
        });
    }

    pub(crate) fn idle_ms(&self) -> i64 {
        self.settings().session_idle_minutes * 60_000
    }
}
