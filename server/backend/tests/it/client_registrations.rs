//! The OpenID provider: operators add, change and remove clients while servers run. Property 40.

use crate::browser::Browser;
use crate::product::{
    CALLBACK, SECRET, asked, begin, code, form, offline_code, post, query, redeem, refresh, returned, text, user_info,
    with_clients,
};
use crate::world::{ADA, World};
use account::{ActivityKind, Secret};
use backend::flows::AuthorizationStep;
use backend::oauth::ClientEndpoint::{Introspect, Token};
use backend::oauth::{ClientCredentials, ClientError, ClientOptions, ClientSettings, Clients, NewClient, NewSecret};
use backend::oidc::SigningKey;
use backend::store::{Conn, clients};
use backend::{Caller, TrustedRoots};
use serde_json::{Value, json};

const WIKI: &str = "https://wiki.example/callback";

fn wiki() -> ClientSettings {
    ClientSettings {
        id: "wiki".into(),
        name: "Wiki".into(),
        redirect_uris: vec![WIKI.into()],
        ..ClientSettings::default()
    }
}

/// An operator's command, in a process of its own.
async fn add(world: &World, settings: &ClientSettings) -> Secret {
    let command = with_clients(world);
    match command.backend.client_registrations().add(settings, false).await {
        Ok(NewClient::Added(Some(secret))) => secret,
        other => panic!("{other:?}"),
    }
}

async fn rotate(world: &World, id: &str, overlap_s: i64) -> NewSecret {
    let command = with_clients(world);
    let rotated = command.backend.client_registrations().rotate(id, overlap_s).await;
    rotated.unwrap()
}

async fn remove(world: &World, id: &str) -> Option<u64> {
    let command = with_clients(world);
    command.backend.client_registrations().remove(id).await.unwrap()
}

fn new_secret(rotated: NewSecret) -> Secret {
    match rotated {
        NewSecret::Replaced(secret, _) => secret,
        other => panic!("{other:?}"),
    }
}

fn with_secret(id: &str, secret: &Secret) -> ClientCredentials {
    ClientCredentials {
        id: id.into(),
        secret: secret.clone(),
        raw_secret: None,
    }
}

/// Whether a server accepts a secret of the wiki.
async fn accepts(world: &World, secret: &Secret) -> bool {
    let asked = post(world, Introspect, "token=none", Some(&with_secret("wiki", secret))).await;
    assert!(matches!(asked, Ok(_) | Err("invalid_client")), "{asked:?}");
    asked.is_ok()
}

fn of_wiki(changes: &[(&str, &str)]) -> String {
    let mut all = vec![("client_id", "wiki"), ("redirect_uri", WIKI)];
    all.extend_from_slice(changes);
    query(&all)
}

/// Signs in at the wiki. The tokens include a refresh token.
async fn tokens_of_wiki(world: &World, browser: &Browser, secret: &Secret) -> Value {
    let step = begin(browser, &of_wiki(&[("scope", "openid offline_access")])).await;
    let form = form(&returned(step, WIKI)["code"], &[("redirect_uri", WIKI)]);
    post(world, Token, &form, Some(&with_secret("wiki", secret)))
        .await
        .unwrap()
}

async fn is_refused(browser: &Browser) -> bool {
    matches!(begin(browser, &of_wiki(&[])).await, AuthorizationStep::Refused(_))
}

#[apply(on_both!)]
async fn an_added_client_signs_users_in_without_a_restart(world: &World) {
    world.create_account(ADA).await;
    let servers = [with_clients(world), with_clients(world)];
    let secret = add(world, &wiki()).await;
    assert!(secret.expose().len() >= 32);
    for server in servers {
        let browser = server.signed_in(ADA).await;
        assert!(is_refused(&browser).await);
        assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(1));
        let tokens = tokens_of_wiki(&server, &browser, &secret).await;
        assert!(user_info(&server, &tokens).await.is_some());
        // Clients of the file stay.
        redeem(&server, &code(&browser).await).await.unwrap();
        assert_eq!(server.backend.refresh_clients().await.unwrap(), None, "unchanged");
    }
    let stolen = world.database.stolen().await;
    assert!(stolen.contains("wiki.example") && !stolen.contains(secret.expose()));
}

