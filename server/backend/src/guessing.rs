//! Checks new passwords with zxcvbn and a list of common passwords. Server only.

mod common;

use crate::Settings;
use account::{Guessable, Refusal};
use zxcvbn::matching::Match;
use zxcvbn::matching::patterns::MatchPattern;

/// Maximum number of characters that are checked. Attack: zxcvbn's time grows faster than the length; 128 marks take 90 ms.
const CHECKED_CHARS: usize = 64;
/// Maximum number of the user's own words, to bound the work.
const OWN_WORDS: usize = 32;

/// Refuses a password (NFC) that is common, even with repetitions or trailing digits, or that zxcvbn guesses too quickly. Its
/// dictionary includes the user's own words and the brand.
///
/// # Errors
/// [`Refusal::PasswordCommon`] or [`Refusal::PasswordGuessable`].
pub fn screen(settings: &Settings, password: &str, own_words: &[&str]) -> Result<(), Refusal> {
    if common::is_common(password) {
        return Err(Refusal::PasswordCommon);
    }
    let words: Vec<&str> = own_words
        .iter()
        .chain([&settings.brand.as_str()])
        .flat_map(|own| pieces(own))
        .collect();
    let estimate = zxcvbn::zxcvbn(&with_fewer_marks(password), &words[..words.len().min(OWN_WORDS)]);
    if estimate.guesses_log10() < settings.password_guesses_log10 {
        return Err(Refusal::PasswordGuessable {
            reason: reason(estimate.sequence()),
        });
    }
    Ok(())
}

/// Splits a name or address: `ada.lovelace@example.com`, `ada`, `lovelace`, `example`.
fn pieces(own: &str) -> impl Iterator<Item = &str> {
    let parts = own
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| part.chars().count() >= 3);
    std::iter::once(own).chain(parts)
}

/// Returns the beginning of the password, with equivalent marks merged. Attack: zxcvbn tries every combination of
/// alternative marks, 0.5 s for a password of nothing else, so a few requests keep every core busy.
fn with_fewer_marks(password: &str) -> zeroize::Zeroizing<String> {
    let fold = |mark| match mark {
        '{' | '[' | '<' => '(',
        '|' => '!',
        other => other,
    };
    password
        .chars()
        .take(CHECKED_CHARS)
        .map(fold)
        .collect::<String>()
        .into()
}

/// Returns the predominant kind of pattern in the password, as advice for the user.
fn reason(parts: &[Match]) -> Guessable {
    let length = |wanted: Guessable| {
        let of_kind = parts.iter().filter(|part| kind(&part.pattern) == wanted);
        of_kind.map(|part| part.token.chars().count()).sum::<usize>()
    };
    let kinds = [
        Guessable::Plain,
        Guessable::Date,
        Guessable::Word,
        Guessable::Sequence,
        Guessable::Repeats,
    ];
    kinds
        .into_iter()
        .max_by_key(|kind| length(*kind))
        .unwrap_or(Guessable::Plain)
}

const fn kind(pattern: &MatchPattern) -> Guessable {
    match pattern {
        MatchPattern::Dictionary(_) => Guessable::Word,
        MatchPattern::Spatial(_) | MatchPattern::Sequence(_) => Guessable::Sequence,
        MatchPattern::Repeat(_) => Guessable::Repeats,
        MatchPattern::Date(_) | MatchPattern::Regex(_) => Guessable::Date,
        MatchPattern::BruteForce => Guessable::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [&str; 2] = ["ada.lovelace@example.com", "Ada King"];

    fn judged(password: &str) -> Result<(), Refusal> {
        screen(&Settings::default(), password, &OWN)
    }

    #[test]
    fn a_guessable_password_is_refused_with_the_reason() {
        for (password, reason) in [
            ("abcdefghijklmnop", Guessable::Sequence),
            (",mnbvcxasdfghjkl;", Guessable::Sequence),
            ("xyxyxyxyxyxyxyxy", Guessable::Repeats),
            (
                "\u{1f980}\u{1f980}\u{1f980}\u{1f980}\u{1f980}\u{1f980}\u{1f980}\u{1f980}",
                Guessable::Repeats,
            ),
            ("2024202420242024", Guessable::Repeats),
            ("1990/01/31", Guessable::Date),
            ("internationalization", Guessable::Word),
            ("1nternat1onal1zat1on", Guessable::Word),
            ("extraordinary123", Guessable::Word),
            ("aB3$ kq", Guessable::Plain),
        ] {
            assert_eq!(
                judged(password),
                Err(Refusal::PasswordGuessable { reason }),
                "{password}"
            );
        }
    }

    #[test]
    fn the_users_own_words_and_the_brand_add_little_strength() {
        for password in [
            "rekeyrekeylovelace",
            "lovelace lovelace",
            "example lovelace",
            "lovelace@example",
        ] {
            assert!(judged(password).is_err(), "{password}");
        }
        let other = Settings {
            brand: "Zyxqwutz".into(),
            ..Settings::default()
        };
        assert!(screen(&other, "zyxqwutz-2026", &[]).is_err());
        assert_eq!(screen(&Settings::default(), "zyxqwutz-2026", &[]), Ok(()));
    }

    #[test]
    fn a_common_password_is_refused_as_common() {
        for password in [
            "passwordpassword",
            "Password123456789",
            "1234567890123456",
            "aaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(judged(password), Err(Refusal::PasswordCommon), "{password}");
        }
    }

    #[test]
    fn long_passwords_in_any_script_are_accepted() {
        let longest = "7!kV".to_owned()
            + &(0..124)
                .map(|i| char::from(b'a' + (i * i % 26) as u8))
                .collect::<String>();
        for password in [
            "correct horse battery staple",
            "three random words",
            "purple monkey dishwasher",
            "пароль из трёх слов",
            "ثلاث كلمات عشوائية",
            "mijn fiets is gisteren gestolen",
            "gJ8#kQ2!vX5@mZ9$",
            "0.618033988749894848",
            "my lovelace wants seven green apples",
            &longest,
        ] {
            assert_eq!(judged(password), Ok(()), "{password}");
        }
    }

    #[test]
    fn the_operator_sets_the_required_number_of_guesses() {
        let strict = Settings {
            password_guesses_log10: 18.0,
            ..Settings::default()
        };
        assert!(screen(&strict, "three random words", &[]).is_err());
        let lax = Settings {
            password_guesses_log10: 3.0,
            ..Settings::default()
        };
        assert_eq!(screen(&lax, "extraordinary123", &[]), Ok(()));
    }

    #[test]
    fn similar_symbols_are_merged_before_zxcvbn_tries_combinations() {
        assert_eq!(&*with_fewer_marks("a{[<(b|!c"), "a((((b!!c");
        assert_eq!(judged(&"4@8({[<369&#1!|70$5+%2".repeat(5)), Ok(()));
    }
}
