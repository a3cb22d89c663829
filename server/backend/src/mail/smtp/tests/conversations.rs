//! Opening, securing and reusing connections.

use super::*;

#[tokio::test]
async fn ehlo_uses_the_configured_name() {
    for (name, said) in [
        (EHLO_NAME, "EHLO accounts.rekey.example"),
        ("[192.0.2.25]", "EHLO [192.0.2.25]"),
        ("[IPv6:2001:db8::25]", "EHLO [IPv6:2001:db8::25]"),
    ] {
        let server = Server::answering("", "").await;
        let smtp = Smtp::new(&server.url, name, &server.roots).unwrap();
        smtp.send("l", &ada(), &a_email("Hello"), 0).await.unwrap();
        assert_eq!(server.lines_with("EHLO"), [said]);
    }
}

#[tokio::test]
async fn credentials_in_the_url_are_decoded() {
    let server = Server::answering("", "").await;
    let url = server.url.replace("smtp://", "smtp://us%40er:p%3Aw%25@");
    server.at(url).send().await.unwrap();
    use base64::Engine as _;
    let plain = base64::engine::general_purpose::STANDARD.encode("\0us@er\0p:w%");
    assert_eq!(server.lines_with("AUTH"), [format!("AUTH PLAIN {plain}")]);
}

/// Attack: a network strips STARTTLS from the server's offer to obtain the credentials.
#[tokio::test]
async fn credentials_are_not_sent_without_tls() {
    let server = Server::answering("", "").await;
    let url = server.url.replace("smtp://", "smtp://user:password@") + "?tls=opportunistic";
    let told = server.at(url).send().await.unwrap_err();
    assert!(told.text.contains("STARTTLS"), "{}", told.text);
    assert!(server.lines_with("AUTH").is_empty());
}

#[tokio::test]
async fn an_unanswered_quit_does_not_fail_the_delivery() {
    let server = Server::answering("QUIT", "221-wait").await;
    let told = server.smtp().test(&ada(), &a_email("Hello"), 0, Arc::new(|_| ())).await;
    assert!(told.is_ok(), "{told:?}");
    assert_eq!(server.lines_with("QUIT").len(), 1);
}

#[tokio::test]
async fn a_second_email_reuses_the_connection() {
    let server = Server::answering("", "").await;
    let smtp = server.smtp();
    for id in ["first", "second"] {
        smtp.send(id, &ada(), &a_email("Hello"), 0).await.unwrap();
    }
    assert_eq!(
        (server.lines_with("EHLO").len(), server.lines_with("DATA").len()),
        (1, 2)
    );
}

#[tokio::test]
async fn a_connection_closed_by_the_server_is_replaced() {
    let server = Server::answering("NOOP", "drop").await;
    let smtp = server.smtp();
    for id in ["first", "second"] {
        smtp.send(id, &ada(), &a_email("Hello"), 0).await.unwrap();
    }
    assert_eq!(
        (server.lines_with("EHLO").len(), server.lines_with("DATA").len()),
        (2, 2)
    );
}

/// Mail servers limit the number of connections per client.
#[tokio::test]
async fn an_unused_connection_is_closed() {
    let server = Server::answering("", "").await;
    let smtp = server.smtp();
    smtp.send("first", &ada(), &a_email("Hello"), 0).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    while server.lines_with("QUIT").is_empty() {
        tokio::task::yield_now().await;
    }
    smtp.send("second", &ada(), &a_email("Hello"), 0).await.unwrap();
    assert_eq!(server.lines_with("EHLO").len(), 2);
}

#[tokio::test]
async fn a_server_without_starttls_is_refused_if_tls_is_required() {
    let server = Server::answering("", "").await;
    let error = server
        .at(format!("{}?tls=required", server.url))
        .send()
        .await
        .unwrap_err();
    assert_eq!((error.permanent, error.kind), (false, "set_up"), "{error}");
    assert!(server.lines_with("MAIL").is_empty(), "nothing is sent in plaintext");
    server
        .at(format!("{}?tls=opportunistic", server.url))
        .send()
        .await
        .unwrap();
}

async fn with_tls(behind_starttls: &'static str, name: &str, is_known: bool) -> Server {
    let (tls, file) = private_authority(name);
    let server = Server::with(Script {
        tls: Some(tls),
        behind_starttls,
        ..Script::default()
    })
    .await;
    let file = is_known.then(|| file.path());
    Server {
        roots: TrustedRoots::with_file(file).unwrap(),
        ..server.at(format!("{}?tls=required", server.url))
    }
}

