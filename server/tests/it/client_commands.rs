//! Operator commands for clients of the OpenID provider.

use crate::program::{done, refused, run};
use crate::running::Running;
use reqwest::StatusCode;

const ADD: &str = "client add wiki --name Wiki --redirect-uri https://wiki.example/callback";

/// A configuration with the client `shop`.
const SHOP: &str = "[[clients]]\nid = \"shop\"\nname = \"Shop\"\nredirect_uris = [\"https://shop.example/callback\"]\n";

fn seeded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    done(folder.path(), "seed");
    std::fs::write(folder.path().join("rekey.toml"), SHOP).unwrap();
    folder
}

/// The value of a line of output.
fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.find(|(found, _)| *found == name).unwrap().1
}

#[test]
fn a_client_is_added_shown_rotated_and_removed() {
    let folder = seeded();
    let folder = folder.path();
    let added = done(
        folder,
        &format!(
            "{ADD} --redirect-uri http://127.0.0.1/callback --post-logout-redirect-uri https://wiki.example/ \
             --backchannel-logout-uri https://wiki.example/ended --third-party"
        ),
    );
    assert!(added.starts_with("Added wiki. "), "{added}");
    assert!(added.ends_with("The secret is not shown again.\n"), "{added}");
    assert_eq!(value(&added, "issuer"), "http://127.0.0.1:3000");
    assert_eq!(value(&added, "client id"), "wiki");
    let first = value(&added, "client secret");
    assert!(first.len() >= 32, "{first}");
    assert_eq!(
        done(folder, "client list"),
        "shop\tShop\tconfiguration\tpublic\tfirst party\nwiki\tWiki\tdatabase\tconfidential\tthird party\n"
    );
    let shown = done(folder, "client show wiki");
    for line in [
        "registered in\tdatabase",
        "kind\tconfidential, third party",
        "redirect address\thttps://wiki.example/callback",
        "redirect address\thttp://127.0.0.1/callback",
        "address after sign-out\thttps://wiki.example/",
        "back-channel address\thttps://wiki.example/ended",
        "users\t0",
        "last used\t-",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    assert!(!shown.contains("previous secret"), "{shown}");

    let rotated = done(folder, "client rotate wiki --overlap 1h");
    let second = value(&rotated, "client secret");
    assert!(second.len() >= 32 && second != first);
    let shown = done(folder, "client show wiki");
    assert!(
        rotated.contains(value(&shown, "previous secret until")),
        "{rotated}{shown}"
    );
    assert!(!shown.contains(first) && !shown.contains(second), "{shown}");
    // Without an overlap, the previous secret ends at once.
    done(folder, "client rotate wiki --overlap 0s");
    assert!(!done(folder, "client show wiki").contains("previous secret"));
    let (success, text) = run(folder, "client rotate wiki --overlap 31d");
    assert!(!success && text.contains("a number with s, m, h or d"), "{text}");

    assert!(refused(folder, "client remove wiki").ends_with("Add --yes to confirm.\n"));
    assert_eq!(
        done(folder, "client remove wiki --yes"),
        "Removed wiki. Users disconnected: 0.\n"
    );
    for command in ["show wiki", "rotate wiki", "remove wiki --yes"] {
        let text = refused(folder, &format!("client {command}"));
        assert_eq!(text, "There is no client with the id wiki.\n", "{command}");
    }
}

#[test]
fn an_invalid_client_is_refused_with_the_reason() {
    let folder = seeded();
    let folder = folder.path();
    let with = |from: &str, to: &str| refused(folder, &ADD.replace(from, to));
    let address = "it must be https://… in its usual spelling, at most 512 characters (http only on a loopback host)\n";
    for (text, start, end) in [
        (
            with("add wiki", "add Wiki"),
            "ID is not an identifier; it must be 1 to 32 of a-z",
            "\n",
        ),
        (
            with("add wiki", "add shop"),
            "ID is the identifier of a client of the configuration; ",
            "different for each client\n",
        ),
        (
            with("https://wiki.example", "http://wiki.example"),
            "--redirect-uri has an entry that is not https; ",
            address,
        ),
        (
            refused(folder, &format!("{ADD} --post-logout-redirect-uri /goodbye")),
            "--post-logout-redirect-uri has an entry that is not a URL; ",
            address,
        ),
        (
            refused(
                folder,
                &format!("{ADD} --backchannel-logout-uri https://wiki.example/a#b"),
            ),
            "--backchannel-logout-uri has an entry with a fragment or a user name; ",
            address,
        ),
    ] {
        assert!(text.starts_with(start) && text.ends_with(end), "{text}");
    }
    assert_eq!(done(folder, "client list").lines().count(), 1);
    let public = done(folder, &format!("{ADD} --public"));
    assert_eq!(value(&public, "client secret"), "none");
    assert_eq!(
        refused(folder, ADD),
        "There is already a client with the id wiki; it was not changed.\n"
    );
    assert_eq!(
        refused(folder, "client rotate wiki"),
        "The client wiki is public and has no secret.\n"
    );
    for command in ["rotate shop", "remove shop --yes"] {
        assert_eq!(
            refused(folder, &format!("client {command}")),
            "The client shop is in the configuration; change it there, and restart the servers.\n"
        );
    }
    assert_eq!(
        value(&done(folder, "client show shop"), "registered in"),
        "configuration"
    );
}

/// The operator adds a table with the same id to the file later.
#[test]
fn a_client_that_the_file_replaces_can_be_removed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, "seed");
    done(folder, &ADD.replace("add wiki", "add shop"));
    std::fs::write(folder.join("rekey.toml"), SHOP).unwrap();
    let listed = done(folder, "client list");
    assert!(
        listed.ends_with("shop\tWiki\tdatabase (not used)\tconfidential\tfirst party\n"),
        "{listed}"
    );
    done(folder, "client remove shop --yes");
    assert_eq!(done(folder, "client list").lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_server_learns_of_clients() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut running = Running::start_in(folder, &[]);
    let query = "client_id=wiki&redirect_uri=https://wiki.example/callback&response_type=code&scope=openid\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let path = format!("/oauth/authorize?{query}");
    let opened = async |running: &Running| running.get(&path).send().await.unwrap();
    assert_eq!(opened(&running).await.status(), StatusCode::BAD_REQUEST);

    let added = done(folder, ADD);
    running.line_with("the clients of the database have changed");
    let page = opened(&running).await;
    assert_eq!((page.status(), page.url().path()), (StatusCode::OK, "/signin"));
    let secret = value(&added, "client secret").to_owned();
    let introspect = async |running: &Running| {
        let request = running.call("/oauth/introspect", "token=none");
        request.basic_auth("wiki", Some(&secret)).send().await.unwrap().status()
    };
    assert_eq!(introspect(&running).await, StatusCode::OK);

    done(folder, "client rotate wiki --overlap 0s");
    running.line_with("the clients of the database have changed");
    assert_eq!(introspect(&running).await, StatusCode::UNAUTHORIZED);

    done(folder, "client remove wiki --yes");
    running.line_with("the clients of the database have changed");
    assert_eq!(opened(&running).await.status(), StatusCode::BAD_REQUEST);
    let log = running.end();
    assert!(!log.contains(&secret), "{log}");
}

