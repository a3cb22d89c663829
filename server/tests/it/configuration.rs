//! Invalid keys are reported together at startup, without secrets.

use server::config::{Config, ConfigPurpose, KEYS, Problem, load, variable};

fn read(settings: &[(&str, &str)], purpose: ConfigPurpose) -> (Config, Vec<Problem>) {
    let environment: Vec<_> = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    load(&environment, purpose)
}

fn problems(settings: &[(&str, &str)]) -> Vec<Problem> {
    read(settings, ConfigPurpose::Command).1
}

/// Invalid values for each key. Paths accept every value.
const WRONG: &[(&str, &[&str])] = &[
    (
        "listen",
        &["", "3000", "127.0.0.1", "localhost:3000", "127.0.0.1:70000"],
    ),
    (
        "origin",
        &[
            "",
            "accounts.example.com",
            "ftp://example.com",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://a b",
            "https://a:",
            "https://a:b",
            "https://é.example",
        ],
    ),
    (
        "database_url",
        &[
            "",
            "mysql://host/db",
            "sqlite://",
            "rekey.db",
            "postgres://rekey:x@one.example.com,two.example.com/rekey",
            "postgres://rekey@one.example.com:5432,two.example.com:5432/rekey?target_session_attrs=read-write",
            "postgres://rekey@db.example.com/rekey?target_session_attrs=standby",
        ],
    ),
    (
        "smtp_url",
        &[
            "mail.example.com",
            "http://mail.example.com",
            "smtps://mail.example.com/accounts.example.com",
        ],
    ),
    (
        "smtp_ehlo_name",
        &["192.0.2.25", "[192.0.2]", "a b", "accounts_example"],
    ),
    ("ca_file", &["/no/such/file.pem", "/dev/null"]),
    ("dns_server", &["127.0.0.1", "dns.example.com:53"]),
    ("key_file", &[""]),
    ("rsa_key_file", &["/none"]),
    (
        "brand",
        &[
            "",
            "a\nb",
            "<b>",
            "12345678901234567890123456789012345678901",
            "=?utf-8?q?evil?=",
        ],
    ),
    ("sender_codes", &["", "noreply", "Rekey <a@example.com>"]),
    ("sender_notices", &["", "a@b@example.com"]),
    (
        "trusted_proxies",
        &["proxy.example.com", "10.0.0.0/33", "10.0.0.1;10.0.0.2"],
    ),
    ("password_min", &["", "7", "65", "-1", "15.5", "many"]),
    ("password_guesses_log10", &["", "-1", "31", "NaN"]),
    ("leaked_file", &["/no/such/file"]),
    (
        "leaked_range_url",
        &["range", "http://example.com/range/", "ftp://example.com/"],
    ),
    ("hashes_at_once", &["", "0", "1025"]),
    ("hashing", &["", "fast", "Auto"]),
    ("sign_up", &["", "yes", "1", "TRUE"]),
    ("trust_days", &["0", "366"]),
    ("deletion_grace_days", &["0", "91"]),
    ("session_idle_minutes", &["4", "525601"]),
    ("session_days", &["0", "366"]),
    ("limit_reset_every_s", &["0", "1000001", ""]),
    ("limit_emails_an_hour", &["0", "x"]),
    ("limit_emails_a_day", &["0", "x"]),
    ("limit_emails_to_domain_a_day", &["0", "x"]),
    ("large_mail_domains", &["gmail", "gmail.com;outlook.com", "@gmail.com"]),
    ("limit_emails_to_mailbox_a_day", &["0", "x"]),
    ("limit_email_turn_s", &["0", "x"]),
    ("limit_codes_an_hour", &["0", "x"]),
    ("limit_codes_a_day", &["0", "x"]),
    ("limit_client_a_minute", &["0", "x"]),
    ("limit_product_requests_a_minute", &["0", "x"]),
    ("limit_free_passwords", &["0", "x"]),
    ("limit_refused_passwords_an_hour", &["0", "x"]),
    ("limit_password_wait_s", &["0", "x"]),
    ("limit_password_wait_max_s", &["0", "x"]),
    ("log", &["info,a=b=c"]),
    ("log_format", &["", "xml", "Human"]),
    ("metrics_listen", &["9090", "localhost:9090", "127.0.0.1"]),
    (
        "otlp_url",
        &[
            "collector:4318",
            "collector",
            "grpc://collector:4317",
            "http://",
            "http://rekey:x@collector.example.com",
        ],
    ),
    ("otlp_share", &["", "-0.1", "1.1", "NaN"]),
    ("site", &[]),
];

