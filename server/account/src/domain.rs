use crate::{EmailAddress, Refusal, domain_to_ascii};

/// Parses a typed mail domain into the form in which addresses contain it: `example.com`, also from `@Example.COM`.
///
/// # Errors
/// [`Refusal::DomainMissing`] when empty, [`Refusal::DomainMalformed`] when no address can have it.
pub fn read_domain(typed: &str) -> Result<String, Refusal> {
    let typed = typed.trim();
    let typed = typed.strip_prefix('@').unwrap_or(typed);
    if typed.is_empty() {
        return Err(Refusal::DomainMissing);
    }
    let address = EmailAddress::read(&format!("postmaster@{typed}"), domain_to_ascii);
    address
        .map(|address| address.domain().to_owned())
        .map_err(|_| Refusal::DomainMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_read_as_in_addresses() {
        for typed in ["example.com", " @Example.COM. ", "\u{ff45}xample.com"] {
            assert_eq!(read_domain(typed), Ok("example.com".into()), "{typed:?}");
        }
        assert_eq!(read_domain("b\u{fc}cher.example"), Ok("xn--bcher-kva.example".into()));
        assert_eq!(read_domain(" @ "), Err(Refusal::DomainMissing));
        for typed in [
            "example",
            "https://example.com",
            "a@example.com",
            "*.example.com",
            "192.0.2.1",
            "a b.com",
        ] {
            assert_eq!(read_domain(typed), Err(Refusal::DomainMalformed), "{typed:?}");
        }
    }
}
