//! E-mails with arbitrary user text: the mail server receives one message to one recipient, with the same headers and
//! blocks as for plain words.
#![no_main]

use account::{
    CodeEmail, Email, EmailAddress, FailureCause, Notice, Organization, PasswordAccess, Provider, Purpose, Request, Secret,
    Timestamp,
};
use arbitrary::Arbitrary;
use backend::{Mailer, RenderedEmail, Settings, Smtp, TrustedRoots, render};
use blackbox::mailbox::{self, Mailbox};
use libfuzzer_sys::fuzz_target;
use mail_parser::{Message, MessageParser};
use server::config::{ConfigPurpose, load};
use std::sync::LazyLock;
use tokio::runtime::{Builder, Runtime};

/// The e-mail to create.
#[derive(Debug, Arbitrary)]
struct Written<'a> {
    kind: u8,
    arabic: bool,
    to: &'a str,
    id: &'a str,
    code: u32,
    at: u64,
    texts: Texts<'a>,
}

/// Its user-controlled texts.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Texts<'a> {
    brand: &'a str,
    reference: &'a str,
    browser: &'a str,
    organization: &'a str,
    administrator: &'a str,
    administrator_email: &'a str,
}

const PLAIN: Texts<'static> = Texts {
    brand: "Rekey",
    reference: "K7",
    browser: "lynx",
    organization: "Engines",
    administrator: "Charles",
    administrator_email: "it-help@example.com",
};
/// The end of the year 9999.
const LATEST: u64 = 253_402_300_799_999;

/// A mail server, and the transport to it.
struct Post {
    runtime: Runtime,
    server: Mailbox,
    mail: Mailer,
}

static POST: LazyLock<Option<Post>> = LazyLock::new(|| {
    let server = Mailbox::open().ok()?;
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let smtp = Smtp::new(&server.url(), "rekey.example", &TrustedRoots::public());
    let mail = Mailer::Smtp(smtp.ok()?);
    Some(Post { runtime, server, mail })
});

fuzz_target!(|written: Written<'_>| {
    let Some(post) = &*POST else {
        panic!("no mail server");
    };
    let Ok(to) = EmailAddress::parse(written.to).or_else(|_| EmailAddress::parse("ada@example.com")) else {
        return;
    };
    let language = if written.arabic { "ar" } else { "en" };
    let settings = settings(written.texts.brand);
    let message = message(&written, written.texts);
    let rendered = render(&settings, language, &message);
    let plain = render(&Settings::default(), language, &self::message(&written, PLAIN));
    says_no_more(&rendered, &plain);

    let sent_at = i64::try_from(written.at % LATEST).unwrap_or_default();
    let sent = post
        .runtime
        .block_on(post.mail.send(written.id, &to, &rendered, sent_at));
    assert!(sent.is_ok(), "{sent:?}");
    let deliveries = post.server.take();
    let [delivery] = &deliveries[..] else {
        panic!("sent {} times", deliveries.len());
    };
    goes_to_one(delivery, &to, &rendered);
    let Some(message) = MessageParser::default().parse(&delivery.data) else {
        panic!("not a message");
    };
    has_our_headers(&message, &to, &rendered);
    has_two_bodies(&message, &rendered);
});

/// Returns settings with a brand that the configuration accepts: the operator's only text in these e-mails.
fn settings(brand: &str) -> Settings {
    let (config, _) = load(&[("REKEY_BRAND".to_owned(), brand.to_owned())], ConfigPurpose::Command);
    Settings {
        brand: config.settings.brand,
        ..Settings::default()
    }
}

