use crate::WaitingFlow;

/// Which wrong codes of an address are counted together. Code lengths and guess budgets depend on who can begin such a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeCounter {
    /// Resets and mailbox-first sign-ins, which anyone can begin who knows the address.
    Anyone,
    /// Sign-ins after the right password. Attack: wrong reset codes, which need no password, lengthen the owner's own.
    AfterPassword,
    /// Sign-ups. Anyone can begin one, and it gives no access. Attack: its wrong codes lengthen the owner's reset codes.
    SignUp,
}

/// A code length, and how many guesses at codes of this length or shorter an address allows in 24 hours.
struct Length {
    digits: usize,
    guesses: i64,
}

impl CodeCounter {
    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::AfterPassword => "after_password",
            Self::SignUp => "sign_up",
        }
    }

    /// The length of codes when there are no wrong guesses.
    #[must_use]
    pub const fn shortest(self) -> usize {
        self.lengths()[0].digits
    }

    /// The longest length has no budget: the limit on e-mails that strangers can cause bounds the guesses (`SECURITY.md`).
    ///
    /// Anyone: 75 / 10⁸ + 1,000 / 10¹⁰ = 8.5 × 10⁻⁷ a day. After the password: 15 / 10⁶ + 250 / 10⁸ = 1.75 × 10⁻⁵ a day.
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

    /// The length of the next code: the shortest whose budget covers the wrong codes of the last 24 hours, the tries left in
    /// other waiting flows with codes of that length or shorter, and the tries of this flow.
    ///
    /// Guesses at codes of a length therefore never exceed its budget in any 24 hours (attack: many flows begun first, all
    /// answered later), and no number of wrong codes makes the owner's right one fail (attack: locking the owner out).
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

    /// Counter, wrong codes, the tries and digits of waiting flows, own tries, and the expected length.
    type Case = (CodeCounter, i64, &'static [(i64, usize)], i64, usize);

    #[test]
    fn codes_grow_with_the_guesses_of_a_day() {
        use CodeCounter::{AfterPassword, Anyone, SignUp};
        let cases: &[Case] = &[
            (Anyone, 0, &[], 5, 8),
            (Anyone, 70, &[], 5, 8),
            (Anyone, 71, &[], 5, 10),
            (Anyone, 71, &[], 4, 8),
            (Anyone, 995, &[], 5, 10),
            (Anyone, 996, &[], 5, 12),
            (Anyone, i64::MAX, &[], 5, 12),
            // Open tries count as wrong ones, if their codes have that length or a shorter one.
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

    /// Holds for any order in which flows are begun and answered, over any 24 hours.
    #[test]
    fn no_day_has_more_guesses_than_the_budget_of_a_length() {
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
