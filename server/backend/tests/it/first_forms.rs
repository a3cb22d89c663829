//! Property 35: resending the first form of a flow after a lost response.

use crate::browser::Browser;
use crate::world::{ADA, GRACE, PASSWORD, World, together};
use account::{Purpose, Refusal, ResetStep, SignInStep, SignUpStep};
use backend::{BrowserTokens, retried};

const UNKNOWN: &str = "unknown@example.com";
const NEW: &str = "new@example.com";

/// For known and unknown addresses: one e-mail and one screen, and the code works after the resend.
#[apply(on_both!)]
async fn a_resent_first_form_continues_the_same_flow(world: &World) {
    let world = &strict(world).await;
    world.create_account(ADA).await;
    for email in [ADA, UNKNOWN] {
        let browser = world.browser();
        let (mut first, mut second) = (browser.clone(), browser);
        let lost = first.begin_reset(email).await.unwrap();
        assert_eq!(second.begin_reset(email).await.unwrap(), lost);
        assert_eq!(second.held.flow(Purpose::Reset), first.held.flow(Purpose::Reset));
        assert_eq!(world.emails_to(email).await.len(), 1, "{email}");
        if email == ADA {
            let code = world.code_mailed_to(email).await;
            let step = second.answer_reset(&code).await;
            assert!(matches!(step, Ok(ResetStep::ChoosePassword { .. })), "{step:?}");
        }
    }
    for email in [ADA, NEW] {
        let browser = world.browser();
        let (mut first, mut second) = (browser.clone(), browser);
        let before = world.emails_to(email).await.len();
        let lost = first.begin_sign_up(email).await.unwrap();
        assert_eq!(second.begin_sign_up(email).await.unwrap(), lost);
        assert_eq!(world.emails_to(email).await.len(), before + 1, "{email}");
        if email == NEW {
            let code = world.code_mailed_to(email).await;
            let step = second.answer_sign_up(&code).await;
            assert!(matches!(step, Ok(SignUpStep::ChooseDetails { .. })), "{step:?}");
        }
    }
    for email in [ADA, UNKNOWN] {
        let browser = world.browser();
        let (mut first, mut second) = (browser.clone(), browser);
        let lost = first.begin_sign_in_to(email, "/security").await.unwrap();
        assert_eq!(second.begin_sign_in_to(email, "/security").await.unwrap(), lost);
        assert_eq!(second.held.flow(Purpose::SignIn), first.held.flow(Purpose::SignIn));
    }
}

/// The servers' clocks differ, and a request may read its clock and then queue.
#[apply(on_both!)]
async fn a_resent_first_form_is_recognized_by_a_server_with_a_slow_clock(world: &World) {
    let browser = world.browser();
    let (mut first, mut second) = (browser.clone(), browser);
    first.begin_sign_up(NEW).await.unwrap();
    world.clock.advance_ms(-50);
    second.begin_sign_up(NEW).await.unwrap();
    assert_eq!(second.held.flow(Purpose::SignUp), first.held.flow(Purpose::SignUp));
    world.clock.advance_ms(50);
    assert_eq!(world.emails_to(NEW).await.len(), 1);
}

/// Two servers may receive them at the same moment.
#[apply(on_both!)]
async fn concurrent_first_forms_start_one_flow(world: &World) {
    world.create_account(ADA).await;
    let browser = world.browser();
    for email in [ADA, UNKNOWN] {
        let results = together(6, |_| {
            let (backend, browser) = (world.backend.clone(), browser.clone());
            async move {
                let Browser { held, caller, .. } = &browser;
                retried(|| backend.request(caller, held).sign_in().begin(email, "", false)).await
            }
        })
        .await;
        let mut tokens: Vec<_> = results
            .into_iter()
            .map(|transition| transition.unwrap().tokens.remove(0).token.unwrap().expose().to_owned())
            .collect();
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "{email}");
        let results = together(6, |_| {
            let mut browser = browser.clone();
            async move { browser.begin_reset(email).await }
        })
        .await;
        assert!(
            results.iter().all(|one| one.is_ok() && *one == results[0]),
            "{results:?}"
        );
        assert_eq!(world.emails_to(email).await.len(), 1);
    }
}

/// After half a minute, for another address, or from another browser.
#[apply(on_both!)]
async fn later_forms_and_other_browsers_start_new_flows(world: &World) {
    world.create_account(ADA).await;
    let fresh = world.browser();
    let mut tokens = Vec::new();
    for (mut browser, email) in [
        (fresh.clone(), ADA),
        (fresh.clone(), GRACE),
        (world.browser(), GRACE),
        (fresh.clone(), ADA),
    ] {
        browser.begin_reset(email).await.unwrap();
        tokens.push(browser.held.flow(Purpose::Reset).unwrap().expose().to_owned());
        world.clock.advance_ms(30_000);
    }
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 4);
    assert_eq!(world.emails_to(ADA).await.len(), 2);
}

#[apply(on_both!)]
async fn a_code_from_an_earlier_first_form_is_recognized(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.browser();
    browser.clone().begin_reset(ADA).await.unwrap();
    let first = world.code_mailed_to(ADA).await;
    world.clock.advance_ms(30_000);
    browser.begin_reset(ADA).await.unwrap();
    let result = browser.answer_reset(&first).await;
    assert!(matches!(result, Err(Refusal::CodeOfEarlierRequest)), "{result:?}");
}

#[apply(on_both!)]
async fn a_first_form_after_its_flow_ended_starts_a_new_flow(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.at_the_password(ADA).await;
    let first = browser.held.flow(Purpose::SignIn).cloned();
    browser.restart_sign_in().await.unwrap();
    browser.begin_sign_in(ADA).await.unwrap();
    assert_ne!(browser.held.flow(Purpose::SignIn), first.as_ref());
    assert_step!(browser.password(PASSWORD), SignInStep::EnterCode);
    // A first form after a correct code starts a new flow.
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_in(&code).await.unwrap();
    let step = browser.begin_sign_in(ADA).await;
    assert!(matches!(step, Ok(SignInStep::EnterPassword { .. })), "{step:?}");
}

/// Attack: a stranger guesses the owner's visit and gets the owner's flow.
#[apply(on_both!)]
async fn a_guessable_visit_is_ignored(world: &World) {
    world.create_account(ADA).await;
    let weak = || {
        let mut browser = world.browser();
        browser.held = BrowserTokens {
            visit: Some("1".into()),
            ..BrowserTokens::default()
        };
        browser
    };
    let (mut owner, mut stranger) = (weak(), weak());
    owner.begin_sign_in(ADA).await.unwrap();
    stranger.begin_sign_in(ADA).await.unwrap();
    assert_ne!(owner.held.flow(Purpose::SignIn), stranger.held.flow(Purpose::SignIn));
    let code = world.resetting(ADA).await.1;
    assert_eq!(stranger.answer_reset(&code).await, Err(Refusal::FlowGone));
}

/// A world with a limit of one code an hour.
async fn strict(world: &World) -> World {
    world.with(|settings| settings.limits.codes_an_hour = 1).await
}
