//! Groups of e-mails: their configuration, links in e-mails, commands and the endpoint for products. Property 46.

use crate::program::{done, refused, run};
use crate::world::{Answer, World, form_of, page};
use account::EmailAddress;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use server::config::{ConfigPurpose, load};
use std::path::Path;

const GROUPS: &str = "
[[mail_groups]]
id = \"news\"
name = \"News <1>\"
description = \"Once a month.\"
name_ar = \"أخبار\"

[[mail_groups]]
id = \"tips\"
name = \"Tips\"
default = true

[[clients]]
id = \"shop\"
name = \"Shop\"
redirect_uris = [\"https://shop.example/callback\"]
";

fn problems_of(content: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rekey.toml");
    std::fs::write(&file, content).unwrap();
    let path = file.display().to_string();
    let (_, problems) = load(&[("REKEY_CONFIG".into(), path.clone())], ConfigPurpose::Command);
    problems
        .iter()
        .map(|problem| problem.to_string().replace(&path, "FILE"))
        .collect()
}

#[test]
fn an_invalid_group_is_reported_with_its_place() {
    assert_eq!(problems_of(GROUPS), [""; 0]);
    for (id, name, rest, place) in [
        ("News", "News", "", "id in [[mail_groups]] 1"),
        ("support", "Support", "", "id in [[mail_groups]] 1"),
        ("", "News", "", "id in [[mail_groups]] 1"),
        ("news", "", "", "name in [[mail_groups]] 1"),
        ("news", "a\\nb", "", "name in [[mail_groups]] 1"),
        ("news", "News", "default = \"maybe\"", "default in [[mail_groups]] 1"),
        ("news", "News", "colour = 1", "colour in [[mail_groups]] 1"),
    ] {
        let content = format!("[[mail_groups]]\nid = \"{id}\"\nname = \"{name}\"\n{rest}\n");
        let problems = problems_of(&content);
        assert!(
            problems.len() == 1 && problems[0].starts_with(place),
            "{content}{problems:?}"
        );
    }
    let twice = "[[mail_groups]]\nid = \"news\"\nname = \"News\"\n".repeat(2);
    assert!(problems_of(&twice)[0].contains("is the id of another group"));
}

/// A world with the groups, and a link of Ada for `tips`.
async fn with_link(folder: &Path) -> (World, String) {
    let file = folder.join("rekey.toml");
    std::fs::write(&file, GROUPS).unwrap();
    let world = World::with(&[("REKEY_CONFIG", file.to_str().unwrap())], true).await;
    let ada = backend::NewAccount {
        email: EmailAddress::parse("ada@example.com").unwrap(),
        name: account::Name::parse("Ada Lovelace").unwrap(),
        password: None,
        issuer: None,
        managed_by: None,
        language: None,
    };
    let accounts = world.service.backend.accounts();
    let email = ada.email.clone();
    assert!(accounts.create(ada).await.unwrap());
    let link = accounts.unsubscribe_link(&email, "tips").await.unwrap().unwrap();
    (world, link.strip_prefix("http://127.0.0.1:3000").unwrap().to_owned())
}

/// A post as mailbox providers send it: from elsewhere, without cookies.
async fn one_click(world: &World, path: &str, body: &str) -> Answer {
    let request = Request::post(path)
        .header(header::HOST, "127.0.0.1:3000")
        .header(header::ORIGIN, "https://mail.example")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap();
    world.send(request).await
}

#[tokio::test]
async fn a_mail_program_unsubscribes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (world, path) = with_link(folder.path()).await;
    for _ in 0..2 {
        let opened = world.open(&path).await;
        assert_eq!(opened.status, StatusCode::OK);
        assert!(opened.text().contains("Stop these e-mails"), "opening changes nothing");
        let head = Request::head(&path).body(Body::empty()).unwrap();
        assert_eq!(world.send(head).await.status, StatusCode::OK);
    }
    for body in ["", "List-Unsubscribe=", "undo=2", "List-Unsubscribe=Two"] {
        assert_eq!(
            one_click(&world, &path, body).await.status,
            StatusCode::BAD_REQUEST,
            "{body}"
        );
    }
    assert!(world.open(&path).await.text().contains("Stop these e-mails"));
    for _ in 0..2 {
        let answer = one_click(&world, &path, "List-Unsubscribe=One-Click").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
    }
    assert!(world.open(&path).await.text().contains("You won’t get these e-mails"));
    let undone = world.submit(&path, "undo=1").await;
    assert!(undone.text().contains("You get these e-mails"));
    // RFC 8058 allows this format, too.
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    assert_eq!(one_click(&world, &path, multipart).await.status, StatusCode::OK);
    assert!(world.open(&path).await.text().contains("You won’t get these e-mails"));
}

