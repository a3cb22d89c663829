//! Leaked passwords: refused as new ones; let pass while the list does not answer, and then asked about at the next sign-in.

use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World};
use account::{ActivityKind, Refusal, ResetStep, SignInStep};
use backend::{LeakedPasswords, TrustedRoots};
use std::net::TcpListener;

fn list_of(password: &str) -> LeakedPasswords {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{password}\n")).unwrap();
    LeakedPasswords::from_file(file.path()).unwrap()
}

/// A place on this machine where nobody answers.
fn nobody_answers() -> LeakedPasswords {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    LeakedPasswords::range(&format!("http://{address}/range/"), &TrustedRoots::public()).unwrap()
}

#[apply(on_both!)]
async fn a_leaked_password_is_refused_as_a_new_one(world: &World) {
    let world = world.with_leaked(list_of(NEW_PASSWORD)).await;
    world.person(ADA).await;
    let mut browser = world.choosing(ADA).await;
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::PasswordLeaked));
    assert!(matches!(
        browser.choose("green ladder forgotten tuesday").await,
        Ok(ResetStep::Done { .. })
    ));
}

#[apply(on_both!)]
async fn a_list_that_does_not_answer_lets_pass_and_is_asked_again(world: &World) {
    let silent = world.with_leaked(nobody_answers()).await;
    silent.person(ADA).await;
    let mut browser = silent.choosing(ADA).await;
    assert!(matches!(browser.choose(NEW_PASSWORD).await, Ok(ResetStep::Done { .. })));

    // Still silent: the sign-in goes where it was going.
    let next = |step| match step {
        SignInStep::SignedIn { next } => next,
        step => panic!("{step:?}"),
    };
    let mut browser = silent.browser();
    assert_eq!(
        next(browser.sign_in(&silent, ADA, NEW_PASSWORD).await.unwrap()),
        "/profile"
    );

    // It answers now: the person is let in, led to the change, and told why.
    let knowing = world.with_leaked(list_of(NEW_PASSWORD)).await;
    let mut browser = knowing.browser();
    let step = browser.sign_in(&knowing, ADA, NEW_PASSWORD).await.unwrap();
    assert_eq!(next(step), "/security/password");
    assert_eq!(knowing.count_events(ADA, ActivityKind::PasswordLeaked).await, 1);
    browser.change_password(NEW_PASSWORD, PASSWORD).await.unwrap();

    // One that is not on it is not asked about for ever.
    let mut browser = knowing.browser();
    assert_eq!(
        next(browser.sign_in(&knowing, ADA, PASSWORD).await.unwrap()),
        "/profile"
    );
    assert!(!knowing.stored(ADA).await.unchecked);
}
