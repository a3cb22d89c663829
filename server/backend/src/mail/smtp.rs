//! Letters over SMTP: the address of the mail server, the message, and what its answers mean.

use super::SmtpError;
use crate::RenderedLetter;
use account::Email;
use lettre::message::header::{ContentType, From, Header, HeaderName, HeaderValue, Headers};
use lettre::message::{Mailbox, Mailboxes, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use percent_encoding::percent_decode_str;
use std::time::{Duration, UNIX_EPOCH};

/// For each step of a conversation.
const STEP: Duration = Duration::from_secs(10);
/// For the whole of it: less than the time for which the courier holds a letter, or a second one would send it too.
const WHOLE: Duration = Duration::from_secs(40);
/// Connections at once, as many as the courier sends letters.
const CONNECTIONS: u32 = 16;
/// The most characters that a header's line should have (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// The most characters of a line of text, the space at its end included.
const FLOWED_LINE: usize = 76;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(super) fn transport(url: &str, sender: &str, authority: Option<&[u8]>) -> Result<Transport, SmtpError> {
    let url = reqwest::Url::parse(url).map_err(|error| unreadable(&error.to_string()))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    if host.is_empty() {
        return Err(unreadable("no host"));
    }
    let (tls, port) = security(&url, host, authority)?;
    let pool = PoolConfig::new().max_size(CONNECTIONS);
    let mut builder = Transport::builder_dangerous(host)
        .port(url.port().unwrap_or(port))
        .tls(tls);
    builder = builder.timeout(Some(STEP)).pool_config(pool);
    if !url.username().is_empty() {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        builder = builder.credentials(Credentials::new(
            decoded(url.username()),
            decoded(url.password().unwrap_or_default()),
        ));
    }
    // Relays refuse the library's own name, `[127.0.0.1]`, as that of a machine that is not set up.
    let of_sender = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let names = [url.path().trim_matches('/'), of_sender];
    if let Some(name) = names.into_iter().find(|name| !name.is_empty()) {
        builder = builder.hello_name(ClientId::Domain(name.to_owned()));
    }
    Ok(builder.build())
}

/// How the way is secured, and the port where none is said. Attack: a network that strips STARTTLS from the server's offer
/// and reads the codes; so a server that is not on this machine must offer it, unless the operator says otherwise.
fn security(url: &reqwest::Url, host: &str, authority: Option<&[u8]>) -> Result<(Tls, u16), SmtpError> {
    let parameters = || {
        let mut parameters = TlsParameters::builder(host.to_owned());
        if let Some(authority) = authority {
            let authority = Certificate::from_pem(authority);
            parameters =
                parameters.add_root_certificate(authority.map_err(|_| unreadable("no authority's certificate"))?);
        }
        let built = parameters.build();
        built.map_err(|_| unreadable("no certificate can be for that host"))
    };
    let mut asked = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" || asked.replace(value.into_owned()).is_some() {
            return Err(unreadable("one parameter is known: tls"));
        }
    }
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match (url.scheme(), asked.as_deref()) {
        ("smtps", None | Some("required")) => Ok((Tls::Wrapper(parameters()?), 465)),
        ("smtp", Some("required")) => Ok((Tls::Required(parameters()?), 587)),
        ("smtp", Some("opportunistic")) => Ok((Tls::Opportunistic(parameters()?), 587)),
        ("smtp", Some("none")) => Ok((Tls::None, 587)),
        ("smtp", None) if loopback => Ok((Tls::None, 587)),
        ("smtp", None) => Ok((Tls::Required(parameters()?), 587)),
        ("smtp" | "smtps", Some(_)) => Err(unreadable(
            "tls is required, opportunistic or none; with smtps required",
        )),
        _ => Err(unreadable("it begins with smtp:// or smtps://")),
    }
}

fn unreadable(why: &str) -> SmtpError {
    SmtpError {
        text: format!("the mail server's address does not read: {why}"),
        permanent: true,
        kind: "unfit",
    }
}

/// The message, with the text first: readers show the last part that they can.
pub(super) fn message(id: &str, to: &Email, letter: &RenderedLetter, sent_at: i64) -> Result<Message, SmtpError> {
    let refused = |what: &str| SmtpError {
        text: format!("the letter's {what} is not fit for mail"),
        permanent: true,
        kind: "unfit",
    };
    let from: Address = letter.from.parse().map_err(|_| refused("sender"))?;
    let to: Address = to.as_str().parse().map_err(|_| refused("recipient"))?;
    let id: String = id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .collect();
    let sent_at = UNIX_EPOCH + Duration::from_millis(sent_at.try_into().unwrap_or_default());
    let mut message = Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.domain())))
        .date(sent_at)
        .raw_header(from_header(Mailbox::new(Some(letter.from_name.clone()), from)))
        .to(Mailbox::new(None, to))
        .subject(&letter.subject);
    for (name, value) in [
        ("Content-Language", letter.language),
        // RFC 3834 and its Exchange sibling: no out-of-office answers and no receipts to a mailbox that nobody reads. Bounces
        // are wanted, so not `All`.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply, RN, NRN"),
        // Gmail makes a conversation of letters with one subject, and folds what they have in common: a second code in it is
        // not seen. Each letter stands alone.
        ("X-Entity-Ref-ID", &id),
    ] {
        message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    let plain = ContentType::parse("text/plain; charset=utf-8; format=flowed").map_err(|_| refused("form"))?;
    let text = SinglePart::builder().header(plain).body(flowed(&letter.text));
    let parts = MultiPart::alternative()
        .singlepart(text)
        .singlepart(SinglePart::html(letter.html.clone()));
    message.multipart(parts).map_err(|_| refused("form"))
}

