//! Every flow that begins at the sign-in page of a product ends at the product. Property 40.

use crate::browser::{Browser, FlowResult};
use crate::leaked::{list_of, unavailable_list};
use crate::managed::MEMBER;
use crate::product::{CALLBACK, asked, begin, query, redeem, returned, with_clients};
use crate::provider_peer::{Linked, Person, person};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address};
use account::{ConfirmStep, ConnectStep, ProviderIntent, ProviderStep, Refusal, ResetStep, SignInStep, SignUpStep};
use backend::flows::AuthorizationStep;
use backend::oauth::Clients;

const CONTINUE: &str = "/oauth/continue/";
const NEW: &str = "new@example.com";

/// The destination of a new request of a product.
async fn waiting(browser: &Browser, changes: &[(&str, &str)]) -> String {
    let (_, id) = asked(begin(browser, &query(changes)).await);
    format!("{CONTINUE}{id}")
}

/// A browser that the shop has sent to the sign-in page.
async fn from_the_shop(world: &World) -> Browser {
    let mut browser = world.browser();
    browser.next = waiting(&browser, &[]).await;
    browser
}

/// Follows the end of a sign-in; the shop redeems its code.
async fn ends_at_the_shop(world: &World, browser: &Browser, step: FlowResult<SignInStep>) {
    let Ok(SignInStep::SignedIn { next }) = step else {
        panic!("{step:?}")
    };
    opens_the_shop(world, browser, &next).await;
}

async fn opens_the_shop(world: &World, browser: &Browser, next: &str) {
    let id = next.strip_prefix(CONTINUE).unwrap_or_else(|| panic!("leads to {next}"));
    let step = browser.request().authorization().resume(id).await.unwrap();
    redeem(world, &returned(step, CALLBACK)["code"]).await.unwrap();
}

/// Closes the page and opens it again without the query of its address.
async fn reopened(browser: &Browser, lost: &str) -> Browser {
    let mut browser = browser.clone();
    browser.next = String::new();
    let request = browser.request();
    let next = match lost {
        "sign_in" => request.sign_in().step("").await.unwrap().next,
        "reset" => request.reset().step().await.unwrap().next,
        "sign_up" => request.sign_up().step().await.unwrap().next,
        _ => request.confirmation().step("").await.unwrap().next,
    };
    browser.next = next;
    browser
}

#[apply(on_both!)]
async fn a_reset_ends_at_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = from_the_shop(&world).await;
    browser.begin_reset(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    // The page is opened again from the e-mail.
    let mut browser = reopened(&browser, "reset").await;
    browser.answer_reset(&code).await.unwrap();
    let mut browser = reopened(&browser, "reset").await;
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);
    let mut browser = reopened(&browser, "reset").await;
    let step = browser.sign_in(&world, ADA, NEW_PASSWORD).await;
    ends_at_the_shop(&world, &browser, step).await;
}

#[apply(on_both!)]
async fn a_reset_from_the_password_step_ends_at_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = from_the_shop(&world).await;
    browser.begin_sign_in(ADA).await.unwrap();
    let mut browser = reopened(&browser, "sign_in").await;
    browser.begin_reset(ADA).await.unwrap();
    // A mistyped address is corrected in the code field.
    browser.answer_reset(GRACE).await.unwrap();
    world.clock.advance_minutes(2);
    browser.answer_reset(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    browser.choose(NEW_PASSWORD).await.unwrap();
    let step = browser.sign_in(&world, ADA, NEW_PASSWORD).await;
    ends_at_the_shop(&world, &browser, step).await;
}

/// Codes expire and are sent again, and the user comes back after a break.
#[apply(on_both!)]
async fn a_reset_of_fifty_minutes_ends_at_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = from_the_shop(&world).await;
    browser.begin_reset(ADA).await.unwrap();
    let late = world.code_mailed_to(ADA).await;
    world.clock.advance_minutes(25);
    assert!(browser.answer_reset(&late).await.is_err());
    browser.resend_reset().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_reset(&code).await.unwrap();
    browser.choose(NEW_PASSWORD).await.unwrap();
    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(NEW_PASSWORD).await.unwrap();
    let late = world.code_mailed_to(ADA).await;
    world.clock.advance_minutes(25);
    assert!(browser.answer_sign_in(&late).await.is_err());
    browser.resend_sign_in().await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    let mut browser = reopened(&browser, "sign_in").await;
    let step = browser.answer_sign_in(&code).await;
    ends_at_the_shop(&world, &browser, step).await;
}

