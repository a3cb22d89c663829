//! Groups of e-mails: choices on the page, by links and by commands, and what products learn. Property 46.

use crate::product::{post, shop, with_clients};
use crate::world::{ADA, GRACE, World};
use account::{EmailAddress, Key, Keyring, Refusal, Setting};
use backend::oauth::ClientCredentials;
use backend::oauth::ClientEndpoint::MailChoice;
use backend::store::mail_choices::{self, Source};
use backend::{Keys, MailGroup};
use serde_json::json;

fn groups() -> Vec<MailGroup> {
    let group = |id: &str, default| MailGroup {
        id: id.into(),
        name: id.to_uppercase(),
        default,
        ..MailGroup::default()
    };
    vec![group("news", false), group("tips", true)]
}

/// A server with two groups, and Ada's account.
async fn with_groups(world: &World) -> World {
    world.create_account(ADA).await;
    world.with(|settings| settings.mail_groups = groups()).await
}

fn ada() -> EmailAddress {
    EmailAddress::parse(ADA).unwrap()
}

/// The token of a link for Ada.
async fn token(world: &World, group: &str) -> String {
    let link = world.backend.accounts().unsubscribe_link(&ada(), group).await;
    let link = link.unwrap().unwrap();
    let token = link.strip_prefix("http://127.0.0.1:3000/unsubscribe/").unwrap();
    assert!(
        token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)),
        "{token}"
    );
    token.to_owned()
}

/// Ada's choices, and the number of recorded changes.
async fn choices(world: &World) -> (Vec<(String, bool, String)>, i64) {
    let mut conn = world.backend.db().read().await.unwrap();
    let id = world.stored(ADA).await.account.id;
    let choices = mail_choices::of_account(&mut conn, &id).await.unwrap();
    let mut choices: Vec<_> = choices
        .into_iter()
        .map(|choice| (choice.group_id, choice.wanted.0, choice.source))
        .collect();
    choices.sort();
    drop(conn);
    let changes = world.database.number("select count(*) from mail_choice_changes").await;
    (choices, changes)
}

fn choice(group: &str, wanted: bool, source: Source) -> (String, bool, String) {
    (group.to_owned(), wanted, source.as_str().to_owned())
}

#[apply(on_both!)]
async fn choices_on_the_page_are_kept_and_recorded(world: &World) {
    let world = with_groups(world).await;
    let mut browser = world.signed_in(ADA).await;
    let view = browser.request().preferences().view().await.unwrap();
    let shown: Vec<_> = view.groups.iter().map(|group| group.id.clone()).collect();
    let wanted: Vec<_> = view.groups.iter().map(|group| group.wanted).collect();
    assert_eq!(
        (shown.join(" ").as_str(), wanted),
        ("news tips support", vec![false, true, true])
    );
    // Also sent twice.
    for _ in 0..2 {
        let chosen = ["news".to_owned(), "support".to_owned()];
        let saved = browser.request().preferences().choose_mail(&shown, &chosen).await;
        let view = browser.take(saved).unwrap();
        let wanted: Vec<_> = view.groups.iter().map(|group| group.wanted).collect();
        assert_eq!((view.saved, wanted), (Some(Setting::Mail), vec![true, false, true]));
    }
    let expected = vec![choice("news", true, Source::Page), choice("tips", false, Source::Page)];
    assert_eq!(choices(&world).await, (expected, 2));
}

#[apply(on_both!)]
async fn a_group_that_the_page_has_not_shown_keeps_its_default(world: &World) {
    let world = with_groups(world).await;
    let mut browser = world.signed_in(ADA).await;
    let shown = ["news".to_owned(), "gone".to_owned()];
    let saved = browser.request().preferences().choose_mail(&shown, &shown).await;
    let view = browser.take(saved).unwrap();
    assert!(view.groups.iter().all(|group| group.wanted));
    assert_eq!(choices(&world).await.0, [choice("news", true, Source::Page)]);
}

/// Attack: someone at an open browser fills the record of changes.
#[apply(on_both!)]
async fn choices_change_a_hundred_times_a_day(world: &World) {
    let world = with_groups(world).await;
    let mut browser = world.signed_in(ADA).await;
    let shown = ["news".to_owned()];
    for number in 0..101 {
        let wanted = if number % 2 == 0 { &shown[..] } else { &[] };
        let saved = browser.request().preferences().choose_mail(&shown, wanted).await;
        let saved = browser.take(saved);
        assert_eq!(saved.is_ok(), number < 100, "{number}");
        if let Err(refusal) = saved {
            assert!(matches!(refusal, Refusal::TooMany { .. }));
        }
    }
    // A link still works.
    let token = token(&world, "tips").await;
    let stopped = world
        .backend
        .change_subscription(&token, "en", false)
        .await
        .unwrap()
        .unwrap();
    assert!(!stopped.wanted);
}

