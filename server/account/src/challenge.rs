use crate::{Code, CodeBinding, EmailAddress, Keyring, Purpose, Refusal, Timestamp};

/// An e-mailed code of a flow, as stored.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The id of its row.
    pub id: String,
    /// The result of [`Code::digest`].
    pub digest: String,
    /// The key of the digest.
    pub key_id: String,
    /// When its e-mail was queued.
    pub sent_at: Timestamp,
    /// The code is expired from this moment on.
    pub expires_at: Timestamp,
    /// Set when a newer code of the same flow replaced it, or the password changed.
    pub superseded_at: Option<Timestamp>,
}

/// A flow that the same browser held before the current one, for the same purpose and address.
#[derive(Debug, Clone)]
pub struct EarlierFlow {
    /// The flow: digest of the browser's token.
    pub id: String,
    /// Its codes.
    pub codes: Vec<IssuedCode>,
}

/// An open challenge. One try is already spent when it is loaded, so that concurrent guesses cannot share one.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The flow: digest of the browser's token.
    pub flow: String,
    /// What the code is for.
    pub purpose: Purpose,
    /// The address that the code was e-mailed to.
    pub email: EmailAddress,
    /// The tries left after this one.
    pub tries_left: i64,
    /// How many more times an older code is recognized without costing a try.
    pub stale_code_allowance: i64,
    /// Every code of this flow, newest first.
    pub codes: Vec<IssuedCode>,
    /// The browser's earlier flows, so that their codes are recognized. Attack: guesses are tested against the owner's codes.
    /// Therefore flows of other browsers are never included.
    pub earlier: Vec<EarlierFlow>,
}

/// Proof that the code was right. Only [`Challenge::answer`] creates it.
#[derive(Debug)]
pub struct Passed {
    code_id: String,
    flow: String,
}

impl Passed {
    /// The code to mark as used.
    #[must_use]
    pub fn code_id(&self) -> &str {
        &self.code_id
    }

    /// The flow that continues.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.flow
    }
}

/// The result of an answer. Not a `Result`: a wrong answer is recorded too, and a `?` would roll the spent try back.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// The newest code, in time.
    Right(Passed),
    /// Any other input. The try stays spent.
    Wrong(Refusal),
    /// A code of this flow that was replaced or has expired. It is not a guess, so the try is given back.
    Known(Refusal),
}

impl Challenge {
    /// Tries for all codes of a flow together: a new code does not restore them.
    pub const TRIES: i64 = 5;
    /// How long a code is valid (ASVS 5.0 6.5.5), checked when it is used.
    pub const MINUTES: i64 = 10;
    /// How many times an older code is recognized without costing a try.
    pub const HINTS: i64 = 2;
    /// How many times a flow may send a code, including the first.
    pub const SENDS: i64 = 6;

    /// The wait before the next code after the `sent`th, in seconds: 30 s, doubling to 4 min.
    #[must_use]
    pub fn resend_wait_s(sent: i64) -> i64 {
        30 << sent.saturating_sub(1).clamp(0, 3)
    }

    /// Checks a code. Attack: a code of another purpose, address or browser; the digest is bound to all three.
    pub fn answer(&self, typed: &Code, keys: &Keyring, now: Timestamp) -> Answer {
        let fits = |flow: &str, code: &IssuedCode| {
            let binding = CodeBinding {
                purpose: self.purpose,
                email: &self.email,
                flow,
            };
            keys.find(&code.key_id)
                .is_some_and(|key| typed.matches(&code.digest, key, binding))
        };
        let wrong = if self.tries_left > 0 {
            Refusal::CodeWrong {
                tries_left: self.tries_left,
            }
        } else {
            Refusal::TriesUsedUp
        };
        let Some(newest) = self.codes.first() else {
            return Answer::Wrong(wrong);
        };
        let Some(code) = self.codes.iter().find(|code| fits(&self.flow, code)) else {
            let mut earlier = self.earlier.iter();
            let of_earlier = earlier.any(|flow| flow.codes.iter().any(|code| fits(&flow.id, code)));
            return if of_earlier {
                self.known(Refusal::CodeOfEarlierRequest, wrong)
            } else {
                Answer::Wrong(wrong)
            };
        };
        if code.id != newest.id {
            let refusal = Refusal::CodeOlder {
                sent_at: code.sent_at,
                newest_at: newest.sent_at,
            };
            return self.known(refusal, wrong);
        }
        // Superseded without a newer code: the password changed or the account was deactivated.
        if code.superseded_at.is_some() {
            return self.known(Refusal::CodeReplaced, wrong);
        }
        if now >= code.expires_at {
            return self.known(Refusal::CodeLate, wrong);
        }
        Answer::Right(Passed {
            code_id: code.id.clone(),
            flow: self.flow.clone(),
        })
    }

