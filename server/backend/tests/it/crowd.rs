//! One browser for every kind of address, to check that the kinds are indistinguishable.

use crate::browser::{Browser, FlowResult};
use crate::world::World;
use account::Purpose;
use std::fmt::Debug;

/// A browser for each kind, all at the same step.
pub struct Crowd<'a> {
    world: &'a World,
    members: Vec<(&'static str, Browser)>,
}

impl<'a> Crowd<'a> {
    pub async fn new(world: &'a World) -> Self {
        world.one_of_each_kind().await;
        let emails = [
            "unknown@example.com",
            "local@example.com",
            "google@example.com",
            "managed@example.com",
            "disabled@example.com",
        ];
        let members = emails.map(|email| (email, world.browser()));
        Self {
            world,
            members: members.into(),
        }
    }

    /// Asserts that an action gives all browsers equal answers, tokens and numbers of e-mails. Returns the answer.
    pub async fn all_alike<S: Debug>(&mut self, act: impl AsyncFn(&mut Browser, &str) -> FlowResult<S>) -> String {
        let mut seen = Vec::new();
        for (email, browser) in &mut self.members {
            let result = format!("{:?}", act(browser, email).await);
            let messages = self.world.emails_to(email).await.len();
            seen.push((without_own(&result, email), held(browser), messages));
        }
        for (member, other) in self.members.iter().zip(&seen) {
            assert_eq!(
                other, &seen[0],
                "{} is distinguishable from {}",
                member.0, self.members[0].0
            );
        }
        seen.swap_remove(0).0
    }
}

/// An answer without the browser's own address and reference.
pub fn without_own(result: &str, email: &str) -> String {
    let result = result.replace(email, "ADDRESS");
    match result.split_once("reference: \"") {
        Some((before, after)) => format!("{before}reference: \"{}", after.get(2..).unwrap()),
        None => result,
    }
}

/// The lengths of the browser's tokens.
fn held(browser: &Browser) -> [Option<usize>; 5] {
    let held = &browser.held;
    [
        held.session.as_ref(),
        held.device.as_ref(),
        held.flow(Purpose::SignIn),
        held.flow(Purpose::Reset),
        held.flow(Purpose::SignUp),
    ]
    .map(|token| token.map(|token| token.expose().len()))
}

/// `alike!(crowd, |browser, email| …)` is [`Crowd::all_alike`] in one line.
macro_rules! alike {
    ($crowd:ident, |$browser:ident, $email:pat_param| $act:expr) => {
        $crowd.all_alike(async |$browser, $email| $act).await
    };
}
pub(crate) use alike;
