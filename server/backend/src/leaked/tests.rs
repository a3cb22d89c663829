use super::*;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// SHA-1 of `three random words`: its first five characters, and the rest.
fn parts() -> (String, String) {
    let hex = hex::encode_upper(digest("three random words"));
    (hex[..5].to_owned(), hex[5..].to_owned())
}

/// A range service that records requests and answers each with `answer`, or never.
async fn service(answer: Option<String>) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/range", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or_default();
            heard
                .lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&request[..read]));
            match &answer {
                Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                None => std::future::pending().await,
            }
        }
    });
    (url, asked)
}

fn ok(body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

#[tokio::test]
async fn only_five_characters_of_the_hash_are_sent() {
    let (prefix, suffix) = parts();
    let (url, asked) = service(ok(&format!("0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{suffix}:12\r\n"))).await;
    let list = LeakedPasswords::range(&url, &TrustedRoots::public()).unwrap();
    assert_eq!(list.look_up("three random words").await, Leak::Found);
    assert_eq!(list.look_up("four random words").await, Leak::NotFound);
    let asked = asked.lock().unwrap().to_lowercase();
    assert!(
        asked.starts_with(&format!("get /range/{} http/1.1\r\n", prefix.to_lowercase())),
        "{asked}"
    );
    assert!(
        asked.contains("add-padding: true\r\n") && asked.contains("user-agent: rekey/"),
        "{asked}"
    );
    assert!(!asked.contains(&suffix.to_lowercase()) && !asked.contains("random"));
}

#[tokio::test]
async fn padding_and_malformed_lines_are_ignored() {
    let (_, suffix) = parts();
    for (line, expected) in [
        (format!("{suffix}:0"), Leak::NotFound),
        (format!("{}:1", suffix.to_lowercase()), Leak::Found),
        (suffix.clone(), Leak::NotFound),
        (String::new(), Leak::NotFound),
        ("<html>".into(), Leak::NotFound),
    ] {
        let (url, _) = service(ok(&line)).await;
        assert_eq!(
            LeakedPasswords::range(&url, &TrustedRoots::public())
                .unwrap()
                .look_up("three random words")
                .await,
            expected,
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_failed_lookup_is_reported_as_unknown() {
    let (_, suffix) = parts();
    let found = format!("{suffix}:5");
    let body = |head: &str| Some(format!("{head}\r\nContent-Length: {}\r\n\r\n{found}", found.len()));
    for (why, answer) in [
        ("silent", None),
        ("error", body("HTTP/1.1 500 Internal Server Error")),
        ("limited", body("HTTP/1.1 429 Too Many Requests")),
        ("redirect", body("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/")),
        ("no HTTP", Some("220 mail.example.com\r\n".into())),
        ("too long", ok(&"x".repeat(LONGEST_ANSWER + 1))),
        (
            "cut off",
            Some(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 999\r\nConnection: close\r\n\r\n{found}"
            )),
        ),
    ] {
        let (url, _) = service(answer).await;
        let list = LeakedPasswords::range_within(&url, &TrustedRoots::public(), Duration::from_millis(200)).unwrap();
        assert_eq!(list.look_up("three random words").await, Leak::Unknown, "{why}");
    }
    let away = LeakedPasswords::range("http://127.0.0.1:1/range/", &TrustedRoots::public()).unwrap();
    assert_eq!(away.look_up("three random words").await, Leak::Unknown);
}

#[test]
fn a_service_url_must_be_https_or_local() {
    for url in [
        "https://api.example.com/range/",
        "http://127.0.0.1:8080/range",
        "http://[::1]:8080",
        "http://localhost/",
    ] {
        assert!(LeakedPasswords::range(url, &TrustedRoots::public()).is_ok(), "{url}");
    }
    for url in [
        "",
        "api.example.com",
        "http://api.example.com/range/",
        "ftp://api.example.com/",
        "http://127.0.0.1.example.com/",
    ] {
        assert!(LeakedPasswords::range(url, &TrustedRoots::public()).is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_file_can_contain_hashes_and_passwords() {
    let path = std::env::temp_dir().join(format!("leaked-{}", std::process::id()));
    let hash = hex::encode_upper(digest("of a hash"));
    let counted = hex::encode(digest("of a counted hash"));
    let lines =
        format!("{hash}\r\n{counted}:42\n\n plain with spaces \ne\u{301}t\u{e9}\nwith:colon\n{hash}:not a count\n");
    std::fs::write(&path, [lines.as_bytes(), b"\xff\xfe\n"].concat()).unwrap();
    let list = LeakedPasswords::from_file(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let odd = format!("{hash}:not a count");
    for found in [
        "of a hash",
        "of a counted hash",
        " plain with spaces ",
        "\u{e9}t\u{e9}",
        "with:colon",
        &odd,
    ] {
        assert_eq!(list.look_up(found).await, Leak::Found, "{found}");
    }
    for not in ["", "plain with spaces", "with", &hash] {
        assert_eq!(list.look_up(not).await, Leak::NotFound, "{not}");
    }
    assert!(LeakedPasswords::from_file(&path).is_err());
    assert_eq!(LeakedPasswords::Off.look_up("of a hash").await, Leak::NotFound);
}

#[tokio::test]
async fn a_service_is_trusted_through_the_operators_authorities() {
    let (tls, authority) = crate::mail::private_authority("127.0.0.1");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/range/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 1024]).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    let known = TrustedRoots::with_file(Some(authority.path())).unwrap();
    for (roots, leak) in [(known, Leak::NotFound), (TrustedRoots::public(), Leak::Unknown)] {
        let service = LeakedPasswords::range(&url, &roots).unwrap();
        assert_eq!(service.look_up("three random words").await, leak);
    }
}