#[apply(on_both!)]
async fn a_link_ends_one_subscription_and_can_undo_that(world: &World) {
    let world = with_groups(world).await;
    let token = token(&world, "tips").await;
    let seen = world.backend.subscription(&token, "en").await.unwrap().unwrap();
    assert_eq!((seen.group.as_str(), seen.wanted, seen.can_undo), ("TIPS", true, false));
    assert_eq!(choices(&world).await, (vec![], 0), "opening a link changes nothing");
    // Also sent twice.
    for _ in 0..2 {
        let stopped = world
            .backend
            .change_subscription(&token, "en", false)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((stopped.wanted, stopped.can_undo), (false, true));
    }
    assert_eq!(
        choices(&world).await,
        (vec![choice("tips", false, Source::OneClick)], 1)
    );
    for _ in 0..2 {
        let undone = world
            .backend
            .change_subscription(&token, "en", true)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((undone.wanted, undone.can_undo), (true, false));
    }
    assert_eq!(choices(&world).await, (vec![choice("tips", true, Source::OneClick)], 2));
}

/// Attack: the holder of a link ends and undoes without end, and fills the record of changes.
#[apply(on_both!)]
async fn a_link_undoes_a_hundred_times_a_day(world: &World) {
    let world = with_groups(world).await;
    let token = token(&world, "tips").await;
    for _ in 0..102 {
        for undo in [false, true] {
            world.backend.change_subscription(&token, "en", undo).await.unwrap();
        }
    }
    let (choices, changes) = choices(&world).await;
    assert_eq!(choices, [choice("tips", false, Source::OneClick)]);
    assert_eq!(changes, 201);
}

/// Attack: someone who finds an old e-mail subscribes the user again.
#[apply(on_both!)]
async fn a_link_does_not_undo_a_choice_on_the_page(world: &World) {
    let world = with_groups(world).await;
    let token = token(&world, "tips").await;
    let mut browser = world.signed_in(ADA).await;
    let saved = browser.request().preferences().choose_mail(&["tips".into()], &[]).await;
    browser.take(saved).unwrap();
    // Also not in two steps.
    for undo in [true, false, true] {
        let found = world.backend.change_subscription(&token, "en", undo).await;
        let found = found.unwrap().unwrap();
        assert_eq!((found.wanted, found.can_undo), (false, false), "undo: {undo}");
    }
}

/// Attack: links are forged, altered or collected, and tell who has an account.
#[apply(on_both!)]
async fn a_link_that_this_service_did_not_make_does_nothing(world: &World) {
    let world = with_groups(world).await;
    let genuine = token(&world, "tips").await;
    let id = world.stored(ADA).await.account.id.0;
    assert!(!genuine.contains(&id) && !genuine.to_lowercase().contains("ada"));
    assert_ne!(
        genuine,
        token(&world, "tips").await,
        "two links of one reader cannot be matched"
    );
    let mut altered = genuine.clone().into_bytes();
    let last = altered.len() - 2;
    altered[last] = if altered[last] == b'A' { b'B' } else { b'A' };
    let other_keys = Keys::from(Keyring::new(Key::new("k1".into(), [8; 32]), vec![]));
    let elsewhere = token(&world.with_keys(other_keys), "tips").await;
    for forged in [
        String::from_utf8(altered).unwrap(),
        elsewhere,
        format!("k1.{id}"),
        "k2.AAAA".into(),
        String::new(),
    ] {
        assert_eq!(
            world.backend.subscription(&forged, "en").await.unwrap(),
            None,
            "{forged}"
        );
        assert_eq!(
            world.backend.change_subscription(&forged, "en", false).await.unwrap(),
            None
        );
    }
    assert_eq!(choices(&world).await, (vec![], 0));
    // Of a group that is no longer configured, and of a deleted account.
    let without = world.with(|settings| settings.mail_groups.clear()).await;
    assert_eq!(
        without
            .backend
            .change_subscription(&genuine, "en", false)
            .await
            .unwrap(),
        None
    );
    assert!(world.backend.accounts().delete(&ada()).await.unwrap());
    assert_eq!(world.backend.subscription(&genuine, "en").await.unwrap(), None);
    assert_eq!(
        world.backend.change_subscription(&genuine, "en", false).await.unwrap(),
        None
    );
}

