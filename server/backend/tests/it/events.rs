//! Events sent to a page when its flow continues elsewhere.

use crate::world::{ADA, World};
use account::Purpose;

#[apply(on_both!)]
async fn a_page_gets_an_event_when_another_tab_continues(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = world.resetting(ADA).await;
    let seen = browser.flow_version(Purpose::Reset, None).await;
    let tab = browser.clone();
    let heard = tokio::spawn(async move { tab.flow_version(Purpose::Reset, Some(seen)).await });
    browser.answer_reset(&code).await.unwrap();
    assert_ne!(heard.await.unwrap(), seen);
    // A change before the subscription is reported immediately.
    assert!(browser.flow_version(Purpose::Reset, Some(seen)).await > seen);
}

#[apply(on_both!)]
async fn a_page_gets_an_event_when_another_server_continues(world: &World) {
    world.create_account(ADA).await;
    let (browser, code) = world.resetting(ADA).await;
    let seen = browser.flow_version(Purpose::Reset, None).await;
    let mut elsewhere = world.with(|_| ()).await.browser();
    elsewhere.held = browser.held.clone();
    let heard = tokio::spawn(async move { browser.flow_version(Purpose::Reset, Some(seen)).await });
    elsewhere.answer_reset(&code).await.unwrap();
    assert_ne!(heard.await.unwrap(), seen);
}

#[apply(on_both!)]
async fn a_page_gets_an_event_when_its_flow_ends(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, _) = world.confirming(ADA).await;
    let seen = browser.flow_version(Purpose::SignIn, None).await;
    let tab = browser.clone();
    let heard = tokio::spawn(async move { tab.flow_version(Purpose::SignIn, Some(seen)).await });
    browser.restart_sign_in().await.unwrap();
    assert_ne!(heard.await.unwrap(), seen);
}

#[apply(on_both!)]
async fn a_page_without_a_flow_gets_no_event(world: &World) {
    world.create_account(ADA).await;
    let (browser, _) = world.resetting(ADA).await;
    assert_eq!(browser.flow_version(Purpose::SignIn, None).await, 0);
    assert_eq!(world.browser().flow_version(Purpose::Reset, Some(1)).await, 0);
}
