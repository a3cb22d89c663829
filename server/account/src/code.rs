use crate::invisible::is_invisible;
use crate::{CodeCounter, DomainToAscii, EmailAddress, Key, Refusal};
use rand::{CryptoRng, RngExt};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The only purpose for which an e-mailed code is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Confirms a sign-in after the correct password.
    SignIn,
    /// Proves access to the mailbox before a new password is set.
    Reset,
    /// Proves access to the mailbox before an account is created.
    SignUp,
    /// Proves again who a signed-in user is, before a sensitive action.
    Confirm,
    /// Proves access to the mailbox before it becomes the address of a signed-in account.
    ChangeEmail,
    /// Proves access to the mailbox, or to the one of up to seven days ago, before the account is secured.
    Secure,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 6] = [
        Self::SignIn,
        Self::Reset,
        Self::SignUp,
        Self::Confirm,
        Self::ChangeEmail,
        Self::Secure,
    ];

    /// Returns the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Reset => "reset",
            Self::SignUp => "sign_up",
            Self::Confirm => "confirm",
            Self::ChangeEmail => "change_email",
            Self::Secure => "secure",
        }
    }

    /// Parses the stored form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// Returns the counter for incorrect codes. Anyone can begin a sign-in that proves the mailbox before the password.
    #[must_use]
    pub const fn counter(self, mailbox_first: bool) -> CodeCounter {
        match self {
            Self::SignIn if !mailbox_first => CodeCounter::AfterPassword,
            Self::SignIn | Self::Reset | Self::Confirm | Self::Secure => CodeCounter::Anyone,
            Self::SignUp | Self::ChangeEmail => CodeCounter::SignUp,
        }
    }
}

/// A one-time passcode. Exists only in memory, until it is e-mailed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<String>);

/// The only combination for which a code is valid.
#[derive(Debug, Clone, Copy)]
pub struct CodeBinding<'a> {
    /// The purpose of the code.
    pub purpose: Purpose,
    /// The recipient of the code.
    pub email: &'a EmailAddress,
    /// The flow that requested the code: the digest of the browser's token.
    pub flow: &'a str,
}

impl Code {
    /// Generates a uniformly distributed code; leading zeros are allowed.
    pub fn generate(digits: usize, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let below = (0..digits).fold(1_u64, |below, _| below.saturating_mul(10));
        Self(Zeroizing::new(format!("{:0digits$}", rng.random_range(0..below))))
    }

    /// Creates a code from the digits that [`read_code`] found.
    fn typed(digits: String) -> Self {
        Self(Zeroizing::new(digits))
    }

    /// Returns the digits.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    /// Returns the stored form: HMAC-SHA-256 under a server key, in hexadecimal.
    /// Attack: codes are guessed offline from a copy of the database. Without the key, this is impossible.
    #[must_use]
    pub fn digest(&self, key: &Key, binding: CodeBinding<'_>) -> String {
        let parts = [
            binding.purpose.as_str(),
            binding.email.as_str(),
            binding.flow,
            self.digits(),
        ];
        hex::encode(key.mac("code", &parts.map(str::as_bytes)))
    }

    /// Compares the code with a digest in constant time.
    #[must_use]
    pub fn matches(&self, digest: &str, key: &Key, binding: CodeBinding<'_>) -> bool {
        self.digest(key, binding).as_bytes().ct_eq(digest.as_bytes()).into()
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(…)")
    }
}

/// The content of the code field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedCode {
    /// A code of the correct length.
    Code(Code),
    /// An address that corrects a mistyped one.
    Email(EmailAddress),
}