#[apply(on_both!)]
async fn a_sign_up_ends_at_the_product(world: &World) {
    let world = with_clients(world);
    let mut browser = from_the_shop(&world).await;
    browser.begin_sign_up(NEW).await.unwrap();
    let code = world.code_mailed_to(NEW).await;
    let mut browser = reopened(&browser, "sign_up").await;
    browser.answer_sign_up(&code).await.unwrap();
    assert_step!(browser.finish_sign_up("New", PASSWORD), SignUpStep::Done);
    let mut browser = reopened(&browser, "sign_up").await;
    let step = browser.sign_in(&world, NEW, PASSWORD).await;
    ends_at_the_shop(&world, &browser, step).await;
}

#[apply(on_both!)]
async fn another_account_ends_at_the_product(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let world = with_clients(world);
    let mut browser = from_the_shop(&world).await;
    browser.begin_sign_in(ADA).await.unwrap();
    browser.restart_sign_in().await.unwrap();
    let mut browser = reopened(&browser, "sign_in").await;
    let step = browser.sign_in(&world, GRACE, PASSWORD).await;
    ends_at_the_shop(&world, &browser, step).await;
}

#[apply(on_both!)]
async fn the_tab_with_the_last_form_decides_where_the_flow_ends(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut own = world.browser();
    own.begin_sign_in_to(ADA, "/security").await.unwrap();
    // The product opens the page in a second tab, which shows the same flow.
    let mut tab = own.clone();
    tab.next = waiting(&tab, &[]).await;
    assert_eq!(
        tab.sign_in_step().await,
        SignInStep::EnterPassword { email: address(ADA) }
    );
    tab.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    assert_eq!(reopened(&tab, "sign_in").await.next, tab.next);
    let step = tab.answer_sign_in(&code).await;
    ends_at_the_shop(&world, &tab, step).await;
    // The first tab goes where its own page leads.
    own.held.session.clone_from(&tab.held.session);
    own.next = "/security".into();
    let next = "/security".to_owned();
    assert_eq!(own.sign_in_step().await, SignInStep::SignedIn { next });
}

/// A form that is sent again finds its flow, which now belongs to the product.
#[apply(on_both!)]
async fn a_flow_begun_before_the_product_asks_ends_at_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.browser();
    browser.begin_reset(ADA).await.unwrap();
    browser.next = waiting(&browser, &[]).await;
    browser.begin_reset(ADA).await.unwrap();
    assert_eq!(world.emails_to(ADA).await.len(), 1);
    assert_eq!(reopened(&browser, "reset").await.next, browser.next);
}

/// A second tab, opened by the product, shows a flow that leads elsewhere. The user types an address instead of the code.
#[apply(on_both!)]
async fn an_address_instead_of_a_code_keeps_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.browser();
    browser.begin_reset(GRACE).await.unwrap();
    browser.begin_sign_up(GRACE).await.unwrap();
    browser.next = waiting(&browser, &[]).await;
    assert_step!(browser.answer_reset(ADA), ResetStep::EnterCode);
    assert_eq!(reopened(&browser, "reset").await.next, browser.next);
    assert_step!(browser.answer_sign_up(NEW), SignUpStep::EnterCode);
    assert_eq!(reopened(&browser, "sign_up").await.next, browser.next);
}

#[apply(on_both!)]
async fn a_signed_in_user_goes_on_to_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut browser = world.at_the_password(ADA).await;
    let next = waiting(&browser, &[]).await;
    browser.held.session = world.signed_in(ADA).await.held.session;
    // Also if this browser has begun to sign in.
    assert!(matches!(browser.sign_in_step().await, SignInStep::EnterPassword { .. }));
    browser.next.clone_from(&next);
    let step = browser.sign_in_step().await;
    ends_at_the_shop(&world, &browser, Ok(step)).await;
}

