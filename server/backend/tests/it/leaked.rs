//! Leaked passwords: refused as new passwords, or checked at the next sign-in if the list is unavailable.

use crate::world::{ADA, NEW_PASSWORD, PASSWORD, World};
use account::{ActivityKind, Refusal, ResetStep, SignInStep};
use backend::{LeakedPasswords, TrustedRoots};
use std::net::TcpListener;

pub fn list_of(password: &str) -> LeakedPasswords {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{password}\n")).unwrap();
    LeakedPasswords::from_file(file.path()).unwrap()
}

/// A list at a closed local port.
pub fn unavailable_list() -> LeakedPasswords {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    LeakedPasswords::range(&format!("http://{address}/range/"), &TrustedRoots::public()).unwrap()
}

#[apply(on_both!)]
async fn a_leaked_password_is_refused_as_a_new_password(world: &World) {
    let world = world.with_leaked(list_of(NEW_PASSWORD)).await;
    world.create_account(ADA).await;
    let mut browser = world.choosing(ADA).await;
    assert_eq!(browser.choose(NEW_PASSWORD).await, Err(Refusal::PasswordLeaked));
    assert_step!(browser.choose("green ladder forgotten tuesday"), ResetStep::Done);
}

#[apply(on_both!)]
async fn a_password_is_accepted_unchecked_while_the_leaked_list_is_unavailable(world: &World) {
    let silent = world.with_leaked(unavailable_list()).await;
    silent.create_account(ADA).await;
    let mut browser = silent.choosing(ADA).await;
    assert_step!(browser.choose(NEW_PASSWORD), ResetStep::Done);

    // The list is still unavailable: the sign-in continues to its destination.
    let next = |step| match step {
        SignInStep::SignedIn { next } => next,
        step => panic!("{step:?}"),
    };
    let mut browser = silent.browser();
    assert_eq!(
        next(browser.sign_in(&silent, ADA, NEW_PASSWORD).await.unwrap()),
        "/profile"
    );

    // The list is available: the account's owner signs in and must change the password.
    let knowing = world.with_leaked(list_of(NEW_PASSWORD)).await;
    let mut browser = knowing.browser();
    let step = browser.sign_in(&knowing, ADA, NEW_PASSWORD).await.unwrap();
    assert_eq!(next(step), "/security/password");
    assert_eq!(knowing.count_events(ADA, ActivityKind::PasswordLeaked).await, 1);
    browser.change_password(NEW_PASSWORD, PASSWORD).await.unwrap();

    // An unlisted password isn't checked again.
    let mut browser = knowing.browser();
    assert_eq!(
        next(browser.sign_in(&knowing, ADA, PASSWORD).await.unwrap()),
        "/profile"
    );
    assert!(!knowing.stored(ADA).await.unchecked);
}