/// Extracts the code from user input, which may contain spaces, dashes, full-width or Arabic-Indic digits, or the whole e-mail.
/// Exactly one group of digits must have the correct length.
///
/// # Errors
/// [`Refusal::CodeMissing`], [`Refusal::CodeWrongLength`] or [`Refusal::CodeAmbiguous`]; none of them spends a try.
pub fn read_code(typed: &str, digits: usize, domain_to_ascii: DomainToAscii) -> Result<TypedCode, Refusal> {
    // Enough for any e-mail of this service.
    if typed.len() > 16 * 1024 {
        return Err(Refusal::CodeWrongLength { digits });
    }
    if let Ok(email) = EmailAddress::read(typed, domain_to_ascii) {
        return Ok(TypedCode::Email(email));
    }
    let groups = groups(typed);
    let all: String = groups.iter().map(|group| group.joined.as_str()).collect();
    let only_digits = !typed.chars().any(|c| piece(c) == Piece::Other);
    if all.is_empty() {
        return Err(Refusal::CodeMissing);
    }
    if only_digits {
        return if all.len() == digits {
            Ok(TypedCode::Code(Code::typed(all)))
        } else {
            Err(Refusal::CodeWrongLength { digits })
        };
    }
    let mut found = distinct(
        groups
            .iter()
            .flat_map(|group| &group.runs)
            .filter(|run| run.len() == digits),
    );
    if found.is_empty() {
        found = distinct(
            groups
                .iter()
                .map(|group| &group.joined)
                .filter(|joined| joined.len() == digits),
        );
    }
    match found.as_slice() {
        [] => Err(Refusal::CodeWrongLength { digits }),
        [one] => Ok(TypedCode::Code(Code::typed((*one).clone()))),
        _ => Err(Refusal::CodeAmbiguous),
    }
}