#[apply(on_both!)]
async fn google_leads_to_the_product(world: &World) {
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    let mut browser = from_the_shop(&linked.world).await;
    let step = linked.with_google(&mut browser, person("1", NEW)).await;
    let Ok(ProviderStep::SignedIn { next }) = step else {
        panic!("{step:?}")
    };
    opens_the_shop(&linked.world, &browser, &next).await;
    // The user cancels there.
    let mut browser = from_the_shop(&linked.world).await;
    let url = browser
        .begin_provider("google", ProviderIntent::SignIn, &browser.next.clone())
        .await;
    let canceled = linked.google.sign_in(&url.unwrap(), person("1", NEW));
    let canceled = canceled.replace("code=", "error=access_denied&was=");
    assert!(matches!(
        browser.finish_provider("google", &canceled).await,
        Err(Refusal::ProviderDenied { .. })
    ));
    let kept = (ProviderIntent::SignIn, browser.next.clone());
    assert_eq!(browser.request().provider().intent_and_next(), kept);
}

/// The address has an account here: its owner signs in, connects, and goes on.
#[apply(on_both!)]
async fn a_connection_leads_to_the_product(world: &World) {
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    let world = &linked.world;
    world.create_account(ADA).await;
    let mut browser = from_the_shop(world).await;
    let step = linked.with_google(&mut browser, person("1", ADA)).await;
    let next = browser.next.clone();
    let expected = ProviderStep::SignInToConnect {
        provider: "Google".into(),
        next: next.clone(),
    };
    assert_eq!(step, Ok(expected));
    let mut browser = reopened(&browser, "sign_in").await;
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    let connect = SignInStep::SignedIn {
        next: format!("/security/connect?next={next}"),
    };
    assert_eq!(browser.answer_sign_in(&code).await, Ok(connect));
    assert_step!(browser.offered(), ConnectStep::Ask);
    browser.accept_connection().await.unwrap();
    opens_the_shop(world, &browser, &next).await;
}

#[apply(on_both!)]
async fn an_account_of_another_provider_leads_to_the_product(world: &World) {
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    linked.world.declare(NEW, linked.google.issuer()).await;
    let mut browser = from_the_shop(&linked.world).await;
    let step = linked.with_other(&mut browser, person("1", NEW)).await;
    assert!(matches!(step, Ok(ProviderStep::SignInToConnect { next, .. }) if next == browser.next));
    let step = linked.with_google(&mut browser, person("2", NEW)).await;
    let next = format!("/security/connect?next={}", browser.next);
    assert_eq!(step, Ok(ProviderStep::SignedIn { next }));
}

/// The provider has not verified the address: it is proven with a code.
#[apply(on_both!)]
async fn a_sign_up_with_google_ends_at_the_product(world: &World) {
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    let unverified = Person {
        email_verified: false,
        ..person("1", NEW)
    };
    let mut browser = from_the_shop(&linked.world).await;
    assert_step!(linked.with_google(&mut browser, unverified), ProviderStep::ProveEmail);
    assert_eq!(reopened(&browser, "sign_up").await.next, browser.next);
}

#[apply(on_both!)]
async fn a_member_of_an_organization_ends_at_the_product(world: &World) {
    let mut linked = Linked::to(world).await;
    linked.world = with_clients(&linked.world);
    let world = &linked.world;
    world.organization_with(Some("engines"), "engines.example").await;
    let mut browser = from_the_shop(world).await;
    let Ok(SignInStep::Through { page, .. }) = browser.begin_sign_in(MEMBER).await else {
        panic!("not led to the provider")
    };
    assert_eq!(page, format!("/signin/through/engines?next={}", browser.next));
    let step = linked.with_engines(&mut browser, person("1", MEMBER)).await;
    let Ok(ProviderStep::SignedIn { next }) = step else {
        panic!("{step:?}")
    };
    opens_the_shop(world, &browser, &next).await;
}

#[apply(on_both!)]
async fn a_member_who_signs_in_with_a_code_ends_at_the_product(world: &World) {
    let world = with_clients(world);
    world.create_account(MEMBER).await;
    world.assign(MEMBER).await;
    world.organization_with(None, "engines.example").await;
    let mut browser = from_the_shop(&world).await;
    assert_step!(browser.begin_sign_in(MEMBER), SignInStep::ProveMailbox);
    let code = world.code_mailed_to(MEMBER).await;
    let mut browser = reopened(&browser, "sign_in").await;
    let step = browser.answer_sign_in(&code).await;
    ends_at_the_shop(&world, &browser, step).await;
}

