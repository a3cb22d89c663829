//! Builds the message of an e-mail (RFC 5322).

use crate::{RenderedEmail, SmtpError};
use account::EmailAddress;
use lettre::Address;
use lettre::message::header::{ContentType, From, Header, HeaderName, HeaderValue, Headers};
use lettre::message::{Mailbox, Mailboxes, Message, MultiPart, SinglePart};
use std::time::{Duration, UNIX_EPOCH};

/// Recommended maximum length of a header line (RFC 5322 §2.1.1).
const LINE: usize = 78;
/// Maximum length of a line of text, including the trailing space.
const FLOWED_LINE: usize = 76;

/// Builds the message, with the text part first, because readers show the last part that they support.
pub(super) fn message(id: &str, to: &EmailAddress, email: &RenderedEmail, sent_at: i64) -> Result<Message, SmtpError> {
    let refused = |what: &str| SmtpError::unfit(format!("the e-mail's {what} is not allowed in e-mail"));
    let from: Address = email.from.parse().map_err(|_| refused("sender"))?;
    let to: Address = to.as_str().parse().map_err(|_| refused("recipient"))?;
    let id: String = id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .collect();
    let sent_at = UNIX_EPOCH + Duration::from_millis(sent_at.try_into().unwrap_or_default());
    let mut message = Message::builder()
        .message_id(Some(format!("<{id}@{}>", from.domain())))
        .date(sent_at)
        .raw_header(from_header(Mailbox::new(Some(email.from_name.clone()), from)))
        .to(Mailbox::new(None, to))
        .subject(&email.subject);
    for (name, value) in [
        ("Content-Language", email.language),
        // RFC 3834 and its Exchange equivalent, against automatic replies and receipts. Not `All`, because bounces are wanted.
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply, RN, NRN"),
        // Gmail groups e-mails with the same subject and collapses their common parts, which would hide a second code.
        // This prevents it.
        ("X-Entity-Ref-ID", &id),
    ] {
        message = message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned()));
    }
    let plain = ContentType::parse("text/plain; charset=utf-8; format=flowed").map_err(|_| refused("form"))?;
    let text = SinglePart::builder().header(plain).body(flowed(&email.text));
    let parts = MultiPart::alternative()
        .singlepart(text)
        .singlepart(SinglePart::html(email.html.clone()));
    message.multipart(parts).map_err(|_| refused("form"))
}

/// Moves the address to its own line if the sender's name is long, because the library doesn't fold there. RFC 5322 recommends
/// at most 78 characters per line.
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

/// Formats text as flowed (RFC 3676): a space at the end of a line means that the paragraph continues.
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
