//! The data of an account as a page to read, in its owner's language: a file without scripts or links, beside the one for programs.

use crate::pages::event_title;
use crate::words::Words;
use backend::flows::AccountData;
use serde_json::Value;

/// The parts of the data in order, with their fields.
const PARTS: &[(&str, &[&str])] = &[
    (
        "account",
        &[
            "email",
            "name",
            "preferred_name",
            "job_title",
            "company",
            "language",
            "organization",
            "administrator_since",
            "created_at",
            "updated_at",
            "disabled_at",
            "delete_after",
            "remind_after",
            "has_password",
            "password_changed_at",
            "password_unchecked_at",
            "id",
        ],
    ),
    (
        "identities",
        &["issuer", "email", "subject", "linked_at", "last_used_at"],
    ),
    ("email_changes", &["old_email", "changed_at", "ends_at"]),
    (
        "preferences",
        &["time_zone", "date_format", "twelve_hours", "theme", "text_size"],
    ),
    ("mail_choices", &["group_id", "wanted", "changed_at", "source"]),
    ("mail_choice_changes", &["group_id", "wanted", "changed_at", "source"]),
    (
        "sessions",
        &[
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
        &["browser", "created_at", "used_at", "trusted_until", "replaced_at"],
    ),
    (
        "products",
        &["client_id", "scope", "subject", "connected_at", "used_at"],
    ),
    ("sites", &["client_id", "created_at"]),
    ("invitations", &["organization", "created_at", "ends_at"]),
    (
        "requests",
        &["purpose", "reference", "created_at", "ends_at", "finished_at"],
    ),
    (
        "emails",
        &["written_at", "sent_at", "failed_at", "last_error", "language"],
    ),
    ("activity", &["at", "kind", "actor", "browser", "client"]),
];

const STYLE: &str = "body{font:16px/1.5 sans-serif;margin:2rem;color-scheme:light dark}table{border-collapse:collapse}\
                     th,td{border:1px solid;padding:.25rem .5rem;text-align:start}div{overflow-x:auto}";

/// Returns the page.
///
/// # Errors
/// If the data cannot be written as JSON.
pub fn data_page(data: &AccountData, language: &str, brand: &str) -> Result<String, serde_json::Error> {
    let (words, all) = (Words::of(language), serde_json::to_value(data)?);
    let title = escaped(&words.say_with("export.title", &[("brand", brand)]));
    let made = words.say_with("export.made", &[("when", &words.isolated(&data.exported_at))]);
    let parts: String = PARTS
        .iter()
        .map(|(part, fields)| table(&all[part], part, fields, words))
        .collect();
    Ok(format!(
        "<!DOCTYPE html><html lang=\"{}\" dir=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1><p>{}</p>\
         <p>{}</p>{parts}</main></body></html>\n",
        words.language,
        words.direction(),
        escaped(&made),
        escaped(&words.say("export.lead")),
    ))
}

fn table(rows: &Value, part: &str, fields: &[&str], words: Words) -> String {
    let title = escaped(&words.say(&["export.part_", part].concat()));
    let label = |field: &str| escaped(&words.say(&["export.field_", field].concat()));
    let body = match rows {
        // One row: a line for each field.
        Value::Object(row) => fields
            .iter()
            .map(|field| {
                let value = row.get(*field).unwrap_or(&Value::Null);
                format!(
                    "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                    label(field),
                    shown(field, value, words)
                )
            })
            .collect(),
        Value::Array(rows) if !rows.is_empty() => {
            let head: String = fields
                .iter()
                .map(|field| format!("<th scope=\"col\">{}</th>", label(field)))
                .collect();
            let rows = rows.iter().map(|row| {
                let cells = fields
                    .iter()
                    .map(|field| format!("<td>{}</td>", shown(field, &row[*field], words)));
                format!("<tr>{}</tr>", cells.collect::<String>())
            });
            format!("<tr>{head}</tr>{}", rows.collect::<String>())
        }
        _ => return format!("<h2>{title}</h2><p>{}</p>", escaped(&words.say("export.none"))),
    };
    format!("<h2>{title}</h2><div><table>{body}</table></div>")
}

fn shown(field: &str, value: &Value, words: Words) -> String {
    let text = match value {
        Value::String(kind) if field == "kind" => event_title(kind, words),
        Value::String(text) => text.clone(),
        Value::Bool(true) => words.say("export.yes"),
        Value::Bool(false) => words.say("export.no"),
        Value::Number(number) if matches!(field, "wanted" | "twelve_hours") => {
            words.say(if number.as_i64() == Some(0) {
                "export.no"
            } else {
                "export.yes"
            })
        }
        Value::Number(number) => number.to_string(),
        _ => "–".to_owned(),
    };
    format!("<bdi>{}</bdi>", escaped(&text))
}

/// Attack: a name or a browser is markup, which runs in the downloaded file.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_data_stays_text() {
        assert_eq!(
            escaped("<script>\"&\"</script>"),
            "&lt;script&gt;&quot;&amp;&quot;&lt;/script&gt;"
        );
        let value = Value::String("<b>".into());
        assert_eq!(shown("name", &value, Words::of("en")), "<bdi>&lt;b&gt;</bdi>");
    }

    #[test]
    fn every_part_and_field_has_a_label() {
        for language in crate::words::LANGUAGES {
            let words = Words::of(language);
            for (part, fields) in PARTS {
                let labels = fields.iter().map(|field| ["export.field_", field].concat());
                for key in labels.chain([["export.part_", part].concat()]) {
                    assert!(!words.say(&key).contains(&key), "{key} in {language}");
                }
            }
        }
    }
}
