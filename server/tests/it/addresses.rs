//! Client identification by address, browser and language.

use axum::http::{HeaderMap, HeaderValue, header};
use server::http::{browser_name, canonical, client_address, language};
use std::net::IpAddr;

fn client(peer: &str, forwarded: &[&str], trusted: &str) -> String {
    let lines: Vec<_> = forwarded.iter().map(|line| line.as_bytes()).collect();
    canonical(address(peer, &lines, trusted).unwrap())
}

fn address(peer: &str, forwarded: &[&[u8]], trusted: &str) -> Result<IpAddr, &'static str> {
    let mut headers = HeaderMap::new();
    for line in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
    }
    let trusted: Vec<_> = trusted
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap())
        .collect();
    client_address(peer.parse().unwrap(), &headers, &trusted)
}

#[test]
fn the_forwarded_header_is_trusted_only_from_configured_proxies() {
    for (peer, forwarded, trusted, expected) in [
        ("192.0.2.1", &[][..], "", "192.0.2.1"),
        // Attack: a stranger sends the header.
        ("192.0.2.1", &["203.0.113.9"], "", "192.0.2.1"),
        ("192.0.2.1", &["203.0.113.9"], "10.0.0.0/8", "192.0.2.1"),
        ("10.0.0.1", &["203.0.113.9"], "10.0.0.0/8", "203.0.113.9"),
        // Attack: the client prepends entries.
        ("10.0.0.1", &["1.2.3.4, 203.0.113.9"], "10.0.0.0/8", "203.0.113.9"),
        ("10.0.0.1", &["1.2.3.4", "203.0.113.9"], "10.0.0.0/8", "203.0.113.9"),
        // Attack: an entry imitates a proxy.
        (
            "10.0.0.1",
            &["10.9.9.9, 203.0.113.9, 10.0.0.2"],
            "10.0.0.0/8",
            "203.0.113.9",
        ),
        ("10.0.0.1", &[], "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.9:4711"], "10.0.0.0/8", "203.0.113.9"),
        ("::1", &["[2001:db8:1:2::3]:4711"], "::1/128", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "10.0.0.0/8", "203.0.113.9"),
    ] {
        assert_eq!(
            client(peer, forwarded, trusted),
            expected,
            "{peer} {forwarded:?} {trusted}"
        );
    }
}

/// Property 33.
#[test]
fn an_invalid_proxy_entry_is_refused() {
    for forwarded in [
        &[&b"unknown"[..]][..],
        &[b"203.0.113.9, unknown, 10.0.0.2"],
        &[b"203.0.113.9, 203.0.113.\xb9"],
        &[b"203.0.113.9", b"\xff"],
        &[b"203.0.113.9,"],
        &[b""],
    ] {
        assert!(address("10.0.0.1", forwarded, "10.0.0.0/8").is_err(), "{forwarded:?}");
        // A stranger's header is ignored.
        assert!(address("192.0.2.1", forwarded, "10.0.0.0/8").is_ok(), "{forwarded:?}");
    }
    // The client controls everything before the proxy's entry.
    let client = address("10.0.0.1", &[b"\xff, 203.0.113.9"], "10.0.0.0/8").unwrap();
    assert_eq!(canonical(client), "203.0.113.9");
}

#[test]
fn an_ipv6_client_is_identified_by_its_prefix() {
    for (address, expected) in [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(client(address, &[], ""), expected);
    }
}

#[test]
fn a_browser_name_comes_from_a_fixed_list() {
    for (agent, name) in [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
            "Chrome on Windows",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.0", "a browser"),
        ("", "a browser"),
        // Attack: a stranger puts text into the service's e-mails.
        ("Visit evil.example now", "a browser"),
    ] {
        assert_eq!(browser_name(agent), name, "{agent}");
    }
}

#[test]
fn the_chosen_language_overrides_the_requested_one() {
    for (cookie, accept, expected) in [
        ("", "", "en"),
        ("", "ar", "ar"),
        ("", "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        ("", "en;q=0.5,ar;q=0.9", "ar"),
        ("", "de,fr;q=0.9", "en"),
        ("", "de,ar;q=0.1", "ar"),
        ("", "ar;q=0,en;q=0.1", "en"),
        ("__Host-language=ar", "en", "ar"),
        ("__Host-language=en; a=b", "ar", "en"),
        ("__Host-language=xx", "ar", "ar"),
        ("__Host-language=ar; __Host-language=en", "en", "ar"),
        // Only the invalid part is dropped.
        ("city=Köln; __Host-language=ar", "en", "ar"),
        ("", "Kölsch, ar;q=0.5, en;q=0.1", "ar"),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
        headers.insert(
            header::ACCEPT_LANGUAGE,
            HeaderValue::from_bytes(accept.as_bytes()).unwrap(),
        );
        assert_eq!(language(&headers), expected, "{cookie} {accept}");
    }
}
