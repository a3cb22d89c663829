use crate::{Guessable, Timestamp};
use serde::{Deserialize, Serialize};

/// The reason for a refused request. The text in each language is in the catalogue of `app`, under [`Refusal::code`]. Never
/// contains user input. Faults of the server are not refusals. A browser receives [`Refused`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it; the sentences are in the catalogue")]
pub enum Refusal {
    // The address.
    EmailMissing,
    EmailMalformed,
    /// Letters outside ASCII before the `@`, which this service and most mail servers do not accept.
    EmailLocalPartNotAscii,
    /// The new address is the account's address.
    EmailSameAsNow,
    /// The account's address was changed in the last seven days, which can still be undone.
    EmailMoved,
    /// Another account got the address during the change. Only its owner learns this.
    EmailTaken,
    // Sign-in.
    PasswordMissing,
    /// Attack: enumeration. The same for an incorrect password, an unknown address, a Google and a managed account.
    SignInWrong,
    /// The last incorrect password of a mailbox-first sign-in.
    PasswordTriesUsedUp,
    /// Too many incorrect passwords under this throttle key.
    PasswordWait {
        seconds: i64,
    },
    // Codes.
    CodeMissing,
    CodeWrongLength {
        digits: usize,
    },
    CodeAmbiguous,
    CodeWrong {
        tries_left: i64,
    },
    CodeOlder {
        sent_at: Timestamp,
        newest_at: Timestamp,
    },
    /// The newest code, invalidated by a change of the password or the account.
    CodeReplaced,
    /// A code of an earlier request of this browser.
    CodeOfEarlierRequest,
    CodeLate,
    TriesUsedUp,
    ResendWait {
        seconds: i64,
    },
    SendsUsedUp,
    // A new password.
    NewPasswordMissing,
    AgainMissing,
    PasswordsDiffer,
    PasswordTooShort {
        min: usize,
        have: usize,
    },
    PasswordTooLong {
        max: usize,
    },
    PasswordHoldsOwnWords,
    PasswordCommon,
    PasswordLeaked,
    PasswordGuessable {
        reason: Guessable,
    },
    PasswordSameAsNow,
    CurrentMissing,
    CurrentWrong,
    /// The account has no password here.
    PasswordNotSet,
    ManagedByOrganization {
        organization: String,
    },
    // Sign-in with a provider, and connected accounts.
    /// The user canceled, or the provider did not sign them in.
    ProviderDenied {
        provider: String,
    },
    /// The provider doesn't respond.
    ProviderUnavailable {
        provider: String,
    },
    /// The provider's response breaks a rule.
    ProviderFailed {
        provider: String,
    },
    /// The sign-in took too long, or was begun again in another tab.
    ProviderExpired,
    /// An account has the provider's address. Attack: an account at a provider with another user's address signs in as them.
    SignInToConnect {
        provider: String,
    },
    /// The account at the provider is connected to another account here.
    IdentityTaken {
        provider: String,
    },
    /// Disconnecting would leave no way to sign in.
    LastMethod,
    SignUpClosed,
    AccountDeactivated,
    /// The members of this organization sign in with its own provider.
    UseOrganization {
        organization: String,
    },
    /// A sensitive action needs a proof of less than ten minutes ago.
    ProofTooOld,
    /// The account will be deleted, and its owner has not chosen yet whether to keep it.
    DeletionPending,
    // Organizations.
    DomainMissing,
    DomainMalformed,
    /// A domain of a large mail provider, whose addresses belong to many owners.
    DomainPublic,
    /// Another organization has verified it.
    DomainTaken,
    /// Members of the organization have addresses there.
    DomainInUse,
    /// The organization does not claim this domain, or claims too many.
    DomainGone,
    DomainsUsedUp,
    /// The DNS server does not respond.
    DomainTimeout,
    /// The DNS server reports a failure.
    DomainServerFailed,
    /// The DNS has no text at the name for the proof.
    DomainRecordMissing,
    /// The DNS has another text there.
    DomainRecordWrong,
    /// The organization would have no active administrator.
    LastAdministrator,
    /// The account is not a member of the administrator's organization.
    MemberGone,
    AlreadyMember,
    /// The organization has not verified the address's domain, so its owner could not sign in as a member.
    DomainUnverified,
    /// The invitation was accepted, declined or withdrawn, or has expired.
    InvitationGone,
    /// The account administers no organization.
    NotAdministrator,
    // The name.
    NameMissing,
    NameUnfit,
    // Flows and sessions.
    /// The flow has expired, is finished, or was never begun in this browser.
    FlowGone,
    /// The submitted form belongs to another step of the flow.
    StepElsewhere,
    /// The session ended.
    SignedOut,
    /// Too many requests of this kind for the address or from the client.
    TooMany {
        seconds: i64,
    },
    /// Fields that are repeated, truncated, or of an incorrect type.
    FormUnreadable,
}

