use crate::{Activity, EmailAddress, SecurityDone, Timestamp};
use serde::{Deserialize, Serialize};

/// A domain of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRow {
    /// Its name: `example.com`.
    pub domain: String,
    /// The name of the TXT record to publish in its DNS.
    pub record_name: String,
    /// The text of that record.
    pub record_value: String,
    /// The time when it was verified.
    pub verified_at: Option<Timestamp>,
}

/// A member of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// The member's id in forms; grants no access.
    pub id: String,
    /// The member's address.
    pub email: String,
    /// The member's name.
    pub name: String,
    /// Whether the account is deactivated.
    pub disabled: bool,
    /// The time of the last sign-in.
    pub last_sign_in: Option<Timestamp>,
    /// Whether the member is an administrator.
    pub administrator: bool,
    /// Whether it is the signed-in administrator.
    pub here: bool,
}

/// An invitation that has not been answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRow {
    /// The invitation's id in forms.
    pub id: String,
    /// The invited address.
    pub email: String,
    /// The time when it ends.
    pub ends_at: Timestamp,
}

/// A security event of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEvent {
    /// The member's address.
    pub email: String,
    /// The address of the administrator who did it.
    pub by: Option<String>,
    /// The event.
    pub activity: Activity,
}

/// The data of the organization page, for its administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationView {
    /// The address of the signed-in administrator.
    pub email: EmailAddress,
    /// The organization's name.
    pub name: String,
    /// The name of the contact for passwords.
    pub administrator_name: String,
    /// The address of that contact.
    pub administrator_email: String,
    /// The provider through which members sign in.
    pub provider: Option<String>,
    /// Its domains.
    pub domains: Vec<DomainRow>,
    /// Up to 50 members, in order of address.
    pub members: Vec<MemberRow>,
    /// The beginning of the addresses that were searched for.
    pub search: String,
    /// The query of the URL of the next page of members.
    pub next: Option<String>,
    /// Open invitations, newest first.
    pub invitations: Vec<InvitationRow>,
    /// The last 50 security events of members, newest first.
    pub events: Vec<MemberEvent>,
    /// The action just completed, for a one-time confirmation.
    pub done: Option<SecurityDone>,
}

/// An organization that invites the signed-in user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationOffer {
    /// The invitation's id in forms.
    pub id: String,
    /// The organization's name.
    pub organization: String,
}

/// The step of joining an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoinStep {
    /// Join this organization, or decline?
    Ask(InvitationOffer),
    /// There is no open invitation.
    Nothing,
}
