/// Returns the destination after sign-in: `wanted` if it is a path of this origin, else the profile.
///
/// Attack: an open redirect by `//host`, `/\host`, a scheme, control characters that browsers drop, or an encoded form of these.
/// Only characters without a special meaning are therefore accepted, and in the query `%26`, which [`with_next`] writes.
#[must_use]
pub fn safe_next(wanted: &str) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~?=&".contains(c);
    let (path, query) = wanted.split_once('?').unwrap_or((wanted, ""));
    let fits = wanted.len() <= 512
        && wanted.starts_with('/')
        && path.chars().all(is_plain)
        && query.replace("%26", "&").chars().all(is_plain)
        && !wanted.contains("//")
        && !path.split('/').any(|part| part == "." || part == "..")
        && !path.starts_with("/api/");
    if fits { wanted } else { "/profile" }
}

/// Returns the address of a page that leads on to `next` when it is done. Without `next`, the page decides.
#[must_use]
pub fn with_next(page: &str, next: &str) -> String {
    if next.is_empty() {
        return page.to_owned();
    }
    let separator = if page.contains('?') { "&next=" } else { "?next=" };
    // Of the characters that a destination may contain, only this one would end the parameter.
    [page, separator, &safe_next(next).replace('&', "%26")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_path_is_kept() {
        for path in [
            "/",
            "/security",
            "/security/password",
            "/profile?tab=privacy",
            "/a-b_c~d.e",
            "/signin?next=/a?b=c%26d=e",
        ] {
            assert_eq!(safe_next(path), path);
        }
    }

    #[test]
    fn a_destination_with_several_parameters_stays_one_parameter() {
        assert_eq!(with_next("/signin", "/a?b=c&d=e"), "/signin?next=/a?b=c%26d=e");
        assert_eq!(
            with_next("/signin?intent=confirm", "/a"),
            "/signin?intent=confirm&next=/a"
        );
        assert_eq!(with_next("/signin", "//evil.example"), "/signin?next=/profile");
        assert_eq!(with_next("/signin", ""), "/signin");
    }

    #[test]
    fn an_unsafe_destination_falls_back_to_the_profile() {
        let long = format!("/{}", "a".repeat(512));
        for trick in [
            "",
            " ",
            "security",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "http:evil.example",
            "HTTPS://evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\n/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/%09/evil.example",
            "/%2f/evil.example",
            "/%2F%2Fevil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "%2f%2fevil.example",
            "/%0d%0aSet-Cookie:x=1",
            "/\r\nLocation:evil",
            "/.//evil.example",
            "/..//evil.example",
            "/./evil",
            "/../evil",
            "/a/../..",
            "/a/.",
            "/a/..",
            "/@evil.example",
            "@evil.example",
            "/:80",
            ":80",
            "/;evil",
            "//evil.example@127.0.0.1",
            "//127.0.0.1@evil.example",
            "/\u{2044}evil",
            "/\u{ff0f}evil",
            "\u{ff0f}\u{ff0f}evil",
            "/\u{3002}evil",
            "/\0",
            "\0/",
            "/a b",
            "/a\"b",
            "/a'b",
            "/<script>",
            "/a>b",
            "/a#//evil",
            "/#",
            "/a?next=//evil",
            "/a?u=https://evil",
            "/api/sign_in/sign_out",
            "/a%26b",
            "/a?b=%2F%2Fevil.example",
            "/a?b=%2526",
            "/a//b",
            "?next=/x",
            "#",
            "/a|b",
            "/a^b",
            "/a`b",
            "/{}",
            "/a\\b",
            "/é",
            &long,
        ] {
            assert_eq!(safe_next(trick), "/profile", "{trick:?}");
        }
    }
}
