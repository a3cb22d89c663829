//! E-mail addresses as typed: an accepted address is one plain address in canonical form, and the only recipient.
#![no_main]

use account::{EmailAddress, Refusal, domain_to_ascii};
use lettre::Address;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    match EmailAddress::read(typed, domain_to_ascii) {
        Ok(email) => is_one_address(typed, &email),
        Err(Refusal::EmailMissing) => assert!(
            !typed.chars().any(|c| c.is_ascii_alphanumeric()) || typed.to_ascii_lowercase().contains("mailto:"),
            "something was typed: {typed:?}"
        ),
        Err(Refusal::EmailLocalPartNotAscii) => assert!(!typed.is_ascii(), "{typed:?}"),
        Err(refusal) => assert_eq!(refusal, Refusal::EmailMalformed, "{typed:?}"),
    }
});

fn is_one_address(typed: &str, email: &EmailAddress) {
    let text = email.as_str();
    assert_eq!(
        EmailAddress::parse(text).as_ref(),
        Ok(email),
        "the spelling is final: {typed:?}"
    );
    assert!(text.len() <= EmailAddress::MAX_LEN);
    assert!(
        text.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()),
        "{text:?}"
    );
    // Attack: the address adds a second recipient, a name, a comment, a quoted local part, a route or a header.
    assert!(!text.contains(|c| "\"(),:;<>[\\]".contains(c)), "{text:?}");
    assert_eq!(text.matches('@').count(), 1, "{text:?}");
    assert_eq!(format!("{}@{}", email.local_part(), email.domain()), text);
    // Attack: non-ASCII characters fold to another account's address. Apart from invisible characters, the local part and an
    // ASCII domain are as typed.
    let seen = typed.to_ascii_lowercase();
    let mut rest = seen.chars();
    assert!(
        email.local_part().chars().all(|c| rest.any(|typed| typed == c)),
        "{text:?} was not typed: {typed:?}"
    );
    if typed.is_ascii() {
        assert!(seen.contains(text), "{text:?} was not typed: {typed:?}");
    }

    let Ok(address) = text.parse::<Address>() else {
        panic!("the mail library does not take {text:?}");
    };
    assert_eq!(<Address as AsRef<str>>::as_ref(&address), text);
    assert_eq!((address.user(), address.domain()), (email.local_part(), email.domain()));

    let stored = serde_json::to_string(email).unwrap_or_default();
    assert_eq!(
        serde_json::from_str::<EmailAddress>(&stored).ok().as_ref(),
        Some(email),
        "{stored}"
    );
}
