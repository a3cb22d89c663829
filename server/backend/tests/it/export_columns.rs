//! Which columns are in the file with everything that is stored about an account, and why others are not. Property 45.

use crate::database::Database;
use crate::export::download;
use crate::world::{ADA, GRACE, World};
use std::collections::BTreeSet;

/// Columns of which the file has the value, by table. The address and the id of the account are in its first part.
const EXPORTED: &[(&str, &[&str])] = &[
    (
        "accounts",
        &[
            "id",
            "email",
            "name",
            "preferred_name",
            "job_title",
            "company",
            "language",
            "created_at",
            "updated_at",
            "disabled_at",
            "delete_after",
            "remind_after",
        ],
    ),
    ("passwords", &["account_id", "changed_at", "unchecked_at"]),
    (
        "identities",
        &["account_id", "issuer", "subject", "email", "linked_at", "last_used_at"],
    ),
    ("email_changes", &["account_id", "old_email", "changed_at", "ends_at"]),
    (
        "preferences",
        &[
            "account_id",
            "time_zone",
            "date_format",
            "twelve_hours",
            "theme",
            "text_size",
        ],
    ),
    (
        "mail_choices",
        &["account_id", "group_id", "wanted", "changed_at", "source"],
    ),
    (
        "mail_choice_changes",
        &["account_id", "group_id", "wanted", "changed_at", "source"],
    ),
    (
        "sessions",
        &[
            "account_id",
            "browser",
            "client",
            "signed_in_at",
            "last_seen_at",
            "ends_at",
            "authenticated_at",
            "methods",
        ],
    ),
    (
        "devices",
        &[
            "account_id",
            "browser",
            "created_at",
            "trusted_until",
            "replaced_at",
            "used_at",
        ],
    ),
    (
        "connected_products",
        &["account_id", "client_id", "scope", "connected_at", "used_at"],
    ),
    ("pairwise_subjects", &["account_id", "client_id", "subject"]),
    ("site_sessions", &["client_id", "created_at"]),
    ("organization_administrators", &["account_id", "created_at"]),
    ("organization_invitations", &["email", "created_at", "ends_at"]),
    (
        "flows",
        &["purpose", "email", "reference", "created_at", "ends_at", "finished_at"],
    ),
    (
        "outbox",
        &[
            "recipient",
            "language",
            "written_at",
            "sent_at",
            "failed_at",
            "last_error",
        ],
    ),
    ("events", &["account_id", "kind", "actor", "at", "browser", "client"]),
    ("organizations", &["name"]),
];

/// Columns of these tables of which the file does not have the value, and why.
const LEFT_OUT: &[(&str, &[&str], &str)] = &[
    (
        "accounts",
        &["managed_by", "disabled_by"],
        "ids of organizations; the file has the name",
    ),
    ("passwords", &["hash"], "a secret"),
    (
        "identities",
        &["id"],
        "a number of this service without meaning outside",
    ),
    ("email_changes", &["id"], "what the cookie is known by"),
    (
        "mail_choice_changes",
        &["id"],
        "a number of this service without meaning outside",
    ),
    (
        "sessions",
        &["id", "token_digest"],
        "what products and cookies know the session by",
    ),
    (
        "devices",
        &["id", "token_digest", "replaced_digest"],
        "what the cookie is known by",
    ),
    ("pairwise_subjects", &["salt"], "a secret"),
    (
        "site_sessions",
        &["digest", "session_id"],
        "what the cookie is known by",
    ),
    (
        "organization_administrators",
        &["organization_id"],
        "the file has the name",
    ),
    (
        "organization_invitations",
        &["id", "organization_id", "invited_by"],
        "the file has the organization's name; who invited is about others",
    ),
    (
        "flows",
        &[
            "id",
            "token_digest",
            "replaces",
            "account_id",
            "client",
            "known_device",
            "language",
            "next_path",
        ],
        "what cookies are known by, and the network, language and destination of whoever began them, also of others",
    ),
    (
        "flows",
        &[
            "tries_left",
            "stale_code_allowance",
            "codes_sent",
            "resend_at",
            "version",
            "password_passed_at",
            "code_passed_at",
            "ended_at",
            "digits",
            "mailbox_first",
            "trust",
            "counted_tries",
            "stepped_up_at",
        ],
        "how far a request is, which lasts for an hour and is that of a stranger as well",
    ),
    (
        "outbox",
        &["id", "flow_id", "body", "due_at", "attempts", "retry_at"],
        "the e-mail itself may contain a live code, and is deleted when it is sent; the rest is how the queue works",
    ),
    (
        "events",
        &["id", "acted_by", "organization_id"],
        "who acted is about others; the file says whether it was the user, an operator or an administrator",
    ),
    (
        "organizations",
        &[
            "id",
            "administrator_name",
            "administrator_email",
            "created_at",
            "provider",
        ],
        "about others",
    ),
];

/// Tables of which the file has nothing, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("_sqlx_migrations", "no account"),
    ("access_tokens", "digests; their product is in the list of products"),
    (
        "authorization_codes",
        "digests; their product is in the list of products",
    ),
    (
        "authorization_requests",
        "what a product asked for, until a minute later",
    ),
    ("client_assertions", "of products"),
    ("client_changes", "of products"),
    ("clients", "of products"),
    ("codes", "digests of codes; the requests and e-mails are in the file"),
    ("earlier_device_tokens", "digests; the devices are in the file"),
    (
        "email_slots",
        "counts of e-mails to an address, for two days; they protect every address",
    ),
    ("email_turns", "networks of others who asked for e-mails, for two days"),
    ("key_checks", "no account"),
    ("limits", "counts of requests, for a day; they protect every address"),
    (
        "logout_notices",
        "messages to products until they are delivered; the sessions and products are in the file",
    ),
    ("organization_domains", "of organizations"),
    ("provider_responses", "digests"),
    ("pushed_requests", "what a product asked for, until a minute later"),
    ("signing_keys", "no account"),
    ("throttles", "counts of failures; they protect every address"),
    (
        "wrong_codes",
        "counts of failures, for a day; they protect every address",
    ),
];

