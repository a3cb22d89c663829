//! The argument of EHLO: a domain, or an address literal (RFC 5321 §4.1.1.1 and §4.1.3).

use lettre::transport::smtp::extension::ClientId;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Parses a name: `accounts.example.com`, `[192.0.2.25]` or `[IPv6:2001:db8::25]`.
pub(super) fn parse(name: &str) -> Result<ClientId, String> {
    let Some(literal) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        let is_label = |label: &str| {
            let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
            label.len() <= 63
                && ends(label.chars().next())
                && ends(label.chars().last())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        // A bare IPv4 address consists of valid domain characters, but servers refuse it.
        let is_domain = name.len() <= 255 && name.split('.').all(is_label) && name.parse::<Ipv4Addr>().is_err();
        return if is_domain {
            Ok(ClientId::Domain(name.to_owned()))
        } else {
            Err("is neither a domain nor an address in brackets".into())
        };
    };
    let ipv6 = literal
        .split_at_checked(5)
        .filter(|(tag, _)| tag.eq_ignore_ascii_case("IPv6:"));
    match ipv6 {
        Some((_, address)) => address.parse::<Ipv6Addr>().map(ClientId::Ipv6).map_err(drop),
        None => literal.parse::<Ipv4Addr>().map(ClientId::Ipv4).map_err(drop),
    }
    .map_err(|()| "has brackets, and no address as [192.0.2.25] or [IPv6:2001:db8::25] in them".into())
}

/// Checks a name for EHLO.
///
/// # Errors
/// A description of the problem.
pub fn check_ehlo_name(name: &str) -> Result<(), String> {
    parse(name).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ehlo_name_is_a_domain_or_an_address_literal() {
        let label = "a".repeat(63);
        for name in [
            "accounts.example.com",
            "localhost",
            "xn--bcher-kva.example",
            "3com.example",
            "[192.0.2.25]",
            "[IPv6:2001:db8::25]",
            "[ipv6:::1]",
            &label,
        ] {
            assert!(check_ehlo_name(name).is_ok(), "{name}");
        }
        let (label, domain) = ("a".repeat(64), "a.".repeat(128) + "a");
        for name in [
            "",
            "192.0.2.25",
            "2001:db8::25",
            "[2001:db8::25]",
            "[IPv6:192.0.2.25]",
            "[]",
            "[accounts.example.com]",
            "a..b",
            ".a",
            "a.",
            "-a.example",
            "a-.example",
            "a_b.example",
            "bücher.example",
            "a b",
            "a\r\nMAIL FROM:<eve@example.com>",
            &label,
            &domain,
        ] {
            assert!(check_ehlo_name(name).is_err(), "{name}");
        }
    }
}