#[tokio::test]
async fn a_configured_private_authority_is_trusted() {
    let server = with_tls("", "127.0.0.1", true).await;
    server.send().await.unwrap();
    assert_eq!(server.lines_with("EHLO").len(), 2, "again inside TLS (RFC 3207)");
    for (server, wrong) in [
        (
            with_tls("", "127.0.0.1", false).await,
            "no known authority has signed it",
        ),
        (with_tls("", "mail.example.com", true).await, "it is for another name"),
    ] {
        let error = server.send().await.unwrap_err();
        assert!(error.text.contains(wrong), "{error}");
        assert_eq!((error.permanent, error.kind), (false, "set_up"));
        assert!(server.lines_with("MAIL").is_empty());
    }
}

/// Attack: a network attacker injects plaintext after the answer to STARTTLS, which the client trusts inside TLS.
#[tokio::test]
async fn plaintext_after_starttls_is_discarded() {
    let server = with_tls("501 injected\r\n", "127.0.0.1", true).await;
    server.send().await.unwrap();
    assert_eq!(server.lines_with("EHLO").len(), 2);
}

/// Attack: an operator pastes the output of `rekey mail test` into a ticket.
#[tokio::test]
async fn a_transcript_has_every_line_and_masks_credentials() {
    use base64::Engine as _;
    let echo: &'static str = Box::leak(
        format!(
            "235 welcome p:w% {}",
            base64::engine::general_purpose::STANDARD.encode("\0us@er\0p:w%")
        )
        .into_boxed_str(),
    );
    let server = Server::answering("AUTH", echo).await;
    let server = server.at(server.url.replace("smtp://", "smtp://us%40er:p%3Aw%25@"));
    let lines = Arc::new(Mutex::new(Vec::new()));
    let listener = {
        let lines = lines.clone();
        Arc::new(move |line| lines.lock().unwrap().push(line))
    };
    server
        .smtp()
        .test(&ada(), &a_email("Hello"), 0, listener)
        .await
        .unwrap();
    let said = |text: &str| Line::Said(text.into());
    let heard = |text: &str| Line::Heard(text.into());
    let size = server.message().lines().map(|line| line.len() + 2).sum::<usize>() - 2;
    assert_eq!(
        *lines.lock().unwrap(),
        [
            heard("220 mail.test ESMTP"),
            said("EHLO accounts.rekey.example"),
            heard("250-mail.test"),
            heard("250-AUTH PLAIN"),
            heard("250 8BITMIME"),
            said("AUTH PLAIN ****"),
            heard("235 welcome **** ****"),
            said("MAIL FROM:<noreply@signin.rekey.example>"),
            heard("250 fine"),
            said("RCPT TO:<ada@example.com>"),
            heard("250 fine"),
            said("DATA"),
            heard("354 go on"),
            said(&format!("(the e-mail, {size} bytes)")),
            heard("250 taken"),
            said("QUIT"),
            heard("250 fine"),
        ]
    );
}

#[tokio::test]
async fn an_untrusted_certificate_is_reported() {
    let server = with_tls("", "127.0.0.1", false).await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let listener = {
        let lines = lines.clone();
        Arc::new(move |line| lines.lock().unwrap().push(line))
    };
    let error = server
        .smtp()
        .test(&ada(), &a_email("Hello"), 0, listener)
        .await
        .unwrap_err();
    assert!(error.text.contains("not trusted"), "{error}");
    let lines = lines.lock().unwrap();
    let Some(Line::Certificate(certificate)) = lines.last() else {
        panic!("{lines:?}")
    };
    assert_eq!(certificate.names, ["127.0.0.1"]);
    assert!(certificate.issuer.contains("Our authority"), "{certificate:?}");
    assert_eq!(certificate.valid_until.day(), "4096-01-01");
}

#[test]
fn remote_connections_use_tls_by_default() {
    let chosen = |url: &str| {
        let url = reqwest::Url::parse(url).unwrap();
        let host = url.host_str().unwrap().trim_matches(['[', ']']).to_owned();
        security(&url, &host).unwrap()
    };
    for (url, expected) in [
        ("smtp://mail.example.com", (Security::StartTls, 587)),
        ("smtp://localhost:1025", (Security::None, 587)),
        ("smtp://[::1]", (Security::None, 587)),
        ("smtp://127.0.0.1?tls=required", (Security::StartTls, 587)),
        (
            "smtp://mail.example.com?tls=opportunistic",
            (Security::Opportunistic, 587),
        ),
        ("smtp://mail.example.com?tls=none", (Security::None, 587)),
        ("smtps://mail.example.com", (Security::Tls, 465)),
    ] {
        assert_eq!(chosen(url), expected, "{url}");
    }
}

#[test]
fn an_error_does_not_repeat_an_invalid_url() {
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
        "smtp://u:geheim@mail.example.com/accounts.example.com",
    ] {
        let Err(error) = Smtp::new(url, EHLO_NAME, &TrustedRoots::public()) else {
            panic!("{url}")
        };
        assert!(error.permanent && !error.text.contains("geheim"), "{url}: {error}");
    }
}
