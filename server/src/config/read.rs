//! Parsers of single values.

use account::{EmailAddress, Secret};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// The public origin, as browsers write it in `Origin`: `https://accounts.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The whole origin: lower case, without a default port or a trailing slash.
    pub text: String,
    /// Whether the scheme is https.
    pub https: bool,
    /// Its host, without the port and without brackets.
    pub host: String,
}

impl Origin {
    /// Returns whether the host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_name(&self.host)
    }

    /// Returns host and port, as browsers write them in `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, authority)| authority)
    }
}

/// Returns whether a host, without port and brackets, is this machine.
#[must_use]
pub fn is_loopback_name(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

pub(super) fn origin(value: &str) -> Result<Origin, String> {
    let lower = value.to_ascii_lowercase();
    let lower = lower.strip_suffix('/').unwrap_or(&lower);
    let (scheme, rest) = lower.split_once("://").ok_or("has no scheme")?;
    let https = match scheme {
        "https" => true,
        "http" => false,
        _ => return Err("is neither http nor https".into()),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let fits = match bare {
        Some(ipv6) => ipv6.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)),
    };
    if !fits {
        return Err("has more than a host and a port, or a malformed host".into());
    }
    let port = port
        .map(|port| number::<u16>(port, 1..=u16::MAX))
        .transpose()
        .map_err(|_| "has a malformed port")?;
    let standard = if https { 443 } else { 80 };
    let text = match port.filter(|port| *port != standard) {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    };
    let host = bare.unwrap_or(host).to_owned();
    Ok(Origin { text, https, host })
}

pub(super) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
    value: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let number = value.parse::<T>().map_err(|_| "is not a number".to_owned())?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err("is out of range".into())
    }
}

pub(super) fn yes_or_no(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "is neither true nor false".into())
}

pub(super) fn networks(value: &str) -> Result<Vec<IpNet>, String> {
    let network = |part: &str| {
        let part = part.trim();
        part.parse::<IpNet>()
            .or_else(|_| part.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| "has a part that is neither an address nor a network".to_owned())
    };
    value
        .split(',')
        .filter(|part| !part.trim().is_empty())
        .map(network)
        .collect()
}

pub(super) fn mail_domains(value: &str) -> Result<Vec<String>, String> {
    let domain = |part: &str| {
        let address = EmailAddress::parse(&["a@", part.trim()].concat());
        address
            .map(|address| address.domain().to_owned())
            .map_err(|_| "contains an entry that is not a valid mail domain".to_owned())
    };
    value
        .split(',')
        .filter(|part| !part.trim().is_empty())
        .map(domain)
        .collect()
}

pub(super) fn sender(value: &str) -> Result<String, String> {
    EmailAddress::parse(value)
        .map(String::from)
        .map_err(|_| "is not an e-mail address".into())
}

/// Parses the brand, which is part of subjects and headings. Attack: a line break adds headers to every e-mail, or text that
/// looks like an encoded word (RFC 2047) is decoded to another name.
pub(super) fn brand(value: &str) -> Result<String, String> {
    let unfit = value.chars().any(|c| c.is_control() || "<>\"@".contains(c));
    if value.is_empty() || value.chars().count() > 40 || unfit || value.contains("=?") {
        return Err("is empty, too long, or has characters that e-mails cannot carry".into());
    }
    Ok(value.to_owned())
}

pub(super) fn database(value: &str) -> Result<Secret, String> {
    let known = ["sqlite://", "postgres://", "postgresql://"];
    let Some(rest) = known
        .iter()
        .find_map(|scheme| value.strip_prefix(scheme))
        .filter(|rest| !rest.is_empty())
    else {
        return Err("is not a database address".into());
    };
    if !value.starts_with("sqlite") {
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let hosts = address.rsplit_once('@').map_or(address, |(_, hosts)| hosts);
        let hosts = hosts.split('/').next().unwrap_or_default();
        if hosts.contains(',') {
            return Err(
                "names several hosts; name one that always points to the primary: an address that moves with it, a DNS \
                 name that the failover changes, or HAProxy"
                    .into(),
            );
        }
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let attributes = pairs.find(|(name, _)| *name == "target_session_attrs");
        if attributes.is_some_and(|(_, value)| !["read-write", "primary"].contains(&value)) {
            return Err("requests a read-only server; remove target_session_attrs".into());
        }
    }
    Ok(value.into())
}

pub(super) fn smtp(value: &str) -> Result<Option<Secret>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let read = backend::Smtp::new(value, "localhost", &backend::TrustedRoots::public());
    read.map_err(|error| format!("is not the address of a mail server: {error}"))?;
    Ok(Some(value.into()))
}

pub(super) fn ehlo_name(value: &str) -> Result<Option<String>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    backend::check_ehlo_name(value)?;
    Ok(Some(value.to_owned()))
}

pub(super) fn otlp(value: &str) -> Result<Option<Secret>, String> {
    if value.is_empty() {
        return Ok(None);
    }
    let mut url = reqwest::Url::parse(value).map_err(|_| "is not a URL".to_owned())?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err("is neither http nor https".into());
    }
    // Attack: an eavesdropper on the network reads the collector's password.
    let has_password = !url.username().is_empty() || url.password().is_some();
    if url.scheme() == "http"
        && has_password
        && !url
            .host_str()
            .is_some_and(|host| is_loopback_name(host.trim_matches(['[', ']'])))
    {
        return Err("sends its password unencrypted; use https".into());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(Some(Secret::from(url.as_str())))
}

/// Returns a URL with its password masked, for display.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "(set)".into();
    };
    let (before, query) = rest.split_once('?').map_or((rest, ""), |(before, _)| (before, "?…"));
    match before.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://…@{place}{query}"),
        None => format!("{scheme}://{before}{query}"),
    }
}
