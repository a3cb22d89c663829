//! A browser that stores tokens like cookies. An internal fault fails the scenario.

use crate::world::{PASSWORD, WRONG_PASSWORD, World, digest, other_code};
use account::{Purpose, Refusal, ResetStep, Secret, SecurityView, SignInStep, SignOutStep, SignUpStep};
use backend::store::sessions;
use backend::{Backend, BrowserRequest, BrowserTokens, Caller, Error, Transition};
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Clone)]
pub struct Browser {
    pub held: BrowserTokens,
    pub caller: Caller,
    /// The destination in the address of the page.
    pub next: String,
    backend: Backend,
}

/// The next step, or the refusal.
pub type FlowResult<S> = Result<S, Refusal>;

impl Browser {
    pub fn new(backend: Backend, client: String) -> Self {
        let caller = Caller {
            client,
            browser: "Firefox on Linux".into(),
            language: "en".into(),
            signed_in: false,
            administers: false,
            preferences: account::Preferences::default(),
        };
        Self {
            held: BrowserTokens {
                visit: Some(BrowserTokens::new_visit()),
                ..BrowserTokens::default()
            },
            caller,
            next: String::new(),
            backend,
        }
    }

    pub fn request(&self) -> BrowserRequest<'_> {
        self.backend.request(&self.caller, &self.held)
    }

    pub fn take<S>(&mut self, transition: Result<Transition<S>, Error>) -> FlowResult<S> {
        if let Err(Error::Repeated(tokens)) = &transition {
            tokens.iter().for_each(|change| self.held.apply(change));
        }
        let transition = without_fault(transition)?;
        transition.tokens.iter().for_each(|change| self.held.apply(change));
        Ok(transition.step)
    }

    pub async fn is_signed_in(&self) -> bool {
        self.request().sessions().visitor().await.unwrap().is_some()
    }

    pub async fn flow_version(&self, purpose: Purpose, seen: Option<i64>) -> i64 {
        self.request().flow_version(purpose, seen).await.unwrap()
    }
}

impl Browser {
    pub async fn begin_reset(&mut self, email: &str) -> FlowResult<ResetStep> {
        let transition = self.request().reset().begin(email, &self.next).await;
        self.take(transition)
    }

    pub async fn answer_reset(&mut self, code: &str) -> FlowResult<ResetStep> {
        let transition = self.request().reset().answer(&code.into(), &self.next).await;
        self.take(transition)
    }

    pub async fn resend_reset(&mut self) -> FlowResult<ResetStep> {
        let transition = self.request().reset().resend().await;
        self.take(transition)
    }

    /// Submits incorrect codes.
    pub async fn guess_wrong(&mut self, code: &str, times: u32) {
        for guess in 1..=times {
            let refusal = self.answer_reset(&other_code(code, guess)).await.unwrap_err();
            assert!(
                matches!(refusal, Refusal::CodeWrong { .. } | Refusal::TriesUsedUp),
                "{refusal}"
            );
        }
    }

    /// Submits a new password with a matching confirmation.
    pub async fn choose(&mut self, password: &str) -> FlowResult<ResetStep> {
        let password = Secret::from(password);
        let transition = self.request().reset().choose(&password, &password).await;
        self.take(transition)
    }

    pub async fn reset_step(&self) -> ResetStep {
        self.request().reset().step().await.unwrap().step
    }
}

impl Browser {
    /// Completes a sign-in, with a code unless the browser is trusted.
    pub async fn sign_in(&mut self, world: &World, email: &str, password: &str) -> FlowResult<SignInStep> {
        world.deliver().await;
        if let SignInStep::ProveMailbox(_) = self.begin_sign_in(email).await? {
            let code = world.code_mailed_to(email).await;
            self.answer_sign_in(&code).await?;
        }
        match self.password(password).await? {
            SignInStep::EnterCode(_) => {
                let code = world.code_mailed_to(email).await;
                self.answer_sign_in(&code).await
            }
            step => Ok(step),
        }
    }

