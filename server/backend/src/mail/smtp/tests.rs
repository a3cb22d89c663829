use super::super::{Mail, a_letter};
use super::*;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const SENDER: &str = "noreply@signin.rekey.example";

/// A mail server of a few lines: it takes everything, unless told what to answer to a verb.
pub(in crate::mail) struct Server {
    pub(in crate::mail) url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(in crate::mail) async fn answering(verb: &'static str, answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let lines = heard.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, verb, answer, lines.clone()));
            }
        });
        Self { url, heard }
    }

    fn lines_with(&self, verb: &str) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|line| line.starts_with(verb)).cloned().collect()
    }

    /// The message as it came, between DATA and the dot.
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
        let to = Email::parse("ada@example.com").unwrap();
        Mail::smtp(&self.url, SENDER)
            .unwrap()
            .send("letter1", &to, &a_letter("Your code"), 1_795_485_600_000)
            .await
    }
}

async fn converse(stream: TcpStream, verb: &str, answer: &str, heard: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let answer_to = |line: &str, usual: &'static str| {
        let chosen = if line.starts_with(verb) && !verb.is_empty() {
            answer
        } else {
            usual
        };
        format!("{chosen}\r\n").into_bytes()
    };
    write.write_all(b"220 mail.test ESMTP\r\n").await.ok()?;
    let mut in_data = false;
    while let Some(line) = lines.next_line().await.ok()? {
        heard.lock().unwrap().push(line.clone());
        let reply = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_data => {
                in_data = false;
                answer_to("END", "250 taken")
            }
            _ if in_data => continue,
            "EHLO" => b"250-mail.test\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n".to_vec(),
            "DATA" => {
                in_data = true;
                b"354 go on\r\n".to_vec()
            }
            "AUTH" => answer_to(&line, "235 welcome"),
            _ => answer_to(&line, "250 fine"),
        };
        if reply == b"drop\r\n" {
            return None;
        }
        write.write_all(&reply).await.ok()?;
    }
    Some(())
}

