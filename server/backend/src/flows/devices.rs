//! Browsers that an account knows: which one this is, its next token, and what a copy of an old token leads to.

use super::step_up::LOST_ANSWER_MS;
use crate::store::devices::Device;
use crate::store::events::Actor;
use crate::store::{ReadConn, WriteTx, devices, events, outbox};
use crate::{Backend, BrowserTokens, Caller, Fault, TokenChange, TokenKind, random};
use account::{Account, AccountId, ActivityKind, Email, Notice, Purpose, Secret, Timestamp};

/// For so many accounts a browser is known.
const DEVICE_TOKENS: usize = 5;
/// For so long after its last sign-in; browsers keep no cookie for longer.
pub(crate) const DEVICE_DAYS: i64 = 400;

impl Backend {
    /// Signs in on a device: a known one goes on with its next token, a new one is told to its owner.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of one flow; a struct for it would be read once"
    )]
    pub(super) async fn hold_device(
        &self,
        tx: &mut WriteTx,
        caller: &Caller,
        held: &BrowserTokens,
        flow: &Secret,
        account: &Account,
        trust: bool,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let trusted_until = trust.then(|| now.plus_days(self.settings().trust_days));
        let recognised = self.recognise_device(tx, held, &account.id).await?;
        let (device, presented) = recognised.unzip();
        if let (Some(device), Some(presented)) = (device.filter(|device| !is_copy(device, now)), &presented) {
            if let Some(until) = trusted_until {
                devices::set_trust(tx, &account.id, &device.id, until).await?;
            }
            return self.renew_token(tx, held, &device, presented, now).await;
        }
        let token = self.device_token(flow);
        let device = Device {
            id: random::id_at(now),
            account_id: account.id.0.clone(),
            browser: caller.browser.clone(),
            trusted_until: trusted_until.map(|until| until.0),
            replaced_at: None,
        };
        devices::insert(tx, &random::digest(&token), &device, now).await?;
        // Whoever has just made the account in this browser knows of it.
        let signed_up_here = self.find_flow(tx, Purpose::SignUp, held).await?.is_some_and(|flow| {
            flow.finished_at.is_some() && now.0 < flow.ends_at && flow.email == account.email.as_str()
        });
        if !signed_up_here {
            let email = Email::Notice(Notice::NewDevice {
                at: now,
                browser: caller.browser.clone(),
            });
            let language = account.language.as_deref().unwrap_or(&caller.language);
            outbox::write(tx, &self.parts.keys, None, &account.email, language, &email, now).await?;
        }
        Ok(hold_devices(held, presented.as_ref(), &token))
    }

    /// The token that the device was given a moment ago, if it is still the device's: at the end of a sign-in, or by a change.
    pub(super) async fn device_again(
        &self,
        conn: &mut ReadConn,
        held: &BrowserTokens,
        flow: Option<&Secret>,
        account: &AccountId,
    ) -> Result<Option<TokenChange>, Fault> {
        let presented = self.recognise_device(conn, held, account).await?;
        let presented = presented
            .filter(|(device, _)| !is_copy(device, self.now()))
            .map(|(_, token)| token);
        let next = presented.as_ref().map(|token| self.next_token(token));
        for token in flow.map(|flow| self.device_token(flow)).into_iter().chain(next) {
            let device = devices::find(conn, &random::digest(&token), account).await?;
            if device.is_some_and(|device| device.replaced_at.is_none()) {
                return Ok(Some(hold_devices(held, presented.as_ref(), &token)));
            }
        }
        Ok(None)
    }

    /// Forgets every device of an account but the browser's own, which goes on with a new token: a copy of the one before is
    /// another device, too. Gives the token.
    pub(super) async fn forget_other_devices(
        &self,
        tx: &mut WriteTx,
        held: &BrowserTokens,
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
        tx: &mut WriteTx,
        held: &BrowserTokens,
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
        conn: &mut ReadConn,
        held: &BrowserTokens,
        account: &AccountId,
    ) -> Result<Option<Device>, Fault> {
        let recognised = self.recognise_device(conn, held, account).await?;
        let device = recognised.map(|(device, _)| device);
        Ok(device.filter(|device| !is_copy(device, self.now())))
    }

    /// The device that a token of the browser leads to, and that token; a replaced one leads there, too.
    async fn recognise_device(
        &self,
        conn: &mut ReadConn,
        held: &BrowserTokens,
        account: &AccountId,
    ) -> Result<Option<(Device, Secret)>, Fault> {
        for token in held
            .device
            .iter()
            .flat_map(|tokens| tokens.expose().split('.'))
            .take(DEVICE_TOKENS)
        {
            let token = Secret::from(token);
            if let Some(device) = devices::find(conn, &random::digest(&token), account).await? {
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
        tx: &mut WriteTx,
        caller: &Caller,
        held: &BrowserTokens,
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
        let email = Email::Notice(Notice::DeviceCopied {
            at: now,
            browser: device.browser,
        });
        let language = account.language.as_deref().unwrap_or(&caller.language);
        outbox::write(tx, &self.parts.keys, None, &account.email, language, &email, now).await?;
        Ok(true)
    }
}

/// Whether the token that has found a device is a copy of one that was replaced, and no lost answer.
fn is_copy(device: &Device, now: Timestamp) -> bool {
    device.replaced_at.is_some_and(|at| now.0 >= at + LOST_ANSWER_MS)
}

/// The browser holds a device's new token in place of the old one.
fn hold_devices(held: &BrowserTokens, old: Option<&Secret>, new: &Secret) -> TokenChange {
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
