//! The retry schedule for e-mails.

use account::{Challenge, Email, Timestamp};

/// Wait after the first attempt; doubles with each attempt.
const FIRST_MS: i64 = 2_000;
/// Maximum wait.
const LONGEST_MS: i64 = 5 * 60_000;
/// Maximum wait for codes and other answers, because a user is waiting and the code expires after ten minutes.
const LONGEST_ANSWER_MS: i64 = 30_000;
/// Number of days for which a notice is retried.
const NOTICE_DAYS: i64 = 3;

/// Returns the time after which an e-mail is no longer sent. Attack: enumeration by the number of e-mails after an
/// outage; an answer without a code is therefore retried as long as one with a code.
pub(super) fn stale_at(email: &Email, written_at: Timestamp) -> Timestamp {
    match email.stale_at() {
        Some(late) => late,
        None if email.is_answer() => written_at.plus_minutes(Challenge::MINUTES),
        None => written_at.plus_days(NOTICE_DAYS),
    }
}

/// Returns the time of the next attempt: after 2 s, doubling, ±20 %, so that e-mails that failed together are not
/// retried together. `None` if that is too late.
pub(super) fn next_try(
    email: &Email,
    attempts: i64,
    now: Timestamp,
    stale_at: Timestamp,
    jitter_percent: i64,
) -> Option<Timestamp> {
    let doublings = attempts.saturating_sub(1).clamp(0, 16);
    let longest = if email.is_answer() {
        LONGEST_ANSWER_MS
    } else {
        LONGEST_MS
    };
    let wait = (FIRST_MS << doublings).min(longest) * jitter_percent / 100;
    let next = now.plus_ms(wait);
    (next < stale_at).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::{CodeEmail, FailureCause, Notice, Purpose, Request};

    fn request() -> Request {
        Request {
            reference: "K7".into(),
            asked_at: Timestamp(0),
            browser: String::new(),
            purpose: Purpose::Reset,
            mailbox_first: false,
        }
    }

    fn code() -> Email {
        let works_until = Timestamp(0).plus_minutes(10);
        Email::Code(CodeEmail {
            purpose: Purpose::Reset,
            code: "01234567".into(),
            works_until,
            request: request(),
        })
    }

    fn notice() -> Email {
        Email::Notice(Notice::ManyFailures {
            at: Timestamp(0),
            cause: FailureCause::Passwords,
        })
    }

    #[test]
    fn waits_double_up_to_a_maximum() {
        let waits = |email: &Email| -> Vec<i64> {
            let never = Timestamp(i64::MAX);
            (1..=10)
                .map(|n| next_try(email, n, Timestamp(0), never, 100).unwrap().0 / 1_000)
                .collect()
        };
        assert_eq!(waits(&notice()), [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(waits(&code()), [2, 4, 8, 16, 30, 30, 30, 30, 30, 30]);
        assert_eq!(
            next_try(&notice(), i64::MAX, Timestamp(0), Timestamp(i64::MAX), 120),
            Some(Timestamp(360_000))
        );
    }

    #[test]
    fn jitter_varies_the_wait() {
        let at = |jitter| {
            next_try(&notice(), 1, Timestamp(0), Timestamp(i64::MAX), jitter)
                .unwrap()
                .0
        };
        assert_eq!((at(80), at(120)), (1_600, 2_400));
    }

    #[test]
    fn an_expired_email_is_not_retried() {
        let until = stale_at(&code(), Timestamp(0));
        assert_eq!(until, Timestamp(0).plus_minutes(10));
        assert_eq!(
            next_try(&code(), 1, until.plus_ms(-2_001), until, 100),
            Some(until.plus_ms(-1))
        );
        assert_eq!(next_try(&code(), 1, until.plus_ms(-2_000), until, 100), None);
    }

    #[test]
    fn an_answer_expires_with_its_code_and_a_notice_after_three_days() {
        assert_eq!(
            stale_at(&Email::NoAccount(request()), Timestamp(0)),
            stale_at(&code(), Timestamp(0))
        );
        assert_eq!(stale_at(&notice(), Timestamp(0)), Timestamp(3 * 86_400_000));
    }
}
