//! Invitations to organizations.

use crate::browser::{Browser, without_fault};
use crate::organizations::{
    INVITED, MEMBER, TEN_MINUTES_MS, act, add_administrator, administered, create, member, other, trust, view,
};
use crate::world::{GRACE, PASSWORD, World, address, organization};
use account::{ActivityKind, Email, JoinStep, Notice, Refusal, SecurityDone, SignInStep, SignUpStep};

macro_rules! join {
    ($browser:expr, $function:ident($($argument:expr),*)) => {{
        let transition = $browser.request().joining().$function($($argument),*).await;
        $browser.take(transition)
    }};
}

#[apply(on_both!)]
async fn an_invited_user_signs_up_and_joins(world: &World) {
    let (_, mut ada) = administered(world).await;
    let shown = act!(ada, invite(" Invited@Engines.Example ")).unwrap();
    assert_eq!(
        (shown.done, shown.invitations[0].email.as_str()),
        (Some(SecurityDone::Invited), INVITED)
    );
    let mailed = world.emails_to(INVITED).await;
    assert!(
        matches!(&mailed[..], [Email::Invitation(email)] if email.organization == organization().name && email.inviter == "ada Example"),
        "{mailed:?}"
    );
    // Only with an invitation.
    let use_organization = Refusal::UseOrganization {
        organization: organization().name,
    };
    assert_eq!(world.browser().begin_sign_up(MEMBER).await, Err(use_organization));
    let (mut invited, code) = world.signing_up(INVITED).await;
    invited.answer_sign_up(&code).await.unwrap();
    assert_step!(invited.finish_sign_up("Mary", PASSWORD), SignUpStep::Done);
    let mut invited = world.browser();
    invited.sign_in(world, INVITED, PASSWORD).await.unwrap();
    let elsewhere = world.browser_with_session(INVITED).await;
    let offers = invited.security().await.unwrap().invitations;
    assert_eq!(offers[0].organization, organization().name);
    let id = offers[0].id.clone();
    assert_eq!(
        without_fault(invited.request().joining().step().await),
        Ok(JoinStep::Ask(offers[0].clone()))
    );
    world.clock.advance_ms(TEN_MINUTES_MS);
    assert_eq!(join!(invited, accept(&id)), Err(Refusal::ProofTooOld));
    invited.confirm_with_password(PASSWORD).await.unwrap();
    assert_eq!(join!(invited, accept("other")), Err(Refusal::InvitationGone));
    assert_eq!(join!(invited, accept(&id)), Ok(JoinStep::Nothing));
    assert!(invited.is_signed_in().await && !elsewhere.is_signed_in().await);
    let stored = world.stored(INVITED).await;
    assert_eq!(stored.account.managed_by.unwrap().organization, organization());
    assert!(!stored.administers);
    let notices = world.notices_to(INVITED).await;
    assert!(matches!(notices.last(), Some(Notice::Joined { .. })), "{notices:?}");
    let shown = view(&ada).await.unwrap();
    assert_eq!(shown.invitations, []);
    // Attack: an administrator reads what the owner did before joining.
    let events: Vec<_> = shown.events.iter().filter(|event| event.email == INVITED).collect();
    assert!(
        matches!(&events[..], [event] if event.activity.kind == ActivityKind::Joined),
        "{events:?}"
    );
    // From now on without a password.
    let mut later = world.browser();
    assert_step!(later.begin_sign_in(INVITED), SignInStep::ProveMailbox);
    let code = world.code_mailed_to(INVITED).await;
    assert_step!(later.answer_sign_in(&code), SignInStep::SignedIn);
}

#[apply(on_both!)]
async fn an_invitation_is_declined_withdrawn_or_ends(world: &World) {
    let (_, mut ada) = administered(world).await;
    world.create_account(INVITED).await;
    let mut invited = world.browser_with_session(INVITED).await;
    let step = async |browser: &Browser| without_fault(browser.request().joining().step().await).unwrap();
    let open = async |browser: &Browser| match step(browser).await {
        JoinStep::Ask(offer) => offer.id,
        JoinStep::Nothing => panic!("no invitation"),
    };
    act!(ada, invite(INVITED)).unwrap();
    let id = open(&invited).await;
    // Another account cannot answer it.
    world.create_account(GRACE).await;
    let mut grace = world.browser_with_session(GRACE).await;
    assert_eq!(join!(grace, accept(&id)), Err(Refusal::InvitationGone));
    join!(grace, decline(&id)).unwrap();
    assert_eq!(open(&invited).await, id);
    join!(invited, decline(&id)).unwrap();
    assert_eq!(join!(invited, accept(&id)), Err(Refusal::InvitationGone));
    let shown = act!(ada, invite(INVITED)).unwrap();
    let id = open(&invited).await;
    act!(ada, withdraw(&shown.invitations[0].id)).unwrap();
    assert_eq!(join!(invited, accept(&id)), Err(Refusal::InvitationGone));
    act!(ada, invite(INVITED)).unwrap();
    assert_eq!(view(&ada).await.unwrap().invitations.len(), 1);
    world.clock.advance_ms(14 * 86_400_000);
    let mut conn = world.backend.db().read().await.unwrap();
    let left = backend::store::invitations::of_address(&mut conn, &address(INVITED), world.now())
        .await
        .unwrap();
    assert_eq!(left, []);
}

#[apply(on_both!)]
async fn a_member_is_not_invited_and_another_organizations_member_cannot_join(world: &World) {
    let (of, mut ada) = administered(world).await;
    member(world, MEMBER).await;
    assert_eq!(act!(ada, invite(MEMBER)), Err(Refusal::AlreadyMember));
    assert_eq!(act!(ada, invite("user@motors.example")), Err(Refusal::DomainUnverified));
    assert_eq!(act!(ada, invite("no address")), Err(Refusal::EmailMalformed));
    assert_eq!(act!(ada, invite("")), Err(Refusal::EmailMissing));
    let another = create(world, &other()).await;
    world.create_account(GRACE).await;
    add_administrator(world, &another, GRACE).await;
    let mut grace = world.browser_with_session(GRACE).await;
    trust(world, &of, "example.com").await;
    let offer = act!(ada, invite(GRACE)).unwrap().invitations.remove(0);
    assert_eq!(
        without_fault(grace.request().joining().step().await),
        Ok(JoinStep::Nothing)
    );
    let managed = Refusal::ManagedByOrganization {
        organization: other().name,
    };
    assert_eq!(join!(grace, accept(&offer.id)), Err(managed));
    assert!(world.backend.accounts().take_back(&address(GRACE)).await.unwrap());
    let mut grace = world.browser_with_session(GRACE).await;
    let organizations = world.backend.organizations();
    organizations.remove_domain(&of.id, "example.com").await.unwrap();
    assert_eq!(join!(grace, accept(&offer.id)), Err(Refusal::DomainUnverified));
}

/// Attack: an administrator sends e-mails to strangers.
#[apply(on_both!)]
async fn invitations_are_limited_by_mailbox_and_by_organization(world: &World) {
    let (of, mut ada) = administered(world).await;
    trust(world, &of, "example.org").await;
    for _ in 0..5 {
        act!(ada, invite(INVITED)).unwrap();
    }
    let sixth = act!(ada, invite(INVITED));
    assert!(matches!(sixth, Err(Refusal::TooMany { .. })), "{sixth:?}");
    for number in 5..50 {
        act!(ada, invite(&format!("user{number}@example.org"))).unwrap();
    }
    let next = act!(ada, invite("one-more@example.org"));
    assert!(matches!(next, Err(Refusal::TooMany { .. })), "{next:?}");
}
