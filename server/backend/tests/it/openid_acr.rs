//! Products that ask for a class of authentication (`acr_values`). Property 40.

use crate::browser::Browser;
use crate::product::{CALLBACK, asked, begin, claims, query, redeem, returned, with_clients};
use crate::provider_peer::{Linked, person};
use crate::world::{ADA, GRACE, PASSWORD, World, digest};
use account::ConfirmStep;
use backend::store::sessions;
use serde_json::{Value, json};

const TWO_FACTORS: (&str, &str) = ("acr_values", "phr two_factors one_factor");
const NEW: &str = "new@example.com";

/// A browser that has signed in with the password only.
async fn with_one_factor(world: &World) -> Browser {
    let mut browser = world.trusted(ADA).await;
    browser.sign_out().await;
    browser.sign_in(world, ADA, PASSWORD).await.unwrap();
    browser
}

/// Returns the id of the request that waits for a confirmation.
async fn confirming(browser: &Browser, changes: &[(&str, &str)]) -> String {
    let (page, id) = asked(begin(browser, &query(changes)).await);
    assert_eq!(page, "/security/confirm");
    id
}

/// Returns whether the page that confirms asks for the password; otherwise it sends a code.
async fn asks_for_password(browser: &Browser, id: &str) -> bool {
    let next = format!("/oauth/continue/{id}");
    let step = browser.request().confirmation().step(&next).await.unwrap().step;
    let ConfirmStep::Choose { password, provider, .. } = step else {
        panic!("{step:?}")
    };
    assert_eq!(provider, None);
    password
}

async fn enter_password(browser: &mut Browser, id: &str) {
    let next = format!("/oauth/continue/{id}");
    let proven = browser.request().confirmation().password(&PASSWORD.into(), &next).await;
    assert_eq!(browser.take(proven), Ok(ConfirmStep::Done { next }));
}

async fn enter_code(world: &World, browser: &mut Browser, email: &str, id: &str) {
    let next = format!("/oauth/continue/{id}");
    world.deliver().await;
    let sent = browser.request().confirmation().send(&next).await;
    browser.take(sent).unwrap();
    let code = world.code_mailed_to(email).await;
    assert_eq!(browser.answer_confirmation(&code).await, Ok(ConfirmStep::Done { next }));
}

/// Returns the claims that the product gets at once.
async fn resumed(world: &World, browser: &Browser, id: &str) -> Value {
    let step = browser.request().authorization().resume(id).await.unwrap();
    claims(&redeem(world, &returned(step, CALLBACK)["code"]).await.unwrap())
}

/// Returns the claims that the product gets without a further question.
async fn at_once(world: &World, browser: &Browser, changes: &[(&str, &str)]) -> Value {
    let code = &returned(begin(browser, &query(changes)).await, CALLBACK)["code"];
    claims(&redeem(world, code).await.unwrap())
}

#[apply(on_both!)]
async fn the_missing_factor_is_asked_for(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = with_one_factor(&world).await;
    let id = confirming(&browser, &[TWO_FACTORS]).await;
    assert!(!asks_for_password(&browser, &id).await);
    enter_code(&world, &mut browser, ADA, &id).await;
    let told = resumed(&world, &browser, &id).await;
    assert_eq!(told["acr"], "two_factors");
    assert_eq!(told["amr"], json!(["pwd", "otp", "mfa"]));
    // The session stays worth as much.
    world.clock.advance_minutes(60);
    assert_eq!(at_once(&world, &browser, &[TWO_FACTORS]).await["acr"], "two_factors");
}

