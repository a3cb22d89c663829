//! The code field: its input is a code of exactly that many digits in the typed order, an address, or a refusal.
#![no_main]

use account::{EmailAddress, Refusal, TypedCode, domain_to_ascii, read_code};
use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;

/// Pasted text: arbitrary, or a code in pieces.
#[derive(Debug, Arbitrary)]
enum Paste<'a> {
    Text(&'a str),
    Apart {
        code: u32,
        script: u8,
        joints: [u8; 9],
    },
    /// A code within words, as in an e-mail.
    InWords {
        before: &'a str,
        code: u32,
        after: &'a str,
    },
}

/// The digit zero in various scripts.
const SCRIPTS: [char; 7] = ['0', '\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}'];
const JOINTS: [&str; 8] = [
    "",
    " ",
    "-",
    "\u{a0}",
    "\u{2013}",
    "\u{200b}",
    "\r\n",
    "\u{200e} \u{2212}",
];

fuzz_target!(|paste: Paste<'_>| {
    for digits in [6, 8, 10, 12] {
        match &paste {
            Paste::Text(typed) => {
                read(typed, digits);
            }
            Paste::Apart { code, script, joints } => {
                let code = padded(*code, digits);
                let zero = SCRIPTS[usize::from(*script) % SCRIPTS.len()];
                let mut typed = String::new();
                for (joint, digit) in joints.iter().zip(code.chars()) {
                    typed.push_str(JOINTS[usize::from(*joint) % JOINTS.len()]);
                    let value = digit.to_digit(10).unwrap_or_default();
                    typed.extend(char::from_u32(zero as u32 + value));
                }
                assert_eq!(read(&typed, digits), Some(code), "{typed:?}");
            }
            Paste::InWords { before, code, after } => {
                let code = padded(*code, digits);
                let found = read(&format!("{before} x {code} x {after}"), digits);
                if !has_digits(before) && !has_digits(after) && before.len() + after.len() < 16_000 {
                    assert_eq!(found, Some(code), "{before:?} {after:?}");
                }
            }
        }
    }
});

/// Parses the input and checks the invariants of every result.
fn read(typed: &str, digits: usize) -> Option<String> {
    match read_code(typed, digits, domain_to_ascii) {
        Ok(TypedCode::Code(code)) => {
            let found = code.digits().to_owned();
            assert_eq!(found.len(), digits, "{typed:?}");
            assert!(found.bytes().all(|b| b.is_ascii_digit()), "{found:?}");
            // Attack: a code made of digits that weren't typed spends tries.
            let mut rest = typed.chars().filter_map(value);
            assert!(found.bytes().all(|digit| rest.any(|typed| typed == digit)), "{typed:?}");
            assert!(
                matches!(read_code(&found, digits, domain_to_ascii), Ok(TypedCode::Code(again)) if again == code),
                "the digits read as themselves"
            );
            Some(found)
        }
        Ok(TypedCode::Email(email)) => {
            assert_eq!(EmailAddress::read(typed, domain_to_ascii).as_ref(), Ok(&email));
            None
        }
        Err(refusal) => {
            assert!(
                matches!(refusal, Refusal::CodeMissing | Refusal::CodeAmbiguous)
                    || refusal == Refusal::CodeWrongLength { digits },
                "{refusal:?}"
            );
            None
        }
    }
}

fn value(c: char) -> Option<u8> {
    SCRIPTS
        .iter()
        .filter_map(|zero| u8::try_from((c as u32).checked_sub(*zero as u32)?).ok())
        .find(|value| *value < 10)
        .map(|value| value + b'0')
}

fn has_digits(text: &str) -> bool {
    text.chars().any(|c| value(c).is_some())
}

fn padded(code: u32, digits: usize) -> String {
    let below = 10_u64.pow(u32::try_from(digits).unwrap_or(6));
    format!("{:0digits$}", u64::from(code) % below)
}
