//! The devices (browsers) an account knows: recognition, token renewal, and detection of copied tokens.

use super::request::BrowserRequest;
use super::step_up::LOST_ANSWER_MS;
use crate::store::devices::Device;
use crate::store::{ReadConn, WriteTx, devices};
use crate::{BrowserTokens, Fault, TokenChange, TokenKind, random};
use account::{Account, AccountId, ActivityKind, Notice, Purpose, Secret, Timestamp};

/// The maximum number of accounts that one browser is remembered for.
const DEVICE_TOKENS: usize = 5;
/// Days a device is remembered after its last sign-in. Browsers cap cookie lifetimes at the same value.
pub(crate) const DEVICE_DAYS: i64 = 400;

impl BrowserRequest<'_> {
    /// Records a sign-in on a device: a known device gets its next token; for a new one, the owner is notified.
    pub(super) async fn hold_device(
        self,
        tx: &mut WriteTx,
        flow: &Secret,
        account: &Account,
        trust: bool,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let trusted_until = trust.then(|| now.plus_days(self.backend.settings().trust_days));
        let recognised = self.recognise_device(tx, &account.id).await?;
        let (device, presented) = recognised.unzip();
        if let (Some(device), Some(presented)) = (device.filter(|device| !is_copy(device, now)), &presented) {
            if let Some(until) = trusted_until {
                devices::set_trust(tx, &account.id, &device.id, until).await?;
            }
            return self.renew_token(tx, &device, presented, now).await;
        }
        let token = self.backend.device_token(flow);
        let device = Device {
            id: random::id_at(now),
            account_id: account.id.0.clone(),
            browser: self.caller.browser.clone(),
            trusted_until: trusted_until.map(|until| until.0),
            replaced_at: None,
        };
        devices::insert(tx, &random::digest(&token), &device, now).await?;
        // A sign-up in this browser has just created the account, so its owner needs no notice.
        let signed_up_here = self.find_flow(tx, Purpose::SignUp).await?.is_some_and(|flow| {
            flow.progress.finished_at.is_some() && now < flow.progress.ends_at && flow.email == account.email
        });
        if !signed_up_here {
            let notice = Notice::NewDevice {
                at: now,
                browser: self.caller.browser.clone(),
            };
            self.notify(tx, account, notice, now).await?;
        }
        Ok(hold_devices(self.tokens, presented.as_ref(), &token))
    }

    /// The token the device was just given (at the end of a sign-in or by a change), if it is still the device's token.
    pub(super) async fn device_again(
        self,
        conn: &mut ReadConn,
        flow: Option<&Secret>,
        account: &AccountId,
    ) -> Result<Option<TokenChange>, Fault> {
        let presented = self.recognise_device(conn, account).await?;
        let presented = presented
            .filter(|(device, _)| !is_copy(device, self.now()))
            .map(|(_, token)| token);
        let next = presented.as_ref().map(|token| self.backend.next_token(token));
        for token in flow.map(|flow| self.backend.device_token(flow)).into_iter().chain(next) {
            let device = devices::find(conn, &random::digest(&token), account).await?;
            if device.is_some_and(|device| device.replaced_at.is_none()) {
                return Ok(Some(hold_devices(self.tokens, presented.as_ref(), &token)));
            }
        }
        Ok(None)
    }

    /// Forgets every device of an account except the browser's own, and returns that device's new token. It is renewed because a
    /// copy of the previous token is another device, too.
    pub(super) async fn forget_other_devices(
        self,
        tx: &mut WriteTx,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Option<TokenChange>, Fault> {
        let own = self.recognise_device(tx, account).await?;
        let own = own.filter(|(device, _)| !is_copy(device, now));
        let kept = own.as_ref().map_or("", |(device, _)| &device.id);
        devices::forget_all_but(tx, account, kept).await?;
        match &own {
            Some((device, presented)) => Ok(Some(self.renew_token(tx, device, presented, now).await?)),
            None => Ok(None),
        }
    }

    /// Replaces the presented device token by its successor.
    async fn renew_token(
        self,
        tx: &mut WriteTx,
        device: &Device,
        presented: &Secret,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let token = self.backend.next_token(presented);
        let (new, old) = (random::digest(&token), random::digest(presented));
        devices::replace_token(tx, &device.id, &new, &old, now).await?;
        Ok(hold_devices(self.tokens, Some(presented), &token))
    }

    /// The device of this account that the browser's tokens identify.
    pub(super) async fn find_device(self, conn: &mut ReadConn, account: &AccountId) -> Result<Option<Device>, Fault> {
        let recognised = self.recognise_device(conn, account).await?;
        let device = recognised.map(|(device, _)| device);
        Ok(device.filter(|device| !is_copy(device, self.now())))
    }

    /// The device that one of the browser's tokens identifies, even if that token was replaced, and the token.
    async fn recognise_device(
        self,
        conn: &mut ReadConn,
        account: &AccountId,
    ) -> Result<Option<(Device, Secret)>, Fault> {
        for token in self
            .tokens
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

    /// Attack: a copy of a trusted device's cookie. Each sign-in renews the device's token, so a replaced token comes from a
    /// copy, or from the owner when the copy was used first. The two cases look the same, so the device loses its trust and the
    /// owner is notified. An untrusted device causes no notice: its token does not skip the code. Returns whether a notice was
    /// due.
    pub(super) async fn notice_copied_device(
        self,
        tx: &mut WriteTx,
        account: &Account,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let Some((device, token)) = self.recognise_device(tx, &account.id).await? else {
            return Ok(false);
        };
        if !is_copy(&device, now) || !devices::distrust(tx, &device.id, &random::digest(&token)).await? {
            return Ok(false);
        }
        self.log(tx, &account.id, ActivityKind::DeviceCopied, now).await?;
        let notice = Notice::DeviceCopied {
            at: now,
            browser: device.browser,
        };
        self.notify(tx, account, notice, now).await?;
        Ok(true)
    }
}

/// Whether the token that identified the device is a copy of a replaced one, and not the retry of a lost answer.
fn is_copy(device: &Device, now: Timestamp) -> bool {
    device.replaced_at.is_some_and(|at| now.0 >= at + LOST_ANSWER_MS)
}

/// Stores a device's new token in the browser in place of the old one.
fn hold_devices(held: &BrowserTokens, old: Option<&Secret>, new: &Secret) -> TokenChange {
    TokenChange {
        kind: TokenKind::Device,
        token: Some(with_token(held.device.as_ref(), old, new)),
        keep_s: DEVICE_DAYS * 24 * 3_600,
    }
}

/// A browser's device tokens, newest first, one for each account it has signed in to. Attack: with one token for all accounts, a
/// user of a shared browser keeps its token and is trusted by every account that signs in there later.
fn with_token(held: Option<&Secret>, old: Option<&Secret>, new: &Secret) -> Secret {
    let held = held.map(Secret::expose).unwrap_or_default();
    let gone = ["", old.map(Secret::expose).unwrap_or_default()];
    let tokens = std::iter::once(new.expose()).chain(held.split('.').filter(|token| !gone.contains(token)));
    tokens.take(DEVICE_TOKENS).collect::<Vec<_>>().join(".").into()
}
