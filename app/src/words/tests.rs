use super::*;
use account::{ActivityKind, Guessable, Params, Refusal, Refused};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn catalogue(language: &str) -> BTreeMap<String, String> {
    let messages = crate::_rust_i18n_backend().messages_for_locale(language).unwrap();
    messages
        .into_iter()
        .map(|(key, text)| (key.into_owned(), text.into_owned()))
        .collect()
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split("%{")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// Returns the text of every source file below a folder, except tests.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            texts.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
    texts
}

/// Returns every string literal that looks like a key or the beginning of one.
fn keys_in_source() -> BTreeSet<String> {
    let groups: BTreeSet<String> = catalogue("en")
        .keys()
        .filter_map(|key| key.split_once('.'))
        .map(|(group, _)| group.to_owned())
        .collect();
    let is_key = |text: &&str| {
        text.split_once('.').is_some_and(|(group, rest)| {
            groups.contains(group)
                && rest
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
    };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources(&source)
        .iter()
        .flat_map(|text| text.split('"'))
        .filter(is_key)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_language_has_all_texts_with_the_same_placeholders() {
    let english = catalogue("en");
    for language in LANGUAGES {
        let other = catalogue(language);
        for (key, text) in &english {
            let theirs = other
                .get(key)
                .unwrap_or_else(|| panic!("{key} is missing in {language}"));
            assert_eq!(placeholders(text), placeholders(theirs), "{key} in {language}");
        }
        for key in other.keys() {
            assert!(english.contains_key(key), "{key} of {language} is not in English");
        }
    }
}

#[test]
fn every_key_in_the_source_has_a_text() {
    let english = catalogue("en");
    for key in keys_in_source() {
        let known = english.contains_key(&key) || english.keys().any(|known| known.starts_with(&key));
        assert!(known, "nothing is said for {key}");
    }
}

#[test]
fn every_refusal_has_a_text() {
    let english = catalogue("en");
    let source = include_str!("../../../server/account/src/refusal.rs");
    let keys: Vec<_> = source
        .split("=> \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(keys.len() > 40);
    let told = |key: &&str| {
        english.contains_key(&["refusal.", key].concat())
            || ["email", "password", "again", "current", "code", "name", "domain"].contains(key)
    };
    let silent: Vec<_> = keys.iter().filter(|key| !told(key)).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn the_browsers_catalogue_contains_every_text_of_its_pages() {
    for language in LANGUAGES {
        let lines = for_browser(language);
        let sent: BTreeMap<_, _> = lines.lines().filter_map(|line| line.split_once('\t')).collect();
        let mut catalogue = catalogue(language);
        catalogue.retain(|key, _| !SERVER_ONLY.iter().any(|group| key.starts_with(group)));
        assert_eq!(sent.len(), catalogue.len(), "{language}");
        assert!(
            catalogue
                .iter()
                .all(|(key, text)| sent.get(key.as_str()) == Some(&text.as_str())),
            "{language}"
        );
    }
}

#[test]
fn the_browsers_catalogue_is_sorted_by_key() {
    for language in LANGUAGES {
        let lines = for_browser(language);
        let keys = lines.lines().map(|line| line.split_once('\t').map(|(key, _)| key));
        assert!(keys.is_sorted(), "{language}");
    }
}

#[test]
fn the_subject_on_the_page_matches_the_email() {
    for (language, mails) in [
        ("en", include_str!("../../../server/backend/locales/en.yml")),
        ("ar", include_str!("../../../server/backend/locales/ar.yml")),
    ] {
        for key in [
            "sign_in.subject",
            "sign_in.mailbox_subject",
            "reset.subject",
            "sign_up.subject",
        ] {
            // The page shows `…` in place of the code, which only the e-mail contains.
            let subject = Words::of(language).say(key).replace('…', "%{code}");
            assert!(mails.contains(&format!("\"{subject}\"")), "{language}: {subject}");
        }
    }
}

#[test]
fn every_activity_kind_has_a_text() {
    let english = catalogue("en");
    for kind in ActivityKind::ALL.into_iter().filter(|kind| !kind.is_attempt()) {
        assert!(english.contains_key(&["activity.", kind.as_str()].concat()), "{kind:?}");
    }
}

#[test]
fn every_placeholder_of_a_refusal_is_filled_in() {
    let at = Timestamp(0);
    for language in LANGUAGES {
        for refusal in [
            Refusal::PasswordWait { seconds: 30 },
            Refusal::ResendWait { seconds: 1 },
            Refusal::TooMany { seconds: 80_000 },
            Refusal::CodeWrongLength { digits: 6 },
            Refusal::CodeWrong { tries_left: 2 },
            Refusal::CodeOlder {
                sent_at: at,
                newest_at: at,
            },
            Refusal::PasswordTooShort { min: 15, have: 3 },
            Refusal::PasswordTooLong { max: 128 },
            Refusal::PasswordGuessable {
                reason: Guessable::Date,
            },
            Refusal::ManagedByOrganization {
                organization: "Analytical Engines Ltd".into(),
            },
        ] {
            let sentence = Words::of(language).refusal(&Refused::from(&refusal));
            assert!(!sentence.contains("%{") && !sentence.contains("refusal."), "{sentence}");
        }
    }
}

#[test]
fn a_placeholder_in_a_value_is_not_replaced() {
    let refusal = Refusal::ManagedByOrganization {
        organization: "%{organization}".into(),
    };
    assert!(
        Words::of("en")
            .refusal(&Refused::from(&refusal))
            .contains("%{organization}")
    );
}

#[test]
fn a_code_of_a_later_version_has_a_plain_text() {
    let refused = Refused {
        code: "not_known_yet".into(),
        field: None,
        params: Params::default(),
    };
    assert_eq!(Words::of("en").refusal(&refused), "Try again.");
}

#[test]
fn waiting_times_use_readable_units() {
    let english = Words::of("en");
    for (seconds, said) in [
        (0, "1 second"),
        (1, "1 second"),
        (30, "30 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (121, "3 minutes"),
        (3_600, "60 minutes"),
        (7_200, "2 hours"),
        (86_400, "24 hours"),
    ] {
        assert_eq!(english.wait(seconds), said);
    }
    assert_eq!(Words::of("ar").wait(120), "دقيقتين");
}

#[test]
fn e_mails_of_the_same_minute_are_told_apart_without_times() {
    let older = |apart_ms| {
        let (sent_at, newest_at) = (Timestamp(0), Timestamp(apart_ms));
        Words::of("en").refusal(&Refused::from(&Refusal::CodeOlder { sent_at, newest_at }))
    };
    assert_eq!(
        older(60_000),
        "That passcode is from the e-mail sent at 00:00 UTC. Use the one sent at 00:01 UTC."
    );
    assert_eq!(
        older(59_999),
        "That passcode is from an earlier e-mail. Use the one from the latest e-mail."
    );
}

#[test]
fn days_use_the_correct_plural_form() {
    let days = |n| Words::of("ar").counted("wait.days_", n);
    assert_eq!([days(1), days(2)], ["يوم واحد", "يومين"]);
    assert_eq!([days(7), days(30)], ["7 أيام", "30 يومًا"]);
}

#[test]
fn tries_left_use_the_correct_plural_form() {
    let said = |language, tries_left| Words::of(language).refusal(&Refused::from(&Refusal::CodeWrong { tries_left }));
    assert_eq!(said("en", 1), "That passcode is incorrect. You have 1 try left.");
    assert_eq!(said("en", 4), "That passcode is incorrect. You have 4 tries left.");
    assert!(said("ar", 2).contains("محاولتان"));
    assert!(said("ar", 4).contains("4 محاولات"));
}

#[test]
fn an_unknown_language_falls_back_to_english() {
    assert_eq!(Words::of("tlh").language, "en");
    assert_eq!(Words::of("ar").direction(), "rtl");
}

#[test]
fn texts_neither_apologize_nor_blame() {
    for (key, text) in catalogue("en") {
        let text = text.to_lowercase();
        for word in ["please", "sorry", "invalid", "oops"] {
            assert!(!text.contains(word), "{key}: {text}");
        }
        assert!(!text.replace("%{email}", "").contains("email"), "{key}: {text}");
    }
}
