#[cfg(feature = "nfc")]
use crate::EmailAddress;
use crate::{Refusal, Secret};
use serde::{Deserialize, Serialize};

/// The requirements for a new password (NIST SP 800-63B-4 §3.1.1): no composition rules, spaces are kept, no truncation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// Minimum number of code points, after NFC.
    pub min: usize,
}

/// The reason why a password of sufficient length is easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guessable {
    /// A sequence or keyboard pattern: `qwertyuiop`, `abcdefgh`.
    Sequence,
    /// The same few characters or words repeated.
    Repeats,
    /// A date or a year.
    Date,
    /// One word or name with few additions.
    Word,
    /// Too few hard-to-guess parts.
    Plain,
}

impl PasswordPolicy {
    /// Maximum number of code points, after NFC.
    pub const MAX: usize = 128;

    /// Runs the checks that browser and server share: both fields filled, equal, and of an allowed length. Returns the password
    /// in NFC.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies, by field.
    pub fn check(&self, typed: &Secret, again: &Secret, nfc: Nfc) -> Result<Secret, Refusal> {
        if typed.is_empty() {
            return Err(Refusal::NewPasswordMissing);
        }
        let password = typed.as_password(nfc);
        let have = password.expose().chars().count();
        if have < self.min {
            return Err(Refusal::PasswordTooShort { min: self.min, have });
        }
        if have > Self::MAX {
            return Err(Refusal::PasswordTooLong { max: Self::MAX });
        }
        if again.is_empty() {
            return Err(Refusal::AgainMissing);
        }
        if again.as_password(nfc) != password {
            return Err(Refusal::PasswordsDiffer);
        }
        Ok(password)
    }

    /// Runs [`Self::check`], and refuses a password that consists of the user's own words.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies, by field.
    #[cfg(feature = "nfc")]
    pub fn check_for(
        &self,
        typed: &Secret,
        again: &Secret,
        email: &EmailAddress,
        name: &str,
    ) -> Result<Secret, Refusal> {
        let password = self.check(typed, again, nfc)?;
        if holds_own_words(password.expose(), email, name) {
            return Err(Refusal::PasswordHoldsOwnWords);
        }
        Ok(password)
    }
}

/// A conversion of text to NFC (Unicode Standard Annex 15), the canonical form of text with several encodings. Passed as an
/// argument, because browsers provide their own.
pub type Nfc = fn(&str) -> String;

/// Converts text to NFC on the server; see [`Nfc`].
#[cfg(feature = "nfc")]
#[must_use]
pub fn nfc(text: &str) -> String {
    unicode_normalization::UnicodeNormalization::nfc(text).collect()
}

impl Secret {
    /// Returns the password as hashed: in NFC, so that it verifies from every keyboard (NIST SP 800-63B-4 §3.1.1.2).
    #[must_use]
    pub fn as_password(&self, nfc: Nfc) -> Secret {
        nfc(self.expose()).into()
    }
}

/// Returns whether a word of four letters or more from the user's address or name makes up much of the password.
#[cfg(feature = "nfc")]
fn holds_own_words(password: &str, email: &EmailAddress, name: &str) -> bool {
    let password = password.to_lowercase();
    let words = [email.as_str(), email.local_part()]
        .into_iter()
        .chain(name.split_whitespace());
    let whole = name.split_whitespace().collect::<String>();
    words.chain([whole.as_str()]).map(str::to_lowercase).any(|word| {
        word.chars().count() >= 4 && password.contains(&word) && password.chars().count() < word.chars().count() + 12
    })
}

#[cfg(test)]
#[cfg(feature = "nfc")]
mod tests {
    use super::*;

    const POLICY: PasswordPolicy = PasswordPolicy { min: 15 };

    fn check(typed: &str, again: &str) -> Result<Secret, Refusal> {
        POLICY.check_for(
            &typed.into(),
            &again.into(),
            &EmailAddress::parse("adalove@example.com").unwrap(),
            "Ada Lovelace",
        )
    }

    #[test]
    fn a_long_password_is_accepted_unchanged() {
        let longest = "x y".repeat(42) + "zz";
        for typed in [
            "three random words",
            " lead and trail ",
            "пароль из трёх слов",
            "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
            &longest,
        ] {
            assert_eq!(check(typed, typed).unwrap().expose(), typed);
        }
    }

    #[test]
    fn length_is_counted_in_code_points_after_nfc() {
        assert_eq!(check("e\u{301}23456789012345", "x"), Err(Refusal::PasswordsDiffer));
        assert_eq!(
            check("e\u{301}2345678901234", "x"),
            Err(Refusal::PasswordTooShort { min: 15, have: 14 })
        );
        let over = "é".repeat(129);
        assert_eq!(check(&over, &over), Err(Refusal::PasswordTooLong { max: 128 }));
    }

    #[test]
    fn passwords_with_equal_nfc_match() {
        assert_eq!(
            check("e\u{301}t\u{e9} trois mots verts", "\u{e9}te\u{301} trois mots verts")
                .unwrap()
                .expose(),
            "\u{e9}t\u{e9} trois mots verts"
        );
    }

    #[test]
    fn the_first_applicable_refusal_is_returned() {
        assert_eq!(check("", ""), Err(Refusal::NewPasswordMissing));
        assert_eq!(check("three random words", ""), Err(Refusal::AgainMissing));
        assert_eq!(
            check("three random words", "Three random words"),
            Err(Refusal::PasswordsDiffer)
        );
        for own in [
            "adalove@example.com",
            "ADALOVE12345678",
            "lovelace1234567",
            "AdaLovelace2026!",
        ] {
            assert_eq!(check(own, own), Err(Refusal::PasswordHoldsOwnWords), "{own}");
        }
    }

    #[test]
    fn an_own_word_in_a_long_phrase_is_accepted() {
        assert!(
            check(
                "my adalove wants seven green apples",
                "my adalove wants seven green apples"
            )
            .is_ok()
        );
    }
}
