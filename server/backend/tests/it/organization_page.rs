//! The administrators' page of an organization. Property 39.

use crate::browser::without_fault;
use crate::organizations::{
    INVITED, MEMBER, TEN_MINUTES_MS, act, add_administrator, administered, create, id_of, member, other, search, view,
};
use crate::world::{ADA, GRACE, PASSWORD, World, address};
use account::{ActivityKind, MemberEvent, Refusal, SecurityDone};

/// Attack: an administrator reads or changes something of another organization.
#[apply(on_both!)]
async fn an_administrator_reaches_nothing_of_another_organization(world: &World) {
    let (_, ada) = administered(world).await;
    let mary = member(world, MEMBER).await;
    let another = create(world, &other()).await;
    world.create_account(GRACE).await;
    add_administrator(world, &another, GRACE).await;
    let mut grace = world.browser_with_session(GRACE).await;
    let mut ada = ada;
    act!(ada, invite(INVITED)).unwrap();
    act!(ada, add_domain("engines.example")).unwrap();
    let (mary_id, ours) = (id_of(&ada, MEMBER).await, view(&ada).await.unwrap());
    let seen = view(&grace).await.unwrap();
    let emails: Vec<_> = seen.members.iter().map(|member| member.email.as_str()).collect();
    assert_eq!((seen.name.as_str(), emails), ("Other Ltd", vec![GRACE]));
    assert_eq!((seen.invitations, seen.domains), (vec![], vec![]));
    assert!(
        seen.events.iter().all(|event| event.email == GRACE),
        "{:?}",
        seen.events
    );
    assert_eq!(act!(grace, disable(&mary_id)), Err(Refusal::MemberGone));
    assert_eq!(act!(grace, enable(&mary_id)), Err(Refusal::MemberGone));
    assert_eq!(act!(grace, end_sessions(&mary_id)), Err(Refusal::MemberGone));
    assert_eq!(act!(grace, remove(&mary_id)), Err(Refusal::MemberGone));
    assert_eq!(act!(grace, verify_domain("engines.example")), Err(Refusal::DomainGone));
    assert_eq!(act!(grace, remove_domain("engines.example")), Err(Refusal::DomainGone));
    act!(grace, withdraw(&ours.invitations[0].id)).unwrap();
    let rows = without_fault(grace.request().organization().members().await).unwrap();
    assert_eq!(rows.len(), 1);
    assert!(mary.is_signed_in().await);
    assert_eq!(view(&ada).await.unwrap().invitations, ours.invitations);
    // A member without rights, and a user of no organization.
    assert_eq!(view(&mary).await, Err(Refusal::NotAdministrator));
    world.create_account("user@example.com").await;
    let mut user = world.browser_with_session("user@example.com").await;
    assert_eq!(act!(user, invite(INVITED)), Err(Refusal::NotAdministrator));
    let rows = without_fault(user.request().organization().members().await);
    assert_eq!(rows.map(drop), Err(Refusal::NotAdministrator));
    assert_eq!(view(&world.browser()).await, Err(Refusal::SignedOut));
}

/// Attack: a session from a stolen cookie of an administrator.
#[apply(on_both!)]
async fn every_change_needs_a_recent_proof(world: &World) {
    let (_, mut ada) = administered(world).await;
    member(world, MEMBER).await;
    let id = id_of(&ada, MEMBER).await;
    world.clock.advance_ms(TEN_MINUTES_MS);
    let old = Err(Refusal::ProofTooOld);
    assert_eq!(act!(ada, invite(INVITED)), old);
    assert_eq!(act!(ada, withdraw("1")), old);
    assert_eq!(act!(ada, disable(&id)), old);
    assert_eq!(act!(ada, enable(&id)), old);
    assert_eq!(act!(ada, end_sessions(&id)), old);
    assert_eq!(act!(ada, remove(&id)), old);
    assert_eq!(act!(ada, add_domain("engines.example")), old);
    assert_eq!(act!(ada, verify_domain("engines.example")), old);
    assert_eq!(act!(ada, remove_domain("engines.example")), old);
    assert!(view(&ada).await.is_ok());
}

#[apply(on_both!)]
async fn a_member_is_deactivated_reactivated_and_removed(world: &World) {
    let (_, mut ada) = administered(world).await;
    let mary = member(world, MEMBER).await;
    let id = id_of(&ada, MEMBER).await;
    let shown = act!(ada, disable(&id)).unwrap();
    assert_eq!(shown.done, Some(SecurityDone::MemberDisabled));
    assert!(shown.members.iter().any(|row| row.email == MEMBER && row.disabled));
    // On every server, because sessions are in the database.
    assert!(!mary.is_signed_in().await);
    act!(ada, enable(&id)).unwrap();
    let mary = world.browser_with_session(MEMBER).await;
    act!(ada, end_sessions(&id)).unwrap();
    assert!(!mary.is_signed_in().await);
    act!(ada, disable(&id)).unwrap();
    let shown = act!(ada, remove(&id)).unwrap();
    assert_eq!(shown.members.len(), 1);
    let of_former = |event: &&MemberEvent| event.email == MEMBER;
    let kinds: Vec<_> = shown
        .events
        .iter()
        .filter(of_former)
        .map(|event| (event.by.as_deref(), event.activity.kind))
        .collect();
    assert_eq!(
        kinds,
        [(Some(ADA), ActivityKind::MemberRemoved)],
        "of a former member, only the removal"
    );
    assert_eq!(act!(ada, disable(&id)), Err(Refusal::MemberGone));
    for kind in [
        ActivityKind::MemberEnabled,
        ActivityKind::MemberSessionsEnded,
        ActivityKind::MemberRemoved,
    ] {
        assert_eq!(world.count_events(MEMBER, kind).await, 1, "{kind:?}");
    }
    assert_eq!(world.count_events(MEMBER, ActivityKind::MemberDisabled).await, 2);
    // The password from before works again, although the organization deactivated the account.
    let mut mary = world.browser();
    mary.sign_in(world, MEMBER, PASSWORD).await.unwrap();
    let activity = mary.security().await.unwrap().activity;
    let removed = activity
        .iter()
        .find(|event| event.kind == ActivityKind::MemberRemoved)
        .unwrap();
    assert_eq!(removed.client, "", "without the administrator's network address");
}

