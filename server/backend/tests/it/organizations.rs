//! Organizations: the operator's actions and the administrators' page.

use crate::browser::{Browser, FlowResult, without_fault};
use crate::dns::{DnsPeer, txt};
use crate::world::{ADA, GRACE, PASSWORD, World, address, organization};
use account::{ActivityKind, MemberEvent, Membership, Organization, OrganizationView, Refusal, SecurityDone};
use backend::{Error, NewAdministrator};
use hickory_resolver::proto::op::ResponseCode;

pub const MEMBER: &str = "mary@engines.example";
pub const INVITED: &str = "invited@engines.example";
pub const TEN_MINUTES_MS: i64 = 600_000;

/// Calls a function of the organization page: `act!(browser, invite(ADA))`.
macro_rules! act {
    ($browser:expr, $function:ident($($argument:expr),*)) => {{
        let transition = $browser.request().organization().$function($($argument),*).await;
        $browser.take(transition)
    }};
}

pub(crate) use act;

pub fn other() -> Organization {
    Organization {
        name: "Other Ltd".into(),
        ..organization()
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

pub async fn create(world: &World, organization: &Organization) -> Membership {
    world
        .backend
        .organizations()
        .create(organization)
        .await
        .unwrap()
        .unwrap()
}

/// An organization with Ada as administrator, signed in.
pub async fn administered(world: &World) -> (Membership, Browser) {
    let of = create(world, &organization()).await;
    trust(world, &of, "engines.example").await;
    administrator(world).await
}

/// Ada as administrator of the organization, signed in.
pub async fn administrator(world: &World) -> (Membership, Browser) {
    let of = world.backend.organizations().find(&organization().name).await;
    let of = of.unwrap().unwrap();
    world.create_account(ADA).await;
    add_administrator(world, &of, ADA).await;
    (of, world.browser_with_session(ADA).await)
}

pub async fn add_administrator(world: &World, of: &Membership, email: &str) {
    let added = world
        .backend
        .organizations()
        .add_administrator(of, &address(email), true)
        .await;
    assert_eq!(added.unwrap(), NewAdministrator::Done);
}

pub async fn trust(world: &World, of: &Membership, domain: &str) {
    world
        .backend
        .organizations()
        .trust_domain(&of.id, domain)
        .await
        .unwrap();
}

pub async fn view(browser: &Browser) -> FlowResult<OrganizationView> {
    search(browser, "", "").await
}

async fn search(browser: &Browser, prefix: &str, after: &str) -> FlowResult<OrganizationView> {
    without_fault(browser.request().organization().view(prefix, after).await)
}

pub async fn id_of(browser: &Browser, email: &str) -> String {
    let members = view(browser).await.unwrap().members;
    members.into_iter().find(|member| member.email == email).unwrap().id
}

pub async fn member(world: &World, email: &str) -> Browser {
    world.create_account(email).await;
    world.set_managed(email).await;
    world.browser_with_session(email).await
}

#[apply(on_both!)]
async fn an_operator_adds_and_lists_organizations(world: &World) {
    let organizations = world.backend.organizations();
    let of = create(world, &organization()).await;
    assert_eq!(organizations.create(&organization()).await.unwrap(), None);
    create(world, &other()).await;
    organizations.set_provider(&of.id, Some("engines")).await.unwrap();
    organizations.trust_domain(&of.id, "Engines.example").await.unwrap();
    organizations.add_domain(&of.id, "more.example").await.unwrap();
    world.create_account(ADA).await;
    add_administrator(world, &of, ADA).await;
    world.create_account(MEMBER).await;
    world.set_managed(MEMBER).await;
    let listed = organizations.list("", 10).await.unwrap();
    assert_eq!(listed.len(), 2);
    let first = &listed[0];
    assert_eq!(first.membership.provider.as_deref(), Some("engines"));
    let domains: Vec<_> = first
        .domains
        .iter()
        .map(|row| (row.domain.as_str(), row.verified_at.is_some()))
        .collect();
    assert_eq!(domains, [("engines.example", true), ("more.example", false)]);
    assert_eq!(
        (first.members, first.administrators.as_slice()),
        (2, &[ADA.to_owned()][..])
    );
    assert_eq!(organizations.list(&of.organization.name, 10).await.unwrap().len(), 1);
    let kind = ActivityKind::OrganizationProviderChanged;
    assert_eq!(world.count_events(ADA, kind).await, 0, "Ada joined later");
    organizations.set_provider(&of.id, None).await.unwrap();
    assert_eq!(world.count_events(ADA, kind).await, 1);
    assert_eq!(world.count_events(MEMBER, kind).await, 1);
}

/// Attack: an organization manages all new accounts of a public mail provider, or of a domain that another one has verified.
#[apply(on_both!)]
async fn a_domain_is_normalized_and_belongs_to_one_organization(world: &World) {
    let organizations = world.backend.organizations();
    let (of, another) = (create(world, &organization()).await, create(world, &other()).await);
    let record = organizations.add_domain(&of.id, "@B\u{fc}cher.example").await.unwrap();
    assert_eq!(record.name, "_rekey-verification.xn--bcher-kva.example");
    let random = record.value.strip_prefix("rekey-verification=").unwrap();
    assert!(
        random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{random}"
    );
    assert_eq!(
        organizations.add_domain(&of.id, "b\u{fc}cher.example").await.unwrap(),
        record
    );
    for (domain, expected) in [
        ("gmail.com", Refusal::DomainPublic),
        ("GoogleMail.com", Refusal::DomainPublic),
        ("", Refusal::DomainMissing),
        ("https://example.com", Refusal::DomainMalformed),
    ] {
        assert_eq!(refusal(organizations.add_domain(&of.id, domain).await), expected);
        assert_eq!(refusal(organizations.trust_domain(&of.id, domain).await), expected);
    }
    organizations.trust_domain(&of.id, "engines.example").await.unwrap();
    assert_eq!(
        refusal(organizations.trust_domain(&another.id, "engines.example").await),
        Refusal::DomainTaken
    );
    organizations.remove_domain(&of.id, "engines.example").await.unwrap();
    assert_eq!(
        refusal(organizations.remove_domain(&of.id, "engines.example").await),
        Refusal::DomainGone
    );
    organizations
        .trust_domain(&another.id, "engines.example")
        .await
        .unwrap();
}

#[apply(on_both!)]
async fn a_domain_is_verified_by_its_record(world: &World) {
    // The record of the first claim, which is not known in advance, is wrong.
    let wrong =
        DnsPeer::answering(|name| Some((ResponseCode::NoError, vec![(name.to_owned(), txt(&["wrong"]))]))).await;
    let world = &world.with_dns(wrong.dns);
    let (of, mut ada) = administered(world).await;
    let shown = act!(ada, add_domain("motors.example")).unwrap();
    assert_eq!(shown.done, Some(SecurityDone::DomainAdded));
    assert_eq!(shown.domains[1].record_name, "_rekey-verification.motors.example");
    assert_eq!(
        act!(ada, verify_domain("motors.example")),
        Err(Refusal::DomainRecordWrong)
    );
    assert_eq!(
        refusal(
            world
                .backend
                .organizations()
                .verify_domain(&of.id, "motors.example")
                .await
        ),
        Refusal::DomainRecordWrong
    );
    assert_eq!(act!(ada, verify_domain("other.example")), Err(Refusal::DomainGone));
    assert_eq!(act!(ada, add_domain("gmail.com")), Err(Refusal::DomainPublic));
    // With the right record.
    let set = "update organization_domains set proof = 'wrong' returning cast(1 as bigint)";
    world.database.number(set).await;
    let shown = act!(ada, verify_domain("motors.example")).unwrap();
    assert!(shown.domains[1].verified_at.is_some());
    let removed = act!(ada, remove_domain("motors.example")).unwrap();
    assert_eq!(
        (removed.done, removed.domains.len()),
        (Some(SecurityDone::DomainRemoved), 1)
    );
    assert_eq!(world.count_events(ADA, ActivityKind::DomainsChanged).await, 3);
}

#[apply(on_both!)]
async fn an_administrator_is_a_member(world: &World) {
    let organizations = world.backend.organizations();
    let of = create(world, &organization()).await;
    world.create_account(ADA).await;
    let add = async |yes| organizations.add_administrator(&of, &address(ADA), yes).await.unwrap();
    assert_eq!(add(false).await, NewAdministrator::NotManaged);
    let mut ada = world.browser_with_session(ADA).await;
    assert_eq!(view(&ada).await, Err(Refusal::NotAdministrator));
    assert_eq!(add(true).await, NewAdministrator::Done);
    assert!(!ada.is_signed_in().await, "assigned, so its sessions ended");
    assert_eq!(world.count_events(ADA, ActivityKind::AdministratorAdded).await, 1);
    ada = world.browser_with_session(ADA).await;
    assert!(ada.request().sessions().visitor().await.unwrap().unwrap().administers);
    assert_eq!(view(&ada).await.unwrap().name, organization().name);
    let added = organizations
        .add_administrator(&of, &address(GRACE), true)
        .await
        .unwrap();
    assert_eq!(added, NewAdministrator::NoAccount);
    assert!(organizations.remove_administrator(&of, &address(ADA)).await.unwrap());
    assert!(!organizations.remove_administrator(&of, &address(ADA)).await.unwrap());
    assert_eq!(view(&ada).await, Err(Refusal::NotAdministrator));
    assert!(!ada.request().sessions().visitor().await.unwrap().unwrap().administers);
}

/// Attack: a former administrator is a member again, and administers the organization.
#[apply(on_both!)]
async fn an_account_taken_back_administers_nothing_when_it_returns(world: &World) {
    let (_, _) = administered(world).await;
    assert!(world.backend.accounts().take_back(&address(ADA)).await.unwrap());
    world.set_managed(ADA).await;
    let ada = world.browser_with_session(ADA).await;
    assert_eq!(view(&ada).await, Err(Refusal::NotAdministrator));
}

#[apply(on_both!)]
async fn a_removed_organization_gives_its_accounts_back(world: &World) {
    let (of, ada) = administered(world).await;
    let mary = member(world, MEMBER).await;
    assert_eq!(world.backend.organizations().remove(&of).await.unwrap(), 2);
    for browser in [ada, mary] {
        assert!(!browser.is_signed_in().await);
    }
    assert_eq!(world.count_events(MEMBER, ActivityKind::TakenBack).await, 1);
    assert_eq!(
        world.backend.organizations().find(&of.organization.name).await.unwrap(),
        None
    );
    world.signed_in(MEMBER).await;
}

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
        .map(|event| event.activity.kind)
        .collect();
    assert_eq!(
        kinds,
        [ActivityKind::MemberRemoved],
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
        backend::store::accounts::set_managed(&mut tx, &id, Some(&of.id))
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