    /// Submits the address and the correct password; returns the mailed code.
    pub async fn confirm(&mut self, world: &World, email: &str) -> String {
        world.deliver().await;
        self.begin_sign_in(email).await.unwrap();
        self.password(PASSWORD).await.unwrap();
        world.code_mailed_to(email).await
    }

    pub async fn begin_sign_in(&mut self, email: &str) -> FlowResult<SignInStep> {
        self.begin_sign_in_to(email, &self.next.clone()).await
    }

    /// Begins a sign-in to an account that no organization manages.
    pub async fn begin_own_sign_in(&mut self, email: &str) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().begin(email, &self.next, true).await;
        self.take(transition)
    }

    pub async fn begin_sign_in_to(&mut self, email: &str, next: &str) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().begin(email, next, false).await;
        self.take(transition)
    }

    pub async fn password(&mut self, password: &str) -> FlowResult<SignInStep> {
        let transition = self.try_password(password).await;
        self.take(transition)
    }

    /// Returns a fault instead of failing.
    pub async fn try_password(&self, password: &str) -> Result<Transition<SignInStep>, Error> {
        self.request().sign_in().password(&password.into(), &self.next).await
    }

    pub async fn answer_sign_in(&mut self, code: &str) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().answer(&code.into(), false, &self.next).await;
        self.take(transition)
    }

    pub async fn answer_sign_in_and_trust(&mut self, code: &str) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().answer(&code.into(), true, &self.next).await;
        self.take(transition)
    }

    pub async fn resend_sign_in(&mut self) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().resend().await;
        self.take(transition)
    }

    pub async fn restart_sign_in(&mut self) -> FlowResult<SignInStep> {
        let transition = self.request().sign_in().restart().await;
        self.take(transition)
    }

    pub async fn sign_out(&mut self) -> SignOutStep {
        let transition = self.request().sessions().sign_out().await;
        self.take(transition).unwrap()
    }

    pub async fn sign_in_step(&self) -> SignInStep {
        self.request().sign_in().step(&self.next).await.unwrap().step
    }
}

impl Browser {
    pub async fn begin_sign_up(&mut self, email: &str) -> FlowResult<SignUpStep> {
        let transition = self.request().sign_up().begin(email, &self.next).await;
        self.take(transition)
    }

    pub async fn answer_sign_up(&mut self, code: &str) -> FlowResult<SignUpStep> {
        let transition = self.request().sign_up().answer(&code.into(), &self.next).await;
        self.take(transition)
    }

    pub async fn resend_sign_up(&mut self) -> FlowResult<SignUpStep> {
        let transition = self.request().sign_up().resend().await;
        self.take(transition)
    }

    pub async fn finish_sign_up(&mut self, name: &str, password: &str) -> FlowResult<SignUpStep> {
        let password = Secret::from(password);
        let transition = self.request().sign_up().finish(name, &password, &password).await;
        self.take(transition)
    }

    pub async fn sign_up_step(&self) -> SignUpStep {
        self.request().sign_up().step().await.unwrap().step
    }
}

impl Browser {
    /// Changes the password and signs out the other browsers.
    pub async fn change_password(&mut self, current: &str, password: &str) -> FlowResult<SecurityView> {
        self.change_password_and(current, password, true).await
    }

    pub async fn change_password_and(
        &mut self,
        current: &str,
        password: &str,
        end_others: bool,
    ) -> FlowResult<SecurityView> {
        let (current, password) = (Secret::from(current), Secret::from(password));
        let transition = self
            .request()
            .password_change()
            .change(&current, &password, &password, end_others)
            .await;
        self.take(transition)
    }

    pub async fn security(&self) -> FlowResult<SecurityView> {
        self.security_before("").await
    }

    /// Returns the security page with the activity before an event.
    pub async fn security_before(&self, before: &str) -> FlowResult<SecurityView> {
        without_fault(self.request().sessions().security(before).await)
    }

    pub async fn end_session(&mut self, id: &str) -> FlowResult<SecurityView> {
        let transition = self.request().sessions().end(id).await;
        self.take(transition)
    }