fn distinct<'a>(found: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut out: Vec<&String> = Vec::new();
    for one in found {
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

#[derive(PartialEq, Eq)]
enum Piece {
    Digit(char),
    /// White space, dashes and invisible characters between digits.
    Joint,
    Other,
}

fn piece(c: char) -> Piece {
    let zeros = ['0', '\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}'];
    let value = |zero: &char| (c as u32).checked_sub(*zero as u32);
    if let Some(digit) = zeros
        .iter()
        .filter_map(value)
        .find_map(|value| char::from_digit(value, 10))
    {
        return Piece::Digit(digit);
    }
    let joint = c.is_whitespace()
        || is_invisible(c)
        || matches!(
            c,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
        );
    if joint { Piece::Joint } else { Piece::Other }
}

/// Digits separated only by joints.
#[derive(Default)]
struct Group {
    runs: Vec<String>,
    joined: String,
}

/// Splits a text into groups of digits. Any character that is neither a digit nor a joint ends a group (`10:12`, `#1`).
fn groups(typed: &str) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    let mut in_run = false;
    for c in typed.chars() {
        match piece(c) {
            Piece::Digit(digit) => {
                if let Some(group) = groups.last_mut() {
                    if !in_run {
                        group.runs.push(String::new());
                    }
                    group.joined.push(digit);
                    if let Some(run) = group.runs.last_mut() {
                        run.push(digit);
                    }
                }
                in_run = true;
            }
            Piece::Joint => in_run = false,
            Piece::Other => {
                in_run = false;
                groups.push(Group::default());
            }
        }
    }
    groups.retain(|group| !group.joined.is_empty());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;

    fn no_domain(_: &str) -> Option<String> {
        None
    }

    fn read(typed: &str, digits: usize) -> Result<String, Refusal> {
        read_code(typed, digits, no_domain).map(|typed| match typed {
            TypedCode::Code(code) => code.digits().to_owned(),
            TypedCode::Email(email) => email.to_string(),
        })
    }

    #[test]
    fn a_pasted_code_is_read_in_any_format() {
        for typed in [
            "012345",
            " 012345\n",
            "012 345",
            "012-345",
            "0 1 2 3 4 5",
            "012\u{a0}345",
            "012\u{2009}345",
            "012\u{2013}345",
            "\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}",
            "\u{660}\u{661}\u{662}\u{663}\u{664}\u{665}",
            "\u{6f0}\u{6f1}\u{6f2}\u{6f3}\u{6f4}\u{6f5}",
            "\u{200e}012345\u{200f}",
            "\u{61c}012\u{ad}345\u{2066}",
            "Code: 012345.",
            "Code: 012 345",
            "012345 is your Rekey passcode (Request K7). It works until 10:12 on 2026-11-24. @signin.example.com #012345",
        ] {
            assert_eq!(read(typed, 6).as_deref(), Ok("012345"), "{typed:?}");
        }
    }

    #[test]
    fn unreadable_codes_are_refused_with_the_reason() {
        assert_eq!(read("", 6), Err(Refusal::CodeMissing));
        assert_eq!(read(" - ", 6), Err(Refusal::CodeMissing));
        assert_eq!(read("abc", 6), Err(Refusal::CodeMissing));
        assert_eq!(read("12345", 6), Err(Refusal::CodeWrongLength { digits: 6 }));
        assert_eq!(read("1234567", 6), Err(Refusal::CodeWrongLength { digits: 6 }));
        assert_eq!(read("12 123456", 6), Err(Refusal::CodeWrongLength { digits: 6 }));
        assert_eq!(read("code 12 or 345", 6), Err(Refusal::CodeWrongLength { digits: 6 }));
        assert_eq!(read("code 123456 or 654321", 6), Err(Refusal::CodeAmbiguous));
        assert_eq!(read("codes 123456 654321", 6), Err(Refusal::CodeAmbiguous));
    }

    #[test]
    fn input_longer_than_16_kib_is_refused() {
        let code = "Your code is 012345.";
        let mail = format!("{code}{}", "x".repeat(16 * 1024 - code.len()));
        assert_eq!(read(&mail, 6).as_deref(), Ok("012345"));
        assert_eq!(
            read(&format!("{mail}x"), 6),
            Err(Refusal::CodeWrongLength { digits: 6 })
        );
    }

    #[test]
    fn debug_output_hides_the_digits() {
        assert_eq!(format!("{:?}", Code::typed("012345".into())), "Code(…)");
    }

    #[test]
    fn an_address_in_the_code_field_is_recognized() {
        for typed in ["Ada2@Example.com", "<ada2@example.com>", "ada2\u{ff20}example.com"] {
            assert_eq!(read(typed, 6).as_deref(), Ok("ada2@example.com"));
        }
    }

    #[test]
    fn a_digest_matches_only_its_code_key_and_binding() {
        let (key, other_key) = (Key::new("a".into(), [1; 32]), Key::new("b".into(), [2; 32]));
        let (ada, bob) = (
            EmailAddress::parse("ada@example.com").unwrap(),
            EmailAddress::parse("bob@example.com").unwrap(),
        );
        let code = Code::typed("01234567".into());
        let binding = CodeBinding {
            purpose: Purpose::Reset,
            email: &ada,
            flow: "f1",
        };
        let digest = code.digest(&key, binding);
        assert!(code.matches(&digest, &key, binding));
        assert!(!code.matches(&digest, &other_key, binding));
        assert!(!code.matches(
            &digest,
            &key,
            CodeBinding {
                purpose: Purpose::SignIn,
                ..binding
            }
        ));
        assert!(!code.matches(&digest, &key, CodeBinding { email: &bob, ..binding }));
        assert!(!code.matches(&digest, &key, CodeBinding { flow: "f2", ..binding }));
        assert!(!Code::typed("01234568".into()).matches(&digest, &key, binding));
    }

    #[test]
    fn generated_codes_are_uniform_and_keep_leading_zeros() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut first_digits = [0_u32; 10];
        for _ in 0..10_000 {
            let code = Code::generate(6, &mut rng);
            assert_eq!(code.digits().len(), 6);
            assert_eq!(Code::generate(12, &mut rng).digits().len(), 12);
            first_digits[usize::from(code.digits().as_bytes()[0] - b'0')] += 1;
        }
        assert!(
            first_digits.iter().all(|count| (880..1_120).contains(count)),
            "{first_digits:?}"
        );
    }

    proptest! {
        #[test]
        fn separators_between_digits_are_ignored(code in "[0-9]{8}", joints in proptest::collection::vec("[ \u{a0}\u{2013}\u{200b}-]{0,3}", 9)) {
            let typed: String = joints.iter().zip(code.chars().map(Some).chain([None]))
                .flat_map(|(joint, digit)| joint.chars().chain(digit)).collect();
            prop_assert_eq!(read(&typed, 8), Ok(code));
        }

        #[test]
        fn a_code_in_text_is_found(code in "[0-9]{6}", before in "[a-z :.#@]{0,20}", after in "[ .,!][a-z ]{0,20}") {
            let typed = format!("{before}x {code}{after}");
            prop_assert_eq!(read(&typed, 6), Ok(code));
        }

        #[test]
        fn arbitrary_input_does_not_panic(typed in "\\PC{0,200}", digits in 6_usize..13) {
            if let Ok(found) = read(&typed, digits) {
                prop_assert!(found.contains('@') || found.len() == digits && found.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}
