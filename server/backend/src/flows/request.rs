//! A browser's request to a flow.

use super::authorization::Authorization;
use super::deletion::Deletion;
use super::email_change::EmailChange;
use super::export::Export;
use super::history::History;
use super::logout::ClientLogout;
use super::preferences::Preferences;
use super::products::ConnectedProducts;
use super::profile::Profile;
use super::provider::ProviderSignIn;
use super::secure::SecureAccount;
use crate::store::events::Actor;
use crate::store::{ReadConn, WriteTx, events, outbox};
use crate::{Backend, BrowserTokens, Caller, Fault};
use account::{Account, AccountId, ActivityKind, Email, Notice, Timestamp};

/// A browser's request: the service, the client, and the browser's tokens.
#[derive(Clone, Copy)]
pub struct BrowserRequest<'a> {
    pub(super) backend: &'a Backend,
    pub(super) caller: &'a Caller,
    pub(super) tokens: &'a BrowserTokens,
}

/// Sign-in: e-mail address, password, e-mailed code.
#[derive(Clone, Copy)]
pub struct SignIn<'a>(pub(super) BrowserRequest<'a>);

/// Password reset: e-mail address, e-mailed code, new password.
#[derive(Clone, Copy)]
pub struct Reset<'a>(pub(super) BrowserRequest<'a>);

/// Sign-up: e-mail address, e-mailed code, name and password.
#[derive(Clone, Copy)]
pub struct SignUp<'a>(pub(super) BrowserRequest<'a>);

/// Password change on the security page.
#[derive(Clone, Copy)]
pub struct PasswordChange<'a>(pub(super) BrowserRequest<'a>);

/// The signed-in account: its pages, sessions and devices.
#[derive(Clone, Copy)]
pub struct Sessions<'a>(pub(super) BrowserRequest<'a>);

/// Connected accounts at providers.
#[derive(Clone, Copy)]
pub struct Connections<'a>(pub(super) BrowserRequest<'a>);

/// Reauthentication of a signed-in user.
#[derive(Clone, Copy)]
pub struct Confirmation<'a>(pub(super) BrowserRequest<'a>);

/// The organization that the signed-in account administers.
#[derive(Clone, Copy)]
pub struct Organization<'a>(pub(super) BrowserRequest<'a>);

/// Invitations to organizations, of the signed-in account.
#[derive(Clone, Copy)]
pub struct Joining<'a>(pub(super) BrowserRequest<'a>);

impl Backend {
    /// Wraps a browser's request.
    #[must_use]
    pub const fn request<'a>(&'a self, caller: &'a Caller, tokens: &'a BrowserTokens) -> BrowserRequest<'a> {
        BrowserRequest {
            backend: self,
            caller,
            tokens,
        }
    }
}

impl<'a> BrowserRequest<'a> {
    /// Selects the browser's sign-in.
    #[must_use]
    pub const fn sign_in(self) -> SignIn<'a> {
        SignIn(self)
    }

    /// Selects the browser's password reset.
    #[must_use]
    pub const fn reset(self) -> Reset<'a> {
        Reset(self)
    }

    /// Selects the browser's sign-up.
    #[must_use]
    pub const fn sign_up(self) -> SignUp<'a> {
        SignUp(self)
    }

    /// Selects the browser's password change.
    #[must_use]
    pub const fn password_change(self) -> PasswordChange<'a> {
        PasswordChange(self)
    }

    /// Selects the signed-in account.
    #[must_use]
    pub const fn sessions(self) -> Sessions<'a> {
        Sessions(self)
    }

    /// Selects the profile of the signed-in account.
    #[must_use]
    pub const fn profile(self) -> Profile<'a> {
        Profile(self)
    }

    /// Selects the change of the signed-in account's e-mail address.
    #[must_use]
    pub const fn email_change(self) -> EmailChange<'a> {
        EmailChange(self)
    }

    /// Selects securing an account, without a session.
    #[must_use]
    pub const fn secure_account(self) -> SecureAccount<'a> {
        SecureAccount(self)
    }

    /// Selects the deletion of the signed-in account.
    #[must_use]
    pub const fn deletion(self) -> Deletion<'a> {
        Deletion(self)
    }

    /// Selects the whole activity of the signed-in account.
    #[must_use]
    pub const fn history(self) -> History<'a> {
        History(self)
    }

    /// Selects the data of the signed-in account.
    #[must_use]
    pub const fn export(self) -> Export<'a> {
        Export(self)
    }

    /// Selects the preferences of the signed-in account.
    #[must_use]
    pub const fn preferences(self) -> Preferences<'a> {
        Preferences(self)
    }

    /// Selects sign-in with a provider.
    #[must_use]
    pub const fn provider(self) -> ProviderSignIn<'a> {
        ProviderSignIn(self)
    }

    /// Selects the authorization of a client.
    #[must_use]
    pub const fn authorization(self) -> Authorization<'a> {
        Authorization(self)
    }

    /// Selects sign-out that a product asks for.
    #[must_use]
    pub const fn client_logout(self) -> ClientLogout<'a> {
        ClientLogout(self)
    }

    /// Selects the products that the user has signed in to.
    #[must_use]
    pub const fn products(self) -> ConnectedProducts<'a> {
        ConnectedProducts(self)
    }

    /// Selects the connected accounts at providers.
    #[must_use]
    pub const fn connections(self) -> Connections<'a> {
        Connections(self)
    }

    /// Selects the browser's reauthentication.
    #[must_use]
    pub const fn confirmation(self) -> Confirmation<'a> {
        Confirmation(self)
    }

    /// Selects the organization that the signed-in account administers.
    #[must_use]
    pub const fn organization(self) -> Organization<'a> {
        Organization(self)
    }

    /// Selects the invitations of the signed-in account.
    #[must_use]
    pub const fn joining(self) -> Joining<'a> {
        Joining(self)
    }

    pub(super) async fn begin(self) -> Result<WriteTx, Fault> {
        self.backend.parts.db.begin().await
    }

    pub(super) async fn read(self) -> Result<ReadConn, Fault> {
        self.backend.parts.db.read().await
    }

    pub(super) fn now(self) -> Timestamp {
        self.backend.now()
    }

    /// Appends to the account's security log.
    pub(super) async fn log(
        self,
        tx: &mut WriteTx,
        account: &AccountId,
        kind: ActivityKind,
        now: Timestamp,
    ) -> Result<(), Fault> {
        events::append(tx, account, kind, Actor::User, self.caller, now).await
    }

    /// E-mails a notice to the owner of an account.
    pub(super) async fn notify(
        self,
        tx: &mut WriteTx,
        account: &Account,
        notice: Notice,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let language = account.language.as_deref().unwrap_or(&self.caller.language);
        let email = Email::Notice(notice);
        outbox::write(
            tx,
            &self.backend.parts.keys,
            None,
            &account.email,
            language,
            &email,
            now,
        )
        .await
    }
}
