use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// The kinds of account events. Their texts are in the catalogue of `app`, under `activity.` and [`Self::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it; the sentences are in the catalogue")]
pub enum ActivityKind {
    SignedIn,
    SignedOut,
    SignedUp,
    WrongPassword,
    WrongCode,
    ResetAsked,
    PasswordReset,
    PasswordChanged,
    /// The current password was found in a leak.
    PasswordLeaked,
    DeviceForgotten,
    /// A copy of a trusted device's token was used.
    DeviceCopied,
    SessionEnded,
    SessionsEnded,
    /// Created by an operator.
    Added,
    Disabled,
    Enabled,
    /// Assigned to an organization.
    HandedOver,
    /// Taken back from an organization.
    TakenBack,
    /// Changed by an operator.
    AddressChanged,
    /// A password was added to an account without one.
    PasswordAdded,
    /// An account at a provider was connected.
    ProviderConnected,
    ProviderDisconnected,
    /// Signed in to a product for the first time.
    ProductConnected,
    ProductDisconnected,
    /// A code or token of a product was used again, so its access ended.
    ProductTokenReused,
    /// Signed in with a provider.
    ProviderSignedIn,
    /// The user proved again who they are, before a sensitive action.
    Confirmed,
    /// Became an administrator of their organization.
    AdministratorAdded,
    /// Is no longer an administrator of their organization.
    AdministratorRemoved,
    /// A domain of the organization was added, verified or removed; an event of its administrators.
    DomainsChanged,
    /// The members of the organization sign in another way; an event of all of them.
    OrganizationProviderChanged,
    /// Deactivated by an administrator.
    MemberDisabled,
    /// Reactivated by an administrator.
    MemberEnabled,
    /// Signed out everywhere by an administrator.
    MemberSessionsEnded,
    /// Given back to its owner by an administrator.
    MemberRemoved,
    /// Accepted an invitation to an organization.
    Joined,
    /// As an administrator, invited a user or withdrew an invitation.
    MemberInvited,
    InvitationWithdrawn,
    /// Changed the name or the preferred name.
    NameChanged,
    /// Entered a new e-mail address, which is not proven yet.
    EmailChangeAsked,
    /// Proved the new e-mail address.
    EmailChanged,
    /// Undid a change of the e-mail address.
    EmailRestored,
    /// Secured the account: ended all sessions, and what was connected lately.
    Secured,
    /// The deletion of the account was requested: by its owner or an operator.
    DeletionRequested,
    /// The owner kept the account after all.
    DeletionCanceled,
    /// Downloaded everything that is stored about the account.
    DataDownloaded,
}

impl ActivityKind {
    /// All kinds.
    pub const ALL: [Self; 46] = [
        Self::SignedIn,
        Self::SignedOut,
        Self::SignedUp,
        Self::WrongPassword,
        Self::WrongCode,
        Self::ResetAsked,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::PasswordLeaked,
        Self::DeviceForgotten,
        Self::DeviceCopied,
        Self::SessionEnded,
        Self::SessionsEnded,
        Self::Added,
        Self::Disabled,
        Self::Enabled,
        Self::HandedOver,
        Self::TakenBack,
        Self::AddressChanged,
        Self::PasswordAdded,
        Self::ProviderConnected,
        Self::ProviderDisconnected,
        Self::ProductConnected,
        Self::ProductDisconnected,
        Self::ProductTokenReused,
        Self::ProviderSignedIn,
        Self::Confirmed,
        Self::AdministratorAdded,
        Self::AdministratorRemoved,
        Self::DomainsChanged,
        Self::OrganizationProviderChanged,
        Self::MemberDisabled,
        Self::MemberEnabled,
        Self::MemberSessionsEnded,
        Self::MemberRemoved,
        Self::Joined,
        Self::MemberInvited,
        Self::InvitationWithdrawn,
        Self::NameChanged,
        Self::EmailChangeAsked,
        Self::EmailChanged,
        Self::EmailRestored,
        Self::Secured,
        Self::DeletionRequested,
        Self::DeletionCanceled,
        Self::DataDownloaded,
    ];

    /// Returns whether strangers can cause it: an attempt, as opposed to a change.
    #[must_use]
    pub const fn is_attempt(self) -> bool {
        matches!(self, Self::WrongPassword | Self::WrongCode | Self::ResetAsked)
    }

    /// Returns the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignedOut => "signed_out",
            Self::SignedUp => "signed_up",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::ResetAsked => "reset_asked",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::PasswordLeaked => "password_leaked",
            Self::DeviceForgotten => "device_forgotten",
            Self::DeviceCopied => "device_copied",
            Self::SessionEnded => "session_ended",
            Self::SessionsEnded => "sessions_ended",
            Self::Added => "added",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::HandedOver => "handed_over",
            Self::TakenBack => "taken_back",
            Self::AddressChanged => "address_changed",
            Self::PasswordAdded => "password_added",
            Self::ProviderConnected => "provider_connected",
            Self::ProviderDisconnected => "provider_disconnected",
            Self::ProductConnected => "product_connected",
            Self::ProductDisconnected => "product_disconnected",
            Self::ProductTokenReused => "product_token_reused",
            Self::ProviderSignedIn => "provider_signed_in",
            Self::Confirmed => "confirmed",
            Self::AdministratorAdded => "administrator_added",
            Self::AdministratorRemoved => "administrator_removed",
            Self::DomainsChanged => "domains_changed",
            Self::OrganizationProviderChanged => "organization_provider_changed",
            Self::MemberDisabled => "member_disabled",
            Self::MemberEnabled => "member_enabled",
            Self::MemberSessionsEnded => "member_sessions_ended",
            Self::MemberRemoved => "member_removed",
            Self::Joined => "joined",
            Self::MemberInvited => "member_invited",
            Self::InvitationWithdrawn => "invitation_withdrawn",
            Self::NameChanged => "name_changed",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChanged => "email_changed",
            Self::EmailRestored => "email_restored",
            Self::Secured => "secured",
            Self::DeletionRequested => "deletion_requested",
            Self::DeletionCanceled => "deletion_canceled",
            Self::DataDownloaded => "data_downloaded",
        }
    }

    /// Parses the stored form; `None` for a kind that a newer version has written.
    #[must_use]
    pub fn read(stored: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == stored)
    }
}

/// A summary of recent failed attempts, which would otherwise push other events off the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// The number of attempts, up to [`Self::MOST`].
    pub count: i64,
    /// The time of the first attempt.
    pub since: Timestamp,
}

impl Attempts {
    /// Maximum count of attempts.
    pub const MOST: i64 = 1_000;
    /// The number of days that the summary covers.
    pub const DAYS: i64 = 30;
}

/// An entry of the recent activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The kind of event.
    pub kind: ActivityKind,
    /// The time of the event.
    pub at: Timestamp,
    /// The browser and operating system.
    pub browser: String,
    /// The network address.
    pub client: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_kind_is_read_back_and_an_unknown_kind_is_ignored() {
        for kind in ActivityKind::ALL {
            assert_eq!(ActivityKind::read(kind.as_str()), Some(kind));
        }
        assert_eq!(ActivityKind::read("teleported"), None);
    }
}
