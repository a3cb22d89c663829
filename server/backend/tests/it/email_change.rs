//! Change of the e-mail address by its user, and undoing it from the old mailbox: [`crate::secure`].

use crate::browser::{Browser, FlowResult};
use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, address, other_code, together};
use account::{ActivityKind, Email, EmailChangeStep, Notice, Purpose, Refusal, Secret, SignInStep, SignUpStep};
use backend::{AddressChange, retried};

/// The address after a change.
pub const NEW: &str = "ada@new.example";
const OTHER: &str = "ada@other.example";
const TEN_MINUTES_MS: i64 = 600_000;

impl Browser {
    pub async fn begin_email_change(&mut self, email: &str) -> FlowResult<EmailChangeStep> {
        let transition = self.request().email_change().begin(email).await;
        self.take(transition)
    }

    pub async fn answer_email_change(&mut self, code: &str) -> FlowResult<EmailChangeStep> {
        let code = Secret::from(code);
        let transition = retried(|| self.request().email_change().answer(&code)).await;
        self.take(transition)
    }

    /// Changes the address, with the code mailed to the new one.
    pub async fn change_email(&mut self, world: &World, email: &str) -> FlowResult<EmailChangeStep> {
        world.deliver().await;
        self.begin_email_change(email).await?;
        let code = world.code_mailed_to(email).await;
        self.answer_email_change(&code).await
    }
}

/// A signed-in browser that waits for the code, and the code.
async fn changing(world: &World, from: &str, to: &str) -> (Browser, String) {
    let mut browser = world.signed_in(from).await;
    world.deliver().await;
    browser.begin_email_change(to).await.unwrap();
    let code = world.code_mailed_to(&to.trim().to_lowercase()).await;
    (browser, code)
}

#[apply(on_both!)]
async fn the_code_at_the_new_address_changes_it(world: &World) {
    world.create_account(ADA).await;
    let other_session = world.signed_in(ADA).await;
    let (mut browser, code) = changing(world, ADA, " Ada@NEW.example ").await;
    let waiting = browser.request().email_change().step().await.unwrap();
    assert!(matches!(&waiting, EmailChangeStep::EnterCode(mailed) if mailed.email == address(NEW)));
    // Until then, the old address stays.
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
    let result = browser.answer_email_change(&other_code(&code, 1)).await;
    assert!(matches!(result, Err(Refusal::CodeWrong { .. })), "{result:?}");
    let done = EmailChangeStep::Done { email: address(NEW) };
    let mut again = browser.clone();
    assert_eq!(browser.answer_email_change(&code).await, Ok(done.clone()));
    // The form is sent twice.
    assert_eq!(again.answer_email_change(&code).await, Ok(done));
    assert!(browser.is_signed_in().await && other_session.is_signed_in().await);
    world.refuses(ADA, PASSWORD).await;
    assert_step!(world.browser().sign_in(world, NEW, PASSWORD), SignInStep::SignedIn);
    for (kind, count) in [(ActivityKind::EmailChangeAsked, 1), (ActivityKind::EmailChanged, 1)] {
        assert_eq!(world.count_events(NEW, kind).await, count, "{kind:?}");
    }
}

#[apply(on_both!)]
async fn the_old_address_is_told_at_the_start_and_at_the_change(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = changing(world, ADA, NEW).await;
    let masked = "a…@new.example";
    let notices = world.notices_to(ADA).await;
    assert!(
        matches!(notices.last(), Some(Notice::EmailChangeAsked { new, .. }) if new == masked),
        "{notices:?}"
    );
    world.clock.advance_ms(1_000);
    browser.answer_email_change(&code).await.unwrap();
    let notices = world.notices_to(ADA).await;
    let in_a_week = world.now().plus_days(7);
    assert!(
        matches!(notices.last(), Some(Notice::EmailChanged { new, undo_until, .. })
            if new == masked && *undo_until == in_a_week),
        "{notices:?}"
    );
    let new = world.notices_to(NEW).await;
    assert!(matches!(new.as_slice(), [Notice::EmailTaken { .. }]), "{new:?}");
}

/// Attack: a thief of the session makes the account theirs.
#[apply(on_both!)]
async fn a_change_needs_a_recent_proof(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    world.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(browser.begin_email_change(NEW).await, Err(Refusal::ProofTooOld));
    assert!(world.emails_to(NEW).await.is_empty());
    browser.confirm_with_password(PASSWORD).await.unwrap();
    assert_step!(browser.change_email(world, NEW), EmailChangeStep::Done);
}