/// Attack: someone at an unlocked computer has the mailbox open, too, and the owner once entered the password.
#[apply(on_both!)]
async fn an_old_proof_is_no_factor_of_a_new_one(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = with_one_factor(&world).await;
    world.clock.advance_minutes(10);
    let id = confirming(&browser, &[TWO_FACTORS]).await;
    assert!(asks_for_password(&browser, &id).await);
    enter_code(&world, &mut browser, ADA, &id).await;
    let next = browser.request().authorization().resume(&id).await.unwrap();
    assert_eq!(asked(next), ("/security/confirm".into(), id.clone()));
    assert!(asks_for_password(&browser, &id).await);
    enter_password(&mut browser, &id).await;
    assert_eq!(resumed(&world, &browser, &id).await["acr"], "two_factors");
    // Nor of one that the product wants now.
    for change in [("prompt", "login"), ("max_age", "0")] {
        world.clock.advance_minutes(1);
        let id = confirming(&browser, &[TWO_FACTORS, change]).await;
        world.clock.advance_minutes(1);
        enter_password(&mut browser, &id).await;
        assert!(!asks_for_password(&browser, &id).await, "{change:?}");
        enter_code(&world, &mut browser, ADA, &id).await;
        let told = resumed(&world, &browser, &id).await;
        assert_eq!(
            (&told["acr"], &told["auth_time"]),
            (&json!("two_factors"), &json!(world.now().0 / 1_000))
        );
    }
}

/// The class is a wish: the product gets what there is.
#[apply(on_both!)]
async fn a_class_that_cannot_be_reached_is_not_asked_for(world: &World) {
    world.create_managed_account(GRACE).await;
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    let world = &linked.world;
    let mut browser = world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    assert_eq!(at_once(world, &browser, &[TWO_FACTORS]).await["acr"], json!(null));
    let grace = world.browser_with_session(GRACE).await;
    let (id, token) = (format!("session of {GRACE}"), digest(grace.held.session.as_ref()));
    let mut tx = world.backend.db().begin().await.unwrap();
    sessions::authenticate(&mut tx, &id, &token, "email_code", world.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(at_once(world, &grace, &[TWO_FACTORS]).await["acr"], "one_factor");
    // A new proof is, and ends.
    let id = confirming(&browser, &[TWO_FACTORS, ("prompt", "login")]).await;
    world.clock.advance_minutes(1);
    enter_code(world, &mut browser, NEW, &id).await;
    assert_eq!(resumed(world, &browser, &id).await["acr"], "one_factor");
    // One factor is in reach after a sign-in with a provider.
    let mut browser = world.browser();
    linked.with_google(&mut browser, person("1", NEW)).await.unwrap();
    let id = confirming(&browser, &[("acr_values", "one_factor")]).await;
    assert!(!asks_for_password(&browser, &id).await);
    enter_code(world, &mut browser, NEW, &id).await;
    assert_eq!(resumed(world, &browser, &id).await["acr"], "one_factor");
}

#[apply(on_both!)]
async fn only_the_preferred_class_is_asked_for(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = with_one_factor(&world).await;
    for list in ["one_factor two_factors", "1 2", "", "two_factors\0", "TWO_FACTORS"] {
        assert_eq!(
            at_once(&world, &browser, &[("acr_values", list)]).await["acr"],
            "one_factor",
            "{list}"
        );
    }
    // Not if nothing may be asked.
    let silent = at_once(&world, &browser, &[TWO_FACTORS, ("prompt", "none")]).await;
    assert_eq!(silent["acr"], "one_factor");
    // Nor of a user who is not expected.
    world.create_account(NEW).await;
    let code = returned(begin(&world.signed_in(NEW).await, &query(&[])).await, CALLBACK)["code"].clone();
    let tokens = redeem(&world, &code).await.unwrap();
    let hint = ("id_token_hint", tokens["id_token"].as_str().unwrap());
    let back = returned(begin(&browser, &query(&[TWO_FACTORS, hint])).await, CALLBACK);
    assert_eq!(back["error"], "login_required");
}

/// A confirmation for this service itself leaves only its own method, as before.
#[apply(on_both!)]
async fn other_confirmations_add_nothing(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = with_one_factor(&world).await;
    world.deliver().await;
    browser.send_confirmation().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_confirmation(&code).await.unwrap();
    assert_eq!(at_once(&world, &browser, &[]).await["amr"], json!(["otp"]));
}
