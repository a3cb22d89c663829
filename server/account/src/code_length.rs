use crate::WaitingFlow;

/// A counter of an address's incorrect codes. Code length and guess budget depend on who can begin the counted flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeCounter {
    /// Resets, mailbox-first sign-ins and securing an account. Anyone who knows the address can begin them.
    Anyone,
    /// Sign-ins after the correct password. Attack: incorrect reset codes, which need no password, lengthen the owner's codes.
    AfterPassword,
    /// Sign-ups and changes of an address. Anyone can begin them, and they give no access. Attack: their incorrect codes lengthen the owner's reset codes.
    SignUp,
}

/// A code length, and the guesses that an address allows in 24 hours at codes of this length or shorter.
struct Length {
    digits: usize,
    guesses: i64,
}

impl CodeCounter {
    /// Returns the stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::AfterPassword => "after_password",
            Self::SignUp => "sign_up",
        }
    }

    /// Returns the length of codes before any incorrect guess.
    #[must_use]
    pub const fn shortest(self) -> usize {
        self.lengths()[0].digits
    }

    /// Returns the lengths. The longest has no budget, because the limit on e-mails bounds its guesses (`SECURITY.md`).
    ///
    /// Guessing odds per day: anyone 75 / 10⁸ + 1,000 / 10¹⁰ = 8.5 × 10⁻⁷; after the password 15 / 10⁶ + 250 / 10⁸ = 1.75 × 10⁻⁵.
    const fn lengths(self) -> [Length; 3] {
        let (digits, guesses) = match self {
            Self::Anyone | Self::SignUp => ([8, 10, 12], [75, 1_000]),
            Self::AfterPassword => ([6, 8, 10], [15, 250]),
        };
        [
            Length {
                digits: digits[0],
                guesses: guesses[0],
            },
            Length {
                digits: digits[1],
                guesses: guesses[1],
            },
            Length {
                digits: digits[2],
                guesses: i64::MAX,
            },
        ]
    }

    /// Returns the length of the next code: the shortest with a budget for the incorrect codes of the last 24 hours, the tries
    /// left in other waiting flows with codes of that length or shorter, and the tries of this flow.
    ///
    /// Attack: many flows are begun first and all answered later. Guesses still never exceed the budget in any 24 hours.
    /// Attack: incorrect codes lock the owner out. They only lengthen codes; the owner's correct one never fails.
    #[must_use]
    pub fn digits(self, wrong_codes: i64, others: &[WaitingFlow], own_tries: i64) -> usize {
        let fits = |length: &Length| {
            let open = others.iter().filter(|flow| flow.digits <= length.digits);
            let open: i64 = open.map(|flow| flow.tries_left).sum();
            wrong_codes.saturating_add(open).saturating_add(own_tries) <= length.guesses
        };
        let [shortest, longer, longest] = self.lengths();
        let fitting = [shortest, longer].into_iter().find(fits);
        fitting.map_or(longest.digits, |length| length.digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn waiting(tries_left: i64, digits: usize) -> WaitingFlow {
        WaitingFlow {
            id: "f".into(),
            client: "c".into(),
            known_device: false,
            tries_left,
            digits,
            has_passed: false,
            created_at: Timestamp(0),
        }
    }

    /// Counter, incorrect codes, tries and digits of waiting flows, own tries, and expected length.
    type Case = (CodeCounter, i64, &'static [(i64, usize)], i64, usize);

    #[test]
    fn codes_lengthen_with_the_guesses_of_a_day() {
        use CodeCounter::{AfterPassword, Anyone, SignUp};
        let cases: &[Case] = &[
            (Anyone, 0, &[], 5, 8),
            (Anyone, 70, &[], 5, 8),
            (Anyone, 71, &[], 5, 10),
            (Anyone, 71, &[], 4, 8),
            (Anyone, 995, &[], 5, 10),
            (Anyone, 996, &[], 5, 12),
            (Anyone, i64::MAX, &[], 5, 12),
            // Open tries count as incorrect codes if their codes have that length or a shorter one.
            (Anyone, 60, &[(5, 8), (5, 8)], 5, 8),
            (Anyone, 60, &[(5, 8), (5, 8), (1, 8)], 5, 10),
            (Anyone, 60, &[(5, 8), (5, 8), (5, 10)], 5, 8),
            (Anyone, 990, &[(5, 8), (1, 10)], 5, 12),
            (Anyone, 990, &[(5, 8), (1, 12)], 5, 10),
            (SignUp, 0, &[], 5, 8),
            (SignUp, 71, &[], 5, 10),
            (AfterPassword, 0, &[], 5, 6),
            (AfterPassword, 10, &[], 5, 6),
            (AfterPassword, 11, &[], 5, 8),
            (AfterPassword, 5, &[(5, 6), (1, 6)], 5, 8),
            (AfterPassword, 245, &[], 5, 8),
            (AfterPassword, 246, &[], 5, 10),
        ];
        for (counter, wrong, others, own, digits) in cases {
            let others: Vec<_> = others.iter().map(|(tries, digits)| waiting(*tries, *digits)).collect();
            assert_eq!(
                counter.digits(*wrong, &others, *own),
                *digits,
                "{counter:?} after {wrong} wrong codes, {others:?} open, {own} tries"
            );
        }
    }

    /// Holds for flows begun and answered in any order, over any 24 hours.
    #[test]
    fn guesses_in_24_hours_never_exceed_the_budget() {
        let day = 24 * 60;
        for counter in [CodeCounter::Anyone, CodeCounter::AfterPassword] {
            // A flow begins each minute; its five tries are spent `lag` minutes later, possibly after those of many others.
            for lag in [0, 1, 9, 37] {
                let mut guesses: Vec<(i64, usize)> = Vec::new();
                let mut open: Vec<(i64, WaitingFlow)> = Vec::new();
                for now in 0..3 * day {
                    open.retain(|(begun, flow)| {
                        let due = begun + lag <= now;
                        if due {
                            guesses.extend((0..flow.tries_left).map(|_| (now, flow.digits)));
                        }
                        !due
                    });
                    if open.len() < WaitingFlow::MOST {
                        let wrong = guesses.iter().rev().take_while(|(at, _)| *at > now - day).count();
                        let others: Vec<_> = open.iter().map(|(_, flow)| flow.clone()).collect();
                        let digits = counter.digits(i64::try_from(wrong).unwrap(), &others, 5);
                        open.push((now, waiting(5, digits)));
                    }
                }
                for length in counter.lengths().iter().take(2) {
                    let short: Vec<i64> = guesses
                        .iter()
                        .filter(|(_, digits)| *digits <= length.digits)
                        .map(|(at, _)| *at)
                        .collect();
                    let most = short
                        .iter()
                        .enumerate()
                        .map(|(first, at)| short[first..].iter().take_while(|other| **other < at + day).count())
                        .max()
                        .unwrap();
                    assert!(
                        most <= usize::try_from(length.guesses).unwrap(),
                        "{counter:?}: {most} guesses at {} digits in a day",
                        length.digits
                    );
                }
            }
        }
    }
}
