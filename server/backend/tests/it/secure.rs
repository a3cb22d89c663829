//! *Secure your account*, and undoing a change of the e-mail address.

use crate::browser::{Browser, FlowResult};
use crate::email_change::NEW;
use crate::product::{code as product_code, redeem, with_clients};
use crate::provider_peer::{Linked, person};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code};
use account::{
    ActivityKind, Email, EmailChangeStep, Notice, Purpose, Refusal, ResetStep, Secret, SecureStep, SignInStep,
};
use backend::retried;

const THIEF: &str = "eve@thief.example";

impl Browser {
    pub async fn begin_secure(&mut self, email: &str) -> FlowResult<SecureStep> {
        let transition = self.request().secure_account().begin(email).await;
        self.take(transition)
    }

    pub async fn answer_secure(&mut self, code: &str) -> FlowResult<SecureStep> {
        let transition = self.request().secure_account().answer(&Secret::from(code)).await;
        self.take(transition)
    }

    pub async fn secure(&mut self) -> FlowResult<SecureStep> {
        let transition = retried(|| self.request().secure_account().secure()).await;
        self.take(transition)
    }
}

/// A browser that has entered the code mailed to an address, and sees what will happen.
async fn reviewing(world: &World, email: &str) -> Browser {
    let mut browser = world.browser();
    world.deliver().await;
    browser.begin_secure(email).await.unwrap();
    let code = world.code_mailed_to(email).await;
    assert_step!(browser.answer_secure(&code), SecureStep::Review);
    browser
}

/// An account whose address an intruder changed, and their browser.
async fn stolen(world: &World) -> Browser {
    world.create_account(ADA).await;
    let mut thief = world.trusted(ADA).await;
    thief.change_email(world, THIEF).await.unwrap();
    thief
}

#[apply(on_both!)]
async fn the_button_ends_everything_and_a_new_password_follows(world: &World) {
    world.create_account(ADA).await;
    let intruder = world.trusted(ADA).await;
    let (mut entering, reset) = world.resetting(ADA).await;
    let mut owner = reviewing(world, ADA).await;
    // The code alone does nothing.
    assert!(intruder.is_signed_in().await);
    let done = SecureStep::Done {
        email: address(ADA),
        sets_password: true,
    };
    let mut again = owner.clone();
    assert_eq!(owner.secure().await, Ok(done.clone()));
    // The form is sent twice, or its response lost.
    assert_eq!(again.secure().await, Ok(done.clone()));
    assert!(matches!(again.reset_step().await, ResetStep::ChoosePassword { .. }));
    assert_eq!(owner.request().secure_account().step().await.unwrap().step, done);
    assert!(!intruder.is_signed_in().await);
    assert!(entering.answer_reset(&reset).await.is_err());
    let security = world
        .database
        .number("select count(*) from devices where trusted_until is not null");
    assert_eq!(security.await, 0);
    assert!(matches!(owner.reset_step().await, ResetStep::ChoosePassword { .. }));
    assert_step!(owner.choose(NEW_PASSWORD), ResetStep::Done);
    assert_step!(world.browser().sign_in(world, ADA, NEW_PASSWORD), SignInStep::SignedIn);
    world.refuses(ADA, PASSWORD).await;
    assert_eq!(world.count_events(ADA, ActivityKind::Secured).await, 1);
    let notices = world.notices_to(ADA).await;
    assert!(
        notices
            .iter()
            .any(|notice| matches!(notice, Notice::Secured { restored: false, .. }))
    );
}

#[apply(on_both!)]
async fn a_change_of_the_address_is_undone_from_the_old_mailbox(world: &World) {
    let thief = stolen(world).await;
    let mut owner = reviewing(world, ADA).await;
    let review = owner.request().secure_account().step().await.unwrap().step;
    let moved_to = Some("e…@thief.example".to_owned());
    assert_eq!(
        review,
        SecureStep::Review {
            email: address(ADA),
            moved_to
        }
    );
    assert_step!(owner.secure(), SecureStep::Done);
    assert!(!thief.is_signed_in().await);
    assert_step!(owner.choose(NEW_PASSWORD), ResetStep::Done);
    assert_step!(world.browser().sign_in(world, ADA, NEW_PASSWORD), SignInStep::SignedIn);
    world.refuses(THIEF, PASSWORD).await;
    let lost = world.notices_to(THIEF).await;
    assert!(
        lost.iter().any(|notice| matches!(notice, Notice::EmailLost { .. })),
        "{lost:?}"
    );
    let secured = world.notices_to(ADA).await;
    assert!(
        secured
            .iter()
            .any(|notice| matches!(notice, Notice::Secured { restored: true, .. }))
    );
    assert_eq!(world.count_events(ADA, ActivityKind::EmailRestored).await, 1);
}

