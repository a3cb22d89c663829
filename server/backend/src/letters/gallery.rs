//! Every letter in every language, to be looked at in the development run and walked through by tests.

use super::{RenderedLetter, render};
use crate::Settings;
use account::{CodeLetter, FailureCause, Letter, Notice, Organization, OwnPassword, Purpose, Request, Timestamp};

/// Title, language and letter; every letter × state × language.
#[must_use]
pub fn gallery(settings: &Settings) -> Vec<(String, String, RenderedLetter)> {
    let all = letters();
    let in_language = |language: &'static str| {
        let shown = all.iter().map(move |(title, letter)| {
            (
                (*title).to_owned(),
                language.to_owned(),
                render(settings, language, letter),
            )
        });
        shown.collect::<Vec<_>>()
    };
    ["en", "ar"].into_iter().flat_map(in_language).collect()
}

/// One of each.
pub(super) fn letters() -> Vec<(&'static str, Letter)> {
    // 24 November 2026, 10:02.
    let at = Timestamp(1_795_514_520_000);
    let browser = || "Firefox on Linux".to_owned();
    let request = || Request {
        label: "K7".into(),
        asked_at: at,
        browser: browser(),
        mailbox_first: false,
    };
    let mailbox = || Request {
        mailbox_first: true,
        ..request()
    };
    let organization = || Organization {
        name: "Analytical Engines Ltd".into(),
        administrator_name: "Charles Babbage".into(),
        administrator_email: "it-help@example.com".into(),
    };
    let code = |purpose, digits: &str| {
        let works_until = at.plus_minutes(10);
        Letter::Code(CodeLetter {
            purpose,
            code: digits.into(),
            works_until,
            request: request(),
        })
    };
    let failures = |cause| Letter::Notice(Notice::ManyFailures { at, cause });
    let mailbox_code = Letter::Code(CodeLetter {
        purpose: Purpose::SignIn,
        code: "01234567".into(),
        works_until: at.plus_minutes(10),
        request: mailbox(),
    });
    vec![
        ("Sign in: code", code(Purpose::SignIn, "012345")),
        ("Sign in, mailbox first: code", mailbox_code),
        ("Sign in, mailbox first: no account", Letter::NoAccount(mailbox())),
        (
            "Sign in, mailbox first: Google keeps the password",
            Letter::UseGoogle(mailbox()),
        ),
        (
            "Sign in, mailbox first: an organization keeps the password",
            Letter::AskAdministrator(mailbox(), organization()),
        ),
        (
            "Sign in, mailbox first: account deactivated",
            Letter::Deactivated(mailbox()),
        ),
        ("Reset: code", code(Purpose::Reset, "01234567")),
        ("Reset: no account", Letter::NoAccount(request())),
        ("Reset: Google keeps the password", Letter::UseGoogle(request())),
        (
            "Reset: an organization keeps the password",
            Letter::AskAdministrator(request(), organization()),
        ),
        ("Reset: account deactivated", Letter::Deactivated(request())),
        ("Sign up: code", code(Purpose::SignUp, "01234567")),
        (
            "Sign up: account with a password",
            Letter::AlreadyHere(request(), OwnPassword::Editable),
        ),
        (
            "Sign up: account with Google",
            Letter::AlreadyHere(request(), OwnPassword::HeldByGoogle),
        ),
        (
            "Sign up: account of an organization",
            Letter::AlreadyHere(request(), OwnPassword::HeldBy(organization())),
        ),
        ("Sign up: account deactivated", Letter::AlreadyDeactivated(request())),
        (
            "Notice: password reset",
            Letter::Notice(Notice::PasswordReset { at, browser: browser() }),
        ),
        (
            "Notice: password changed",
            Letter::Notice(Notice::PasswordChanged { at, browser: browser() }),
        ),
        (
            "Notice: new device",
            Letter::Notice(Notice::NewDevice {
                at,
                browser: account::UNKNOWN_BROWSER.into(),
            }),
        ),
        (
            "Notice: device copied",
            Letter::Notice(Notice::DeviceCopied { at, browser: browser() }),
        ),
        (
            "Notice: address changed, to the old one",
            Letter::Notice(Notice::AddressLeft { at }),
        ),
        (
            "Notice: address changed, to the new one",
            Letter::Notice(Notice::AddressTaken { at }),
        ),
        ("Notice: wrong passwords", failures(FailureCause::Passwords)),
        ("Notice: wrong sign-in codes", failures(FailureCause::SignInCodes)),
        ("Notice: wrong reset codes", failures(FailureCause::ResetCodes)),
        (
            "Notice: wrong current passwords",
            failures(FailureCause::CurrentPasswords),
        ),
    ]
}
