//! The parts that do not hash: in nanoseconds (`cargo bench -p backend`), or one part so many times, for a program that counts
//! its instructions (`.ci/instructions`).
#![expect(clippy::expect_used, reason = "what is measured is known to work")]

use account::{
    Code, CodeBinding, CodeEmail, Email, EmailAddress, Key, Purpose, Request, Secret, Timestamp, TypedCode, read_code,
    safe_next,
};
use backend::{Settings, render};
use std::hint::black_box;

const NAMES: [&str; 5] = ["address", "code_in_a_mail", "digest", "next", "e-mail"];

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, flag, name, times] = words.as_slice()
        && flag == "--instructions"
    {
        let times: u64 = times.parse().expect("how many times");
        let mut part = part(name);
        (0..times).for_each(|_| part());
    } else {
        divan::main();
    }
}

#[divan::bench(args = NAMES)]
fn parts(bencher: divan::Bencher, name: &str) {
    bencher.bench_local(part(name));
}

/// What is done again and again, on what was made before.
fn part(name: &str) -> Box<dyn FnMut()> {
    let ada = EmailAddress::parse("ada@example.com").expect("an address");
    let mail =
        "012345 is your Rekey passcode (Request K7). It works until 10:12 on 2026-11-24. @signin.example.com #012345";
    match name {
        "address" => Box::new(|| {
            black_box(EmailAddress::parse(black_box(" Ada.Lovelace+rekey@Mail.Example.COM. "))).expect("an address");
        }),
        "code_in_a_mail" => Box::new(move || {
            black_box(read_code(black_box(mail), 6, account::domain_to_ascii)).expect("a code");
        }),
        "digest" => {
            let key = Key::new("k1".into(), [7; 32]);
            let TypedCode::Code(code) = read_code(mail, 6, account::domain_to_ascii).expect("a code") else {
                unreachable!("it is no address")
            };
            Box::new(move || digest(&code, &key, &ada))
        }
        "next" => Box::new(|| {
            black_box(safe_next(black_box("/orders/17?page=2#last")));
        }),
        "e-mail" => {
            let (settings, message) = (Settings::default(), message());
            Box::new(move || {
                black_box(render(&settings, "en", black_box(&message)));
            })
        }
        _ => panic!("there is no part {name}"),
    }
}

fn digest(code: &Code, key: &Key, email: &EmailAddress) {
    let binding = CodeBinding {
        purpose: Purpose::SignIn,
        email,
        flow: "the digest of a token",
    };
    black_box(code.digest(key, black_box(binding)));
}

fn message() -> Email {
    Email::Code(CodeEmail {
        purpose: Purpose::Reset,
        code: Secret::from("01234567"),
        works_until: Timestamp(1_795_521_600_000),
        request: Request {
            reference: "K7".into(),
            asked_at: Timestamp(1_795_521_000_000),
            browser: "Firefox on Linux".into(),
            mailbox_first: false,
        },
    })
}