/// Attack: the thief changes the address twice, and undoes the undoing from the address in between.
#[apply(on_both!)]
async fn undoing_reaches_past_later_changes_and_is_final(world: &World) {
    let mut thief = stolen(world).await;
    world.clock.advance_minutes(1);
    thief.change_email(world, NEW).await.unwrap();
    let mut intruder = reviewing(world, THIEF).await;
    let mut owner = reviewing(world, ADA).await;
    assert_step!(owner.secure(), SecureStep::Done);
    assert_eq!(world.stored(ADA).await.account.id.0, format!("id of {ADA}"));
    assert_eq!(intruder.secure().await, Err(Refusal::FlowGone));
    world.clock.advance_minutes(1);
    let mut intruder = world.browser();
    intruder.begin_secure(THIEF).await.unwrap();
    let emails = world.emails_to(THIEF).await;
    assert!(matches!(emails.last(), Some(Email::NoAccount(_))), "{emails:?}");
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}

/// Attack: the thief's half-finished change is completed after the undoing.
#[apply(on_both!)]
async fn undoing_ends_a_change_that_waits_for_its_code(world: &World) {
    let mut thief = stolen(world).await;
    world.clock.advance_minutes(1);
    thief.begin_email_change(NEW).await.unwrap();
    let code = world.code_mailed_to(NEW).await;
    let mut owner = reviewing(world, ADA).await;
    owner.secure().await.unwrap();
    assert_eq!(thief.answer_email_change(&code).await, Err(Refusal::SignedOut));
    // Even with another session of the account.
    thief
        .held
        .session
        .clone_from(&world.browser_with_session(ADA).await.held.session);
    assert_eq!(thief.answer_email_change(&code).await, Err(Refusal::FlowGone));
}

#[apply(on_both!)]
async fn after_a_week_the_old_address_is_nothing(world: &World) {
    stolen(world).await;
    let mut late = reviewing(world, ADA).await;
    world.clock.advance_minutes(7 * 24 * 60);
    assert!(late.secure().await.is_err());
    world.clock.advance_minutes(1);
    world.browser().begin_secure(ADA).await.unwrap();
    let emails = world.emails_to(ADA).await;
    assert!(
        matches!(emails.last(), Some(Email::NoAccount(request)) if request.purpose == Purpose::Secure),
        "{emails:?}"
    );
    assert_eq!(world.stored(THIEF).await.account.email, address(THIEF));
}

#[apply(on_both!)]
async fn an_old_address_that_another_account_has_by_now_is_not_restored(world: &World) {
    stolen(world).await;
    let mut owner = reviewing(world, ADA).await;
    // By an operator; a sign-up is refused.
    let (other, email) = (address(ADA), address(THIEF));
    world.create_account_at_id("another", ADA).await;
    assert_eq!(owner.secure().await, Err(Refusal::EmailTaken));
    assert_eq!(world.stored(other.as_str()).await.account.id.0, "another");
    assert_eq!(world.stored(email.as_str()).await.account.id.0, format!("id of {ADA}"));
}

/// Attack: enumeration. Every address gets the same screen; only the e-mail differs.
#[apply(on_both!)]
async fn only_the_mail_tells_what_is_known_of_an_address(world: &World) {
    world.one_of_each_kind().await;
    for (email, gets_code) in [
        ("local@example.com", true),
        ("google@example.com", true),
        ("managed@example.com", true),
        ("disabled@example.com", false),
        ("unknown@example.com", false),
    ] {
        let mut browser = world.browser();
        assert_step!(browser.begin_secure(email), SecureStep::EnterCode);
        let emails = world.emails_to(email).await;
        let (code, others): (Vec<_>, Vec<_>) = emails.iter().partition(|email| matches!(email, Email::Code(_)));
        assert_eq!(
            (code.len(), others.len()),
            if gets_code { (1, 0) } else { (0, 1) },
            "{email}"
        );
    }
}