    pub async fn end_other_sessions(&mut self) -> FlowResult<SecurityView> {
        let transition = self.request().sessions().end_others().await;
        self.take(transition)
    }

    pub async fn forget_device(&mut self, id: &str) -> FlowResult<SecurityView> {
        let transition = self.request().sessions().forget_device(id).await;
        self.take(transition)
    }
}

impl World {
    /// Asserts that a new browser can't sign in with this password.
    pub async fn refuses(&self, email: &str, password: &str) {
        let result = self.browser().sign_in(self, email, password).await;
        assert_eq!(result, Err(Refusal::SignInWrong), "{email}");
    }

    /// A new browser with its own network address.
    pub fn browser(&self) -> Browser {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Browser::new(self.backend.clone(), format!("2001:db8:{number:x}::/64"))
    }

    /// A signed-in browser.
    pub async fn signed_in(&self, email: &str) -> Browser {
        let (mut browser, code) = self.confirming(email).await;
        browser.answer_sign_in(&code).await.unwrap();
        browser
    }

    /// A browser with a session created without a password, such as a future provider's.
    pub async fn browser_with_session(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        let session = sessions::Session {
            id: format!("session of {email}"),
            account_id: self.stored(email).await.account.id.0,
            browser: browser.caller.browser.clone(),
            client: browser.caller.client.clone(),
            signed_in_at: self.now().0,
            last_seen_at: self.now().0,
            ends_at: self.now().plus_days(1).0,
            authenticated_at: self.now().0,
            methods: "password email_code".into(),
        };
        browser.held.session = Some(format!("token of {email}").into());
        let mut tx = self.backend.db().begin().await.unwrap();
        sessions::insert(&mut tx, &digest(browser.held.session.as_ref()), &session)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        browser
    }

    /// A trusted browser: its next sign-in needs no code.
    pub async fn trusted(&self, email: &str) -> Browser {
        let (mut browser, code) = self.confirming(email).await;
        browser.answer_sign_in_and_trust(&code).await.unwrap();
        browser
    }

    /// A browser at the password step.
    pub async fn at_the_password(&self, email: &str) -> Browser {
        let mut browser = self.browser();
        browser.begin_sign_in(email).await.unwrap();
        browser
    }

    /// A stranger's browser that has used up the password tries of an address.
    pub async fn after_five_guesses(&self, email: &str) -> Browser {
        let mut stranger = self.at_the_password(email).await;
        for _ in 0..5 {
            assert_eq!(stranger.password(WRONG_PASSWORD).await, Err(Refusal::SignInWrong));
        }
        stranger
    }

    /// A browser that has submitted the correct password, and the mailed code.
    pub async fn confirming(&self, email: &str) -> (Browser, String) {
        let mut browser = self.browser();
        let code = browser.confirm(self, email).await;
        (browser, code)
    }

    /// A browser in a sign-up, and the mailed code.
    pub async fn signing_up(&self, email: &str) -> (Browser, String) {
        let mut browser = self.browser();
        browser.begin_sign_up(email).await.unwrap();
        (browser, self.code_mailed_to(email).await)
    }

    /// A browser in a reset, and the mailed code.
    pub async fn resetting(&self, email: &str) -> (Browser, String) {
        self.deliver().await;
        let mut browser = self.browser();
        browser.begin_reset(email).await.unwrap();
        (browser, self.code_mailed_to(email).await)
    }

    /// A browser that may choose a new password.
    pub async fn choosing(&self, email: &str) -> Browser {
        let (mut browser, code) = self.resetting(email).await;
        let step = browser.answer_reset(&code).await.unwrap();
        assert!(matches!(step, ResetStep::ChoosePassword { .. }), "{step:?}");
        browser
    }
}

/// Returns the step or the refusal; panics on a fault.
pub fn without_fault<S>(result: Result<S, Error>) -> FlowResult<S> {
    match result {
        Ok(done) => Ok(done),
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(Error::Repeated(_)) => Err(Refusal::StepElsewhere),
        Err(Error::Fault(fault)) => panic!("an internal fault: {fault}"),
    }
}
