use super::super::{Mailer, a_email};
use super::message::message;
use super::*;
use blackbox::authority::Authority;
use std::sync::{Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

mod conversations;
mod refusals;

const EHLO_NAME: &str = "accounts.rekey.example";

/// A minimal mail server that accepts every verb except one with a configured answer.
pub(in crate::mail) struct Server {
    pub(in crate::mail) url: String,
    heard: Arc<Mutex<Vec<String>>>,
    roots: TrustedRoots,
}

/// A server's configured behaviour.
#[derive(Clone, Default)]
struct Script {
    verb: &'static str,
    answer: &'static str,
    /// Offered as STARTTLS, if set.
    tls: Option<TlsAcceptor>,
    /// Plaintext sent after the answer to STARTTLS.
    behind_starttls: &'static str,
}

impl Server {
    pub(in crate::mail) async fn answering(verb: &'static str, answer: &'static str) -> Self {
        Self::with(Script {
            verb,
            answer,
            ..Script::default()
        })
        .await
    }

    async fn with(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, lines) = (script.clone(), lines.clone());
                tokio::spawn(async move {
                    let mut stream: Box<dyn Stream> = Box::new(stream);
                    stream.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
                    while let Some(more) = converse(stream, &script, &lines).await {
                        stream = more;
                    }
                    Some(())
                });
            }
        });
        Self {
            url,
            heard,
            roots: TrustedRoots::public(),
        }
    }

    /// The same server under another URL.
    fn at(&self, url: String) -> Self {
        Self {
            url,
            heard: self.heard.clone(),
            roots: self.roots.clone(),
        }
    }

    fn smtp(&self) -> Smtp {
        Smtp::new(&self.url, EHLO_NAME, &self.roots).unwrap()
    }

    fn lines_with(&self, verb: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|line| line.starts_with(verb)).cloned().collect()
    }

    /// The message as received, between DATA and the dot.
    fn message(&self) -> String {
        let heard = self.heard.lock().unwrap();
        let begin = heard.iter().position(|line| line == "DATA").unwrap();
        heard[begin + 1..]
            .iter()
            .take_while(|line| *line != ".")
            .map(|line| format!("{line}\n"))
            .collect()
    }

    async fn send(&self) -> Result<(), SmtpError> {
        Mailer::Smtp(self.smtp())
            .send("letter1", &ada(), &a_email("Your code"), 1_795_485_600_000)
            .await
    }
}

fn ada() -> EmailAddress {
    EmailAddress::parse("ada@example.com").unwrap()
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Runs until the connection ends or TLS begins; returns the stream to continue with.
async fn converse(stream: Box<dyn Stream>, script: &Script, heard: &Mutex<Vec<String>>) -> Option<Box<dyn Stream>> {
    let mut stream = BufReader::new(stream);
    let answer_to = |line: &str, usual: &'static str| {
        let chosen = if line.starts_with(script.verb) && !script.verb.is_empty() {
            script.answer
        } else {
            usual
        };
        format!("{chosen}\r\n").into_bytes()
    };
    let mut in_data = false;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        let reply = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_data => {
                in_data = false;
                answer_to("END", "250 taken")
            }
            _ if in_data => continue,
            "EHLO" if script.tls.is_some() => answer_to(&line, "250-mail.test\r\n250-STARTTLS\r\n250 8BITMIME"),
            "EHLO" => answer_to(&line, "250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME"),
            "STARTTLS" => answer_to(&line, "220 go on"),
            "DATA" => {
                let reply = answer_to(&line, "354 go on");
                in_data = reply.starts_with(b"354");
                reply
            }
            "AUTH" => answer_to(&line, "235 welcome"),
            _ => answer_to(&line, "250 fine"),
        };
        if reply == b"drop\r\n" {
            return None;
        }
        let begins_tls = reply.starts_with(b"220 go");
        let behind = if begins_tls { script.behind_starttls } else { "" };
        // Both in one packet.
        stream.write_all(&[&reply, behind.as_bytes()].concat()).await.ok()?;
        if let (Some(tls), true) = (&script.tls, begins_tls) {
            let secure = tls.accept(stream.into_inner()).await.ok()?;
            return Some(Box::new(secure));
        }
    }
}

/// A certificate for a name from a private authority, and a file with the authority's certificate.
pub(crate) fn private_authority(name: &str) -> (TlsAcceptor, tempfile::NamedTempFile) {
    let authority = Authority::new().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    (TlsAcceptor::from(authority.server_config(name).unwrap()), file)
}

#[tokio::test]
async fn an_email_has_one_recipient_and_all_headers() {
    let server = Server::answering("", "").await;
    server.send().await.unwrap();
    assert_eq!(
        server.lines_with("MAIL FROM"),
        ["MAIL FROM:<noreply@signin.rekey.example>"]
    );
    assert_eq!(server.lines_with("RCPT"), ["RCPT TO:<ada@example.com>"]);
    let message = server.message();
    for header in [
        "Message-ID: <letter1@signin.rekey.example>",
        "Date: Tue, 24 Nov 2026 02:00:00 +0000",
        "From: Rekey <noreply@signin.rekey.example>",
        "To: ada@example.com",
        "Subject: Your code",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: OOF, AutoReply, RN, NRN\n",
        "Content-Language: en\n",
        "X-Entity-Ref-ID: letter1\n",
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(message.contains(header), "{header} in {message}");
    }
    assert!(!message.contains("List-Unsubscribe") && !message.to_lowercase().contains("bcc"));
    let (text, html) = (message.find("text/plain").unwrap(), message.find("text/html").unwrap());
    assert!(text < html, "the text comes first");
    assert_eq!(message.matches("012345").count(), 3);
}

