//! Devices (browsers) of an account: recognition, token renewal, and detection of copied tokens.

use super::request::BrowserRequest;
use super::step_up::LOST_ANSWER_MS;
use crate::store::devices::Device;
use crate::store::{ReadConn, WriteTx, devices};
use crate::{BrowserTokens, Fault, TokenChange, TokenKind, random};
use account::{Account, AccountId, ActivityKind, Notice, Purpose, Secret, Timestamp};

/// Maximum number of accounts for which one browser is remembered.
const DEVICE_TOKENS: usize = 5;
/// Days for which a device is remembered after its last sign-in: the longest cookie lifetime in browsers.
pub(crate) const DEVICE_DAYS: i64 = 400;

/// How a device is recorded at a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeviceEntry {
    /// Its owner trusts it.
    Trust,
    /// Without trust.
    Remember,
    /// Without trust or notice, because this sign-in created the account.
    OfNewAccount,
}

impl BrowserRequest<'_> {
    /// Records a sign-in on a device. A known device gets its next token; for a new device, the owner is notified.
    pub(super) async fn hold_device(
        self,
        tx: &mut WriteTx,
        flow: &Secret,
        account: &Account,
        entry: DeviceEntry,
        now: Timestamp,
    ) -> Result<TokenChange, Fault> {
        let trusted_until = (entry == DeviceEntry::Trust).then(|| now.plus_days(self.backend.settings().trust_days));
        let recognized = self.recognize_device(tx, &account.id).await?;
        let (device, presented) = recognized.unzip();
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
        // A sign-up in this browser just created the account, so no notice is needed.
        let signed_up_here = self.find_flow(tx, Purpose::SignUp).await?.is_some_and(|flow| {
            flow.progress.finished_at.is_some() && now < flow.progress.ends_at && flow.email == account.email
        });
        if !signed_up_here && entry != DeviceEntry::OfNewAccount {
            let notice = Notice::NewDevice {
                at: now,
                browser: self.caller.browser.clone(),
            };
            self.notify(tx, account, notice, now).await?;
        }
        Ok(hold_devices(self.tokens, presented.as_ref(), &token))
    }

    /// Returns the latest token of the device (from a sign-in or a password change), if it hasn't been replaced.
    pub(super) async fn device_again(
        self,
        conn: &mut ReadConn,
        flow: Option<&Secret>,
        account: &AccountId,
    ) -> Result<Option<TokenChange>, Fault> {
        let presented = self.recognize_device(conn, account).await?;
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

    /// Forgets all devices of an account except the browser's own and returns that device's new token.
    /// Attack: a copy of the previous token stays valid.
    pub(super) async fn forget_other_devices(
        self,
        tx: &mut WriteTx,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<Option<TokenChange>, Fault> {
        let own = self.recognize_device(tx, account).await?;
        let own = own.filter(|(device, _)| !is_copy(device, now));
        let kept = own.as_ref().map_or("", |(device, _)| &device.id);
        devices::forget_all_but(tx, account, kept).await?;
        match &own {
            Some((device, presented)) => Ok(Some(self.renew_token(tx, device, presented, now).await?)),
            None => Ok(None),
        }
    }

    /// Replaces the presented device token with its successor.
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

    /// Finds the account's device by the browser's tokens.
    pub(super) async fn find_device(self, conn: &mut ReadConn, account: &AccountId) -> Result<Option<Device>, Fault> {
        let recognized = self.recognize_device(conn, account).await?;
        let device = recognized.map(|(device, _)| device);
        Ok(device.filter(|device| !is_copy(device, self.now())))
    }

    /// Finds a device and its token by the browser's tokens, including a replaced token.
    async fn recognize_device(
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

    /// Attack: a copied cookie of a trusted device. Each sign-in renews the token, so a replaced token means that two browsers
    /// share it, and either may be the owner. The device loses its trust and the owner is notified. Returns whether it did so;
    /// an untrusted device causes no notice, because its token doesn't skip the code.
    pub(super) async fn notice_copied_device(
        self,
        tx: &mut WriteTx,
        account: &Account,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let Some((device, token)) = self.recognize_device(tx, &account.id).await? else {
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

/// Whether the token is a copy of a replaced token rather than a retry after a lost response.
fn is_copy(device: &Device, now: Timestamp) -> bool {
    device.replaced_at.is_some_and(|at| now.0 >= at + LOST_ANSWER_MS)
}

/// Replaces a device's old token with the new one in the browser.
fn hold_devices(held: &BrowserTokens, old: Option<&Secret>, new: &Secret) -> TokenChange {
    TokenChange {
        kind: TokenKind::Device,
        token: Some(with_token(held.device.as_ref(), old, new)),
        keep_s: DEVICE_DAYS * 24 * 3_600,
    }
}

/// Returns a browser's device tokens, newest first, one per account. Attack: with one token for all accounts, someone
/// who keeps the token of a shared browser is trusted by every account that signs in there later.
fn with_token(held: Option<&Secret>, old: Option<&Secret>, new: &Secret) -> Secret {
    let held = held.map(Secret::expose).unwrap_or_default();
    let gone = ["", old.map(Secret::expose).unwrap_or_default()];
    let tokens = std::iter::once(new.expose()).chain(held.split('.').filter(|token| !gone.contains(token)));
    tokens.take(DEVICE_TOKENS).collect::<Vec<_>>().join(".").into()
}
