//! Refusals, caused by the set-up or by the recipient.

use super::*;

async fn refused(verb: &'static str, answer: &'static str) -> SmtpError {
    let server = Server::answering(verb, answer).await;
    let url = server.url.replace("smtp://", "smtp://user:password@");
    server.at(url).send().await.unwrap_err()
}

#[tokio::test]
async fn the_servers_answer_decides_whether_to_retry() {
    for (verb, answer, permanent, text) in [
        ("RCPT", "550 no ada@example.com here", true, "550 to RCPT TO"),
        ("RCPT", "450 later, ada@example.com", false, "450 to RCPT TO"),
        ("MAIL", "421 closing", false, "421 to MAIL FROM"),
        ("RCPT", "550 5.1.1 no such user", true, "550 5.1.1 to RCPT TO"),
        ("RCPT", "552 5.2.2 mailbox full", true, "552 5.2.2 to RCPT TO"),
        (
            "RCPT",
            "550 5.7.1 <ada@example.com>: relaying denied",
            false,
            "550 5.7.1 to RCPT TO: it does not send for this service",
        ),
        (
            "MAIL",
            "550 5.1.8 unknown sender",
            false,
            "550 5.1.8 to MAIL FROM: it does not accept e-mail from this sender",
        ),
        (
            "RCPT",
            "550 5.4.5 no way",
            false,
            "550 5.4.5 to RCPT TO: it cannot find a route",
        ),
        ("END", "554 5.7.1 spam", false, "554 5.7.1 to DATA"),
        (
            "END",
            "554 no mail from there",
            false,
            "554 to DATA: it does not accept e-mail from this host",
        ),
        ("RCPT", "550 5.1 is no status", true, "550 to RCPT TO"),
        ("END", "451 try again", false, "451 to DATA"),
    ] {
        let error = refused(verb, answer).await;
        assert_eq!(error.permanent, permanent, "{answer}");
        let text = format!("the mail server answered {text}");
        assert!(error.text.starts_with(&text) && !error.text.contains('@'), "{error}");
        let kind = match (permanent, answer.starts_with('4')) {
            (true, _) => "5xx",
            (false, true) => "4xx",
            (false, false) => "set_up",
        };
        assert_eq!(error.kind, kind, "{answer}");
    }
    let dropped = refused("END", "drop").await;
    assert!(!dropped.permanent && dropped.kind == "connection", "{dropped}");
}

/// Before a recipient, the set-up must be the cause, regardless of the code.
#[tokio::test]
async fn a_refusal_before_a_recipient_is_a_set_up_error() {
    for (verb, answer, text) in [
        ("EHLO", "550 who are you", "550 to EHLO: it does not accept this host"),
        ("EHLO", "501 not a name", "501 to EHLO: it does not support a command"),
        (
            "EHLO",
            "504 5.5.2 need a whole name",
            "504 5.5.2 to EHLO: it does not support",
        ),
        ("AUTH", "535 wrong", "535 to AUTH: it requires other credentials"),
        (
            "AUTH",
            "550 no",
            "550 to AUTH: it refuses the user name or the password",
        ),
        ("AUTH", "535 5.7.8 bad", "535 5.7.8 to AUTH: it refuses the user name"),
        (
            "MAIL",
            "550 no",
            "550 to MAIL FROM: it does not accept e-mail from this sender",
        ),
        (
            "MAIL",
            "550 5.1.0 no",
            "550 5.1.0 to MAIL FROM: it does not accept e-mail",
        ),
        ("MAIL", "553 not yours", "553 to MAIL FROM: it does not accept e-mail"),
        ("MAIL", "504 what", "504 to MAIL FROM: it does not support a command"),
    ] {
        let error = refused(verb, answer).await;
        assert!(
            error.text.starts_with(&format!("the mail server answered {text}")),
            "{error}"
        );
        assert_eq!((error.permanent, error.kind), (false, "set_up"), "{answer}");
        assert!(!error.advice.is_empty(), "{answer}");
    }
}

/// Another positive answer doesn't show whether the server expects or has accepted the e-mail (RFC 5321 §4.3.2).
#[tokio::test]
async fn an_unexpected_positive_answer_is_an_error() {
    for (verb, answer, text) in [
        ("DATA", "250 fine", "250 to DATA, and 354 was due"),
        ("END", "354 go on", "354 to DATA, and 250 was due"),
        ("END", "251 2.1.5 there", "251 to DATA, and 250 was due"),
    ] {
        let server = Server::answering(verb, answer).await;
        let error = server.send().await.unwrap_err();
        assert_eq!(error.text, format!("the mail server answered {text}"));
        assert_eq!((error.permanent, error.kind), (false, "set_up"), "{answer}");
        assert_eq!(
            server.lines_with("Subject:").len(),
            usize::from(verb == "END"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_refused_starttls_is_a_set_up_error() {
    let (tls, file) = private_authority("127.0.0.1");
    let server = Server::with(Script {
        verb: "STARTTLS",
        answer: "550 not today",
        tls: Some(tls),
        ..Script::default()
    })
    .await;
    let server = Server {
        roots: TrustedRoots::with_file(Some(file.path())).unwrap(),
        ..server.at(format!("{}?tls=required", server.url))
    };
    let error = server.send().await.unwrap_err();
    assert_eq!((error.permanent, error.kind), (false, "set_up"), "{error}");
    assert!(server.lines_with("MAIL").is_empty(), "nothing is sent in plaintext");
}

/// Attack: a spam filter quotes an address or a live code in its answer, which a reader of the database or a ticket sees.
#[tokio::test]
async fn addresses_and_codes_are_removed_from_server_answers() {
    for (answer, words) in [
        (
            "450 4.2.1 <ada@example.com>: mailbox busy",
            "4.2.1 (address) mailbox busy",
        ),
        ("450 user Ada, in (ada), is away", "user (address) in (address) is away"),
        ("450 ada%40example.com ada=40example.com", "(address) (address)"),
        ("450 found 'code is 01234567.' in it", "found 'code is (number) in it"),
        ("450 an\u{1b}[31m escape", "an[31m escape"),
    ] {
        let error = refused("RCPT", answer).await;
        assert_eq!(error.words, words);
        assert_eq!(error.reason(), format!("{} ({words})", error.text));
    }
    let long: &'static str = Box::leak(format!("450 {}", "word ".repeat(90)).into_boxed_str());
    assert_eq!(refused("RCPT", long).await.words.chars().count(), 200);
}

#[tokio::test]
async fn an_unreachable_server_is_a_temporary_error() {
    let server = Server::answering("", "").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = server.at(url).send().await.unwrap_err();
    assert!(!error.permanent && error.text.contains("refused"), "{error}");
    assert_eq!(error.kind, "connection");
}