#[test]
fn a_client_is_added_with_all_options() {
    let folder = seeded();
    let folder = folder.path();
    std::fs::write(folder.join("logo.svg"), "<svg/>").unwrap();
    let point = r#""kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0""#;
    std::fs::write(folder.join("keys.json"), format!(r#"{{"keys":[{{{point}}}]}}"#)).unwrap();
    std::fs::write(
        folder.join("private.json"),
        format!(r#"{{"keys":[{{{point},"d":"AA"}}]}}"#),
    )
    .unwrap();
    for (options, sentence) in [
        ("--id-token-alg RS256", "RS256 needs REKEY_RSA_KEY_FILE."),
        ("--jwks private.json", "--jwks names a file without public keys"),
        ("--jwks none.json", "none.json cannot be read"),
        ("--logo keys.json", "keys.json is neither a PNG nor an SVG image"),
        (
            "--home-uri http://wiki.example/",
            "--home-uri has an entry that is not https",
        ),
        ("--access-token-audience api", "--access-token-audience is not a URI"),
    ] {
        let text = refused(folder, &format!("{ADD} {options}"));
        assert!(text.contains(sentence), "{text}");
    }
    let added = done(
        folder,
        &format!(
            "{ADD} --home-uri https://wiki.example/ --logo logo.svg --pairwise --access-token-audience https://api.wiki.example \
             --jwks keys.json"
        ),
    );
    assert_eq!(value(&added, "client authentication"), "private_key_jwt");
    assert!(!added.contains("client secret"), "{added}");
    let shown = done(folder, "client show wiki");
    for (name, expected) in [
        ("home", "https://wiki.example/"),
        ("ID tokens", "ES256"),
        ("subjects", "pairwise"),
        ("access tokens for", "https://api.wiki.example"),
        ("client authentication", "private_key_jwt"),
    ] {
        assert_eq!(value(&shown, name), expected, "{shown}");
    }
}