#[apply(on_both!)]
async fn unfit_addresses_are_refused(world: &World) {
    world.create_account(ADA).await;
    world.organization_with(None, "engines.example").await;
    let mut browser = world.signed_in(ADA).await;
    for (typed, refusal) in [
        ("", Refusal::EmailMissing),
        ("ada", Refusal::EmailMalformed),
        (ADA, Refusal::EmailSameAsNow),
        (
            "ada@engines.example",
            Refusal::UseOrganization {
                organization: crate::world::organization().name,
            },
        ),
    ] {
        assert_eq!(browser.begin_email_change(typed).await, Err(refusal), "{typed}");
    }
    assert_eq!(world.count_events(ADA, ActivityKind::EmailChangeAsked).await, 0);
}

/// Attack: enumeration. Only the e-mail tells that the address has an account.
#[apply(on_both!)]
async fn an_address_in_use_gets_no_code(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut browser = world.signed_in(ADA).await;
    assert_step!(browser.begin_email_change(GRACE), EmailChangeStep::EnterCode);
    let emails = world.emails_to(GRACE).await;
    assert!(matches!(emails.as_slice(), [Email::AddressInUse(_)]), "{emails:?}");
    let refused = browser.answer_email_change("01234567").await;
    assert_eq!(refused, Err(Refusal::CodeWrong { tries_left: 4 }));
    assert_eq!(world.count_events(GRACE, ActivityKind::WrongCode).await, 0);
}

#[apply(on_both!)]
async fn an_address_that_is_taken_meanwhile_is_refused(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = changing(world, ADA, NEW).await;
    world.create_account(NEW).await;
    assert_eq!(browser.answer_email_change(&code).await, Err(Refusal::EmailTaken));
    assert_eq!(world.stored(ADA).await.account.id.0, format!("id of {ADA}"));
}

/// Attack: the code of one address changes the account to another one, or another account.
#[apply(on_both!)]
async fn a_code_works_for_its_address_and_account_only(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut first, to_new) = changing(world, ADA, NEW).await;
    let (mut second, to_other) = changing(world, ADA, OTHER).await;
    assert!(first.answer_email_change(&to_other).await.is_err());
    assert!(second.answer_email_change(&to_new).await.is_err());
    // On a shared browser, another user is signed in by now.
    let grace = world.signed_in(GRACE).await;
    first.held.session.clone_from(&grace.held.session);
    assert_eq!(first.answer_email_change(&to_new).await, Err(Refusal::FlowGone));
    // Nor does the code of another flow count.
    let (_resetting, reset) = world.resetting(ADA).await;
    assert!(second.answer_email_change(&reset).await.is_err());
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
    assert_eq!(world.stored(GRACE).await.account.email, address(GRACE));
}

#[apply(on_both!)]
async fn without_a_session_nothing_changes(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = changing(world, ADA, NEW).await;
    assert_eq!(world.browser().begin_email_change(NEW).await, Err(Refusal::SignedOut));
    let session = browser.held.session.take();
    assert_eq!(browser.answer_email_change(&code).await, Err(Refusal::SignedOut));
    browser.held.session = session;
    assert_step!(browser.answer_email_change(&code), EmailChangeStep::Done);
}

/// Attack: a change that an intruder has begun outlives the owner's reset.
#[apply(on_both!)]
async fn a_reset_ends_a_change(world: &World) {
    world.create_account(ADA).await;
    let (mut intruder, code) = changing(world, ADA, NEW).await;
    let mut owner = world.choosing(ADA).await;
    owner.choose(NEW_PASSWORD).await.unwrap();
    assert_eq!(intruder.answer_email_change(&code).await, Err(Refusal::SignedOut));
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}