#[apply(on_both!)]
async fn the_last_active_administrator_stays(world: &World) {
    let (of, mut ada) = administered(world).await;
    let id = id_of(&ada, ADA).await;
    world.create_account(GRACE).await;
    assert_eq!(act!(ada, disable(&id)), Err(Refusal::LastAdministrator));
    assert_eq!(act!(ada, remove(&id)), Err(Refusal::LastAdministrator));
    add_administrator(world, &of, GRACE).await;
    let grace = id_of(&ada, GRACE).await;
    act!(ada, disable(&grace)).unwrap();
    assert_eq!(
        act!(ada, remove(&id)),
        Err(Refusal::LastAdministrator),
        "Grace is deactivated"
    );
    act!(ada, enable(&grace)).unwrap();
    assert_eq!(act!(ada, remove(&id)), Err(Refusal::SignedOut), "done, and signed out");
    assert_eq!(world.stored(ADA).await.account.managed_by, None);
}

/// Attack: two administrators remove each other at the same time.
#[apply(on_both!)]
async fn two_administrators_cannot_remove_each_other(world: &World) {
    let (of, ada) = administered(world).await;
    world.create_account(GRACE).await;
    add_administrator(world, &of, GRACE).await;
    let grace = world.browser_with_session(GRACE).await;
    let ids = [id_of(&ada, GRACE).await, id_of(&ada, ADA).await];
    let both = [(ada, ids[0].clone()), (grace, ids[1].clone())];
    let results = crate::world::together(2, |number| {
        let (browser, id) = both[number].clone();
        async move { browser.request().organization().remove(&id).await.is_ok() }
    })
    .await;
    assert_eq!(results.iter().filter(|done| **done).count(), 1, "{results:?}");
}

#[apply(on_both!)]
async fn members_are_listed_by_address_and_searched(world: &World) {
    let (of, ada) = administered(world).await;
    let mut tx = world.backend.db().begin().await.unwrap();
    for number in 0..120 {
        let email = format!("m{number:03}@engines.example");
        world.insert(&mut tx, &email, None).await;
        let id = account::AccountId(format!("id of {email}"));
        backend::store::accounts::set_managed(&mut tx, &id, Some(&of.id), account::Timestamp(1))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = search(&ada, "", &after).await.unwrap();
        seen.extend(page.members.into_iter().map(|member| member.email));
        pages += 1;
        if page.next.is_none() {
            break;
        }
        after.clone_from(seen.last().unwrap());
    }
    assert_eq!((seen.len(), pages), (121, 3));
    assert!(seen.is_sorted());
    let found = search(&ada, " M01", "").await.unwrap();
    assert_eq!(
        (found.members.len(), found.next, found.search.as_str()),
        (10, None, "m01")
    );
    for nothing in ["%", "_", "m01%", "'"] {
        assert_eq!(search(&ada, nothing, "").await.unwrap().members, []);
    }
    let all = without_fault(ada.request().organization().members().await).unwrap();
    assert_eq!(all.len(), 121);
    assert!(all[0].here && all[0].administrator);
}

/// Attack: an administrator undoes an operator's deactivation.
#[apply(on_both!)]
async fn an_operators_deactivation_stays(world: &World) {
    let (_, mut ada) = administered(world).await;
    member(world, MEMBER).await;
    let id = id_of(&ada, MEMBER).await;
    let accounts = world.backend.accounts();
    accounts.disable(&address(MEMBER), true).await.unwrap();
    assert_eq!(act!(ada, enable(&id)), Err(Refusal::AccountDeactivated));
    act!(ada, disable(&id)).unwrap();
    act!(ada, remove(&id)).unwrap();
    assert!(world.stored(MEMBER).await.account.disabled_at.is_some());
    accounts.disable(&address(MEMBER), false).await.unwrap();
    world.browser().sign_in(world, MEMBER, PASSWORD).await.unwrap();
}

#[apply(on_both!)]
async fn an_organizations_deactivation_ends_when_the_account_is_taken_back(world: &World) {
    let (_, mut ada) = administered(world).await;
    member(world, MEMBER).await;
    let id = id_of(&ada, MEMBER).await;
    act!(ada, disable(&id)).unwrap();
    assert!(world.backend.accounts().take_back(&address(MEMBER)).await.unwrap());
    world.browser().sign_in(world, MEMBER, PASSWORD).await.unwrap();
}

/// Members sign in by their domain, so all of them would be locked out.
#[apply(on_both!)]
async fn a_domain_with_members_stays(world: &World) {
    let (_, mut ada) = administered(world).await;
    member(world, MEMBER).await;
    assert_eq!(act!(ada, remove_domain("engines.example")), Err(Refusal::DomainInUse));
    let id = id_of(&ada, MEMBER).await;
    act!(ada, remove(&id)).unwrap();
    act!(ada, remove_domain("engines.example")).unwrap();
}