#[apply(on_both!)]
async fn the_secret_before_is_accepted_until_the_overlap_ends(world: &World) {
    let server = with_clients(world);
    let first = add(world, &wiki()).await;
    let second = new_secret(rotate(world, "wiki", 3_600).await);
    server.backend.refresh_clients().await.unwrap();
    let wrong = Secret::from("a secret of no client in this world");
    for (minutes, accepted) in [(0, true), (59, true), (1, false)] {
        world.clock.advance_minutes(minutes);
        assert_eq!(accepts(&server, &first).await, accepted, "{minutes}");
        assert!(accepts(&server, &second).await && !accepts(&server, &wrong).await);
    }
    // Attack: a leaked secret is used during the overlap of its successor.
    let third = new_secret(rotate(world, "wiki", 3_600).await);
    let fourth = new_secret(rotate(world, "wiki", 0).await);
    server.backend.refresh_clients().await.unwrap();
    for (secret, accepted) in [(first, false), (second, false), (third, false), (fourth, true)] {
        assert_eq!(accepts(&server, &secret).await, accepted);
    }
}

#[apply(on_both!)]
async fn only_a_confidential_client_of_the_database_has_a_secret_to_replace(world: &World) {
    let app = ClientSettings {
        id: "mobile".into(),
        ..wiki()
    };
    let added = world.backend.client_registrations().add(&app, true).await;
    assert!(matches!(added, Ok(NewClient::Added(None))), "{added:?}");
    assert!(matches!(rotate(world, "mobile", 0).await, NewSecret::Public));
    for id in ["shop", "unknown"] {
        assert!(matches!(rotate(world, id, 0).await, NewSecret::Unknown), "{id}");
    }
}

#[apply(on_both!)]
async fn a_removed_client_loses_what_it_was_given(world: &World) {
    world.create_account(ADA).await;
    let server = with_clients(world);
    let settings = ClientSettings {
        backchannel_logout_uri: Some("https://wiki.example/ended".into()),
        ..wiki()
    };
    let secret = add(world, &settings).await;
    server.backend.refresh_clients().await.unwrap();
    let (_, waiting) = asked(begin(&server.browser(), &of_wiki(&[])).await);
    let browser = server.signed_in(ADA).await;
    let of_shop = redeem(&server, &offline_code(&browser).await).await.unwrap();
    let of_wiki = tokens_of_wiki(&server, &browser, &secret).await;
    // A code that is not redeemed.
    assert!(!is_refused(&browser).await);

    assert_eq!(remove(world, "wiki").await, Some(1));
    // Also at a server that does not know yet.
    assert_eq!(user_info(&server, &of_wiki).await, None);
    let again = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&of_wiki, "refresh_token")
    );
    let credentials = with_secret("wiki", &secret);
    let refused = post(&server, Token, &again, Some(&credentials)).await;
    assert_eq!(refused, Err("invalid_grant"));
    server.backend.refresh_clients().await.unwrap();
    let refused = post(&server, Token, &again, Some(&credentials)).await;
    assert_eq!(refused, Err("invalid_client"));
    let step = browser.request().authorization().resume(&waiting).await.unwrap();
    assert!(matches!(step, AuthorizationStep::Refused(_)), "{step:?}");
    assert!(is_refused(&browser).await);
    let rows = "(select count(*) from authorization_codes where client_id = 'wiki')
         + (select count(*) from authorization_requests where client_id = 'wiki')
         + (select count(*) from logout_notices where client_id = 'wiki')";
    assert_eq!(world.database.number(format!("select {rows}")).await, 0);
    // The user sees what happened, and other products are as before.
    let products = browser.security().await.unwrap().products;
    let names: Vec<_> = products.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["SHOP"]);
    assert_eq!(world.count_events(ADA, ActivityKind::ProductDisconnected).await, 1);
    assert!(user_info(&server, &of_shop).await.is_some());
    refresh(&server, &of_shop).await.unwrap();
    assert_eq!(remove(world, "wiki").await, None);
}

