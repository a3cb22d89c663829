//! Runs the browser's JSON reader (`app/src/client/json.rs`) over every type that the browser programs read. It refuses maps,
//! tuples and floats in WASM only, so this test is a WASM program; `frontend/bundle/src/bin/wasm_in_node.rs` runs it.

use account::{
    Activity, ActivityKind, Attempts, ConfirmStep, ConnectStep, ConnectionRow, DeviceRow, EmailAddress, Field,
    InvitationOffer, MailedCode, Organization, Params, PasswordAccess, PasswordRow, ProductRow, Provider,
    ProviderButton, Refused, ResetStep, SecurityDone, SecurityView, SessionRow, SignInStep, SignOutStep, SignUpStep,
    Timestamp,
};
use app::client::{Failure, PageState, json};
use app::flow::Step;
use app::settings::{PublicSettings, Theme};
use app::site_map::PageId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::UnwrapThrowExt;
use wasm_bindgen::prelude::wasm_bindgen;

/// Enough for each combination of the variants.
const VALUES: usize = 1_000;

/// A type with sample values. A missing variant or field does not compile.
trait Sample {
    /// The sample with a number from 0; they repeat.
    fn nth(n: usize) -> Self;
}

macro_rules! structs {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Sample for $type {
            fn nth(n: usize) -> Self {
                Self { $($field: Sample::nth(n)),* }
            }
        }
    )*};
}

macro_rules! enums {
    ($($type:ident { $($variant:ident $(($inner:ty))? $({ $($field:ident),* })?),* })*) => {$(
        impl Sample for $type {
            fn nth(n: usize) -> Self {
                let count = [$(stringify!($variant)),*].len();
                let rest = n / count;
                let mut all = vec![$(Self::$variant $((<$inner as Sample>::nth(rest)))? $({ $($field: Sample::nth(rest)),* })?),*];
                let chosen = all.swap_remove(n - rest * count);
                match chosen {
                    $(Self::$variant { .. } => chosen,)*
                }
            }
        }
    )*};
}

macro_rules! values {
    ($($type:ident: $nth:expr;)*) => {$(
        impl Sample for $type {
            fn nth(n: usize) -> Self {
                let nth: fn(usize) -> Self = $nth;
                nth(n)
            }
        }
    )*};
}

structs! {
    Activity { kind, at, browser, client }
    Attempts { count, since }
    ConnectionRow { id, provider, email, last_used_at }
    DeviceRow { id, browser, trusted_until, here }
    InvitationOffer { id, organization }
    MailedCode { email, reference, digits, sent_at, works_until, resend_in_s, sends_left }
    Organization { name, administrator_name, administrator_email }
    Params { seconds, digits, tries_left, sent_at, newest_at, min, have, max, organization, provider }
    PasswordRow { own, changed_at, leaked }
    ProductRow { id, name, sees_email, sees_name, sees_organization, stays_signed_in, last_used_at }
    Provider { name, password_url }
    ProviderButton { id, name }
    PublicSettings {
        brand, origin, sender_codes, sender_notices, password_min, trust_days, sign_up, providers, language, theme, signed_in,
        administers, product
    }
    Refused { code, field, params }
    SecurityView {
        email, password, invitations, connections, providers, products, sessions, devices, activity, older, newer, attempts, done
    }
    SessionRow { id, browser, client, signed_in_at, last_seen_at, here }
}

enums! {
    ActivityKind {
        SignedIn, SignedOut, SignedUp, WrongPassword, WrongCode, ResetAsked, PasswordReset, PasswordChanged, PasswordLeaked,
        DeviceForgotten, DeviceCopied, SessionEnded, SessionsEnded, Added, Disabled, Enabled, HandedOver,
        TakenBack, AddressChanged, PasswordAdded, ProviderConnected, ProviderDisconnected, ProductConnected,
        ProductDisconnected, ProductTokenReused, ProviderSignedIn, Confirmed, AdministratorAdded, AdministratorRemoved, DomainsChanged, OrganizationProviderChanged, MemberDisabled, MemberEnabled,
        MemberSessionsEnded, MemberRemoved, Joined, MemberInvited, InvitationWithdrawn, NameChanged,
        EmailChangeAsked, EmailChanged, EmailRestored, Secured, DeletionRequested, DeletionCanceled, DataDownloaded
    }
    ConfirmStep { Choose { email, password, provider }, EnterCode(MailedCode), Done { next } }
    ConnectStep { Ask { provider, email, organization }, Nothing }
    Field { Email, Password, Again, Current, Code, Name, Domain }
    Failure { Refused(Box<Refused>), Broken { reference }, Busy { retry_after_s }, Offline }
    PasswordAccess { Editable, NotSet(Option<Provider>), ManagedBy(Organization) }
    ResetStep { AskEmail { email }, EnterCode(MailedCode), ChoosePassword { email, min }, Done { email } }
    SecurityDone {
        PasswordChanged, SessionEnded, OthersEnded, DeviceForgotten, PasswordAdded, ProviderConnected, ProviderDisconnected,
        ProductDisconnected, Invited, InvitationWithdrawn, MemberDisabled, MemberEnabled, MemberSessionsEnded, MemberRemoved, DomainAdded, DomainVerified,
        DomainRemoved, NameSaved, PreferredNameSaved, JobTitleSaved, CompanySaved, EmailChanged, AccountKept, PreferencesSaved
    }
    SignInStep {
        AskEmail { email, resume }, EnterPassword { email }, Through { organization, page }, ProveMailbox(MailedCode), EnterCode(MailedCode),
        SignedIn { next }
    }
    SignOutStep { SignedOut, SessionUnknown, DeletionRequested }
    SignUpStep { AskEmail { email }, EnterCode(MailedCode), ChooseDetails { email, min }, Done { email } }
    Theme { Auto, Light, Dark }
}