/// Attack: the next user of the old mailbox continues an earlier reset, sign-in or code.
#[apply(on_both!)]
async fn what_the_old_address_has_proved_ends(world: &World) {
    world.create_account(ADA).await;
    let mut choosing = world.choosing(ADA).await;
    let (mut entering, reset) = world.resetting(ADA).await;
    let (mut confirming, sign_in) = world.confirming(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    browser.change_email(world, NEW).await.unwrap();
    assert_eq!(choosing.choose(NEW_PASSWORD).await, Err(Refusal::FlowGone));
    assert!(entering.answer_reset(&reset).await.is_err());
    assert!(confirming.answer_sign_in(&sign_in).await.is_err());
    assert_step!(world.browser().sign_in(world, NEW, PASSWORD), SignInStep::SignedIn);
}

/// The second one would be undone to an address that the account no longer had.
#[apply(on_both!)]
async fn of_two_changes_that_race_one_happens(world: &World) {
    world.create_account(ADA).await;
    let (first, to_new) = changing(world, ADA, NEW).await;
    let (second, to_other) = changing(world, ADA, OTHER).await;
    let both = [(first, to_new), (second, to_other)];
    let results = together(2, |number| {
        let (mut browser, code) = both[number].clone();
        async move { browser.answer_email_change(&code).await }
    })
    .await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(done, 1, "{results:?}");
    assert!(results.contains(&Err(Refusal::FlowGone)), "{results:?}");
    let changes = world
        .database
        .number("select count(*) from email_changes where changed_at is not null");
    assert_eq!(changes.await, 1);
}

#[apply(on_both!)]
async fn an_organization_decides_the_address_of_its_members(world: &World) {
    world.create_account(ADA).await;
    let (mut browser, code) = changing(world, ADA, NEW).await;
    world.set_managed(ADA).await;
    let refusal = Refusal::ManagedByOrganization {
        organization: crate::world::organization().name,
    };
    assert_eq!(browser.answer_email_change(&code).await, Err(refusal.clone()));
    assert_eq!(browser.begin_email_change(OTHER).await, Err(refusal));
    let step = browser.request().email_change().step().await.unwrap();
    assert_eq!(step, EmailChangeStep::Managed(crate::world::organization()));
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}

/// Attack: someone at an open browser floods the mailbox with notices, or writes to strangers.
#[apply(on_both!)]
async fn five_new_addresses_a_day_are_enough(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    for number in 0..5 {
        world.clock.advance_minutes(1);
        let begun = browser
            .begin_email_change(&format!("ada{number}@new{number}.example"))
            .await;
        assert!(begun.is_ok(), "{begun:?}");
    }
    world.clock.advance_minutes(1);
    let refused = browser.begin_email_change(NEW).await;
    assert!(matches!(refused, Err(Refusal::TooMany { .. })), "{refused:?}");
}

#[apply(on_both!)]
async fn an_address_can_be_taken_back_by_its_account_alone(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let mut browser = world.signed_in(ADA).await;
    browser.change_email(world, NEW).await.unwrap();
    let mut grace = world.signed_in(GRACE).await;
    grace.begin_email_change(ADA).await.unwrap();
    let emails = world.emails_to(ADA).await;
    assert!(matches!(emails.last(), Some(Email::Moved(_))), "{emails:?}");
    world.clock.advance_minutes(1);
    assert_step!(browser.change_email(world, ADA), EmailChangeStep::Done);
    // Nothing is left to undo. Attack: from the address in between.
    let left = "select count(*) from email_changes where changed_at is not null";
    assert_eq!(world.database.number(left).await, 0);
}

/// Attack: a new account at the old address keeps its owner from undoing the change.
#[apply(on_both!)]
async fn the_old_address_stays_free_for_a_week(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    browser.change_email(world, NEW).await.unwrap();
    world.deliver().await;
    let mut stranger = world.browser();
    assert_step!(stranger.begin_sign_up(ADA), SignUpStep::EnterCode);
    let emails = world.emails_to(ADA).await;
    assert!(
        matches!(emails.last(), Some(Email::Moved(request)) if request.purpose == Purpose::SignUp),
        "{emails:?}"
    );
    world.browser().begin_reset(ADA).await.unwrap();
    let emails = world.emails_to(ADA).await;
    assert!(
        matches!(emails.last(), Some(Email::Moved(request)) if request.purpose == Purpose::Reset),
        "{emails:?}"
    );
    world.clock.advance_minutes(7 * 24 * 60);
    let (mut browser, code) = world.signing_up(ADA).await;
    browser.answer_sign_up(&code).await.unwrap();
    assert_step!(browser.finish_sign_up("Ada", NEW_PASSWORD), SignUpStep::Done);
    world.clock.advance_minutes(30 * 24 * 60);
    world.backend.upkeep().sweep().await.unwrap();
    let rows = world.database.number("select count(*) from email_changes");
    assert_eq!(rows.await, 0);
}

/// An operator who changes the address decides who owns the account.
#[apply(on_both!)]
async fn an_operators_change_ends_what_could_be_undone(world: &World) {
    world.create_account(ADA).await;
    let mut browser = world.signed_in(ADA).await;
    browser.change_email(world, NEW).await.unwrap();
    let accounts = world.backend.accounts();
    let changed = accounts.change_address(&address(NEW), &address(OTHER)).await;
    assert_eq!(changed.unwrap(), AddressChange::Done);
    let rows = world.database.number("select count(*) from email_changes");
    assert_eq!(rows.await, 0);
}

/// Attack: a change begun in the intruder's account becomes one of the account of a stolen session, without a notice.
#[apply(on_both!)]
async fn a_change_stays_with_the_account_that_began_it(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let (mut browser, first) = changing(world, GRACE, NEW).await;
    let victim = world.signed_in(ADA).await;
    browser.held.session.clone_from(&victim.held.session);
    let resent = browser.request().email_change().resend().await;
    assert_eq!(browser.take(resent), Err(Refusal::FlowGone));
    world.deliver().await;
    assert_step!(browser.begin_email_change(NEW), EmailChangeStep::EnterCode);
    assert_eq!(world.count_events(ADA, ActivityKind::EmailChangeAsked).await, 1);
    assert!(browser.answer_email_change(&first).await.is_err());
    assert_eq!(world.stored(ADA).await.account.email, address(ADA));
}
