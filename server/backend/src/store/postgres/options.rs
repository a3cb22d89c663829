//! Connection options from the database URL, and their defaults.

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use std::str::FromStr;

pub(super) fn has_parameter(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// Parses the URL and adds defaults. Attack: a man in the middle removes TLS from the server's offer and collects the
/// password, so remote servers must present a certificate for their name.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    // sqlx does not support this parameter, and the service requires a writable server anyway.
    let mut plain = url.to_owned();
    for asked in ["target_session_attrs=read-write", "target_session_attrs=primary"] {
        plain = plain.replace(asked, "application_name=rekey");
    }
    // The schema has no floating-point columns, and poolers reject unknown startup parameters.
    let options = PgConnectOptions::from_str(&plain)?
        .application_name("rekey")
        .extra_float_digits(None);
    let is_here = options.get_socket().is_some() || is_this_machine(options.get_host());
    if is_here {
        return Ok(options);
    }
    if !has_parameter(url, "sslmode") && !has_parameter(url, "ssl-mode") {
        return Ok(options.ssl_mode(PgSslMode::VerifyFull));
    }
    if !matches!(options.get_ssl_mode(), PgSslMode::VerifyFull) {
        tracing::warn!(
            "REKEY_DATABASE_URL has an sslmode weaker than verify-full: anyone on the network path to the database can \
             read and change everything"
        );
    }
    Ok(options)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_server_must_prove_its_name_by_default() {
        for (url, expected) in [
            ("postgres://a:b@db.example.com/rekey", "VerifyFull"),
            ("postgres://a:b@10.0.0.5/rekey?application_name=x", "VerifyFull"),
            ("postgres://a:b@db.example.com/rekey?sslmode=require", "Require"),
            ("postgres://a:b@db.example.com/rekey?ssl-mode=disable", "Disable"),
            ("postgres://a:b@localhost/rekey", "Prefer"),
            ("postgres://a:b@127.0.0.1:5433/rekey", "Prefer"),
            ("postgres://a:b@[::1]/rekey", "Prefer"),
            ("postgres://a:b@%2Fvar%2Frun%2Fpostgresql/rekey", "Prefer"),
            ("postgres://a:b@localhost.example.com/rekey", "VerifyFull"),
            ("postgres:///rekey?host=db.example.com", "VerifyFull"),
        ] {
            let options = options(url).unwrap();
            assert_eq!(format!("{:?}", options.get_ssl_mode()), expected, "{url}");
        }
    }
}