/// Returns an e-mail of the requested kind.
fn message(written: &Written<'_>, texts: Texts<'_>) -> Email {
    let at = Timestamp(i64::try_from(written.at % LATEST).unwrap_or_default());
    let browser = texts.browser.to_owned();
    let request = Request {
        reference: texts.reference.to_owned(),
        asked_at: at,
        browser: browser.clone(),
        purpose: Purpose::Reset,
        mailbox_first: false,
    };
    let organization = Organization {
        name: texts.organization.to_owned(),
        administrator_name: texts.administrator.to_owned(),
        administrator_email: texts.administrator_email.to_owned(),
    };
    let code = |purpose: Purpose| {
        let width = purpose.counter(false).shortest();
        let below = if width == 6 { 1_000_000 } else { 100_000_000 };
        let digits = format!("{:0width$}", written.code % below);
        Email::Code(CodeEmail {
            purpose,
            code: Secret::from(digits),
            works_until: at.plus_minutes(10),
            request: request.clone(),
        })
    };
    let provider = Provider {
        name: texts.organization.to_owned(),
        password_url: Some(texts.organization.to_owned()),
    };
    match written.kind % 17 {
        0 => code(Purpose::SignIn),
        1 => code(Purpose::Reset),
        2 => code(Purpose::SignUp),
        3 => Email::NoAccount(request),
        4 => Email::UseProvider(request, provider),
        5 => Email::AskAdministrator(request, organization),
        6 => Email::Deactivated(request),
        7 => Email::AlreadyHere(request, PasswordAccess::Editable),
        8 => Email::AlreadyHere(request, PasswordAccess::NotSet(Some(provider))),
        9 => Email::AlreadyHere(request, PasswordAccess::ManagedBy(organization)),
        10 => Email::Notice(Notice::PasswordReset { at, browser }),
        11 => Email::Notice(Notice::PasswordChanged { at, browser }),
        12 => Email::Notice(Notice::NewDevice { at, browser }),
        13 => Email::Notice(Notice::DeviceCopied { at, browser }),
        14 => Email::Notice(Notice::ManyFailures {
            at,
            cause: FailureCause::Passwords,
        }),
        15 => Email::Notice(Notice::ManyFailures {
            at,
            cause: FailureCause::SignInCodes,
        }),
        _ => Email::AlreadyDeactivated(request),
    }
}

/// Attack: a name adds a paragraph, a link or an image to an e-mail.
fn says_no_more(message: &RenderedEmail, plain: &RenderedEmail) {
    assert!(
        !message.subject.contains(|c: char| c.is_control()),
        "{:?}",
        message.subject
    );
    assert_eq!(
        message.text.lines().count(),
        plain.text.lines().count(),
        "{:?}",
        message.text
    );
    assert!(
        !message.text.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        message.text
    );
    assert_eq!(tags(&message.html), tags(&plain.html), "{}", message.html);
    assert_eq!(message.from, plain.from);
}

fn tags(html: &str) -> Vec<&str> {
    let parts = html.split('<').skip(1);
    parts.map(|part| part.split('>').next().unwrap_or_default()).collect()
}

/// Attack: a text adds a second recipient, or ends the message early and starts a second one.
fn goes_to_one(delivery: &mailbox::Message, to: &EmailAddress, message: &RenderedEmail) {
    let (first, from) = (&delivery.mail, format!("MAIL FROM:<{}>", message.from));
    assert!(*first == from || *first == format!("{from} BODY=8BITMIME"), "{first}");
    assert_eq!(delivery.recipients, [format!("RCPT TO:<{to}>")]);

    let text = String::from_utf8_lossy(&delivery.data);
    for line in text.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "RFC 5322 §2.1.1: {line:?}");
    }
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    assert!(
        head.bytes().all(|b| b.is_ascii_graphic() || b" \t\r\n".contains(&b)),
        "{head:?}"
    );
}

fn has_our_headers(message: &Message<'_>, to: &EmailAddress, rendered: &RenderedEmail) {
    let mut names: Vec<_> = message
        .headers_raw()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "auto-submitted",
            "content-language",
            "content-type",
            "date",
            "from",
            "message-id",
            "mime-version",
            "subject",
            "to",
            "x-auto-response-suppress",
            "x-entity-ref-id",
        ]
    );
    let addresses = |list: Option<&mail_parser::Address<'_>>| -> Vec<String> {
        let list = list.and_then(|list| list.as_list()).unwrap_or_default();
        list.iter()
            .map(|one| one.address().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(addresses(message.to()), [to.as_str()]);
    assert_eq!(
        addresses(message.from()),
        [rendered.from.as_str()],
        "{:?}",
        rendered.from_name
    );
    assert_eq!(
        without_spaces(message.subject().unwrap_or_default()),
        without_spaces(&rendered.subject)
    );
}

/// Checks that the text and HTML parts arrive unmodified.
fn has_two_bodies(message: &Message<'_>, rendered: &RenderedEmail) {
    assert_eq!((message.text_body.len(), message.html_body.len()), (1, 1));
    assert!(message.attachments.is_empty());
    assert_eq!(message.parts.len(), 3, "one of two");
    let text = unflowed(&message.body_text(0).unwrap_or_default());
    assert_eq!(lines(Some(&text)), lines(Some(&rendered.text)));
    assert_eq!(lines(message.body_html(0).as_deref()), lines(Some(&rendered.html)));
}

/// Joins flowed lines (RFC 3676).
fn unflowed(text: &str) -> String {
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
    lines.fold(String::new(), |text, line| {
        let end = if line.ends_with(' ') { "" } else { "\n" };
        text + line + end
    })
}

/// Removes white space, which is dropped between encoded words (RFC 2047 §6.2).
fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

fn lines(text: Option<&str>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
}
