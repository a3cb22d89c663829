//! Key rotation at run time: everything made with the old keys still works, on every server.

use crate::world::{ADA, GRACE, NEW_PASSWORD, PASSWORD, World, together};
use account::{Key, Keyring, Refusal, ResetStep, SignInStep};
use backend::Keys;
use std::sync::{Arc, Mutex};

/// The key file of another installation, or a recreated one.
#[apply(on_both!)]
async fn a_different_key_with_the_same_name_is_detected(world: &World) {
    let key = |name: &str, byte| Key::new(name.into(), [byte; 32]);
    let found = async |ring| {
        world
            .with_keys(Keys::from(ring))
            .backend
            .upkeep()
            .find_other_key()
            .await
            .unwrap()
    };
    for _ in 0..2 {
        assert_eq!(found(Keyring::new(key("a", 7), vec![])).await, None);
    }
    assert_eq!(found(Keyring::new(key("a", 8), vec![])).await.as_deref(), Some("a"));
    // An additional key is accepted, but not a wrong file.
    assert_eq!(found(Keyring::new(key("b", 8), vec![key("a", 7)])).await, None);
    assert_eq!(
        found(Keyring::new(key("c", 9), vec![key("a", 8)])).await.as_deref(),
        Some("a")
    );
    assert_eq!(found(Keyring::new(key("c", 10), vec![key("a", 7)])).await, None);
    world.backend.upkeep().forget_key("a").await.unwrap();
    assert_eq!(found(Keyring::new(key("a", 8), vec![])).await, None);
}

#[apply(on_both!)]
async fn an_old_hash_works_after_a_rotation_and_is_replaced(world: &World) {
    world.create_account(ADA).await;
    let file = KeyFile::new();
    let server = file.server(world);
    file.rotate();
    server.keys.read_again();
    assert!(hash_of(world, ADA).await.starts_with("k1$"));
    for _ in 0..2 {
        server.browser().sign_in(&server, ADA, PASSWORD).await.unwrap();
        assert!(hash_of(world, ADA).await.starts_with("k2$"));
    }
}

/// The code's digest and the e-mail's seal predate the new key.
#[apply(on_both!)]
async fn a_code_mailed_before_a_rotation_works_after_it(world: &World) {
    world.create_account(ADA).await;
    let file = KeyFile::new();
    let server = file.server(world);
    let mut browser = server.browser();
    browser.begin_reset(ADA).await.unwrap();
    file.rotate();
    server.keys.read_again();
    let code = server.code_mailed_to(ADA).await;
    assert_step!(browser.answer_reset(&code), ResetStep::ChoosePassword);
}

#[apply(on_both!)]
async fn a_server_accepts_a_new_key_before_its_next_reload(world: &World) {
    world.create_account(ADA).await;
    let file = KeyFile::new();
    let ahead = file.server(world);
    // Each server sees the new key for the first time: in an e-mail, in a code, in a password hash.
    let (carries, answers, signs_in) = (file.server(world), file.server(world), file.server(world));
    file.rotate();
    ahead.keys.read_again();

    let mut browser = ahead.browser();
    browser.begin_reset(ADA).await.unwrap();
    let code = carries.code_mailed_to(ADA).await;
    let mut elsewhere = answers.browser();
    elsewhere.held = browser.held.clone();
    elsewhere.answer_reset(&code).await.unwrap();
    browser.held = elsewhere.held.clone();
    browser.choose(NEW_PASSWORD).await.unwrap();
    assert!(hash_of(world, ADA).await.starts_with("k2$"));

    let mut elsewhere = signs_in.browser();
    elsewhere.begin_sign_in(ADA).await.unwrap();
    let step = elsewhere.password(NEW_PASSWORD).await;
    assert!(matches!(step, Ok(SignInStep::EnterCode(_))), "{step:?}");
}

#[apply(on_both!)]
async fn an_email_with_a_missing_key_waits_for_a_day(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let file = KeyFile::new();
    let server = file.server(world);
    world.browser().begin_reset(ADA).await.unwrap();
    // A file from another installation.
    file.set(Keyring::new(key("k9"), vec![]));
    server.keys.read_again();
    assert!(server.emails_to(ADA).await.is_empty());
    file.set(Keyring::new(key("k9"), vec![key("k1")]));
    world.clock.advance_minutes(2);
    assert_eq!(server.emails_to(ADA).await.len(), 1);

    world.browser().begin_reset(GRACE).await.unwrap();
    file.set(Keyring::new(key("k9"), vec![]));
    server.keys.read_again();
    world.clock.advance_minutes(25 * 60);
    assert!(server.emails_to(GRACE).await.is_empty());
    world.clock.advance_minutes(2);
    assert!(world.emails_to(GRACE).await.is_empty(), "the e-mail failed");
}

