//! The OpenID provider: what users are asked before a product of another company learns about them. Property 40.

use crate::browser::Browser;
use crate::product::{CALLBACK, PARTNER, asked, begin, form, post, query, returned, with_clients};
use crate::world::{ADA, GRACE, World, together};
use account::ActivityKind;
use backend::flows::{AuthorizationStep, Consent};
use backend::oauth::{ClientEndpoint, Hints};

fn of_partner(changes: &[(&str, &str)]) -> String {
    let mut all = vec![("client_id", "partner"), ("redirect_uri", PARTNER)];
    all.extend_from_slice(changes);
    query(&all)
}

/// The question, on a page of its own.
async fn question(browser: &Browser, query: &str) -> Consent {
    let AuthorizationStep::Ask { page, .. } = begin(browser, query).await else {
        panic!("no question")
    };
    question_at(browser, page.strip_prefix("/oauth/continue/").unwrap()).await
}

async fn question_at(browser: &Browser, id: &str) -> Consent {
    match browser.request().authorization().resume(id).await.unwrap() {
        AuthorizationStep::Consent(asked) => asked,
        step => panic!("{step:?}"),
    }
}

async fn decide(browser: &Browser, asked: &Consent, allowed: bool) -> AuthorizationStep {
    browser
        .request()
        .authorization()
        .decide(&asked.request, &asked.session, allowed)
        .await
        .unwrap()
}

#[apply(on_both!)]
async fn a_product_of_another_company_learns_only_what_its_user_allows(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    // Also after sign-in.
    let (page, id) = asked(begin(&world.browser(), &of_partner(&[("scope", "openid email")])).await);
    assert_eq!(page, "/signin");
    let mut browser = world.signed_in(ADA).await;
    let asked = question_at(&browser, &id).await;
    assert_eq!((asked.client.as_str(), asked.email.as_str()), ("PARTNER", ADA));
    assert!(asked.sees_email && !asked.sees_name);
    let refused = returned(decide(&browser, &asked, false).await, PARTNER);
    assert_eq!(
        (refused["error"].as_str(), refused["state"].as_str()),
        ("access_denied", "a state")
    );
    assert_eq!(browser.security().await.unwrap().products, []);

    assert!(returned(decide(&browser, &asked, true).await, PARTNER).contains_key("code"));
    assert_eq!(world.count_events(ADA, ActivityKind::ProductConnected).await, 1);
    // Remembered, also for less.
    for scope in ["openid email", "openid"] {
        let step = begin(&browser, &of_partner(&[("scope", scope), ("prompt", "none")])).await;
        assert!(returned(step, PARTNER).contains_key("code"), "{scope}");
    }
    // Attack: the product asks for more later, without a question.
    let more = of_partner(&[("scope", "openid profile"), ("prompt", "none")]);
    assert_eq!(
        returned(begin(&browser, &more).await, PARTNER)["error"],
        "consent_required"
    );
    let again = of_partner(&[("scope", "openid email"), ("prompt", "consent")]);
    let again = question(&browser, &again).await;
    assert!(returned(decide(&browser, &again, true).await, PARTNER).contains_key("code"));
    // A reload of the answer.
    let step = browser.request().authorization().resume(&again.request).await.unwrap();
    assert!(returned(step, PARTNER).contains_key("code"));

    browser
        .take(browser.request().products().disconnect("partner").await)
        .unwrap();
    question(&browser, &of_partner(&[("scope", "openid email")])).await;
}

/// Attack: someone who knows a request decides for its user.
#[apply(on_both!)]
async fn only_a_signed_in_user_allows(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let question = question(&browser, &of_partner(&[])).await;
    let (page, _) = asked(decide(&world.browser(), &question, true).await);
    assert_eq!(page, "/signin");
    assert_eq!(browser.security().await.unwrap().products, []);
    let unknown = Consent {
        request: "unknown".into(),
        ..question
    };
    assert!(matches!(
        decide(&browser, &unknown, true).await,
        AuthorizationStep::Refused(_)
    ));
}

/// Another account signs in while the question is shown.
#[apply(on_both!)]
async fn only_the_user_who_was_asked_allows(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let question = question(&browser, &of_partner(&[])).await;
    let grace = world.signed_in(GRACE).await;
    let again = decide(&grace, &question, true).await;
    let page = format!("/oauth/continue/{}", question.request);
    assert_eq!(
        again,
        AuthorizationStep::Ask {
            page,
            hints: Hints::default()
        }
    );
    assert_eq!(grace.security().await.unwrap().products, []);
}

/// A product of the operator can ask, too, and `prompt` is a list.
#[apply(on_both!)]
async fn a_product_of_the_operator_asks_if_it_wants(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let asked = question(&browser, &query(&[("prompt", "consent")])).await;
    assert!(!asked.third_party);
    assert!(returned(decide(&browser, &asked, true).await, CALLBACK).contains_key("code"));
    let (page, _) = crate::product::asked(begin(&browser, &query(&[("prompt", "login consent")])).await);
    assert_eq!(page, "/security/confirm");
}

/// Attack: a product that asks while it is disconnected gets a code, and its tokens connect it again.
#[apply(on_both!)]
async fn a_product_that_asks_meanwhile_stays_disconnected(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let browser = world.signed_in(ADA).await;
    let asked = question(&browser, &of_partner(&[])).await;
    for _ in 0..16 {
        decide(&browser, &asked, true).await;
        let steps = together(6, |_| {
            let (browser, id) = (browser.clone(), asked.request.clone());
            async move { browser.request().authorization().resume(&id).await.unwrap() }
        });
        let (steps, disconnected) = tokio::join!(steps, browser.request().products().disconnect("partner"));
        disconnected.unwrap();
        for step in steps {
            if let AuthorizationStep::Return { .. } = &step {
                let code = returned(step, PARTNER)["code"].clone();
                let fields = [("client_id", "partner"), ("redirect_uri", PARTNER)];
                let redeemed = post(&world, ClientEndpoint::Token, &form(&code, &fields), None).await;
                assert_eq!(redeemed, Err("invalid_grant"));
            }
        }
        assert_eq!(browser.security().await.unwrap().products, []);
    }
}
