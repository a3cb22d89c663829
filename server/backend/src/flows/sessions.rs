//! Who is signed in: begin a session, the security page, the profile, end sessions.

use super::step_up::LOST_ANSWER_MS;
use crate::store::accounts::Stored;
use crate::store::devices::Device;
use crate::store::events::Actor;
use crate::store::sessions::Session;
use crate::store::{Tx, accounts, devices, events, letters, sessions};
use crate::{Backend, Caller, Error, Fault, Held, Moved, TokenChange, TokenKind, Visitor, random};
use account::{
    Account, AccountId, ActivityKind, Attempts, DeviceRow, Letter, Notice, PasswordRow, ProfileView, Purpose, Refusal,
    Secret, SecurityDone, SecurityView, SessionRow, Timestamp,
};

/// A session's use is written down at most this often.
const TOUCH_MS: i64 = 5 * 60_000;
/// So many events are on a page.
const EVENTS: usize = 20;
/// For so many accounts a browser is known.
const DEVICE_TOKENS: usize = 5;
/// For so long after its last sign-in; browsers keep no cookie for longer.
pub(crate) const DEVICE_DAYS: i64 = 400;

impl Backend {
    /// Who visits a page, for the frame around it; `None` when nobody is signed in.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn visitor(&self, held: &Held) -> Result<Option<Visitor>, Fault> {
        if held.session.is_none() {
            return Ok(None);
        }
        let mut tx = self.parts.db.read().await?;
        match self.signed_in(&mut tx, held).await {
            Ok((_, stored)) => Ok(Some(Visitor {
                language: stored.account.language,
            })),
            Err(Error::Refused(_) | Error::Repeated(_)) => Ok(None),
            Err(Error::Fault(fault)) => Err(fault),
        }
    }

    /// Keeps the language that whoever is signed in has chosen on a page: for screens and mails, in every browser.
    ///
    /// # Errors
    /// A [`Fault`] of the database.
    pub async fn choose_language(&self, held: &Held, language: &str) -> Result<(), Fault> {
        if held.session.is_none() {
            return Ok(());
        }
        let mut tx = self.parts.db.begin().await?;
        if let Some(session) = self.find_session(&mut tx, held, self.now()).await? {
            accounts::set_language(&mut tx, &AccountId(session.account_id), language).await?;
        }
        tx.commit().await
    }

    /// What the security page shows; of the activity what was before `before`, or the newest.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn security(&self, held: &Held, before: &str) -> Result<SecurityView, Error> {
        let mut tx = self.parts.db.read().await?;
        let (session, stored) = self.signed_in(&mut tx, held).await?;
        let mut view = self.security_in(&mut tx, held, &session, stored.account).await?;
        if !before.is_empty() {
            let older = events::done(&mut tx, &AccountId(session.account_id), before, EVENTS).await?;
            (view.activity, view.older) = (older.events, older.older);
            (view.newer, view.attempts) = (true, None);
        }
        Ok(view)
    }

    pub(super) async fn security_in(
        &self,
        tx: &mut Tx,
        held: &Held,
        session: &Session,
        account: Account,
    ) -> Result<SecurityView, Error> {
        let now = self.now();
        let mut rows: Vec<SessionRow> = sessions::of_account(tx, &account.id, self.idle_ms(), now)
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
        let here = self.find_device(tx, held, &account.id).await?;
        let trusted = devices::trusted(tx, &account.id, now).await?;
        let newest = events::done(tx, &account.id, "", EVENTS).await?;
        let since = account.password_changed_at.unwrap_or(Timestamp(0));
        let leaked = events::was_done(tx, &account.id, ActivityKind::PasswordLeaked, since).await?;
        Ok(SecurityView {
            password: PasswordRow {
                leaked,
                own: account.own_password(),
                changed_at: account.password_changed_at,
            },
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
            attempts: events::attempts(tx, &account.id, now.plus_days(-Attempts::DAYS)).await?,
            done: None,
            email: account.email,
        })
    }

    /// What the profile shows.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn profile(&self, held: &Held) -> Result<ProfileView, Error> {
        let mut tx = self.parts.db.read().await?;
        let (_, Stored { account, .. }) = self.signed_in(&mut tx, held).await?;
        Ok(ProfileView {
            own: account.own_password(),
            name: account.name,
            email: account.email,
        })
    }

    /// Ends one session of the same account, by the row's id. Ended already is fine.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn end_session(&self, caller: &Caller, held: &Held, id: &str) -> Result<Moved<SecurityView>, Error> {
        let mut tx = self.parts.db.begin().await?;
        let (session, stored) = self.signed_in(&mut tx, held).await?;
        if sessions::end(&mut tx, &stored.account.id, id).await? {
            events::append(
                &mut tx,
                &stored.account.id,
                ActivityKind::SessionEnded,
                Actor::Person,
                caller,
                self.now(),
            )
            .await?;
        }
        self.show_after(tx, held, &session, stored.account, SecurityDone::SessionEnded)
            .await
    }

    /// Ends every session of the account but this one.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn end_other_sessions(&self, caller: &Caller, held: &Held) -> Result<Moved<SecurityView>, Error> {
        let mut tx = self.parts.db.begin().await?;
        let (session, stored) = self.signed_in(&mut tx, held).await?;
        if sessions::end_all_but(&mut tx, &stored.account.id, &session.id).await? > 0 {
            events::append(
                &mut tx,
                &stored.account.id,
                ActivityKind::SessionsEnded,
                Actor::Person,
                caller,
                self.now(),
            )
            .await?;
        }
        self.show_after(tx, held, &session, stored.account, SecurityDone::OthersEnded)
            .await
    }

    /// Forgets a device, by the row's id: it is asked for a code again, and a copy of its token opens nothing, also not after
    /// the next sign-in on it.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn forget_device(&self, caller: &Caller, held: &Held, id: &str) -> Result<Moved<SecurityView>, Error> {
        let mut tx = self.parts.db.begin().await?;
        let (session, stored) = self.signed_in(&mut tx, held).await?;
        if devices::forget(&mut tx, &stored.account.id, id).await? {
            events::append(
                &mut tx,
                &stored.account.id,
                ActivityKind::DeviceForgotten,
                Actor::Person,
                caller,
                self.now(),
            )
            .await?;
        }
        self.show_after(tx, held, &session, stored.account, SecurityDone::DeviceForgotten)
            .await
    }

    async fn show_after(
        &self,
        mut tx: Tx,
        held: &Held,
        session: &Session,
        account: Account,
        done: SecurityDone,
    ) -> Result<Moved<SecurityView>, Error> {
        let view = self.security_in(&mut tx, held, session, account).await?;
        tx.commit().await?;
        Ok(Moved::to(SecurityView {
            done: Some(done),
            ..view
        }))
    }

    /// Begins a session with new tokens (attack: fixation). A device that is new to the account is told to its owner.
    pub(super) async fn begin_session(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        held: &Held,
        account: &Account,
        trust: bool,
        now: Timestamp,
    ) -> Result<Vec<TokenChange>, Error> {
        if let Some(old) = self.find_session(tx, held, now).await? {
            sessions::end(tx, &AccountId(old.account_id.clone()), &old.id).await?;
        }
        let mut tokens = vec![self.insert_session(tx, caller, &account.id, now).await?];
        let trusted_until = trust.then(|| now.plus_days(self.parts.settings.trust_days));
        let recognised = self.recognise_device(tx, held, &account.id).await?;
        let (device, presented) = recognised.unzip();
        match (device.filter(|device| !is_copy(device, now)), &presented) {
            (Some(device), Some(presented)) => {
                tokens.push(self.renew_token(tx, held, &device, presented, now).await?);
                if let Some(until) = trusted_until {
                    devices::set_trust(tx, &account.id, &device.id, until).await?;
                }
            }
            _ => {
                let token = random::token();
                let device = Device {
                    id: random::id_at(now),
                    account_id: account.id.0.clone(),
                    browser: caller.browser.clone(),
                    trusted_until: trusted_until.map(|until| until.0),
                    replaced_at: None,
                };
                devices::insert(tx, &random::digest(&token), &device, now).await?;
                tokens.push(hold_devices(held, presented.as_ref(), &token));
                // Whoever has just made the account in this browser knows of it.
                let signed_up_here = self.find_flow(tx, Purpose::SignUp, held).await?.is_some_and(|flow| {
                    flow.finished_at.is_some() && now.0 < flow.ends_at && flow.email == account.email.as_str()
                });
                if !signed_up_here {
                    let letter = Letter::Notice(Notice::NewDevice {
                        at: now,
                        browser: caller.browser.clone(),
                    });
                    let language = account.language.as_deref().unwrap_or(&caller.language);
                    letters::write(tx, &self.parts.keys, None, &account.email, language, &letter, now).await?;
                }
            }
        }
        events::append(tx, &account.id, ActivityKind::SignedIn, Actor::Person, caller, now).await?;
        Ok(tokens)
    }

    /// Forgets every device of an account but the browser's own, which goes on with a new token: a copy of the one before is
    /// another device, too. Gives the token.
    pub(super) async fn forget_other_devices(
        &self,
        tx: &mut Tx,
        held: &Held,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Option<TokenChange>, Fault> {
        let own = self.recognise_device(tx, held, account).await?;
        let own = own.filter(|(device, _)| !is_copy(device, now));
        let kept = own.as_ref().map_or("", |(device, _)| &device.id);
        devices::forget_all_but(tx, account, kept).await?;
        match &own {
            Some((device, presented)) => Ok(Some(self.renew_token(tx, held, device, presented, now).await?)),
            None => Ok(None),
        }
    }

    /// Puts a device under the token that follows the presented one.
    async fn renew_token(
        &self,
        tx: &mut Tx,
        held: &Held,
        device: &Device,
        presented: &Secret,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let token = self.next_token(presented);
        let (new, old) = (random::digest(&token), random::digest(presented));
        devices::replace_token(tx, &device.id, &new, &old, now).await?;
        Ok(hold_devices(held, Some(presented), &token))
    }

    /// The browser as that account knows it.
    pub(super) async fn find_device(
        &self,
        tx: &mut Tx,
        held: &Held,
        account: &AccountId,
    ) -> Result<Option<Device>, Fault> {
        let recognised = self.recognise_device(tx, held, account).await?;
        let device = recognised.map(|(device, _)| device);
        Ok(device.filter(|device| !is_copy(device, self.now())))
    }

    /// The device that a token of the browser leads to, and that token; a replaced one leads there, too.
    async fn recognise_device(
        &self,
        tx: &mut Tx,
        held: &Held,
        account: &AccountId,
    ) -> Result<Option<(Device, Secret)>, Fault> {
        for token in held
            .device
            .iter()
            .flat_map(|tokens| tokens.expose().split('.'))
            .take(DEVICE_TOKENS)
        {
            let token = Secret::from(token);
            if let Some(device) = devices::find(tx, &random::digest(&token), account).await? {
                return Ok(Some((device, token)));
            }
        }
        Ok(None)
    }

    /// Attack: a copy of a trusted device's cookie. Each sign-in on the device gives it another token, so a token that was
    /// replaced comes from a copy, or from the owner where a copy was faster. Nobody can tell which: the device is trusted no
    /// longer, and the owner is told. A device that is not trusted is told of no more: its token spares nobody the code. Gives
    /// whether there was something to tell.
    pub(super) async fn notice_copied_device(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        held: &Held,
        account: &Account,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let Some((device, token)) = self.recognise_device(tx, held, &account.id).await? else {
            return Ok(false);
        };
        if !is_copy(&device, now) || !devices::distrust(tx, &device.id, &random::digest(&token)).await? {
            return Ok(false);
        }
        events::append(tx, &account.id, ActivityKind::DeviceCopied, Actor::Person, caller, now).await?;
        let letter = Letter::Notice(Notice::DeviceCopied {
            at: now,
            browser: device.browser,
        });
        let language = account.language.as_deref().unwrap_or(&caller.language);
        letters::write(tx, &self.parts.keys, None, &account.email, language, &letter, now).await?;
        Ok(true)
    }

    /// A session's row and the token that the browser holds for it.
    pub(super) async fn insert_session(
        &self,
        tx: &mut Tx,
        caller: &Caller,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let (token, days) = (random::token(), self.parts.settings.session_days);
        let session = Session {
            id: random::id_at(now),
            account_id: account.0.clone(),
            browser: caller.browser.clone(),
            client: caller.client.clone(),
            signed_in_at: now.0,
            last_seen_at: now.0,
            ends_at: now.plus_days(days).0,
        };
        sessions::insert(tx, &random::digest(&token), &session).await?;
        Ok(TokenChange {
            kind: TokenKind::Session,
            token: Some(token),
            keep_s: days * 24 * 3_600,
        })
    }

    /// The live session of the browser.
    pub(super) async fn find_session(
        &self,
        tx: &mut Tx,
        held: &Held,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        let Some(token) = &held.session else { return Ok(None) };
        let session = sessions::find(tx, &random::digest(token), self.idle_ms(), now).await?;
        if let Some(session) = &session {
            self.touch_later(session, now);
        }
        Ok(session)
    }

    /// The live session of the browser, and whose it is.
    pub(super) async fn signed_in(&self, tx: &mut Tx, held: &Held) -> Result<(Session, Stored), Error> {
        let (token, now) = (held.session.as_ref().ok_or(Refusal::SignedOut)?, self.now());
        let found = accounts::find_by_session(tx, &random::digest(token), self.idle_ms(), now).await?;
        let (session, stored) = found.ok_or(Refusal::SignedOut)?;
        self.touch_later(&session, now);
        Ok((session, stored))
    }

    /// Writes the use of a session down outside the request, once in a while.
    fn touch_later(&self, session: &Session, now: Timestamp) {
        if now.0 <= session.last_seen_at + TOUCH_MS {
            return;
        }
        let (backend, id) = (self.clone(), session.id.clone());
        tokio::spawn(async move {
            let touched = async {
                let mut tx = backend.parts.db.write().await?;
                sessions::touch(&mut tx, &id, now).await?;
                tx.commit().await
            };
            if let Err(fault) = touched.await {
                tracing::warn!(%fault, "a session's use was not written down");
            }
        });
    }

    fn idle_ms(&self) -> i64 {
        self.parts.settings.session_idle_minutes * 60_000
    }
}

/// Whether the token that has found a device is a copy of one that was replaced, and no lost answer.
fn is_copy(device: &Device, now: Timestamp) -> bool {
    device.replaced_at.is_some_and(|at| now.0 >= at + LOST_ANSWER_MS)
}

/// The browser holds a device's new token in place of the old one.
fn hold_devices(held: &Held, old: Option<&Secret>, new: &Secret) -> TokenChange {
    TokenChange {
        kind: TokenKind::Device,
        token: Some(with_token(held.device.as_ref(), old, new)),
        keep_s: DEVICE_DAYS * 24 * 3_600,
    }
}

/// A browser's device tokens, one for each account that was signed in to in it, the newest first. One for all would do, but for
/// this attack: whoever shares a browser keeps its token, and is trusted by the accounts of those who sign in there later.
fn with_token(held: Option<&Secret>, old: Option<&Secret>, new: &Secret) -> Secret {
    let held = held.map(Secret::expose).unwrap_or_default();
    let gone = ["", old.map(Secret::expose).unwrap_or_default()];
    let tokens = std::iter::once(new.expose()).chain(held.split('.').filter(|token| !gone.contains(token)));
    tokens.take(DEVICE_TOKENS).collect::<Vec<_>>().join(".").into()
}