#[tokio::test]
async fn an_invalid_value_is_reported_with_the_accepted_values() {
    for (name, values) in WRONG {
        let takes = KEYS.iter().find(|key| key.name == *name).unwrap().takes;
        for value in *values {
            let found = problems(&[(&variable(name), value)]);
            assert_eq!(found.len(), 1, "{name}={value:?}: {found:?}");
            assert_eq!(found[0].key, variable(name));
            assert!(found[0].text.ends_with(takes), "{}", found[0]);
        }
    }
}

#[test]
fn the_table_contains_every_key() {
    assert_eq!(
        WRONG.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        KEYS.iter().map(|key| key.name).collect::<Vec<_>>()
    );
}

#[test]
fn every_printed_default_is_accepted() {
    for key in KEYS {
        let shown = (key.show)(&Config::default());
        if !shown.is_empty() {
            assert_eq!(problems(&[(&variable(key.name), &shown)]), [], "{}={shown}", key.name);
        }
    }
}

#[test]
fn a_retired_key_explains_what_to_do() {
    let problems = problems(&[
        ("REKEY_LIMIT_RESET_AN_HOUR", "5"),
        ("REKEY_LIMIT_WRONG_CODES_A_DAY", "50"),
        ("REKEY_SMTP_CA_FILE", "/etc/rekey/ca.pem"),
    ]);
    assert_eq!(problems.len(), 3);
    assert!(
        problems[0].text.contains("REKEY_LIMIT_EMAILS_AN_HOUR"),
        "{}",
        problems[0]
    );
    assert!(problems[1].text.contains("delete it"), "{}", problems[1]);
    assert!(problems[2].text.contains("REKEY_CA_FILE"), "{}", problems[2]);
}

#[test]
fn ehlo_uses_the_origins_host_unless_a_name_is_configured() {
    for (origin, name) in [
        ("https://accounts.example.com:8443", "accounts.example.com"),
        ("https://192.0.2.25", "[192.0.2.25]"),
        ("https://[2001:db8::25]", "[IPv6:2001:db8::25]"),
    ] {
        assert_eq!(
            read(&[("REKEY_ORIGIN", origin)], ConfigPurpose::Command).0.ehlo_name(),
            name
        );
    }
    let named = [
        ("REKEY_ORIGIN", "https://accounts.example.com"),
        ("REKEY_SMTP_EHLO_NAME", "mail.example.com"),
    ];
    assert_eq!(read(&named, ConfigPurpose::Command).0.ehlo_name(), "mail.example.com");
}

#[test]
fn an_unknown_key_is_reported_in_any_spelling() {
    let found = problems(&[
        ("REKEY_LISTN", "x"),
        ("REKEY_listen", "x"),
        ("REKEY_TEST_POSTGRES", "x"),
    ]);
    assert_eq!(
        found.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
        ["REKEY_LISTN", "REKEY_listen", "REKEY_TEST_POSTGRES"]
    );
}

#[test]
fn all_problems_are_reported_together() {
    let (_, found) = read(
        &[
            ("REKEY_LISTEN", "x"),
            ("REKEY_ORIGIN", "http://example.com"),
            ("REKEY_NO", ""),
        ],
        ConfigPurpose::Serve,
    );
    let keys: Vec<_> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["REKEY_LISTEN", "REKEY_NO", "REKEY_SMTP_URL", "REKEY_ORIGIN"]);
}

#[tokio::test]
async fn an_invalid_value_with_a_secret_is_not_repeated() {
    for (key, value) in [
        ("REKEY_SMTP_URL", "smpt://rekey:s3cret@host"),
        ("REKEY_DATABASE_URL", "pg://rekey:s3cret@host/db"),
    ] {
        assert!(!problems(&[(key, value)])[0].to_string().contains("s3cret"));
    }
}

