//! Organizations: the operator's actions and the administrators' page.

use crate::browser::{Browser, FlowResult, without_fault};
use crate::dns::{DnsPeer, txt};
use crate::world::{ADA, GRACE, World, address, organization};
use account::{ActivityKind, Membership, Organization, OrganizationView, Refusal, SecurityDone};
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

pub async fn search(browser: &Browser, prefix: &str, after: &str) -> FlowResult<OrganizationView> {
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