/// An account without a password confirms with a code.
#[apply(on_both!)]
async fn a_confirmation_ends_at_the_product(world: &World) {
    world.create_google_account(NEW).await;
    let world = with_clients(world);
    let mut browser = world.browser_with_session(NEW).await;
    browser.next = waiting(&browser, &[("prompt", "login")]).await;
    world.clock.advance_minutes(1);
    let sent = browser.request().confirmation().send(&browser.next).await;
    browser.take(sent).unwrap();
    let code = world.code_mailed_to(NEW).await;
    let mut browser = reopened(&browser, "confirm").await;
    let Ok(ConfirmStep::Done { next }) = browser.answer_confirmation(&code).await else {
        panic!("not confirmed")
    };
    opens_the_shop(&world, &browser, &next).await;
}

#[apply(on_both!)]
async fn a_user_who_cancels_returns_to_the_product(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let next = waiting(&browser, &[("prompt", "login")]).await;
    let cancel = async |next: &str| browser.request().authorization().cancel(next).await.unwrap();
    let response = returned(cancel(&next).await, CALLBACK);
    assert_eq!(
        (response["error"].as_str(), response["state"].as_str()),
        ("access_denied", "a state")
    );
    // Attack: a link leads to another address.
    for unknown in [
        "",
        "/profile",
        "https://evil.example/",
        &next[1..],
        &format!("{CONTINUE}00"),
    ] {
        assert!(
            matches!(cancel(unknown).await, AuthorizationStep::Refused(_)),
            "{unknown}"
        );
    }
    world.clock.advance_minutes(61);
    assert!(matches!(cancel(&next).await, AuthorizationStep::Refused(_)), "expired");
}

#[apply(on_both!)]
async fn a_leaked_password_is_changed_on_the_way_to_the_product(world: &World) {
    let silent = world.with_leaked(unavailable_list()).await;
    silent.create_account(ADA).await;
    silent.choosing(ADA).await.choose(NEW_PASSWORD).await.unwrap();
    let next = from_the_shop(&with_clients(world)).await.next;
    let knowing = world.with_leaked(list_of(NEW_PASSWORD)).await;
    let mut browser = knowing.browser();
    browser.next.clone_from(&next);
    let step = browser.sign_in(&knowing, ADA, NEW_PASSWORD).await;
    let next = format!("/security/password?next={next}");
    assert_eq!(step, Ok(SignInStep::SignedIn { next }));
}

/// Attack: a link names another product.
#[apply(on_both!)]
async fn only_the_client_of_a_waiting_request_is_named(world: &World) {
    let with = with_clients(world);
    let next = from_the_shop(&with).await.next;
    let shown = async |world: &World, next: &str| {
        world
            .backend
            .waiting_product(next)
            .await
            .unwrap()
            .map(|product| product.name)
    };
    assert_eq!(shown(&with, &next).await.as_deref(), Some("SHOP"));
    assert_eq!(shown(world, &next).await, None, "no longer registered");
    assert_eq!(shown(&world.with_clients(Clients::default()), &next).await, None);
    for unknown in [
        CONTINUE.to_owned(),
        format!("{CONTINUE}00"),
        format!("{CONTINUE}\0"),
        format!("{next}&client_id=other"),
        format!("/profile?next={next}"),
    ] {
        assert_eq!(shown(&with, &unknown).await, None, "{unknown}");
    }
    with.clock.advance_minutes(61);
    assert_eq!(shown(&with, &next).await, None, "expired");
}

#[tokio::test]
async fn without_a_waiting_product_nothing_is_read() {
    let world = World::on_sqlite().await;
    world.backend.db().close().await;
    for next in ["", "/profile", "/security?request=00", "/oauth/authorize"] {
        assert_eq!(world.backend.waiting_product(next).await.unwrap(), None, "{next}");
    }
    let read = world.backend.waiting_product(&format!("{CONTINUE}00")).await;
    assert!(read.is_err(), "{read:?}");
}