#[test]
fn the_effective_configuration_is_shown_without_secrets() {
    let settings = [(
        "REKEY_DATABASE_URL",
        "postgres://rekey:s3cret@db.example.com/rekey?password=s3cret",
    )];
    let (config, found) = read(&settings, ConfigPurpose::Command);
    assert_eq!(found, []);
    let shown: Vec<_> = KEYS.iter().map(|key| (key.show)(&config)).collect();
    assert!(shown.contains(&"postgres://…@db.example.com/rekey?…".to_owned()));
    assert!(!shown.concat().contains("s3cret") && !format!("{config:?}").contains("s3cret"));
}

#[test]
fn an_origin_is_normalized() {
    for (value, origin) in [
        ("https://Accounts.Example.COM/", "https://accounts.example.com"),
        ("https://accounts.example.com:443", "https://accounts.example.com"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://accounts.example.com:8443", "https://accounts.example.com:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ] {
        let (config, found) = read(&[("REKEY_ORIGIN", value)], ConfigPurpose::Command);
        assert_eq!(
            (config.origin.text.as_str(), config.settings.origin.as_str(), found),
            (origin, origin, vec![])
        );
    }
}

fn file(content: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rekey.toml");
    std::fs::write(&path, content).unwrap();
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn a_file_sets_the_same_keys_and_the_environment_overrides_it() {
    let (_folder, path) =
        file("password_min = 12\nsign_up = false\nbrand = \"Acme\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n");
    let (config, found) = read(
        &[("REKEY_CONFIG", &path), ("REKEY_BRAND", "Zenith")],
        ConfigPurpose::Command,
    );
    assert_eq!(found, []);
    assert_eq!(
        (
            config.settings.password.min,
            config.settings.sign_up,
            config.settings.brand.as_str()
        ),
        (12, false, "Zenith")
    );
    assert_eq!(config.trusted_proxies.len(), 2);
}

#[test]
fn a_problem_in_the_file_is_reported_with_its_key_and_file() {
    let (_folder, path) = file("listn = 1\npassword_min = \"few\"\n[limits]\nreset = 1\n");
    let found = problems(&[("REKEY_CONFIG", &path)]);
    let keys: Vec<_> = found.iter().map(|problem| problem.key.clone()).collect();
    assert_eq!(
        keys,
        ["limits", "listn", "password_min"].map(|name| format!("{name} in {path}"))
    );
}

#[test]
fn an_invalid_file_is_reported_without_its_content() {
    let (_folder, path) = file("brand = \"Acme\"\nsmtp_url = \"smtp://rekey:s3cret@host\n");
    let found = problems(&[("REKEY_CONFIG", &path)]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].text.ends_with("is not TOML at line 2") && !found[0].text.contains("s3cret"),
        "{}",
        found[0]
    );
    assert!(
        problems(&[("REKEY_CONFIG", "/no/such.toml")])[0]
            .text
            .contains("cannot be read")
    );
}

#[test]
fn the_development_server_listens_only_locally() {
    for listen in ["0.0.0.0:3000", "192.0.2.1:3000", "[::]:3000"] {
        let (_, found) = read(&[("REKEY_LISTEN", listen)], ConfigPurpose::ServeDev);
        assert_eq!(
            found.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
            ["REKEY_LISTEN"],
            "{listen}"
        );
    }
    let (_, found) = read(
        &[("REKEY_ORIGIN", "https://accounts.example.com")],
        ConfigPurpose::ServeDev,
    );
    assert_eq!(found.len(), 1);
    assert_eq!(read(&[("REKEY_LISTEN", "[::1]:3000")], ConfigPurpose::ServeDev).1, []);
}

#[test]
fn production_requires_a_mail_server_and_https() {
    let (_, found) = read(&[("REKEY_ORIGIN", "http://accounts.example.com")], ConfigPurpose::Serve);
    assert_eq!(
        found.iter().map(|problem| problem.key.as_str()).collect::<Vec<_>>(),
        ["REKEY_SMTP_URL", "REKEY_ORIGIN"]
    );
}

#[test]
fn contradictory_limits_and_lists_are_refused() {
    assert_eq!(
        problems(&[
            ("REKEY_LIMIT_PASSWORD_WAIT_S", "10"),
            ("REKEY_LIMIT_PASSWORD_WAIT_MAX_S", "5")
        ])
        .len(),
        1
    );
    assert_eq!(
        problems(&[
            ("REKEY_LEAKED_FILE", "/dev/null"),
            ("REKEY_LEAKED_RANGE_URL", "https://a/range/")
        ])
        .len(),
        1
    );
}
