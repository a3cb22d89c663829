//! Property 9: the owner's actions are invisible to strangers.

use crate::browser::Browser;
use crate::crowd::without_own;
use crate::world::{NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address};
use account::{Purpose, Refusal, ResetStep};

/// An action of the owner or of the operator.
#[derive(Debug, Clone, Copy)]
enum Event {
    SignIn,
    Change,
    Reset,
    Deactivation,
    HandOver,
}

impl Event {
    async fn happen(self, world: &World, email: &str, owner: &mut Browser) {
        match self {
            Self::SignIn => {
                let mut again = owner.clone();
                again.sign_in(world, email, PASSWORD).await.unwrap();
            }
            Self::Change => {
                owner.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
            }
            Self::Reset => {
                let mut browser = world.choosing(email).await;
                browser.choose(NEW_PASSWORD).await.unwrap();
            }
            Self::Deactivation => {
                assert!(world.backend.accounts().disable(&address(email), true).await.unwrap());
            }
            Self::HandOver => {
                world.assign(email).await;
            }
        }
    }
}

/// A stranger in a reset, a sign-in and a sign-up for an address, after one try in each.
async fn stranger(world: &World, email: &str) -> Browser {
    let mut stranger = world.browser();
    stranger.begin_reset(email).await.unwrap();
    stranger.answer_reset("10203040").await.unwrap_err();
    stranger.begin_sign_up(email).await.unwrap();
    stranger.begin_sign_in(email).await.unwrap();
    stranger.password(WRONG_PASSWORD).await.unwrap_err();
    stranger
}

/// The stranger's view after the action: immediately, or a minute later.
async fn seen(stranger: &mut Browser, email: &str, later: bool) -> Vec<String> {
    let seen = if later {
        vec![
            format!("{:?}", stranger.resend_reset().await),
            format!("{:?}", stranger.resend_sign_up().await),
            format!("{:?}", stranger.answer_reset("10203042").await),
            format!("{:?}", stranger.reset_step().await),
            format!("{:?}", stranger.begin_reset(email).await),
        ]
    } else {
        vec![
            format!("{:?}", versions(stranger).await),
            format!("{:?}", stranger.reset_step().await),
            format!("{:?}", stranger.sign_in_step().await),
            format!("{:?}", stranger.sign_up_step().await),
            format!("{:?}", stranger.answer_reset("10203041").await),
            format!("{:?}", stranger.password(WRONG_PASSWORD).await),
            format!("{:?}", stranger.answer_sign_up("102030").await),
        ]
    };
    seen.iter().map(|result| without_own(result, email)).collect()
}

const PURPOSES: [Purpose; 3] = [Purpose::Reset, Purpose::SignIn, Purpose::SignUp];

async fn versions(stranger: &Browser) -> [i64; 3] {
    let mut versions = [0; 3];
    for (version, purpose) in versions.iter_mut().zip(PURPOSES) {
        *version = stranger.flow_version(purpose, None).await;
    }
    versions
}

#[apply(on_both!)]
async fn the_owners_actions_are_invisible_to_strangers(world: &World) {
    for event in [
        Event::SignIn,
        Event::Change,
        Event::Reset,
        Event::Deactivation,
        Event::HandOver,
    ] {
        let known = format!("{event:?}@example.com").to_lowercase();
        let unknown = format!("no{event:?}@example.com").to_lowercase();
        world.create_account(&known).await;
        let mut owner = world.signed_in(&known).await;
        let mut strangers = [stranger(world, &known).await, stranger(world, &unknown).await];
        event.happen(world, &known, &mut owner).await;
        for later in [false, true] {
            let [of_known, of_unknown] = &mut strangers;
            let (result, wanted) = (
                seen(of_known, &known, later).await,
                seen(of_unknown, &unknown, later).await,
            );
            assert_eq!(result, wanted, "{event:?}");
            world.clock.advance_minutes(1);
        }
    }
}

/// Property 5: a browser that proves the mailbox during a password change can't continue.
#[apply(on_both!)]
async fn a_flow_answered_during_a_password_change_ends(world: &World) {
    let email = "ada@example.com";
    world.create_account(email).await;
    let mut owner = world.signed_in(email).await;
    let (mut browser, code) = world.resetting(email).await;
    // Lock the flow's row: the code waits for it, and the change waits for the code.
    let mut pause = world.backend.db().begin().await.unwrap();
    backend::store::flows::give_try_back(&mut pause, &crate::world::digest(browser.held.flow(Purpose::Reset)))
        .await
        .unwrap();
    let answer = tokio::spawn(async move {
        drop(browser.answer_reset(&code).await);
        browser
    });
    world.until_waiting(1, || answer.is_finished()).await;
    let change = tokio::spawn(async move { owner.change_password(PASSWORD, NEW_PASSWORD).await.is_ok() });
    world.until_waiting(2, || change.is_finished()).await;
    drop(pause);
    let mut browser = answer.await.unwrap();
    assert!(change.await.unwrap());
    assert_eq!(
        browser.choose("another seven purple lanterns").await,
        Err(Refusal::FlowGone)
    );
    assert!(matches!(browser.reset_step().await, ResetStep::AskEmail { .. }));
}