#[tokio::test]
async fn a_letter_goes_to_one_recipient_with_all_it_needs() {
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
async fn a_subject_cannot_bring_headers_of_its_own() {
    let server = Server::answering("", "").await;
    let to = Email::parse("ada@example.com").unwrap();
    let mail = Mail::smtp(&server.url, SENDER).unwrap();
    mail.send("l", &to, &a_letter("Hi\r\nBcc: eve@example.com"), 0)
        .await
        .unwrap();
    let message = server.message();
    assert!(message.lines().all(|line| !line.starts_with("Bcc")), "{message}");
    assert_eq!(server.lines_with("RCPT").len(), 1);
}

#[tokio::test]
async fn letters_in_other_scripts_arrive() {
    let server = Server::answering("", "").await;
    let to = Email::parse("ada@example.com").unwrap();
    let letter = RenderedLetter {
        from_name: "مفتاح".into(),
        text: "الرمز 012345".into(),
        ..a_letter("رمزك 012345")
    };
    Mail::smtp(&server.url, SENDER)
        .unwrap()
        .send("l", &to, &letter, 0)
        .await
        .unwrap();
    let message = server.message();
    assert!(
        message.contains("Subject: =?utf-8?b?") && message.contains("From: =?utf-8?b?"),
        "{message}"
    );
    assert!(message.is_ascii());
}

/// Relays refuse `[127.0.0.1]`, which the library says by itself.
#[tokio::test]
async fn the_greeting_is_the_senders_domain_unless_the_address_names_another() {
    let server = Server::answering("", "").await;
    server.send().await.unwrap();
    assert_eq!(server.lines_with("EHLO"), ["EHLO signin.rekey.example"]);
    let named = Server {
        url: format!("{}/mail.rekey.example", server.url),
        heard: Arc::default(),
    };
    named.send().await.unwrap();
    assert_eq!(server.lines_with("EHLO")[1..], ["EHLO mail.rekey.example"]);
}

/// The bytes of a message as they leave.
fn raw(letter: &RenderedLetter) -> String {
    let to = Email::parse("ada@example.com").unwrap();
    let message = message("letter1", &to, letter, 0).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

/// Of a part of `raw`, decoded; its line breaks are CRLF.
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

/// Quoted-printable; what is 7bit has no `=` in these tests.
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

/// WICG's one-time codes: the last line, which an end of line would leave empty.
#[test]
fn the_codes_line_is_the_last_one() {
    for text in [
        "Your code is 012345.\n\n@rekey.example #012345",
        "الرمز 012345\n\n@rekey.example #012345",
    ] {
        let letter = RenderedLetter {
            text: text.into(),
            ..a_letter("Your code")
        };
        let part = text_part(&raw(&letter));
        assert_eq!(part.rsplit("\r\n").next(), Some("@rekey.example #012345"), "{part:?}");
    }
}

/// RFC 3676.
#[test]
fn long_lines_flow_and_come_back_whole() {
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
        let letter = RenderedLetter {
            text: format!("{paragraph}\n\n{paragraph}\nend"),
            ..a_letter("Hello")
        };
        let raw = raw(&letter);
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
        assert_eq!(unflowed, format!("{}\n", letter.text));
    }
}

/// RFC 5322 advises 78 characters a line, RFC 2047 demands 76 of those with encoded words.
#[test]
fn the_senders_line_is_folded_before_its_address() {
    let from = "noreply@signin.accounts.analytical-engines.example";
    for name in [
        "مفتاح",
        "حسابات محركات التحليل المحدودة للاختبار",
        "Ålesund Kommune og Fylke i Møre og Romsdal",
        "Acme, Inc.",
        "Rekey",
    ] {
        let letter = RenderedLetter {
            from_name: name.into(),
            from: from.into(),
            ..a_letter("Hello")
        };
        let raw = raw(&letter);
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

/// Gmail makes one conversation of letters with one subject, and folds what a second code's letter has in common with the first.
#[test]
fn no_two_letters_are_one_conversation() {
    let to = Email::parse("ada@example.com").unwrap();
    let reference = |id: &str| {
        let raw = message(id, &to, &a_letter("Reset your password"), 0)
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

#[tokio::test]
async fn what_the_server_says_decides_on_another_try() {
    for (verb, answer, permanent, text) in [
        (
            "RCPT",
            "550 no ada@example.com here",
            true,
            "the mail server answered 550",
        ),
        (
            "RCPT",
            "450 later, ada@example.com",
            false,
            "the mail server answered 450",
        ),
        ("MAIL", "421 closing", false, "the mail server answered 421"),
        (
            "RCPT",
            "550 5.1.1 no such user",
            true,
            "the mail server answered 550 5.1.1",
        ),
        (
            "RCPT",
            "552 5.2.2 mailbox full",
            true,
            "the mail server answered 552 5.2.2",
        ),
        (
            "RCPT",
            "550 5.7.1 <ada@example.com>: relaying denied",
            false,
            "the mail server answered 550 5.7.1: it may not send for this service",
        ),
        (
            "MAIL",
            "550 5.1.8 unknown sender",
            false,
            "the mail server answered 550 5.1.8: it does not take mail from this sender",
        ),
        (
            "MAIL",
            "504 5.5.2 need a whole name",
            false,
            "the mail server answered 504 5.5.2: it does not understand",
        ),
        (
            "RCPT",
            "550 5.4.5 no way",
            false,
            "the mail server answered 550 5.4.5: it does not find the way",
        ),
        (
            "MAIL",
            "504 what is that name",
            false,
            "the mail server answered 504: it does not know a command",
        ),
        ("END", "554 5.7.1 spam", false, "the mail server answered 554 5.7.1"),
        (
            "END",
            "554 no mail from there",
            false,
            "the mail server answered 554: it takes no mail from here",
        ),
        ("RCPT", "550 5.1 is no status", true, "the mail server answered 550"),
        ("END", "451 try again", false, "the mail server answered 451"),
        ("END", "drop", false, ""),
    ] {
        let error = Server::answering(verb, answer).await.send().await.unwrap_err();
        assert_eq!(error.permanent, permanent, "{answer}");
        assert!(error.text.starts_with(text) && !error.text.contains('@'), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let server = Server {
        url,
        heard: Arc::default(),
    };
    let error = server.send().await.unwrap_err();
    assert!(!error.permanent && error.text.contains("refused"), "{error}");
}

#[tokio::test]
async fn credentials_are_decoded_and_a_wrong_set_up_blames_no_letter() {
    let server = Server::answering("AUTH", "535 wrong").await;
    let url = server.url.replace("smtp://", "smtp://us%40er:p%3Aw%25@");
    let error = Server {
        url,
        heard: server.heard.clone(),
    }
    .send()
    .await
    .unwrap_err();
    assert!(!error.permanent, "{error}");
    use base64::Engine as _;
    let plain = base64::engine::general_purpose::STANDARD.encode("\0us@er\0p:w%");
    assert_eq!(server.lines_with("AUTH"), [format!("AUTH PLAIN {plain}")]);
}

#[tokio::test]
async fn starttls_is_demanded_where_it_is_asked_for() {
    let server = Server::answering("", "").await;
    let url = format!("{}?tls=required", server.url);
    let error = Server {
        url,
        heard: server.heard.clone(),
    }
    .send()
    .await
    .unwrap_err();
    assert!(!error.permanent);
    assert!(server.lines_with("MAIL").is_empty(), "nothing is said in the clear");
    let url = format!("{}/mail.rekey.example?tls=opportunistic", server.url);
    Server {
        url,
        heard: server.heard.clone(),
    }
    .send()
    .await
    .unwrap();
    assert_eq!(
        server.lines_with("EHLO").last().map(String::as_str),
        Some("EHLO mail.rekey.example")
    );
}

#[tokio::test]
async fn the_way_is_secure_unless_said_otherwise() {
    let chosen = |url: &str| {
        let url = reqwest::Url::parse(url).unwrap();
        let host = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
        security(&url, &host, None).map(|(tls, port)| {
            let kind = match tls {
                Tls::None => "none",
                Tls::Opportunistic(_) => "opportunistic",
                Tls::Required(_) => "required",
                Tls::Wrapper(_) => "wrapper",
            };
            (kind, port)
        })
    };
    for (url, expected) in [
        ("smtp://mail.example.com", ("required", 587)),
        ("smtp://localhost:1025", ("none", 587)),
        ("smtp://[::1]", ("none", 587)),
        ("smtp://127.0.0.1?tls=required", ("required", 587)),
        ("smtp://mail.example.com?tls=opportunistic", ("opportunistic", 587)),
        ("smtp://mail.example.com?tls=none", ("none", 587)),
        ("smtps://mail.example.com", ("wrapper", 465)),
    ] {
        assert_eq!(chosen(url).unwrap(), expected, "{url}");
    }
}

#[tokio::test]
async fn an_address_that_does_not_read_is_not_repeated() {
    for url in [
        "",
        "mail.example.com",
        "http://u:geheim@mail.example.com",
        "smtp://",
        "smtp://u:geheim@mail.example.com:99999",
        "smtp://u:geheim@mail.example.com?tls=maybe",
        "smtps://u:geheim@mail.example.com?tls=none",
        "smtp://u:geheim@mail.example.com?tsl=required",
        "smtp://u:geheim@mail.example.com?tls=none&tls=required",
    ] {
        let Err(error) = Mail::smtp(url, SENDER) else {
            panic!("{url}")
        };
        assert!(error.permanent && !error.text.contains("geheim"), "{url}: {error}");
    }
}