/// The form field that a refusal refers to; its value is the field's `name`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named like the fields")]
pub enum Field {
    Email,
    Password,
    Again,
    Current,
    Code,
    Name,
    Domain,
}

impl Field {
    /// Returns the `name` and `id` of the input.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Password => "password",
            Self::Again => "again",
            Self::Current => "current",
            Self::Code => "code",
            Self::Name => "name",
            Self::Domain => "domain",
        }
    }
}

impl Refusal {
    /// The code of [`Self::SignInWrong`].
    pub const SIGN_IN_WRONG: &str = "sign_in_wrong";
    /// The code of [`Self::ProofTooOld`].
    pub const PROOF_TOO_OLD: &str = "proof_too_old";
    /// The code of [`Self::DeletionPending`].
    pub const DELETION_PENDING: &str = "deletion_pending";
    /// The code of [`Self::CurrentWrong`].
    pub const CURRENT_WRONG: &str = "current_wrong";
    /// The code of [`Self::NotAdministrator`].
    pub const NOT_ADMINISTRATOR: &str = "not_administrator";
    /// The code of [`Self::SignedOut`].
    pub const SIGNED_OUT: &str = "signed_out";

    /// Returns the name on the wire, in metrics and, with the prefix `refusal.`, in the catalogue.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmailMissing => "email_missing",
            Self::EmailMalformed => "email_malformed",
            Self::EmailLocalPartNotAscii => "email_local_part_not_ascii",
            Self::EmailSameAsNow => "email_same_as_now",
            Self::EmailMoved => "email_moved",
            Self::EmailTaken => "email_taken",
            Self::PasswordMissing => "password_missing",
            Self::SignInWrong => Self::SIGN_IN_WRONG,
            Self::PasswordTriesUsedUp => "password_tries_used_up",
            Self::PasswordWait { .. } => "password_wait",
            Self::CodeMissing => "code_missing",
            Self::CodeWrongLength { .. } => "code_wrong_length",
            Self::CodeAmbiguous => "code_ambiguous",
            Self::CodeWrong { .. } => "code_wrong",
            Self::CodeOlder { .. } => "code_older",
            Self::CodeReplaced => "code_replaced",
            Self::CodeOfEarlierRequest => "code_of_earlier_request",
            Self::CodeLate => "code_late",
            Self::TriesUsedUp => "tries_used_up",
            Self::ResendWait { .. } => "resend_wait",
            Self::SendsUsedUp => "sends_used_up",
            Self::NewPasswordMissing => "new_password_missing",
            Self::AgainMissing => "again_missing",
            Self::PasswordsDiffer => "passwords_differ",
            Self::PasswordTooShort { .. } => "password_too_short",
            Self::PasswordTooLong { .. } => "password_too_long",
            Self::PasswordHoldsOwnWords => "password_holds_own_words",
            Self::PasswordCommon => "password_common",
            Self::PasswordLeaked => "password_leaked",
            Self::PasswordGuessable { reason } => match reason {
                Guessable::Sequence => "password_guessable_sequence",
                Guessable::Repeats => "password_guessable_repeats",
                Guessable::Date => "password_guessable_date",
                Guessable::Word => "password_guessable_word",
                Guessable::Plain => "password_guessable_plain",
            },
            Self::PasswordSameAsNow => "password_same_as_now",
            Self::CurrentMissing => "current_missing",
            Self::CurrentWrong => Self::CURRENT_WRONG,
            Self::PasswordNotSet => "password_not_set",
            Self::ManagedByOrganization { .. } => "managed_by_organization",
            Self::ProviderDenied { .. } => "provider_denied",
            Self::ProviderUnavailable { .. } => "provider_unavailable",
            Self::ProviderFailed { .. } => "provider_failed",
            Self::ProviderExpired => "provider_expired",
            Self::SignInToConnect { .. } => "sign_in_to_connect",
            Self::IdentityTaken { .. } => "identity_taken",
            Self::LastMethod => "last_method",
            Self::SignUpClosed => "sign_up_closed",
            Self::AccountDeactivated => "account_deactivated",
            Self::UseOrganization { .. } => "use_organization",
            Self::ProofTooOld => Self::PROOF_TOO_OLD,
            Self::DeletionPending => Self::DELETION_PENDING,
            Self::DomainMissing => "domain_missing",
            Self::DomainMalformed => "domain_malformed",
            Self::DomainPublic => "domain_public",
            Self::DomainTaken => "domain_taken",
            Self::DomainInUse => "domain_in_use",
            Self::DomainGone => "domain_gone",
            Self::DomainsUsedUp => "domains_used_up",
            Self::DomainTimeout => "domain_timeout",
            Self::DomainServerFailed => "domain_server_failed",
            Self::DomainRecordMissing => "domain_record_missing",
            Self::DomainRecordWrong => "domain_record_wrong",
            Self::LastAdministrator => "last_administrator",
            Self::MemberGone => "member_gone",
            Self::AlreadyMember => "already_member",
            Self::DomainUnverified => "domain_unverified",
            Self::InvitationGone => "invitation_gone",
            Self::NotAdministrator => Self::NOT_ADMINISTRATOR,
            Self::NameMissing => "name_missing",
            Self::NameUnfit => "name_unfit",
            Self::FlowGone => "flow_gone",
            Self::StepElsewhere => "step_elsewhere",
            Self::SignedOut => Self::SIGNED_OUT,
            Self::TooMany { .. } => "too_many",
            Self::FormUnreadable => "form_unreadable",
        }
    }

    /// Returns the field that the refusal refers to, if any.
    #[must_use]
    pub const fn field(&self) -> Option<Field> {
        Some(match self {
            Self::EmailMissing | Self::EmailMalformed | Self::EmailLocalPartNotAscii | Self::EmailSameAsNow => {
                Field::Email
            }
            Self::PasswordMissing | Self::SignInWrong | Self::PasswordWait { .. } => Field::Password,
            Self::CodeMissing
            | Self::CodeWrongLength { .. }
            | Self::CodeAmbiguous
            | Self::CodeWrong { .. }
            | Self::CodeOlder { .. }
            | Self::CodeReplaced
            | Self::CodeOfEarlierRequest
            | Self::CodeLate => Field::Code,
            Self::NewPasswordMissing
            | Self::PasswordTooShort { .. }
            | Self::PasswordTooLong { .. }
            | Self::PasswordHoldsOwnWords
            | Self::PasswordCommon
            | Self::PasswordLeaked
            | Self::PasswordGuessable { .. }
            | Self::PasswordSameAsNow => Field::Password,
            Self::AgainMissing | Self::PasswordsDiffer => Field::Again,
            Self::CurrentMissing | Self::CurrentWrong => Field::Current,
            Self::DomainMissing | Self::DomainMalformed | Self::DomainPublic => Field::Domain,
            Self::AlreadyMember | Self::DomainUnverified => Field::Email,
            Self::NameMissing | Self::NameUnfit => Field::Name,
            Self::EmailMoved
            | Self::EmailTaken
            | Self::PasswordTriesUsedUp
            | Self::TriesUsedUp
            | Self::ResendWait { .. }
            | Self::SendsUsedUp
            | Self::PasswordNotSet
            | Self::ManagedByOrganization { .. }
            | Self::ProviderDenied { .. }
            | Self::ProviderUnavailable { .. }
            | Self::ProviderFailed { .. }
            | Self::ProviderExpired
            | Self::SignInToConnect { .. }
            | Self::IdentityTaken { .. }
            | Self::LastMethod
            | Self::SignUpClosed
            | Self::AccountDeactivated
            | Self::UseOrganization { .. }
            | Self::ProofTooOld
            | Self::DeletionPending
            | Self::DomainTaken
            | Self::DomainInUse
            | Self::DomainGone
            | Self::DomainsUsedUp
            | Self::DomainTimeout
            | Self::DomainServerFailed
            | Self::DomainRecordMissing
            | Self::DomainRecordWrong
            | Self::LastAdministrator
            | Self::MemberGone
            | Self::InvitationGone
            | Self::NotAdministrator
            | Self::FlowGone
            | Self::StepElsewhere
            | Self::SignedOut
            | Self::TooMany { .. }
            | Self::FormUnreadable => return None,
        })
    }

    /// Returns the values for the placeholders of the text.
    #[must_use]
    pub fn params(&self) -> Params {
        let none = Params::default();
        match self {
            Self::PasswordWait { seconds } | Self::ResendWait { seconds } | Self::TooMany { seconds } => Params {
                seconds: Some(*seconds),
                ..none
            },
            Self::CodeWrongLength { digits } => Params {
                digits: Some(*digits),
                ..none
            },
            Self::CodeWrong { tries_left } => Params {
                tries_left: Some(*tries_left),
                ..none
            },
            Self::CodeOlder { sent_at, newest_at } => Params {
                sent_at: Some(*sent_at),
                newest_at: Some(*newest_at),
                ..none
            },
            Self::PasswordTooShort { min, have } => Params {
                min: Some(*min),
                have: Some(*have),
                ..none
            },
            Self::PasswordTooLong { max } => Params {
                max: Some(*max),
                ..none
            },
            Self::ProviderDenied { provider }
            | Self::ProviderUnavailable { provider }
            | Self::ProviderFailed { provider }
            | Self::SignInToConnect { provider }
            | Self::IdentityTaken { provider } => Params {
                provider: Some(provider.clone()),
                ..none
            },
            Self::ManagedByOrganization { organization } | Self::UseOrganization { organization } => Params {
                organization: Some(organization.clone()),
                ..none
            },
            _ => none,
        }
    }

    /// Returns the wait before a retry in seconds: `Retry-After` (RFC 9110 §10.2.3).
    #[must_use]
    pub const fn retry_after_s(&self) -> Option<i64> {
        match self {
            Self::PasswordWait { seconds } | Self::ResendWait { seconds } | Self::TooMany { seconds } => Some(*seconds),
            _ => None,
        }
    }

    /// Returns the HTTP status for a caller that reads JSON (RFC 9110 §15, RFC 6585 for 429).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::PasswordNotSet
            | Self::ManagedByOrganization { .. }
            | Self::AccountDeactivated
            | Self::ProofTooOld
            | Self::DeletionPending
            | Self::SignUpClosed => 403,
            Self::NotAdministrator => 404,
            Self::FlowGone | Self::StepElsewhere | Self::ProviderExpired => 409,
            Self::PasswordWait { .. } | Self::ResendWait { .. } | Self::TooMany { .. } => 429,
            Self::FormUnreadable => 400,
            _ => 422,
        }
    }
}

/// A refusal as sent to a browser, which therefore needs no list of all refusals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// [`Refusal::code`].
    pub code: String,
    /// The field that the refusal refers to, if any.
    pub field: Option<Field>,
    /// The values for the placeholders of the text.
    pub params: Params,
}

/// The values for the placeholders of a refusal's text; all others are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named like the fields of the refusals")]
pub struct Params {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub have: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

impl From<&Refusal> for Refused {
    fn from(refusal: &Refusal) -> Self {
        Self {
            code: refusal.code().to_owned(),
            field: refusal.field(),
            params: refusal.params(),
        }
    }
}

/// Prints the code, for tests and logs; the text comes from the catalogue.
impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for Refusal {}