/// A server issues tokens in the seconds in which it does not know yet.
#[apply(on_both!)]
async fn tokens_of_a_client_that_is_no_longer_registered_are_dead(world: &World) {
    world.create_account(ADA).await;
    let server = with_clients(world);
    let secret = add(world, &wiki()).await;
    server.backend.refresh_clients().await.unwrap();
    assert_eq!(remove(world, "wiki").await, Some(0));
    let browser = server.signed_in(ADA).await;
    let tokens = tokens_of_wiki(&server, &browser, &secret).await;
    assert!(user_info(&server, &tokens).await.is_some());
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(0));
    assert_eq!(user_info(&server, &tokens).await, None);

    // Attack: another product gets the same id, and with it the tokens and the consent of the removed one.
    let third_party = ClientSettings {
        third_party: true,
        ..wiki()
    };
    add(world, &third_party).await;
    server.backend.refresh_clients().await.unwrap();
    assert_eq!(user_info(&server, &tokens).await, None);
    let step = begin(&browser, &of_wiki(&[("prompt", "none")])).await;
    assert_eq!(returned(step, WIKI)["error"], "consent_required");
}

#[apply(on_both!)]
async fn an_id_of_another_client_and_an_invalid_address_are_refused(world: &World) {
    world.create_account(ADA).await;
    let server = with_clients(world);
    let secret = add(world, &wiki()).await;
    server.backend.refresh_clients().await.unwrap();
    let browser = server.signed_in(ADA).await;
    let tokens = tokens_of_wiki(&server, &browser, &secret).await;
    let try_to_add = async |settings: ClientSettings| {
        let added = server.backend.client_registrations().add(&settings, false).await;
        match added.unwrap() {
            NewClient::Invalid(fields) => fields.iter().map(|field| field.name).collect::<Vec<_>>(),
            NewClient::Taken => vec!["taken"],
            NewClient::Added(_) => vec![],
        }
    };
    assert_eq!(try_to_add(wiki()).await, ["taken"]);
    let of_file = ClientSettings {
        id: "shop".into(),
        ..wiki()
    };
    assert_eq!(try_to_add(of_file).await, ["id"]);
    let unencrypted = ClientSettings {
        id: "other-wiki".into(),
        redirect_uris: vec![WIKI.into(), "http://wiki.example/callback".into()],
        ..wiki()
    };
    assert_eq!(try_to_add(unencrypted).await, ["redirect_uris"]);
    assert_eq!(server.backend.refresh_clients().await.unwrap(), None, "nothing changed");
    assert!(user_info(&server, &tokens).await.is_some());
}

