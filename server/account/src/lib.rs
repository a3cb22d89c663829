//! The rules of accounts: decisions only, without clock, disk or network; time, randomness and keys are arguments. Compiles to
//! WASM, so that browser and server run the same checks.

mod account;
mod activity;
mod challenge;
mod code;
mod code_length;
#[cfg(feature = "idna")]
mod domain;
mod email;
mod email_address;
mod email_change;
mod flow;
mod invisible;
mod keys;
mod mailbox;
mod methods;
mod next;
mod organization;
mod password;
mod preferences;
mod privacy;
mod provider;
mod refusal;
mod reset;
mod secret;
mod secure;
mod sign_in;
mod sign_up;
mod steps;
mod time;
mod waiting_flow;

pub use account::{
    Account, AccountId, Membership, Name, Organization, PasswordAccess, Provider, is_hidden_control,
    parse_optional_name,
};
pub use activity::{Activity, ActivityKind, Attempts};
pub use challenge::{Answer, Challenge, EarlierFlow, IssuedCode, Passed};
pub use code::{Code, CodeBinding, Purpose, TypedCode, read_code};
pub use code_length::CodeCounter;
#[cfg(feature = "idna")]
pub use domain::read_domain;
pub use email::{CodeEmail, Email, FailureCause, InvitationEmail, Notice, Request};
#[cfg(feature = "idna")]
pub use email_address::domain_to_ascii;
pub use email_address::{DomainToAscii, EmailAddress};
pub use email_change::EmailChangeStep;
pub use flow::{NextStep, Progress};
pub use keys::{Key, Keyring};
pub use methods::{DeviceTrust, Method, SignInMethods, SignInNext, SignInPolicy, next_step};
pub use next::{safe_next, with_next};
pub use organization::{DomainRow, InvitationOffer, InvitationRow, JoinStep, MemberEvent, MemberRow, OrganizationView};
#[cfg(feature = "nfc")]
pub use password::nfc;
pub use password::{Guessable, Nfc, PasswordPolicy};
pub use preferences::{DateFormat, MailGroupRow, Preferences, PreferencesView, Setting, TextSize, Theme, TimeFormat};
pub use privacy::{DeletionStep, HistoryView, PrivacyView};
pub use provider::{ConfirmStep, ConnectStep, ConnectionRow, ProviderButton, ProviderIntent, ProviderStep};
pub use refusal::{Field, Params, Refusal, Refused};
pub use reset::ResetStep;
pub use secret::Secret;
pub use secure::SecureStep;
pub use sign_in::{SignInStep, SignOutStep};
pub use sign_up::SignUpStep;
pub use steps::{
    DeviceRow, MailedCode, PasswordRow, ProductLink, ProductRow, ProfileView, SecurityDone, SecurityView, SessionRow,
    UNKNOWN_BROWSER,
};
pub use time::Timestamp;
pub use waiting_flow::WaitingFlow;