/// Property 9. The decoy hash was made at startup, with the key in use then.
#[apply(on_both!)]
async fn a_missing_key_does_not_reveal_accounts(world: &World) {
    let file = KeyFile::new();
    let server = file.server(world);
    file.set(Keyring::new(key("k2"), vec![]));
    server.keys.read_again();
    let mut browser = server.browser();
    browser.begin_sign_in("nobody@example.com").await.unwrap();
    assert!(matches!(browser.password(PASSWORD).await, Err(Refusal::SignInWrong)));
}

#[apply(on_both!)]
async fn rotations_under_load_fail_no_request(world: &World) {
    let file = KeyFile::new();
    let servers = [Arc::new(file.server(world)), Arc::new(file.server(world))];
    for number in 0..8 {
        world.create_account(&address_of(number)).await;
    }
    let rotate = |server: Arc<World>| {
        let file = file.clone();
        async move {
            for _ in 0..3 {
                file.rotate();
                server.keys.read_again();
                tokio::task::yield_now().await;
            }
        }
    };
    let browsers = together(10, |number| {
        let (server, rotating) = (servers[number % 2].clone(), rotate(servers[number % 2].clone()));
        async move {
            if number >= 8 {
                rotating.await;
                return None;
            }
            let mut browser = server.browser();
            browser.begin_sign_in(&address_of(number)).await.unwrap();
            let step = browser.password(PASSWORD).await.unwrap();
            assert!(matches!(step, SignInStep::EnterCode(_)), "{step:?}");
            Some(browser)
        }
    })
    .await;
    let mut codes = Vec::new();
    for number in 0..8 {
        codes.push(servers[number % 2].code_mailed_to(&address_of(number)).await);
    }
    together(9, |number| {
        let (browser, code) = (browsers[number].clone(), codes.get(number).cloned());
        let rotating = rotate(servers[0].clone());
        async move {
            match (browser, code) {
                (Some(mut browser), Some(code)) => drop(browser.answer_sign_in(&code).await.unwrap()),
                _ => rotating.await,
            }
        }
    })
    .await;
    // All accounts work with the final keys.
    for number in 0..8 {
        let (server, email) = (&servers[(number + 1) % 2], address_of(number));
        server.browser().sign_in(server, &email, PASSWORD).await.unwrap();
        assert!(hash_of(world, &email).await.starts_with("k10$"));
    }
}

#[apply(on_both!)]
async fn uses_of_a_key_are_counted(world: &World) {
    let backend = &world.backend;
    assert!(backend.upkeep().key_uses("k1").await.unwrap().none());
    world.create_account(ADA).await;
    world
        .create_account_with_hash(GRACE, "$argon2id$of-another-system")
        .await;
    world.browser().begin_reset(ADA).await.unwrap();
    let uses = backend.upkeep().key_uses("k1").await.unwrap();
    assert_eq!((uses.passwords, uses.codes, uses.emails), (1, 1, 1));
    assert!(
        backend.upkeep().key_uses("k").await.unwrap().none(),
        "another name that begins alike"
    );
    assert_eq!(backend.upkeep().count_hashes().await.unwrap(), (1, 1));
    world.deliver().await;
    world.clock.advance_minutes(10);
    let uses = backend.upkeep().key_uses("k1").await.unwrap();
    assert_eq!((uses.passwords, uses.codes, uses.emails), (1, 0, 0));
}

/// A key file shared by several servers; `k1` is the world's key.
#[derive(Clone)]
struct KeyFile(Arc<Mutex<Keyring>>);

impl KeyFile {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Keyring::new(key("k1"), vec![]))))
    }

    /// A server that has read the file in its current state.
    fn server(&self, world: &World) -> World {
        let (now, file) = (self.read(), self.clone());
        world.with_keys(Keys::from_source(now, move || Some(file.read())))
    }

    fn read(&self) -> Keyring {
        self.0.lock().unwrap().clone()
    }

    fn set(&self, keys: Keyring) {
        *self.0.lock().unwrap() = keys;
    }

    fn rotate(&self) {
        let mut keys = self.0.lock().unwrap();
        let older: Vec<Key> = keys.ids().map(key).collect();
        *keys = Keyring::new(key(&format!("k{}", older.len() + 1)), older);
    }
}

fn key(id: &str) -> Key {
    let number: u8 = id.trim_start_matches('k').parse().unwrap();
    Key::new(id.into(), [6 + number; 32])
}

fn address_of(number: usize) -> String {
    format!("p{number}@example.com")
}

async fn hash_of(world: &World, email: &str) -> String {
    world.stored(email).await.password.unwrap()
}
