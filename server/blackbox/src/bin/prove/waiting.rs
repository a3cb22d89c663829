//! Flows waiting for their codes.

use crate::browser::Browser;
use crate::service::Service;
use blackbox::Fault;

/// A flow waiting for its code.
pub struct Waiting {
    pub browser: Browser,
    /// The path for its code.
    pub path: &'static str,
    /// The mailed code.
    pub code: String,
    /// The step after the correct code.
    pub step: &'static str,
}

/// The purpose of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirms a sign-in.
    SignIn,
    /// Authorizes a new password.
    Reset,
    /// Authorizes a new account.
    SignUp,
}

impl Waiting {
    /// Begins a flow for an address in a new browser.
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
        // Codes are longer after many incorrect ones.
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

    /// Returns whether a code opens the flow.
    pub fn opens(&mut self, code: &str) -> Result<bool, Fault> {
        let answer = self.browser.post(self.path, &[("code", code)])?;
        match answer.status {
            200 => Ok(answer.outcome() == self.step),
            409 | 422 | 429 => Ok(false),
            _ => Err(answer.unexpected(self.path)),
        }
    }
}

/// Starts a flow as soon as the rate limit allows.
pub fn waiting(service: &Service, purpose: Purpose, email: &str) -> Result<Waiting, Fault> {
    again(|| Waiting::begin(service, purpose, email))
}

/// Retries until the rate limit allows it: one reset e-mail per second.
fn again<T>(mut begin: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    let mut outcome = begin();
    for _ in 0..40 {
        match &outcome {
            Err(fault) if fault.contains("too_many") => {
                std::thread::sleep(std::time::Duration::from_millis(100));
                outcome = begin();
            }
            _ => break,
        }
    }
    outcome
}
