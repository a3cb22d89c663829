//! Accounts imported with the password hashes of another system.

use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address};
use account::{ActivityKind, Key, Keyring, Name, Refusal, Timestamp};
use backend::store::{accounts, identities};
use backend::{EngineChoice, Error, Fault, ForeignHash, Hashing, ImportedAccount, LeakedPasswords, Verdict};

/// Django's hash of [`PASSWORD`], from the fixture.
const HASH: &str = "pbkdf2_sha256$1000$YBX3CQfiE3WGRRAfNr8XLg$dQVxWlmDqfIaQ/r1EnnVJQnCx1TtLz9QNgF1lSxizr4=";

/// Hashes made by `foreign_hashes.py` with other libraries, and others described in the file.
const FIXTURE: &str = include_str!("../fixtures/foreign_hashes.csv");

fn fixture() -> impl Iterator<Item = csv::StringRecord> {
    let reader = csv::ReaderBuilder::new()
        .comment(Some(b'#'))
        .from_reader(FIXTURE.as_bytes());
    reader.into_records().map(|line| line.unwrap())
}

fn imported_account(email: &str, hash: Option<&str>) -> ImportedAccount {
    ImportedAccount {
        email: address(email),
        name: Some(Name::parse("Some Body").unwrap()),
        password: hash.map(|hash| ForeignHash::parse(hash).unwrap()),
        google_subject: None,
        language: None,
        created_at: None,
        disabled: false,
    }
}