/// Attack: a code of another purpose, and a token from before the code.
#[apply(on_both!)]
async fn only_its_own_code_and_the_token_after_it_secure_an_account(world: &World) {
    world.create_account(ADA).await;
    let (_resetting, reset) = world.resetting(ADA).await;
    world.deliver().await;
    let mut browser = world.browser();
    browser.begin_secure(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    assert!(browser.answer_secure(&reset).await.is_err());
    assert!(browser.secure().await.is_err());
    let mut copy = browser.clone();
    let wrong = browser.answer_secure(&other_code(&code, 1)).await;
    assert!(matches!(wrong, Err(Refusal::CodeWrong { .. })), "{wrong:?}");
    browser.answer_secure(&code).await.unwrap();
    assert_eq!(copy.secure().await, Err(Refusal::StepElsewhere));
    world.clock.advance_minutes(1);
    assert_eq!(copy.secure().await, Err(Refusal::FlowGone));
    assert_step!(browser.secure(), SecureStep::Done);
}

#[apply(on_both!)]
async fn a_members_password_stays_with_the_organization(world: &World) {
    world.create_account(ADA).await;
    let session = world.signed_in(ADA).await;
    world.set_managed(ADA).await;
    let mut owner = reviewing(world, ADA).await;
    let done = SecureStep::Done {
        email: address(ADA),
        sets_password: false,
    };
    assert_eq!(owner.secure().await, Ok(done));
    assert!(!session.is_signed_in().await);
    assert!(matches!(owner.reset_step().await, ResetStep::AskEmail { .. }));
}

#[apply(on_both!)]
async fn accounts_connected_lately_are_disconnected(world: &World) {
    let linked = Linked::to(world).await;
    linked.world.create_account(ADA).await;
    let mut browser = linked.world.signed_in(ADA).await;
    linked.connect_google(&mut browser, person("1", ADA)).await.unwrap();
    let mut owner = reviewing(&linked.world, ADA).await;
    owner.secure().await.unwrap();
    let left = world.database.number("select count(*) from identities");
    assert_eq!(left.await, 0);
    assert_eq!(world.count_events(ADA, ActivityKind::ProviderDisconnected).await, 1);
}

/// Attack: the intruder connects their own account at a provider and disconnects the owner's, so that it is the last way to sign in.
#[apply(on_both!)]
async fn a_provider_connected_lately_is_replaced_by_a_password(world: &World) {
    let linked = Linked::to(world).await;
    let mut browser = linked.world.browser();
    linked.with_google(&mut browser, person("1", GRACE)).await.unwrap();
    let mut owner = reviewing(&linked.world, GRACE).await;
    let done = |sets_password| SecureStep::Done {
        email: address(GRACE),
        sets_password,
    };
    assert_eq!(owner.secure().await, Ok(done(true)));
    assert!(!browser.is_signed_in().await);
    let identities = world.database.number("select count(*) from identities");
    assert_eq!(identities.await, 0);
    assert_step!(owner.choose(NEW_PASSWORD), ResetStep::Done);
    // An account at a provider that was connected before stays.
    linked.with_google(&mut browser, person("2", ADA)).await.unwrap();
    linked.world.clock.advance_minutes(8 * 24 * 60);
    let mut owner = reviewing(&linked.world, ADA).await;
    let kept = SecureStep::Done {
        email: address(ADA),
        sets_password: false,
    };
    assert_eq!(owner.secure().await, Ok(kept));
    linked.with_google(&mut browser, person("2", ADA)).await.unwrap();
    assert!(browser.is_signed_in().await);
}

/// Attack: the owner signs in with a provider at the old address, and the new account keeps them from undoing the change.
#[apply(on_both!)]
async fn a_provider_makes_no_account_at_a_reserved_address(world: &World) {
    let linked = Linked::to(world).await;
    stolen(&linked.world).await;
    let mut owner = linked.world.browser();
    let refused = linked.with_google(&mut owner, person("1", ADA)).await;
    assert_eq!(refused.map(drop), Err(Refusal::EmailMoved));
    let mut owner = reviewing(&linked.world, ADA).await;
    assert_step!(owner.secure(), SecureStep::Done);
    assert_eq!(linked.world.stored(ADA).await.account.id.0, format!("id of {ADA}"));
}

/// Attack: the owner changes the address back on the profile, and the intruder undoes that from the address in between.
#[apply(on_both!)]
async fn an_address_that_was_changed_back_cannot_be_undone(world: &World) {
    stolen(world).await;
    let mut owner = world.signed_in(THIEF).await;
    world.clock.advance_minutes(1);
    owner.change_email(world, ADA).await.unwrap();
    world.clock.advance_minutes(1);
    world.browser().begin_secure(THIEF).await.unwrap();
    let emails = world.emails_to(THIEF).await;
    assert!(matches!(emails.last(), Some(Email::NoAccount(_))), "{emails:?}");
}

/// The address of the session may be the intruder's.
#[apply(on_both!)]
async fn a_signed_in_owner_types_the_address_after_a_change(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    let first = |email: Option<&str>| SecureStep::AskEmail {
        email: email.map(str::to_owned),
        is_over: false,
    };
    let step = browser.request().secure_account().step().await.unwrap().step;
    assert_eq!(step, first(Some(ADA)));
    browser.change_email(world, NEW).await.unwrap();
    let step = browser.request().secure_account().step().await.unwrap().step;
    assert_eq!(step, first(None));
}

/// Attack: an intruder has the account deleted, or sees that its owner undoes the change.
#[apply(on_both!)]
async fn a_stolen_account_outlives_the_undoing(world: &World) {
    let short = world.with(|settings| settings.deletion_grace_days = 1).await;
    let thief = stolen(&short).await;
    let requested = short
        .backend
        .accounts()
        .request_deletion(&address(THIEF))
        .await
        .unwrap();
    let backend::DeletionRequest::Until(until) = requested else {
        panic!("{requested:?}");
    };
    assert!(until > short.now().plus_days(7));
    let told = short.notices_to(ADA).await;
    assert!(
        told.iter()
            .any(|notice| matches!(notice, Notice::DeletionRequested { .. }))
    );
    assert!(!thief.is_signed_in().await);
    let mut owner = short.browser();
    short.deliver().await;
    owner.begin_secure(ADA).await.unwrap();
    let code = short.code_mailed_to(ADA).await;
    assert!(owner.answer_secure(&other_code(&code, 1)).await.is_err());
    assert_eq!(short.count_events(THIEF, ActivityKind::WrongCode).await, 0);
    owner.answer_secure(&code).await.unwrap();
    assert_step!(owner.secure(), SecureStep::Done);
    assert_eq!(short.stored(ADA).await.account.delete_after, None);
    assert_eq!(short.count_events(ADA, ActivityKind::DeletionCanceled).await, 1);
}

#[apply(on_both!)]
async fn products_connected_lately_are_disconnected(world: &World) {
    world.create_account(ADA).await;
    let world = with_clients(world);
    let mut old = world.signed_in(ADA).await;
    redeem(&world, &product_code(&old).await).await.unwrap();
    let connected = async || old.security().await.unwrap().products.len();
    assert_eq!(connected().await, 1);
    let mut owner = reviewing(&world, ADA).await;
    owner.secure().await.unwrap();
    old.sign_in(&world, ADA, PASSWORD).await.unwrap();
    assert_eq!(old.security().await.unwrap().products.len(), 0);
    // What was connected before the last seven days stays.
    redeem(&world, &product_code(&old).await).await.unwrap();
    world.clock.advance_minutes(8 * 24 * 60);
    let mut owner = reviewing(&world, ADA).await;
    owner.secure().await.unwrap();
    old.sign_in(&world, ADA, PASSWORD).await.unwrap();
    assert_eq!(old.security().await.unwrap().products.len(), 1);
}

/// The owner of the new address, who wanted the change, secures the account without losing the address.
#[apply(on_both!)]
async fn the_current_address_restores_nothing(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    assert_step!(browser.change_email(world, NEW), EmailChangeStep::Done);
    let mut owner = reviewing(world, NEW).await;
    let review = owner.request().secure_account().step().await.unwrap().step;
    assert!(
        matches!(review, SecureStep::Review { moved_to: None, .. }),
        "{review:?}"
    );
    owner.secure().await.unwrap();
    assert_eq!(world.stored(NEW).await.account.email, address(NEW));
}
