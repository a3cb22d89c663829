//! The log and a stolen database contain no secrets.

use crate::world::{ADA, NEW_PASSWORD, PASSWORD, WRONG_PASSWORD, World, address, other_code};
use backend::BrowserTokens;
use backend::store::outbox;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;

/// Property 14: at the most verbose level, including logs of libraries.
#[apply(on_both!)]
async fn the_log_contains_no_secrets_or_addresses(world: &World) {
    HEARD.store(true, Ordering::Relaxed);
    let secrets = walk_through_everything(world).await;
    let log = String::from_utf8_lossy(&LOG.lock().unwrap()).into_owned();
    assert!(log.contains("INSERT INTO codes"), "the log was not captured");
    for secret in secrets.iter().map(String::as_str).chain(["@example.com", "ada%40"]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log contains {secret}");
    }
}

/// Property 15.
#[apply(on_both!)]
async fn a_stolen_database_contains_no_passwords_codes_or_tokens(world: &World) {
    let secrets = walk_through_everything(world).await;
    let stolen = world.database.stolen().await;
    assert!(stolen.contains(ADA), "the copy is empty");
    for secret in secrets {
        assert!(!stolen.contains(&secret), "the database contains {secret}");
    }
}

/// Property 15.
#[apply(on_both!)]
async fn a_queued_email_is_sealed(world: &World) {
    world.create_account(ADA).await;
    world.browser().begin_reset(ADA).await.unwrap();
    let waiting = outbox::claim(world.backend.db(), &world.keys, world.now(), 10)
        .await
        .unwrap();
    let account::Email::Code(email) = &waiting[0].message else {
        panic!("no code was mailed")
    };
    let stolen = world.database.stolen().await;
    assert!(stolen.contains(&waiting[0].id), "the e-mail is missing");
    assert!(!stolen.contains(email.code.expose()), "the e-mail is readable");
}

/// Walks through every flow, with mistakes; returns all passwords, codes and tokens.
async fn walk_through_everything(world: &World) -> Vec<String> {
    let mut secrets: Vec<String> = [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, "seven purple trombones drift"]
        .map(String::from)
        .into();
    let mut browser = world.browser();
    let mut note = |held: &BrowserTokens, code: &str| {
        let tokens = [held.session.iter(), held.device.iter()];
        let tokens = tokens.into_iter().flatten().chain(held.flows.values());
        secrets.extend(tokens.map(|token| token.expose().to_owned()));
        secrets.push(code.to_owned());
    };

    browser.begin_sign_up(ADA).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    browser.answer_sign_up(&code).await.unwrap();
    browser.finish_sign_up("Ada Lovelace", PASSWORD).await.unwrap();
    note(&browser.held, &quoted(&code));

    browser.begin_sign_in(ADA).await.unwrap();
    browser.password(WRONG_PASSWORD).await.unwrap_err();
    browser.password(PASSWORD).await.unwrap();
    let code = world.code_mailed_to(ADA).await;
    note(&browser.held, &quoted(&code));
    browser.answer_sign_in_and_trust(&code).await.unwrap();
    note(&browser.held, PASSWORD);
    browser.change_password(PASSWORD, NEW_PASSWORD).await.unwrap();
    note(&browser.held, PASSWORD);

    let (mut other, code) = world.resetting(ADA).await;
    other.answer_reset(&other_code(&code, 1)).await.unwrap_err();
    note(&other.held, &code);
    other.answer_reset(&code).await.unwrap();
    other.choose("short").await.unwrap_err();
    other.choose("seven purple trombones drift").await.unwrap();
    world.backend.accounts().disable(&address(ADA), true).await.unwrap();
    assert!(
        world
            .browser()
            .sign_in(world, ADA, "seven purple trombones drift")
            .await
            .is_err()
    );
    secrets
}

/// Quotes a code, because six digits alone occur by chance.
fn quoted(code: &str) -> String {
    format!("\"{code}\"")
}

/// The text of the log since [`HEARD`] was set.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static HEARD: AtomicBool = AtomicBool::new(false);

/// The layer that stores the log's text.
pub fn log<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let text = tracing_subscriber::fmt::layer().with_writer(|| LOG.make_writer());
    text.with_filter(dynamic_filter_fn(|_, _| HEARD.load(Ordering::Relaxed)))
}