/// Reads the columns of all tables: `table.column type`.
async fn columns(database: &Database) -> Vec<(String, String, bool)> {
    let query = match database {
        Database::Sqlite(_) => {
            "select m.name || '.' || p.name || ' ' || lower(p.type) from sqlite_master m join pragma_table_info(m.name) p
              where m.type = 'table'"
        }
        Database::Postgres { .. } => {
            "select table_name || '.' || column_name || ' ' || data_type from information_schema.columns
              where table_schema = 'public'"
        }
    };
    let all = database.texts(query).await;
    let split = |text: String| {
        let (name, kind) = text.split_once(' ').unwrap();
        let (table, column) = name.split_once('.').unwrap();
        (table.to_owned(), column.to_owned(), kind.starts_with("text"))
    };
    all.into_iter().map(split).collect()
}

/// A new table or column must be in the file, or have a reason why it is not.
#[apply(on_both!)]
async fn every_column_is_in_the_file_or_has_a_reason(world: &World) {
    let mut declared = BTreeSet::new();
    let exported = EXPORTED
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| (*table, *column)));
    let left_out = LEFT_OUT
        .iter()
        .flat_map(|(table, columns, _)| columns.iter().map(move |column| (*table, *column)));
    for (table, column) in exported.chain(left_out) {
        assert!(
            declared.insert((table.to_owned(), column.to_owned())),
            "{table}.{column} twice"
        );
    }
    for (table, column, _) in columns(&world.database).await {
        let is_exception = EXCEPTIONS.iter().any(|(exception, _)| *exception == table);
        let is_declared = declared.remove(&(table.clone(), column.clone()));
        assert!(
            is_declared != is_exception,
            "Is {table}.{column} in the file of an account's data?"
        );
    }
    assert_eq!(declared, BTreeSet::new(), "these columns do not exist");
}

/// Fills each column of an account's rows with a value of its own, and looks for it in the file.
#[apply(on_both!)]
async fn the_file_has_what_is_declared_and_no_secret(world: &World) {
    world.create_account(ADA).await;
    world.create_account(GRACE).await;
    let browser = world.signed_in(ADA).await;
    let columns = columns(&world.database).await;
    let id = "id of ada@example.com";
    for statement in [
        "delete from outbox",
        "delete from devices",
        "delete from flows",
        "delete from events",
        "delete from passwords",
    ] {
        world.database.texts(format!("{statement} returning 'deleted'")).await;
    }
    // In the order of their references.
    let tables = [
        "organizations",
        "passwords",
        "identities",
        "devices",
        "connected_products",
        "pairwise_subjects",
        "site_sessions",
        "organization_administrators",
        "organization_invitations",
        "flows",
        "outbox",
        "events",
    ];
    let session = world.database.texts("select id from sessions").await.remove(0);
    let mut expected = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let of_table: Vec<_> = columns.iter().filter(|(of, ..)| of == table).collect();
        let mut values = Vec::new();
        for (place, (_, column, is_text)) in of_table.iter().enumerate() {
            let is_exported = EXPORTED
                .iter()
                .any(|(of, names)| *of == table && names.contains(&column.as_str()));
            let value = match (table, column.as_str()) {
                (_, "account_id") => format!("'{id}'"),
                ("organization_invitations" | "flows", "email") | (_, "recipient") => format!("'{ADA}'"),
                (_, "session_id") => format!("'{session}'"),
                (_, "organization_id") => "'marked organizations.id'".to_owned(),
                (_, "invited_by" | "acted_by") => format!("'id of {GRACE}'"),
                ("connected_products" | "pairwise_subjects", "client_id") => "'a shared client'".to_owned(),
                ("events", "kind") => "'signed_in'".to_owned(),
                (_, _) if *is_text => {
                    let marker = format!("marked {table}.{column}");
                    expected.push((marker.clone(), is_exported));
                    format!("'{marker}'")
                }
                _ => {
                    // A second of its own for each.
                    let at = 1_600_000_000_000 + i64::try_from(number * 100 + place).unwrap() * 1_000;
                    if column.ends_with("_at") || column.ends_with("_until") || column == "at" {
                        expected.push((account::Timestamp(at).rfc3339(), is_exported));
                        at.to_string()
                    } else {
                        "1".to_owned()
                    }
                }
            };
            values.push((column.clone(), value));
        }
        let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let insert = format!(
            "insert into {table} ({}) values ({}) returning 'made'",
            names.join(", "),
            values.join(", ")
        );
        world.database.texts(insert).await;
    }
    let managed = format!(
        "update accounts set managed_by = 'marked organizations.id', name = 'marked name', preferred_name = 'marked preferred',
                language = 'ar', updated_at = 1500000000000 where id = '{id}' returning 'changed'"
    );
    world.database.texts(managed).await;
    let data = download(&browser).await.unwrap();
    let text = serde_json::to_string(&data).unwrap();
    expected.extend([
        ("marked name".into(), true),
        ("marked preferred".into(), true),
        (id.into(), true),
        (ADA.into(), true),
        ("2017-07-14T02:40:00Z".into(), true),
        (GRACE.into(), false),
    ]);
    for (value, is_exported) in expected {
        assert_eq!(text.contains(&value), is_exported, "{value}: {text}");
    }
}
