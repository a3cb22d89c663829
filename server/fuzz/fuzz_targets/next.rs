//! The destination after sign-in: for any input, a browser stays on this origin.
#![no_main]

use account::safe_next;
use libfuzzer_sys::fuzz_target;
use url::Url;

const ORIGIN: &str = "https://rekey.example";
/// Base pages of relative URLs.
const PAGES: [&str; 3] = ["/signin", "/api/sign_in/answer", "/security/password"];

fuzz_target!(|wanted: &str| {
    let next = safe_next(wanted);
    assert!(next == wanted || next == "/profile", "{wanted:?} became {next:?}");
    assert!(next.starts_with('/') && next.len() <= 512);
    assert!(
        next.bytes().all(|b| b.is_ascii_graphic()),
        "not fit for a header: {next:?}"
    );
    assert_eq!(safe_next(next), next, "taken once, taken again");
    for page in PAGES {
        let Ok(there) = Url::parse(ORIGIN).and_then(|origin| origin.join(page)?.join(next)) else {
            panic!("not a URL: {next:?}");
        };
        assert_eq!(there.origin().ascii_serialization(), ORIGIN, "{next:?}");
        assert!(there.username().is_empty() && there.password().is_none() && there.fragment().is_none());
        // Attack: a path resolves to another one, such as a server function's.
        assert_eq!(&there[url::Position::BeforePath..], next, "read as it is written");
        assert!(!there.path().starts_with("/api/"), "{next:?}");
    }
});