/// The operator adds a table with the same id to the file later.
#[apply(on_both!)]
async fn a_client_of_the_file_takes_precedence(world: &World) {
    world.create_account(ADA).await;
    let shop = ClientSettings {
        id: "shop".into(),
        ..wiki()
    };
    let added = world.backend.client_registrations().add(&shop, false).await.unwrap();
    let NewClient::Added(Some(secret)) = added else {
        panic!("{added:?}")
    };
    let server = with_clients(world);
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(0));
    let browser = server.signed_in(ADA).await;
    let tokens = redeem(&server, &code(&browser).await).await.unwrap();
    let refused = post(&server, Introspect, "token=none", Some(&with_secret("shop", &secret))).await;
    assert_eq!(refused, Err("invalid_client"));
    let elsewhere = begin(&browser, &query(&[("redirect_uri", WIKI)])).await;
    assert!(matches!(elsewhere, AuthorizationStep::Refused(_)), "{elsewhere:?}");
    // Its removal leaves the one of the file alone.
    assert_eq!(remove(world, "shop").await, Some(0));
    server.backend.refresh_clients().await.unwrap();
    assert!(user_info(&server, &tokens).await.is_some());
    assert!(returned(begin(&browser, &query(&[])).await, CALLBACK).contains_key("code"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_read_the_previous_clients_stay() {
    let world = World::on_sqlite().await;
    let secret = add(&world, &wiki()).await;
    let clients = Clients::new(vec![], &TrustedRoots::public()).unwrap();
    let server = world.with_clients(clients);
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(1));
    let mut tx = world.backend.db().begin().await.unwrap();
    clients::note_change(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    world.backend.db().close().await;
    assert!(server.backend.refresh_clients().await.is_err());
    let asked = async |secret: &Secret| {
        let credentials = with_secret("wiki", secret);
        server
            .backend
            .answer_client(Introspect, "token=none", Some(&credentials), &Caller::default())
            .await
            .unwrap_err()
    };
    // The client is still known; only then the database is asked.
    assert!(matches!(asked(&secret).await, ClientError::Fault(_)));
    let refused = asked(&SECRET.into()).await;
    assert!(
        matches!(refused, ClientError::Refused("invalid_client", _)),
        "{refused:?}"
    );
}

/// Attack: a product takes over the id of a removed one, and recognizes its users.
#[apply(on_both!)]
async fn a_later_client_knows_no_subject_of_an_earlier_one(world: &World) {
    world.create_account(ADA).await;
    let pairwise = ClientSettings {
        options: ClientOptions {
            pairwise: true,
            ..ClientOptions::default()
        },
        ..wiki()
    };
    let server = with_clients(world);
    let mut subjects = Vec::new();
    for _ in 0..2 {
        let secret = add(world, &pairwise).await;
        server.backend.refresh_clients().await.unwrap();
        let browser = server.signed_in(ADA).await;
        let tokens = tokens_of_wiki(&server, &browser, &secret).await;
        subjects.push(user_info(&server, &tokens).await.unwrap()["sub"].clone());
        remove(world, "wiki").await.unwrap();
        server.backend.refresh_clients().await.unwrap();
    }
    assert_ne!(subjects[0], subjects[1]);
}

/// Attack: a client whose keys a server cannot read is taken for a public one, in whose name anyone redeems codes.
#[apply(on_both!)]
async fn a_client_whose_options_cannot_be_read_is_not_used(world: &World) {
    world.create_account(ADA).await;
    let key = SigningKey::generate().unwrap();
    let signed = ClientSettings {
        options: ClientOptions {
            jwks: Some(json!({ "keys": [key.jwk()] }).to_string()),
            ..ClientOptions::default()
        },
        ..wiki()
    };
    let command = with_clients(world);
    let added = command.backend.client_registrations().add(&signed, false).await;
    assert!(matches!(added, Ok(NewClient::Added(None))), "{added:?}");
    assert!(matches!(rotate(world, "wiki", 0).await, NewSecret::Keys));
    let server = with_clients(world);
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(1));
    let browser = server.signed_in(ADA).await;
    let code = returned(begin(&browser, &of_wiki(&[])).await, WIKI)["code"].clone();
    let redeemed = form(&code, &[("client_id", "wiki"), ("redirect_uri", WIKI)]);
    assert_eq!(post(&server, Token, &redeemed, None).await, Err("invalid_client"));
    // A newer server knows more.
    for options in ["{\"id_token_signed_response_alg\":\"PS512\"}", "{", ""] {
        set_options(world, options).await;
        assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(0));
        assert!(is_refused(&browser).await, "{options}");
        assert_eq!(post(&server, Token, &redeemed, None).await, Err("invalid_client"));
    }
    // An older server that knows no keys.
    set_options(world, "{\"other\":1}").await;
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(1));
    assert_eq!(post(&server, Token, &redeemed, None).await, Err("invalid_client"));
    // RS256 without an RSA key.
    set_options(world, "{\"id_token_signed_response_alg\":\"RS256\"}").await;
    assert_eq!(server.backend.refresh_clients().await.unwrap(), Some(0));
}

/// Changes the row of the wiki, like another version of this service.
async fn set_options(world: &World, options: &str) {
    let mut tx = world.backend.db().begin().await.unwrap();
    let update = "UPDATE clients SET options = $1 WHERE id = 'wiki'";
    match &mut tx.conn {
        Conn::Sqlite(conn) => drop(sqlx::query(update).bind(options).execute(&mut **conn).await.unwrap()),
        Conn::Postgres(conn) => drop(sqlx::query(update).bind(options).execute(&mut **conn).await.unwrap()),
    }
    clients::note_change(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}