#[tokio::test]
async fn a_subject_cannot_inject_headers() {
    let server = Server::answering("", "").await;
    let mail = Mailer::Smtp(server.smtp());
    mail.send("l", &ada(), &a_email("Hi\r\nBcc: eve@example.com"), 0)
        .await
        .unwrap();
    let message = server.message();
    assert!(message.lines().all(|line| !line.starts_with("Bcc")), "{message}");
    assert_eq!(server.lines_with("RCPT").len(), 1);
}

#[tokio::test]
async fn emails_in_non_latin_scripts_are_encoded() {
    let server = Server::answering("", "").await;
    let email = RenderedEmail {
        from_name: "مفتاح".into(),
        text: "الرمز 012345".into(),
        ..a_email("رمزك 012345")
    };
    Mailer::Smtp(server.smtp()).send("l", &ada(), &email, 0).await.unwrap();
    let message = server.message();
    assert!(
        message.contains("Subject: =?utf-8?b?") && message.contains("From: =?utf-8?b?"),
        "{message}"
    );
    assert!(message.is_ascii());
}

/// The bytes of a message as sent.
fn raw(email: &RenderedEmail) -> String {
    let to = EmailAddress::parse("ada@example.com").unwrap();
    let message = message("letter1", &to, email, 0).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

/// A part of `raw`, decoded; its line breaks are CRLF.
fn text_part(raw: &str) -> String {
    let (_, rest) = raw.split_once("Content-Type: text/plain").unwrap();
    let (head, body) = rest.split_once("\r\n\r\n").unwrap();
    let (body, _) = body.split_once("\r\n--").unwrap();
    if head.contains("base64") {
        use base64::Engine as _;
        let decoded = base64::engine::general_purpose::STANDARD.decode(body.replace("\r\n", ""));
        String::from_utf8(decoded.unwrap()).unwrap()
    } else {
        decoded(body)
    }
}

/// Decodes quoted-printable; 7bit parts contain no `=` in these tests.
fn decoded(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut parts = body.split('=');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

/// WICG's one-time codes: the code must be on the last line, so no line break may follow.
#[test]
fn the_code_line_comes_last() {
    for text in [
        "Your code is 012345.\n\n@rekey.example #012345",
        "الرمز 012345\n\n@rekey.example #012345",
    ] {
        let email = RenderedEmail {
            text: text.into(),
            ..a_email("Your code")
        };
        let part = text_part(&raw(&email));
        assert_eq!(part.rsplit("\r\n").next(), Some("@rekey.example #012345"), "{part:?}");
    }
}

/// RFC 3676.
#[test]
fn long_lines_are_flowed_and_reassembled_unchanged() {
    let long = "Enter this one-time passcode to choose a new password. ".repeat(5);
    let arabic = "أدخل رمز المرور هذا، وهو صالح لمرة واحدة، لاختيار كلمة مرور جديدة ".repeat(5);
    let word = "w".repeat(90);
    for paragraph in [
        long.trim_end(),
        arabic.trim_end(),
        &word,
        "> no quote",
        " no indent",
        "From here",
        "short",
    ] {
        let email = RenderedEmail {
            text: format!("{paragraph}\n\n{paragraph}\nend"),
            ..a_email("Hello")
        };
        let raw = raw(&email);
        assert!(raw.contains("charset=utf-8; format=flowed"), "{raw}");
        let part = text_part(&raw);
        let mut unflowed = String::new();
        for line in part.split("\r\n") {
            assert!(line.chars().count() <= 78 || line == word, "{line}");
            assert!(!line.starts_with('>') && !line.starts_with("From "), "{line}");
            unflowed.push_str(line.strip_prefix(' ').unwrap_or(line));
            if !line.ends_with(' ') {
                unflowed.push('\n');
            }
        }
        assert_eq!(unflowed, format!("{}\n", email.text));
    }
}

/// RFC 5322 recommends at most 78 characters per line, RFC 2047 requires at most 76 for lines with encoded words.
#[test]
fn the_from_header_is_folded_before_the_address() {
    let from = "noreply@signin.accounts.analytical-engines.example";
    for name in [
        "مفتاح",
        "حسابات محركات التحليل المحدودة للاختبار",
        "Ålesund Kommune og Fylke i Møre og Romsdal",
        "Acme, Inc.",
        "Rekey",
    ] {
        let email = RenderedEmail {
            from_name: name.into(),
            from: from.into(),
            ..a_email("Hello")
        };
        let raw = raw(&email);
        let (head, _) = raw.split_once("\r\n\r\n").unwrap();
        let (_, rest) = head.split_once("From: ").unwrap();
        let lines: Vec<_> = rest
            .split("\r\n")
            .enumerate()
            .take_while(|(number, line)| *number == 0 || line.starts_with(' '))
            .collect();
        assert!(lines.last().unwrap().1.ends_with(&format!("<{from}>")), "{lines:?}");
        for (number, line) in lines {
            let length = line.len() + if number == 0 { "From: ".len() } else { 0 };
            assert!(length <= if line.contains("=?") { 76 } else { 78 }, "{length}: {line}");
        }
    }
}

/// Gmail groups e-mails with the same subject and collapses text that repeats the previous one.
#[test]
fn each_email_starts_its_own_conversation() {
    let to = EmailAddress::parse("ada@example.com").unwrap();
    let reference = |id: &str| {
        let raw = message(id, &to, &a_email("Reset your password"), 0)
            .unwrap()
            .formatted();
        let raw = String::from_utf8(raw).unwrap();
        raw.lines()
            .find(|line| line.starts_with("X-Entity-Ref-ID: "))
            .unwrap()
            .to_owned()
    };
    assert_ne!(reference("first"), reference("second"));
    assert_eq!(reference("first"), reference("first"), "sent again");
}
