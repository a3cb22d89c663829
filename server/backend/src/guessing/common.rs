//! The list of common passwords, and common ways of lengthening one.

use std::collections::HashSet;
use std::io::Read;
use std::sync::LazyLock;

/// Django's list; source and licence are in `lists/README.md`.
static PACKED: &[u8] = include_bytes!("../../lists/common-passwords.txt.gz");

static COMMON: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut text = String::new();
    if let Err(error) = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text) {
        tracing::error!(%error, "the list of common passwords cannot be unpacked");
    }
    text.lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
});

/// Minimum length of a core in characters. Shorter entries (`a`, `123`) would refuse any password of one letter and marks.
const CORE: usize = 4;

/// Whether the password is on the list: unchanged, in lower case, without white space, without repetition, without the
/// characters before its first and after its last letter, or with any two or three of these changes.
pub(super) fn is_common(password: &str) -> bool {
    let lower = password.to_lowercase();
    let joined: String = lower.split_whitespace().collect();
    [lower.as_str(), joined.as_str()].into_iter().any(|form| {
        let core = emails_within(form);
        listed(form)
            || listed(once(form))
            || long_and_listed(core)
            || listed(once(core)) && core.chars().count() >= CORE
            || long_and_listed(emails_within(once(form)))
            || long_and_listed(emails_within(once(core)))
    })
}

fn listed(form: &str) -> bool {
    COMMON.contains(form)
}

fn long_and_listed(core: &str) -> bool {
    core.chars().count() >= CORE && listed(core)
}

/// Strips digits, marks and white space at both ends.
fn emails_within(form: &str) -> &str {
    form.trim_matches(|c: char| !c.is_alphabetic())
}

/// Returns the shortest prefix that, repeated and possibly cut off, gives the whole: `password` for `passwordpasswor`.
fn once(form: &str) -> &str {
    let chars: Vec<(usize, char)> = form.char_indices().collect();
    let repeats_after = |n: usize| chars.iter().zip(&chars[n..]).all(|(a, b)| a.1 == b.1);
    let period = (1..=chars.len() * 2 / 3).find(|n| repeats_after(*n));
    period.and_then(|n| chars.get(n)).map_or(form, |(end, _)| &form[..*end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete() {
        assert_eq!(COMMON.len(), 19_640);
        assert!(COMMON.iter().all(|line| line.to_lowercase() == *line));
    }

    #[test]
    fn an_extended_common_password_is_common() {
        for password in [
            "password",
            "PASSWORD",
            "Password1",
            "passwordpassword",
            "PasswordPassword",
            "password password",
            "pass word pass word",
            "passwordpasswor",
            "password1password1",
            "passwordpassword1!",
            "passwordpassword2026",
            "password!!!!!!!!!!!!!!!!",
            "123456789password",
            "!!!password!!!",
            "letmein 2026-11-24",
            "abcabcabcabcabc",
            "aaaaaaaaaaaaaaaaaa",
            "123123123123123",
            "12345678901234567890",
            "qwertyqwertyqwerty",
            "iloveyou iloveyou",
            "password1!password1!",
            "пароль-пароль-пароль",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn a_common_word_among_other_words_is_not_common() {
        for password in [
            "correct horse battery staple",
            "password of my late cat",
            "dragon fruit salad bowl",
            "a1b2c3d4e5f6g7h8i9j0k",
            "7!3@9#2$8%a4&6*1(5)",
            "8-2-9-god-7-1-1-4-6",
            "\u{1f980}",
            "",
            " ",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn repetition_is_removed() {
        for (form, taken) in [
            ("abcabc", "abc"),
            ("abcabcab", "abc"),
            ("aaaa", "a"),
            ("éaéa", "éa"),
            ("abcab", "abc"),
            ("abca", "abca"),
            ("", ""),
        ] {
            assert_eq!(once(form), taken, "{form}");
        }
    }
}