    fn known(&self, refusal: Refusal, wrong: Refusal) -> Answer {
        if self.stale_code_allowance > 0 {
            Answer::Known(refusal)
        } else {
            Answer::Wrong(wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use rand::SeedableRng;

    fn keys() -> Keyring {
        Keyring::new(Key::new("k1".into(), [1; 32]), vec![])
    }

    /// A flow with codes sent at minutes 0, 1, …, newest first.
    fn challenge(count: i64) -> (Challenge, Vec<Code>) {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let email = EmailAddress::parse("ada@example.com").unwrap();
        let codes: Vec<Code> = (0..count).map(|_| Code::generate(8, &mut rng)).collect();
        let issued = codes.iter().enumerate().map(|(i, code)| {
            let sent_at = Timestamp(0).plus_minutes(count - 1 - i64::try_from(i).unwrap());
            IssuedCode {
                id: format!("c{i}"),
                digest: code.digest(
                    keys().current(),
                    CodeBinding {
                        purpose: Purpose::Reset,
                        email: &email,
                        flow: "f",
                    },
                ),
                key_id: "k1".into(),
                sent_at,
                expires_at: sent_at.plus_minutes(Challenge::MINUTES),
                superseded_at: (i > 0).then_some(sent_at),
            }
        });
        let challenge = Challenge {
            flow: "f".into(),
            purpose: Purpose::Reset,
            email: email.clone(),
            tries_left: 4,
            stale_code_allowance: 2,
            codes: issued.collect(),
            earlier: vec![],
        };
        (challenge, codes)
    }

    #[test]
    fn the_newest_code_works_until_the_exact_minute() {
        let (challenge, codes) = challenge(1);
        let last = Timestamp(0).plus_minutes(10).plus_ms(-1);
        let answer = challenge.answer(&codes[0], &keys(), last);
        assert!(matches!(answer, Answer::Right(passed) if passed.code_id() == "c0" && passed.flow() == "f"));
        assert!(matches!(
            challenge.answer(&codes[0], &keys(), last.plus_ms(1)),
            Answer::Known(Refusal::CodeLate)
        ));
    }

    #[test]
    fn an_older_code_is_recognised_twice_at_most() {
        let (mut challenge, codes) = challenge(2);
        let older = Refusal::CodeOlder {
            sent_at: Timestamp(0),
            newest_at: Timestamp(60_000),
        };
        assert!(
            matches!(challenge.answer(&codes[1], &keys(), Timestamp(60_001)), Answer::Known(refusal) if refusal == older)
        );
        challenge.stale_code_allowance = 0;
        assert!(matches!(
            challenge.answer(&codes[1], &keys(), Timestamp(60_001)),
            Answer::Wrong(_)
        ));
    }

    #[test]
    fn a_superseded_code_does_not_work() {
        let (mut challenge, codes) = challenge(1);
        challenge.codes[0].superseded_at = Some(Timestamp(1));
        assert!(matches!(
            challenge.answer(&codes[0], &keys(), Timestamp(2)),
            Answer::Known(Refusal::CodeReplaced)
        ));
    }

    #[test]
    fn a_code_of_an_earlier_flow_is_recognised_and_does_not_work() {
        let (earlier, codes) = challenge(1);
        let (mut later, _) = challenge(1);
        later.flow = "g".into();
        later.codes[0].digest = "of another code".into();
        assert!(matches!(
            later.answer(&codes[0], &keys(), Timestamp(2)),
            Answer::Wrong(Refusal::CodeWrong { .. })
        ));
        later.earlier = vec![EarlierFlow {
            id: earlier.flow,
            codes: earlier.codes,
        }];
        assert!(matches!(
            later.answer(&codes[0], &keys(), Timestamp(2)),
            Answer::Known(Refusal::CodeOfEarlierRequest)
        ));
        later.stale_code_allowance = 0;
        assert!(matches!(
            later.answer(&codes[0], &keys(), Timestamp(2)),
            Answer::Wrong(_)
        ));
    }

    #[test]
    fn a_wrong_code_says_how_many_tries_are_left() {
        let (mut challenge, _) = challenge(1);
        let guess = Code::generate(8, &mut rand::rngs::StdRng::seed_from_u64(99));
        assert!(matches!(
            challenge.answer(&guess, &keys(), Timestamp(0)),
            Answer::Wrong(Refusal::CodeWrong { tries_left: 4 })
        ));
        challenge.tries_left = 0;
        assert!(matches!(
            challenge.answer(&guess, &keys(), Timestamp(0)),
            Answer::Wrong(Refusal::TriesUsedUp)
        ));
        challenge.codes.clear();
        assert!(matches!(
            challenge.answer(&guess, &keys(), Timestamp(0)),
            Answer::Wrong(_)
        ));
    }

    #[test]
    fn the_wait_for_a_new_code_grows_and_is_bounded() {
        let waits: Vec<i64> = (1..7).map(Challenge::resend_wait_s).collect();
        assert_eq!(waits, [30, 60, 120, 240, 240, 240]);
    }
}