impl<S: Sample> Sample for PageState<S> {
    fn nth(n: usize) -> Self {
        Self {
            step: Sample::nth(n),
            failure: Sample::nth(n),
            typed_email: Sample::nth(n),
            typed_name: Sample::nth(n),
        }
    }
}

impl<T: Sample> Sample for Option<T> {
    fn nth(n: usize) -> Self {
        (n % 2 == 1).then(|| T::nth(n / 2))
    }
}

impl<T: Sample> Sample for Box<T> {
    fn nth(n: usize) -> Self {
        Self::new(T::nth(n))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn nth(n: usize) -> Self {
        (0..n % 20).map(T::nth).collect()
    }
}

values! {
    bool: |n| n % 2 == 1;
    usize: |n| n;
    // The last one is the largest that JavaScript represents exactly.
    i64: |n| [0, -1, 1_795_996_800_123, (1 << 53) - 1][n % 4];
    Timestamp: |n| Timestamp(Sample::nth(n));
    String: |n| ["", "\"Zoë\" \\ </script>\n\u{2028} عائشة 🎈"][n % 2].into();
    EmailAddress: |_| EmailAddress::parse("ada@example.com").unwrap_throw();
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn log(line: &str);
    #[wasm_bindgen(js_namespace = process)]
    fn exit(code: u8);
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Counts one test: the reader returns every value as it was before serde_json wrote it.
    fn reads<T: Sample + Serialize + DeserializeOwned + PartialEq>(&mut self) {
        for value in (0..VALUES).map(T::nth) {
            let text = serde_json::to_string(&value).unwrap_or_default();
            if json::read(&text) != Some(value) {
                self.failed += 1;
                return log(&format!("{} is not read from {text}", std::any::type_name::<T>()));
            }
        }
        self.passed += 1;
    }

    /// A step comes as the response to a form, and with the outcome of the last try in a page.
    fn reads_step<S: Sample + Step>(&mut self) {
        self.reads::<S>();
        self.reads::<PageState<S>>();
    }
}

fn main() {
    let mut tally = Tally::default();
    tally.reads::<PublicSettings>();
    tally.reads::<Failure>();
    tally.reads::<SignOutStep>();
    for page in PageId::ALL {
        match page {
            PageId::SignIn => tally.reads_step::<SignInStep>(),
            PageId::SignUp => tally.reads_step::<SignUpStep>(),
            PageId::Reset => tally.reads_step::<ResetStep>(),
            PageId::Security => tally.reads_step::<SecurityView>(),
            PageId::Confirm => tally.reads_step::<ConfirmStep>(),
            PageId::Connect => tally.reads_step::<ConnectStep>(),
            // The state of the security page, or none.
            PageId::ChangePassword | PageId::Start | PageId::SignedOut => {}
            PageId::Profile
            | PageId::EditName
            | PageId::EditPreferredName
            | PageId::EditJobTitle
            | PageId::EditCompany
            | PageId::ChangeEmail
            | PageId::Secure
            | PageId::YourData
            | PageId::DeleteAccount
            | PageId::Deletion
            | PageId::Activity
            | PageId::Preferences
            | PageId::EditLanguage
            | PageId::EditTimeZone
            | PageId::EditDates
            | PageId::EditAppearance
            | PageId::Through
            | PageId::Organization
            | PageId::Join => {}
            PageId::Help | PageId::Allowlist | PageId::Privacy | PageId::Accessibility => {}
        }
    }
    log(&format!("{} passed, {} failed", tally.passed, tally.failed));
    exit(u8::from(tally.failed > 0));
}