/// The sender, on a line of its own where the name before it leaves it no room: the library does not fold there. Of RFC 5322's
/// 78 characters a line.
fn from_header(sender: Mailbox) -> HeaderValue {
    let raw = sender.to_string();
    let mut headers = Headers::new();
    headers.set(From::from(Mailboxes::from(sender)));
    let line = headers.to_string();
    let mut encoded = line.trim_start_matches("From: ").trim_end().to_owned();
    let last = line.trim_end().lines().last().unwrap_or_default();
    if last.len() > LINE
        && let Some((name, address)) = encoded.rsplit_once(" <")
    {
        encoded = format!("{name}\r\n <{address}");
    }
    HeaderValue::dangerous_new_pre_encoded(From::name(), raw, encoded)
}

/// Text whose paragraphs are lines, as RFC 3676 writes it: a space at a line's end says that the paragraph goes on.
fn flowed(text: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let (mut line, mut length) = (String::new(), 0);
        for word in paragraph.trim_end().split_inclusive(' ') {
            let count = word.chars().count();
            if length > 0 && length + count > FLOWED_LINE {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push_str(word);
            length += count;
        }
        lines.push(line);
    }
    let stuffed = lines.into_iter().map(|line| {
        if line.starts_with([' ', '>']) || line.starts_with("From ") {
            format!(" {line}")
        } else {
            line
        }
    });
    stuffed.collect::<Vec<_>>().join("\n")
}

pub(super) async fn send(transport: &Transport, message: Message) -> Result<(), SmtpError> {
    match tokio::time::timeout(WHOLE, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(told(&error)),
        Err(_) => Err(SmtpError {
            text: "the mail server took too long".into(),
            permanent: false,
            kind: "timeout",
        }),
    }
}

/// The code at the beginning of what a server says (RFC 3463): `5.7.1`.
fn enhanced_status(said: &str) -> Option<&str> {
    let status = said.split_ascii_whitespace().next()?;
    let mut numbers = status.split('.');
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let reads = numbers.next().is_some_and(|class| ["2", "4", "5"].contains(&class))
        && numbers.clone().count() == 2
        && numbers.all(is_number);
    reads.then_some(status)
}

/// What a refusal for good says of us or of the way, and not of the person (RFC 3463, RFC 5321 §4.2.3): such a letter is kept
/// and tried again, as an operator can mend it. `None`: nobody has that mailbox.
fn what_is_wrong(code: u16, status: &str) -> Option<&'static str> {
    let mut parts = status.split('.').skip(1);
    let (subject, detail) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    match (subject, detail, code) {
        ("1", "7" | "8", _) => Some("it does not take mail from this sender's address"),
        ("1" | "2", ..) => None,
        ("3", ..) => Some("it is out of order, or the e-mail is too large for it"),
        ("4", ..) => Some("it does not find the way to the person's mail server"),
        ("5", ..) => Some("it does not understand what was said to it"),
        ("6", ..) => Some("it does not take e-mails of this form"),
        ("7", ..) => {
            Some("it may not send for this service, or does not trust it: credentials, relaying, SPF and DKIM")
        }
        (.., 530 | 534 | 535 | 538) => Some("it wants other credentials, or none without TLS"),
        (.., 500..=504 | 555) => Some("it does not know a command or its form"),
        (.., 521 | 554 | 556) => Some("it takes no mail from here"),
        _ => None,
    }
}

/// What went wrong, without the server's own words: they repeat the recipient's address more often than not.
fn told(error: &Error) -> SmtpError {
    if let Some(code) = error.status() {
        let number = u16::from(code);
        let said = std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default();
        let status = enhanced_status(&said).unwrap_or_default();
        let mut text = format!("the mail server answered {number}");
        if !status.is_empty() {
            text = format!("{text} {status}");
        }
        if !error.is_permanent() {
            return SmtpError {
                text,
                permanent: false,
                kind: "4xx",
            };
        }
        let blamed = what_is_wrong(number, status);
        return SmtpError {
            text: blamed.map_or(text.clone(), |meaning| format!("{text}: {meaning}")),
            permanent: blamed.is_none(),
            kind: if blamed.is_some() { "set_up" } else { "5xx" },
        };
    }
    let (told, kind) = if error.is_timeout() {
        ("the mail server took too long", "timeout")
    } else {
        ("the mail server", "connection")
    };
    let mut text = told.to_owned();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !words.contains('@') {
            text = format!("{text}: {words}");
        }
        cause = inner.source();
    }
    SmtpError {
        text,
        permanent: false,
        kind,
    }
}

#[cfg(test)]
pub(super) mod tests;