#[apply(on_both!)]
async fn a_link_survives_a_rotation_of_keys_and_a_change_of_address(world: &World) {
    let world = with_groups(world).await;
    let token = token(&world, "tips").await;
    let key = |id: &str, byte| Key::new(id.into(), [byte; 32]);
    let rotated = world.with_keys(Keys::from(Keyring::new(key("k2", 9), vec![key("k1", 7)])));
    let to = EmailAddress::parse("countess@example.com").unwrap();
    rotated.backend.accounts().change_address(&ada(), &to).await.unwrap();
    rotated.clock.advance_minutes(400 * 24 * 60);
    let stopped = rotated
        .backend
        .change_subscription(&token, "en", false)
        .await
        .unwrap()
        .unwrap();
    assert!(!stopped.wanted);
}

#[apply(on_both!)]
async fn an_operator_records_choices_and_lists_them(world: &World) {
    let world = with_groups(world).await;
    world.create_account(GRACE).await;
    let accounts = world.backend.accounts();
    assert!(accounts.choose_mail(&ada(), "news", true).await.unwrap());
    let nobody = EmailAddress::parse("nobody@example.com").unwrap();
    assert!(!accounts.choose_mail(&nobody, "news", true).await.unwrap());
    assert_eq!(accounts.unsubscribe_link(&nobody, "news").await.unwrap(), None);
    assert_eq!(choices(&world).await, (vec![choice("news", true, Source::Command)], 1));
    let listed = accounts.mail_readers("news", "", 10).await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|reader| (reader.email.as_str(), reader.wanted))
        .collect();
    assert_eq!(listed, [(ADA, Some(1)), (GRACE, None)]);
    assert_eq!(accounts.mail_readers("news", ADA, 10).await.unwrap().len(), 1);
    assert!(accounts.delete(&ada()).await.unwrap());
    let changes = world.database.number("select count(*) from mail_choice_changes").await;
    assert_eq!(changes, 0, "the record ends with the account");
}

#[apply(on_both!)]
async fn a_product_of_the_operator_learns_what_a_user_wants(world: &World) {
    let world = with_clients(&with_groups(world).await);
    assert!(
        world
            .backend
            .accounts()
            .choose_mail(&ada(), "news", true)
            .await
            .unwrap()
    );
    let shop = shop();
    let ask = async |form: &str| post(&world, MailChoice, form, Some(&shop)).await;
    let told = ask("group=news&email=ADA%40example.com").await.unwrap();
    assert_eq!(told, json!({ "group": "news", "wanted": true }));
    // An unknown address gets the default.
    for (group, wanted) in [("news", false), ("tips", true), ("support", true)] {
        let told = ask(&format!("group={group}&email=nobody@example.com")).await.unwrap();
        assert_eq!(told, json!({ "group": group, "wanted": wanted }));
    }
    for form in [
        "group=other&email=ada@example.com",
        "group=news&email=ada",
        "group=news",
        "email=ada@example.com",
    ] {
        assert_eq!(ask(form).await, Err("invalid_request"), "{form}");
    }
}

/// Attack: others use the endpoint to learn who has an account.
#[apply(on_both!)]
async fn others_learn_nothing_about_choices(world: &World) {
    let world = with_clients(&with_groups(world).await);
    let form = "group=news&email=ada@example.com";
    let wrong = ClientCredentials {
        id: "shop".into(),
        secret: "a wrong secret of 32 characters.".into(),
        raw_secret: None,
    };
    for (form, credentials) in [
        (form.to_owned(), None),
        (form.to_owned(), Some(&wrong)),
        (format!("{form}&client_id=app"), None),
        (format!("{form}&client_id=partner"), None),
    ] {
        assert_eq!(
            post(&world, MailChoice, &form, credentials).await,
            Err("invalid_client")
        );
    }
}

#[apply(on_both!)]
async fn a_product_of_another_company_learns_nothing_about_choices(world: &World) {
    use backend::TrustedRoots;
    use backend::oauth::{ClientSettings, Clients};
    let partner = ClientSettings {
        id: "partner".into(),
        name: "PARTNER".into(),
        redirect_uris: vec!["https://partner.example/callback".into()],
        client_secret: Some(crate::product::SECRET.into()),
        third_party: true,
        ..ClientSettings::default()
    };
    let clients = Clients::new(vec![partner], &TrustedRoots::public()).unwrap();
    let world = with_groups(world).await.with_clients(clients);
    let credentials = ClientCredentials {
        id: "partner".into(),
        ..shop()
    };
    let refused = post(
        &world,
        MailChoice,
        "group=news&email=ada@example.com",
        Some(&credentials),
    )
    .await;
    assert_eq!(refused, Err("unauthorized_client"));
}
