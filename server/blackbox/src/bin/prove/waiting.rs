//! Flows that wait for their codes.

use crate::browser::Browser;
use crate::service::Service;
use blackbox::Fault;

/// A flow that waits for its code.
pub struct Waiting {
    /// Whose.
    pub browser: Browser,
    /// Where its code is answered.
    pub path: &'static str,
    /// The code that was mailed.
    pub code: String,
    /// What follows the right code.
    pub step: &'static str,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirms a sign-in.
    SignIn,
    /// Leads to a new password.
    Reset,
    /// Leads to a new account.
    SignUp,
}

impl Waiting {
    /// Begins one of a purpose for somebody, in a browser of its own.
    pub fn begin(service: &Service, purpose: Purpose, email: &str) -> Result<Self, Fault> {
        let mut browser = service.browser();
        let seen = service.mail.to(email).len();
        let (path, step) = match purpose {
            Purpose::SignIn => {
                browser.sign_in_to_code(email)?;
                ("/api/sign_in/answer", "SignedIn")
            }
            Purpose::Reset => {
                browser.begin_reset(email)?;
                ("/api/reset/answer", "ChoosePassword")
            }
            Purpose::SignUp => {
                browser.step("/api/sign_up/begin", &[("email", email)], "EnterCode")?;
                ("/api/sign_up/answer", "ChooseDetails")
            }
        };
        let code = service.mail.code_after(email, seen)?;
        // Longer after many wrong ones.
        let fewest = if purpose == Purpose::SignIn { 6 } else { 8 };
        if code.len() < fewest {
            return Err(format!("a code of {} digits for {purpose:?}", code.len()));
        }
        Ok(Self {
            browser,
            path,
            code,
            step,
        })
    }

    /// Whether that code opens it.
    pub fn opens(&mut self, code: &str) -> Result<bool, Fault> {
        let answer = self.browser.post(self.path, &[("code", code)])?;
        match answer.status {
            200 => Ok(answer.told() == self.step),
            409 | 422 | 429 => Ok(false),
            _ => Err(answer.unexpected(self.path)),
        }
    }
}

/// A flow that waits, once the service lets the address have an e-mail.
pub fn waiting(service: &Service, purpose: Purpose, email: &str) -> Result<Waiting, Fault> {
    again(|| Waiting::begin(service, purpose, email))
}

/// Until it is let: a reset e-mail a second.
fn again<T>(mut begin: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut outcome = begin();
    for _ in 0..40 {
        match &outcome {
            Err(fault) if fault.contains("TooMany") => {
                std::thread::sleep(std::time::Duration::from_millis(100));
                outcome = begin();
            }
            _ => break,
        }
    }
    outcome
}
