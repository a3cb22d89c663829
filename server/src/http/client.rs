//! The client of a request: its address, browser name and language.

use super::Service;
use account::Preferences;
use axum::http::{HeaderMap, HeaderValue, header};
use backend::Caller;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The peer address of the connection; the listener adds it to each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// The languages of screens and e-mails; the first one is the default.
pub const LANGUAGES: [&str; 2] = ["en", "ar"];

impl Service {
    /// Returns the caller, as seen from the network.
    ///
    /// # Errors
    /// See [`client_address`].
    pub fn caller(&self, peer: Option<Peer>, headers: &HeaderMap) -> Result<Caller, &'static str> {
        let address = peer
            .map(|Peer(peer)| client_address(peer.ip(), headers, &self.config.trusted_proxies))
            .transpose()?;
        let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
        Ok(Caller {
            client: address.map_or_else(|| "unknown".to_owned(), canonical),
            browser: browser_name(&String::from_utf8_lossy(agent.unwrap_or_default())),
            language: language(headers).to_owned(),
            signed_in: false,
            administers: false,
            preferences: Preferences::default(),
        })
    }

    /// Returns whether the peer is a trusted proxy.
    #[must_use]
    pub fn trusts(&self, peer: Option<Peer>) -> bool {
        peer.is_some_and(|Peer(peer)| is_trusted(peer.ip(), &self.config.trusted_proxies))
    }

    /// Adds the account and its language, which takes precedence over the browser's. The page itself reports database errors.
    pub async fn recognize(&self, caller: &mut Caller, headers: &HeaderMap) {
        if let Ok(Some(visitor)) = self
            .backend
            .request(&Caller::default(), &app::held(headers))
            .sessions()
            .visitor()
            .await
        {
            caller.signed_in = !visitor.leaves;
            caller.administers = visitor.administers;
            caller.preferences = visitor.preferences;
            let known = LANGUAGES
                .into_iter()
                .find(|known| visitor.language.as_deref() == Some(known));
            if let Some(language) = known {
                caller.language = language.to_owned();
            }
        }
    }
}

/// Returns the client's address: the peer's or, behind a trusted proxy, the last untrusted address in `X-Forwarded-For`.
///
/// Attack: a client forges the header to bypass the limits per client. It is therefore read from its end, where trusted proxies
/// append, up to the first untrusted address.
///
/// # Errors
/// Fails if a trusted proxy has written something other than an address. Attack: clients with an undetermined address use up the
/// limits of the proxy's own address for each other.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Result<IpAddr, &'static str> {
    let mut client = peer.to_canonical();
    let lines = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
    let mut entries = lines
        .flat_map(|line| line.split(|byte| *byte == b','))
        .collect::<Vec<_>>();
    while is_trusted(client, trusted) {
        let Some(entry) = entries.pop() else { break };
        client = forwarded(entry).ok_or("a proxy's X-Forwarded-For is not an address")?;
    }
    Ok(client)
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// Parses an entry of the header: an address, with a port from some proxies.
fn forwarded(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry.trim_ascii()).ok()?;
    let address = entry
        .parse()
        .ok()
        .or_else(|| entry.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip: IpAddr| ip.to_canonical())
}

/// Returns the canonical form of a client address: IPv4 in full, IPv6 by its /64.
///
/// Attack: one subscriber uses 2⁶⁴ IPv6 addresses, each with its own limits.
#[must_use]
pub fn canonical(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Returns browser and system names from a fixed list. Attack: arbitrary text in the header appears in e-mails.
#[must_use]
pub fn browser_name(user_agent: &str) -> String {
    let has = |part: &&(&str, &str)| user_agent.contains(part.0);
    // Specific names first: nearly all browsers also claim to be Safari and Chrome.
    let browser = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let system = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Macintosh", "macOS"),
        ("Linux", "Linux"),
    ];
    match (browser.iter().find(has), system.iter().find(has)) {
        (Some((_, browser)), Some((_, system))) => format!("{browser} on {system}"),
        (Some((_, browser)), None) => (*browser).to_owned(),
        (None, _) => account::UNKNOWN_BROWSER.to_owned(),
    }
}

/// Returns the language chosen on a page, otherwise the browser's, otherwise the default.
#[must_use]
pub fn language(headers: &HeaderMap) -> &'static str {
    let known = |tag: &str| {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        LANGUAGES
            .into_iter()
            .find(|language| language.eq_ignore_ascii_case(primary))
    };
    if let Some(chosen) = app::cookie(headers, app::LANGUAGE_COOKIE).and_then(known) {
        return chosen;
    }
    let mut best: Option<(f32, &'static str)> = None;
    let lines = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .map(HeaderValue::as_bytes);
    let parts = lines.flat_map(|line| line.split(|byte| *byte == b','));
    for part in parts.filter_map(|part| str::from_utf8(part).ok()) {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let weight = rest
            .trim()
            .strip_prefix("q=")
            .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        if let Some(language) = known(tag)
            && weight > best.map_or(0.0, |(weight, _)| weight)
        {
            best = Some((weight, language));
        }
    }
    best.map_or(LANGUAGES[0], |(_, language)| language)
}
