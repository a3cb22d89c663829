//! Every e-mail in every language, for development runs and tests.

use super::{RenderedEmail, render};
use crate::Settings;
use account::{
    CodeEmail, Email, FailureCause, InvitationEmail, Notice, Organization, PasswordAccess, Provider, Purpose, Request,
    TimeFormat, Timestamp,
};

/// Returns title, language and e-mail, for every kind, state and language.
#[must_use]
pub fn gallery(settings: &Settings) -> Vec<(String, String, RenderedEmail)> {
    let all = emails();
    let in_language = |language: &'static str| {
        let shown = all.iter().map(move |(title, message)| {
            (
                (*title).to_owned(),
                language.to_owned(),
                render(settings, language, &TimeFormat::default(), message),
            )
        });
        shown.collect::<Vec<_>>()
    };
    ["en", "ar"].into_iter().flat_map(in_language).collect()
}

/// Returns one e-mail of each kind.
pub(super) fn emails() -> Vec<(&'static str, Email)> {
    // 24 November 2026, 10:02.
    let at = Timestamp(1_795_514_520_000);
    let browser = || "Firefox on Linux".to_owned();
    let request = || Request {
        reference: "K7".into(),
        asked_at: at,
        browser: browser(),
        purpose: Purpose::Reset,
        mailbox_first: false,
    };
    let of = |purpose| Request { purpose, ..request() };
    let mailbox = || Request {
        purpose: Purpose::SignIn,
        mailbox_first: true,
        ..request()
    };
    let google = || Provider {
        name: "Google".into(),
        password_url: Some("https://myaccount.google.com/signinoptions/password".into()),
    };
    let organization = || Organization {
        name: "Analytical Engines Ltd".into(),
        administrator_name: "Charles Babbage".into(),
        administrator_email: "it-help@example.com".into(),
    };
    let code = |purpose, digits: &str| {
        let works_until = at.plus_minutes(10);
        Email::Code(CodeEmail {
            purpose,
            code: digits.into(),
            works_until,
            request: of(purpose),
        })
    };
    let failures = |cause| Email::Notice(Notice::ManyFailures { at, cause });
    let mailbox_code = Email::Code(CodeEmail {
        purpose: Purpose::SignIn,
        code: "01234567".into(),
        works_until: at.plus_minutes(10),
        request: mailbox(),
    });
    vec![
        ("Sign in: code", code(Purpose::SignIn, "012345")),
        ("Sign in, mailbox first: code", mailbox_code),
        ("Sign in, mailbox first: no account", Email::NoAccount(mailbox())),
        (
            "Sign in, mailbox first: the account signs in with Google",
            Email::UseProvider(mailbox(), google()),
        ),
        (
            "Sign in, mailbox first: an organization keeps the password",
            Email::AskAdministrator(mailbox(), organization()),
        ),
        (
            "Sign in, mailbox first: account deactivated",
            Email::Deactivated(mailbox()),
        ),
        ("Sign in, mailbox first: address changed", Email::Moved(mailbox())),
        ("Reset: code", code(Purpose::Reset, "01234567")),
        ("Reset: no account", Email::NoAccount(request())),
        (
            "Reset: the account signs in with Google",
            Email::UseProvider(request(), google()),
        ),
        (
            "Reset: an organization keeps the password",
            Email::AskAdministrator(request(), organization()),
        ),
        ("Reset: account deactivated", Email::Deactivated(request())),
        ("Reset: address changed", Email::Moved(request())),
        ("Sign up: code", code(Purpose::SignUp, "01234567")),
        ("Confirmation: code", code(Purpose::Confirm, "01234567")),
        (
            "Sign up: account with a password",
            Email::AlreadyHere(of(Purpose::SignUp), PasswordAccess::Editable),
        ),
        (
            "Sign up: account with Google",
            Email::AlreadyHere(of(Purpose::SignUp), PasswordAccess::NotSet(Some(google()))),
        ),
        (
            "Sign up: account of an organization",
            Email::AlreadyHere(of(Purpose::SignUp), PasswordAccess::ManagedBy(organization())),
        ),
        (
            "Sign up: account deactivated",
            Email::AlreadyDeactivated(of(Purpose::SignUp)),
        ),
        ("Sign up: address changed", Email::Moved(of(Purpose::SignUp))),
        ("New address: code", code(Purpose::ChangeEmail, "01234567")),
        ("New address: in use", Email::AddressInUse(of(Purpose::ChangeEmail))),
        ("Secure: code", code(Purpose::Secure, "01234567")),
        ("Secure: no account", Email::NoAccount(of(Purpose::Secure))),
        ("Secure: account deactivated", Email::Deactivated(of(Purpose::Secure))),
        (
            "Invitation to an organization",
            Email::Invitation(InvitationEmail {
                organization: organization().name,
                inviter: "Ada Lovelace".into(),
                works_until: at.plus_days(14),
            }),
        ),
        (
            "Notice: joined an organization",
            Email::Notice(Notice::Joined {
                at,
                browser: browser(),
                organization: organization().name,
            }),
        ),
        (
            "Notice: left an organization",
            Email::Notice(Notice::Left {
                at,
                organization: organization().name,
            }),
        ),
        (
            "Notice: password reset",
            Email::Notice(Notice::PasswordReset { at, browser: browser() }),
        ),
        (
            "Notice: password changed",
            Email::Notice(Notice::PasswordChanged { at, browser: browser() }),
        ),
        (
            "Notice: new device",
            Email::Notice(Notice::NewDevice {
                at,
                browser: account::UNKNOWN_BROWSER.into(),
            }),
        ),
        (
            "Notice: device copied",
            Email::Notice(Notice::DeviceCopied { at, browser: browser() }),
        ),
        (
            "Notice: new address entered",
            Email::Notice(Notice::EmailChangeAsked {
                at,
                browser: browser(),
                new: "n…@example.com".into(),
            }),
        ),
        (
            "Notice: address changed by the user, to the old one",
            Email::Notice(Notice::EmailChanged {
                at,
                browser: browser(),
                new: "n…@example.com".into(),
                undo_until: at.plus_days(7),
            }),
        ),
        (
            "Notice: address changed by the user, to the new one",
            Email::Notice(Notice::EmailTaken { at, browser: browser() }),
        ),
        (
            "Notice: change of address undone, to the new one",
            Email::Notice(Notice::EmailLost { at }),
        ),
        (
            "Notice: account secured",
            Email::Notice(Notice::Secured {
                at,
                browser: browser(),
                restored: false,
                sets_password: false,
            }),
        ),
        (
            "Notice: account secured and address restored",
            Email::Notice(Notice::Secured {
                at,
                browser: browser(),
                restored: true,
                sets_password: true,
            }),
        ),
        (
            "Notice: password added",
            Email::Notice(Notice::PasswordAdded { at, browser: browser() }),
        ),
        (
            "Notice: provider connected",
            Email::Notice(Notice::ProviderConnected {
                at,
                browser: browser(),
                provider: "Google".into(),
            }),
        ),
        (
            "Notice: provider disconnected",
            Email::Notice(Notice::ProviderDisconnected {
                at,
                browser: browser(),
                provider: "Google".into(),
            }),
        ),
        (
            "Notice: address changed, to the old one",
            Email::Notice(Notice::AddressLeft { at }),
        ),
        (
            "Notice: address changed, to the new one",
            Email::Notice(Notice::AddressTaken { at }),
        ),
        (
            "Notice: account will be deleted",
            Email::Notice(Notice::DeletionRequested {
                at,
                browser: Some(browser()),
                until: at.plus_days(30),
            }),
        ),
        (
            "Notice: account will be deleted soon",
            Email::Notice(Notice::DeletionReminder {
                at,
                until: at.plus_days(7),
            }),
        ),
        (
            "Notice: account kept",
            Email::Notice(Notice::DeletionCanceled { at, browser: browser() }),
        ),
        (
            "Notice: data downloaded",
            Email::Notice(Notice::DataDownloaded { at, browser: browser() }),
        ),
        ("Notice: wrong passwords", failures(FailureCause::Passwords)),
        ("Notice: wrong sign-in codes", failures(FailureCause::SignInCodes)),
        ("Notice: wrong reset codes", failures(FailureCause::ResetCodes)),
        (
            "Notice: wrong codes at the start of a sign-in",
            failures(FailureCause::MailboxCodes),
        ),
        (
            "Notice: wrong current passwords",
            failures(FailureCause::CurrentPasswords),
        ),
    ]
}