/// Returns the number of new accounts.
async fn import(world: &World, imported: &[ImportedAccount]) -> usize {
    world.backend.accounts().import(imported).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_from_other_libraries_verify_only_their_passwords() {
    let hashing = Hashing::new(
        Keyring::new(Key::new("k1".into(), [7; 32]), vec![]),
        2,
        EngineChoice::Auto,
    )
    .unwrap();
    let mut lines = 0;
    for line in fixture() {
        let [made_by, kind, password, hash] = [0, 1, 2, 3].map(|column| &line[column]);
        let hash = ForeignHash::parse(hash).unwrap_or_else(|unfit| panic!("{made_by}, {kind}: {unfit}"));
        let stored = hashing.keep(&hash).unwrap();
        let verdict = hashing.verify("here", &password.into(), Some(&stored)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButOld, "{made_by}, {kind}");
        if kind != "defaults" {
            for wrong in [&format!("!{password}"), &password.to_uppercase(), "", WRONG_PASSWORD] {
                if wrong != password {
                    let verdict = hashing.verify("here", &wrong.into(), Some(&stored)).await.unwrap();
                    assert_eq!(verdict, Verdict::Wrong, "{made_by}, {kind}: {wrong}");
                }
            }
        }
        lines += 1;
    }
    assert_eq!(lines, 288);
}

#[apply(on_both!)]
async fn an_imported_hash_is_replaced_at_the_first_sign_in(world: &World) {
    let fixture: Vec<_> = fixture().filter(|line| &line[1] == "plain").collect();
    assert_eq!(fixture.len(), 36);
    for (number, line) in fixture.iter().enumerate() {
        let (made_by, email) = (&line[0], format!("user{number}@example.com"));
        let imported = import(world, &[imported_account(&email, Some(&line[3]))]).await;
        assert_eq!(imported, 1, "{made_by}");
        let foreign = world.stored(&email).await.password.unwrap();
        assert_eq!(
            world.browser().sign_in(world, &email, WRONG_PASSWORD).await,
            Err(Refusal::SignInWrong),
            "{made_by}"
        );
        assert_eq!(world.stored(&email).await.password.unwrap(), foreign, "{made_by}");
        let mut browser = world.signed_in(&email).await;
        let ours = world.stored(&email).await.password.unwrap();
        assert!(
            ours.starts_with("k1$argon2id$v=19$m=19456,t=2,p=1$"),
            "{made_by}: {ours}"
        );
        assert_eq!(world.count_events(&email, ActivityKind::Added).await, 1);
        browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    }
}

#[apply(on_both!)]
async fn no_account_is_imported_twice(world: &World) {
    world.create_account(ADA).await;
    let before = world.stored(ADA).await;
    let made = Timestamp(1_000_000_000_000);
    let accounts = [
        imported_account(ADA, Some(HASH)),
        ImportedAccount {
            language: Some("ar".into()),
            created_at: Some(made),
            ..imported_account(GRACE, Some(HASH))
        },
        imported_account("Grace@Example.com", None),
    ];
    assert_eq!(import(world, &accounts).await, 1);
    assert_eq!(import(world, &accounts).await, 0);
    assert_eq!(import(world, &[]).await, 0);
    let (ada, grace) = (world.stored(ADA).await, world.stored(GRACE).await);
    assert_eq!((ada.account, ada.password), (before.account, before.password));
    let hash = grace.password.unwrap();
    assert!(hash.starts_with("sealed:k1."), "{hash}");
    assert_eq!(grace.account.language.as_deref(), Some("ar"));
    assert_eq!(world.count_events(GRACE, ActivityKind::Added).await, 1);
    assert_eq!(world.count_events(ADA, ActivityKind::Added).await, 0);
    assert_eq!(created_at(world, GRACE).await, made);
}

async fn created_at(world: &World, email: &str) -> Timestamp {
    let query = format!("select created_at from accounts where email = '{email}'");
    Timestamp(world.database.number(query).await)
}

/// Property 15. Otherwise an operator could remove a key that imported accounts need.
#[apply(on_both!)]
async fn a_sealed_hash_counts_as_a_use_of_its_key(world: &World) {
    import(world, &[imported_account(ADA, Some(HASH))]).await;
    assert_eq!(world.backend.upkeep().key_uses("k1").await.unwrap().passwords, 1);
    assert_eq!(world.backend.upkeep().count_hashes().await.unwrap(), (1, 0));
}

#[apply(on_both!)]
async fn a_stolen_database_contains_no_imported_hash(world: &World) {
    import(world, &[imported_account(ADA, Some(HASH))]).await;
    let stolen = world.database.stolen().await;
    assert!(stolen.contains(ADA), "the copy is empty");
    for part in ["pbkdf2_sha256", "YBX3CQfiE3WGRRAfNr8XLg", "dQVxWlmDqfIaQ"] {
        assert!(!stolen.contains(part), "{part}");
    }
}

#[apply(on_both!)]
async fn an_account_imported_without_a_hash_sets_a_password_by_reset(world: &World) {
    import(world, &[imported_account(ADA, None)]).await;
    world.refuses(ADA, PASSWORD).await;
    world.choosing(ADA).await.choose(PASSWORD).await.unwrap();
    world.clock.advance_ms(60_000);
    assert!(world.signed_in(ADA).await.is_signed_in().await);
}

#[apply(on_both!)]
async fn an_account_with_an_imported_hash_can_reset_its_password(world: &World) {
    import(world, &[imported_account(ADA, Some(HASH))]).await;
    let mut browser = world.choosing(ADA).await;
    assert_eq!(browser.choose(PASSWORD).await, Err(Refusal::PasswordSameAsNow));
    browser.choose(NEW_PASSWORD).await.unwrap();
    world.refuses(ADA, PASSWORD).await;
}

#[apply(on_both!)]
async fn an_account_imported_as_disabled_can_sign_in_after_it_is_enabled(world: &World) {
    let disabled = ImportedAccount {
        disabled: true,
        ..imported_account(ADA, Some(HASH))
    };
    import(world, &[disabled, imported_account(GRACE, Some(HASH))]).await;
    world.refuses(ADA, PASSWORD).await;
    assert_eq!(world.count_events(ADA, ActivityKind::Disabled).await, 1);
    assert_eq!(world.count_events(GRACE, ActivityKind::Disabled).await, 0);
    world.backend.accounts().disable(&address(ADA), false).await.unwrap();
    world.signed_in(ADA).await;
}

/// Property 9. An invalid hash causes a fault only if it is verified.
#[apply(on_both!)]
async fn an_address_without_a_password_also_costs_a_hash(world: &World) {
    world.create_account_with_hash(ADA, "$2b$04$damaged").await;
    world.create_google_account("google@example.com").await;
    for email in [ADA, GRACE, "google@example.com"] {
        let browser = world.at_the_password(email).await;
        let result = browser.try_password(PASSWORD).await;
        assert!(
            matches!(result, Err(Error::Fault(Fault::Corrupt { .. }))),
            "{email} {:?}",
            result.err()
        );
    }
    // None of them can sign in.
    world.backend.accounts().disable(&address(ADA), true).await.unwrap();
    let mut tx = world.backend.db().begin().await.unwrap();
    let id = world.stored(ADA).await.account.id;
    accounts::upgrade_hash(&mut tx, &id, "$2b$04$damaged", HASH)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for email in [ADA, GRACE, "google@example.com"] {
        world.refuses(email, PASSWORD).await;
    }
}

#[apply(on_both!)]
async fn a_leaked_password_is_found_at_the_first_sign_in(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("leaked");
    std::fs::write(&list, format!("{PASSWORD}\n")).unwrap();
    let world = world.with_leaked(LeakedPasswords::from_file(&list).unwrap()).await;
    import(&world, &[imported_account(ADA, Some(HASH))]).await;
    world.signed_in(ADA).await;
    assert_eq!(world.count_events(ADA, ActivityKind::PasswordLeaked).await, 1);
}

#[apply(on_both!)]
async fn an_import_can_exceed_the_size_of_one_statement(world: &World) {
    let accounts: Vec<_> = (0..4_801)
        .map(|number| imported_account(&format!("user{number}@example.com"), None))
        .collect();
    assert_eq!(import(world, &accounts).await, 4_801);
}

/// An imported account is found by its identifier at Google, once.
#[apply(on_both!)]
async fn an_identity_at_google_is_imported_with_its_account(world: &World) {
    world.create_account(ADA).await;
    let with_google = |email: &str, subject: &str| ImportedAccount {
        google_subject: Some(subject.into()),
        ..imported_account(email, None)
    };
    // An account that exists keeps its ways to sign in.
    let accounts = [
        with_google(ADA, "1"),
        with_google(GRACE, "2"),
        with_google("twin@example.com", "2"),
    ];
    assert_eq!(import(world, &accounts).await, 2);
    let mut conn = world.backend.db().read().await.unwrap();
    let issuer = backend::oidc::GOOGLE;
    assert_eq!(identities::find(&mut conn, issuer, "1").await.unwrap(), None);
    let grace = identities::find(&mut conn, issuer, "2").await.unwrap().unwrap();
    assert_eq!(grace.account_id, world.stored(GRACE).await.account.id.0);
}