/// Attack: the answers tell forged links from those of other groups or of deleted accounts.
#[tokio::test]
async fn links_that_do_nothing_get_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (world, path) = with_link(folder.path()).await;
    let ada = EmailAddress::parse("ada@example.com").unwrap();
    let accounts = world.service.backend.accounts();
    let of_no_group = accounts.unsubscribe_link(&ada, "gone").await.unwrap().unwrap();
    let of_no_group = of_no_group.strip_prefix("http://127.0.0.1:3000").unwrap();
    assert!(accounts.delete(&ada).await.unwrap());
    let forged = format!("{}A", &path[..path.len() - 2]);
    let mut answers = Vec::new();
    for path in [
        path.as_str(),
        of_no_group,
        &forged,
        "/unsubscribe/x",
        "/unsubscribe/k1.%00",
    ] {
        for answer in [
            world.open(path).await,
            world.submit(path, "List-Unsubscribe=One-Click").await,
        ] {
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
            // The page's own address is in the forms of its frame.
            let shown = answer.text().split("<main").nth(1).unwrap();
            answers.push(shown.split("</main>").next().unwrap().to_owned());
        }
    }
    assert!(answers[0].contains("This link doesn’t work"), "{}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn the_page_is_in_the_readers_language() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = with_link(folder.path()).await;
    let ada = EmailAddress::parse("ada@example.com").unwrap();
    let link = world.service.backend.accounts().unsubscribe_link(&ada, "news").await;
    let link = link.unwrap().unwrap();
    let path = link.strip_prefix("http://127.0.0.1:3000").unwrap();
    let arabic = page(path)
        .header(header::ACCEPT_LANGUAGE, "ar")
        .body(Body::empty())
        .unwrap();
    let opened = world.send(arabic).await;
    assert!(opened.text().contains("dir=\"rtl\"") && opened.text().contains("أخبار"));
    let opened = world.open(path).await;
    assert!(
        opened.text().contains("News &lt;1&gt;") && !opened.text().contains("<1>"),
        "{}",
        opened.text()
    );
}

#[tokio::test]
async fn a_public_client_learns_nothing_about_choices() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _) = with_link(folder.path()).await;
    for form in [
        "client_id=shop&group=tips&email=ada@example.com",
        "group=tips&email=ada@example.com",
    ] {
        let request = form_of("/oauth/mail-choice").body(form.into()).unwrap();
        assert_eq!(world.send(request).await.status, StatusCode::UNAUTHORIZED, "{form}");
    }
}

#[test]
fn operators_make_links_and_export_choices() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    done(folder, "seed");
    std::fs::write(folder.join("rekey.toml"), GROUPS).unwrap();
    let link = done(folder, "unsubscribe-link ada@example.com news");
    assert!(link.starts_with("http://127.0.0.1:3000/unsubscribe/k"), "{link}");
    assert!(!link.contains("ada") && link.lines().count() == 1, "{link}");
    assert_eq!(
        refused(folder, "unsubscribe-link ada@example.com other"),
        "There is no mail group \"other\". The groups are: news, tips, support.\n"
    );
    assert!(refused(folder, "unsubscribe-link nobody@example.com news").contains("There is no account"));
    assert_eq!(
        done(folder, "mail-group choose ada@example.com news on"),
        "news is now on for ada@example.com.\n"
    );
    let (success, _) = run(folder, "mail-group choose ada@example.com news maybe");
    assert!(!success);
    let all = done(folder, "mail-group choices");
    assert_eq!(all.lines().next(), Some("address,group,wanted,changed_at,source"));
    let of_ada: Vec<_> = all
        .lines()
        .filter(|line| line.starts_with("ada@example.com,"))
        .collect();
    assert!(
        of_ada[0].starts_with("ada@example.com,news,yes,20") && of_ada[0].ends_with("Z,command"),
        "{of_ada:?}"
    );
    assert_eq!(
        of_ada[1..],
        [
            "ada@example.com,tips,yes,,default",
            "ada@example.com,support,yes,,default"
        ]
    );
    assert!(!all.contains("off@example.com"), "deactivated accounts get no e-mails");
    let news = done(folder, "mail-group choices news");
    assert!(news.lines().skip(1).all(|line| line.contains(",news,")));
    let shown = done(folder, "check-config --dev");
    assert!(
        shown.contains("[[mail_groups]]\nid = \"news\"\nname = \"News <1>\"\n"),
        "{shown}"
    );
}
