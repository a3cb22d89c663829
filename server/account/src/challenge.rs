use crate::{Code, CodeBinding, EmailAddress, Keyring, Purpose, Refusal, Timestamp};

/// An e-mailed code of a flow, as stored.
#[derive(Debug, Clone)]
pub struct IssuedCode {
    /// The id of the database row.
    pub id: String,
    /// The result of [`Code::digest`].
    pub digest: String,
    /// The id of the digest's key.
    pub key_id: String,
    /// The time when the e-mail was queued.
    pub sent_at: Timestamp,
    /// The time when the code expires.
    pub expires_at: Timestamp,
    /// Set when a newer code of the same flow replaced it, or the password changed.
    pub superseded_at: Option<Timestamp>,
}

/// An earlier flow of the same browser, for the same purpose and address.
#[derive(Debug, Clone)]
pub struct EarlierFlow {
    /// The id of the flow: the digest of the browser's token.
    pub id: String,
    /// Its codes.
    pub codes: Vec<IssuedCode>,
}

/// An open challenge, loaded only after a try was spent, so that concurrent guesses cannot share one.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// The id of the flow: the digest of the browser's token.
    pub flow: String,
    /// The purpose of the code.
    pub purpose: Purpose,
    /// The recipient of the code.
    pub email: EmailAddress,
    /// The tries left after this one.
    pub tries_left: i64,
    /// How many more older codes are recognized without spending a try.
    pub stale_code_allowance: i64,
    /// All codes of this flow, newest first.
    pub codes: Vec<IssuedCode>,
    /// The browser's earlier flows, so that their codes are recognized.
    /// Attack: guesses are tested against the owner's codes. Flows of other browsers are therefore never included.
    pub earlier: Vec<EarlierFlow>,
}

/// Proof that the code was correct. Only [`Challenge::answer`] creates it.
#[derive(Debug)]
pub struct Passed {
    code_id: String,
    flow: String,
}

impl Passed {
    /// Returns the id of the code to mark as used.
    #[must_use]
    pub fn code_id(&self) -> &str {
        &self.code_id
    }

    /// Returns the id of the flow that continues.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.flow
    }
}

/// The result of an answer. Not a `Result`, because `?` would roll back the try that an incorrect answer spends.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// The newest code, before its expiry.
    Right(Passed),
    /// Any other input; spends the try.
    Wrong(Refusal),
    /// A replaced or expired code of this flow. Not a guess, so the try is restored.
    Known(Refusal),
}

impl Challenge {
    /// Maximum number of tries for all codes of a flow together; a new code does not restore them.
    pub const TRIES: i64 = 5;
    /// Lifetime of a code in minutes (ASVS 5.0 6.5.5), checked when the code is used.
    pub const MINUTES: i64 = 10;
    /// How many older codes are recognized without spending a try.
    pub const HINTS: i64 = 2;
    /// Maximum number of codes that a flow sends, including the first.
    pub const SENDS: i64 = 6;

    /// Returns the wait in seconds before the next code after the `sent`th: 30, doubling to 240.
    #[must_use]
    pub fn resend_wait_s(sent: i64) -> i64 {
        30 << sent.saturating_sub(1).clamp(0, 3)
    }

    /// Checks a code. Attack: reuse of a code for another purpose, address or browser; the digest is bound to all three.
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

    /// Creates a flow with codes sent at minutes 0, 1, …, newest first.
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
    fn the_newest_code_is_valid_until_its_expiry() {
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
    fn an_older_code_is_recognized_only_within_the_allowance() {
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
    fn a_superseded_code_is_refused() {
        let (mut challenge, codes) = challenge(1);
        challenge.codes[0].superseded_at = Some(Timestamp(1));
        assert!(matches!(
            challenge.answer(&codes[0], &keys(), Timestamp(2)),
            Answer::Known(Refusal::CodeReplaced)
        ));
    }

    #[test]
    fn a_code_of_an_earlier_flow_is_recognized_but_refused() {
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
    fn an_incorrect_code_reports_the_tries_left() {
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
    fn the_resend_wait_doubles_up_to_four_minutes() {
        let waits: Vec<i64> = (1..7).map(Challenge::resend_wait_s).collect();
        assert_eq!(waits, [30, 60, 120, 240, 240, 240]);
    }
}
