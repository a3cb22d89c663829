//! What each letter says, block by block. The words are the catalogue's.

use super::page::{Block, Content};
use super::words::Words;
use account::{Challenge, CodeLetter, Letter, Notice, Organization, OwnPassword, Purpose, Request, Timestamp};

pub(super) fn of(words: &Words<'_>, letter: &Letter) -> Content {
    match letter {
        Letter::Code(code) => code_letter(words, code),
        Letter::NoAccount(request) => {
            reset_answer(words, request, &["answer.no_account", "answer.no_account_what"], None)
        }
        Letter::UseGoogle(request) => {
            reset_answer(words, request, &["answer.use_google", "answer.use_google_what"], None)
        }
        Letter::AskAdministrator(request, organization) => reset_answer(
            words,
            request,
            &["answer.managed", "answer.managed_what"],
            Some(organization),
        ),
        Letter::Deactivated(request) => {
            reset_answer(words, request, &["answer.deactivated", "answer.deactivated_what"], None)
        }
        Letter::AlreadyHere(request, own) => already_here(words, request, own),
        Letter::Notice(notice) => notice_letter(words, notice),
    }
}

fn code_letter(words: &Words<'_>, letter: &CodeLetter) -> Content {
    // Only the code of a sign-in is in the subject, where a lock screen shows it. Attack: starting a reset for somebody else
    // and reading the code off the telephone on their desk.
    let (subject, heading, purpose) = match letter.purpose {
        Purpose::SignIn => ("subject.sign_in_code", "heading.sign_in_code", "sign_in"),
        Purpose::Reset => ("subject.reset", "heading.reset", "reset"),
        Purpose::SignUp => ("subject.sign_up", "heading.sign_up", "sign_up"),
    };
    let code = letter.code.expose();
    let until = letter.works_until.hour_and_minute();
    let minutes = Challenge::MINUTES.to_string();
    Content {
        subject: words.say_plainly(subject, &[("code", code), ("label", &letter.request.label)]),
        heading: words.say(heading, &[]),
        blocks: vec![
            Block::Paragraph(words.say(&format!("code.{purpose}"), &[])),
            Block::Code(code.to_owned()),
            Block::Paragraph(words.say("code.works", &[("minutes", &minutes), ("time", &until)])),
            request_facts(words, &letter.request),
            Block::Paragraph(words.say("code.keep", &[])),
            Block::Paragraph(words.say(&format!("code.{purpose}_not_you"), &[])),
        ],
        code: Some(code.to_owned()),
    }
}

/// All answers to a reset have one subject and sender, a code's included: what they say is for the reader of the mailbox, not
/// for whoever sees the list of its mails (attack: learning from a lock screen whether there is an account).
fn reset_answer(words: &Words<'_>, request: &Request, keys: &[&str], organization: Option<&Organization>) -> Content {
    answer(words, request, "reset", "answer.reset_asked", keys, organization)
}

fn already_here(words: &Words<'_>, request: &Request, own: &OwnPassword) -> Content {
    let (then, organization) = match own {
        OwnPassword::Editable => ("answer.already_here_what", None),
        OwnPassword::HeldByGoogle => ("answer.already_google", None),
        OwnPassword::HeldBy(organization) => ("answer.already_managed", Some(organization)),
    };
    answer(
        words,
        request,
        "sign_up",
        "answer.sign_up_asked",
        &["answer.already_here", then],
        organization,
    )
}

fn answer(
    words: &Words<'_>,
    request: &Request,
    flow: &str,
    asked: &str,
    keys: &[&str],
    organization: Option<&Organization>,
) -> Content {
    let name = organization.map_or("", |organization| organization.name.as_str());
    let said = keys
        .iter()
        .map(|key| Block::Paragraph(words.say(key, &[("organization", name)])));
    let mut blocks = vec![Block::Paragraph(words.say(asked, &[]))];
    blocks.extend(said);
    blocks.extend(organization.map(|organization| administrator(words, organization)));
    blocks.push(request_facts(words, request));
    blocks.push(Block::Paragraph(words.say("answer.not_you", &[])));
    Content {
        subject: words.say_plainly(&format!("subject.{flow}"), &[("label", &request.label)]),
        heading: words.say(&format!("heading.{flow}"), &[]),
        blocks,
        code: None,
    }
}

fn administrator(words: &Words<'_>, organization: &Organization) -> Block {
    Block::Facts(vec![
        words.say("fact.administrator", &[("name", &organization.administrator_name)]),
        // Plain, so that the address can be copied without invisible characters around it.
        words.say_plainly(
            "fact.administrator_email",
            &[("email", &organization.administrator_email)],
        ),
    ])
}

fn request_facts(words: &Words<'_>, request: &Request) -> Block {
    Block::Facts(vec![
        words.say("fact.request", &[("label", &request.label)]),
        words.say_plainly("fact.asked_at", &[("when", &words.moment(request.asked_at))]),
        words.say_plainly("fact.browser", &[("browser", &words.browser(&request.browser))]),
    ])
}

fn notice_letter(words: &Words<'_>, notice: &Notice) -> Content {
    let (kind, at, browser, then): (&str, Timestamp, Option<&str>, &[&str]) = match notice {
        Notice::PasswordReset { at, browser } => (
            "password_reset",
            *at,
            Some(browser),
            &["password_reset_done", "password_reset_not_you"],
        ),
        Notice::PasswordChanged { at, browser } => {
            ("password_changed", *at, Some(browser), &["password_changed_not_you"])
        }
        Notice::NewDevice { at, browser } => (
            "new_device",
            *at,
            Some(browser),
            &["new_device_was_you", "new_device_not_you"],
        ),
        Notice::DeviceCopied { at, browser } => (
            "device_copied",
            *at,
            Some(browser),
            &["device_copied_was_you", "device_copied_not_you"],
        ),
        Notice::ManyFailures { at } => (
            "many_failures",
            *at,
            None,
            &["many_failures_was_you", "many_failures_not_you"],
        ),
    };
    let subject = words.say_plainly(&format!("subject.{kind}"), &[]);
    let mut facts = vec![words.say_plainly("fact.happened_at", &[("when", &words.moment(at))])];
    facts.extend(browser.map(|name| words.say_plainly("fact.browser", &[("browser", &words.browser(name))])));
    let mut blocks = vec![
        Block::Paragraph(words.say(&format!("notice.{kind}"), &[])),
        Block::Facts(facts),
    ];
    blocks.extend(
        then.iter()
            .map(|key| Block::Paragraph(words.say(&format!("notice.{key}"), &[]))),
    );
    let page = format!("{}/reset", words.settings.origin);
    blocks.push(Block::Facts(vec![
        words.say_plainly("fact.reset_page", &[("url", &page)]),
    ]));
    Content {
        heading: words.say(&format!("subject.{kind}"), &[]),
        subject,
        blocks,
        code: None,
    }
}
