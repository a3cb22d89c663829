use super::*;
use account::{CodeLetter, Notice, Organization, Purpose, Request, Timestamp, TypedCode, read_code};
use std::collections::{BTreeMap, BTreeSet};

fn all() -> Vec<(&'static str, &'static str, Letter, RenderedLetter)> {
    let settings = Settings::default();
    let in_language = |language: &'static str| {
        let settings = settings.clone();
        gallery::letters().into_iter().map(move |(title, letter)| {
            let rendered = render(&settings, language, &letter);
            (title, language, letter, rendered)
        })
    };
    ["en", "ar"].into_iter().flat_map(in_language).collect()
}

fn codes() -> Vec<(&'static str, CodeLetter, RenderedLetter)> {
    let code = |(_, language, letter, rendered)| match letter {
        Letter::Code(code) => Some((language, code, rendered)),
        _ => None,
    };
    all().into_iter().filter_map(code).collect()
}

#[test]
fn a_code_stands_in_the_html_once_and_in_the_text_twice() {
    for (language, code, letter) in codes() {
        let digits = code.code.expose();
        assert_eq!(letter.html.matches(digits).count(), 1, "{language} {:?}", code.purpose);
        assert_eq!(letter.text.matches(digits).count(), 2);
        assert!(letter.text.lines().any(|line| line == digits), "on a line of its own");
        assert_eq!(
            letter.text.lines().last(),
            Some(format!("@127.0.0.1 #{digits}").as_str())
        );
    }
}

#[test]
fn only_the_code_of_a_sign_in_is_in_the_subject() {
    for (language, code, letter) in codes() {
        let there = letter.subject.contains(code.code.expose());
        assert_eq!(there, code.purpose == Purpose::SignIn, "{language} {}", letter.subject);
    }
    let sign_in = codes().remove(0).2;
    assert_eq!(sign_in.subject, "012345 is your Rekey passcode (Request K7)");
}

#[test]
fn a_whole_mail_pasted_is_its_code() {
    for (language, code, letter) in codes() {
        let digits = code.code.expose();
        let html_seen = letter.html.replace("<br>", "\n");
        let seen: String = html_seen
            .split('<')
            .filter_map(|part| part.split_once('>'))
            .map(|(_, seen)| seen)
            .collect();
        for pasted in [
            letter.text.clone(),
            format!("{}\n{}", letter.subject, letter.text),
            seen,
        ] {
            match read_code(&pasted, code.purpose.digits()) {
                Ok(TypedCode::Code(found)) => assert_eq!(found.digits(), digits),
                other => panic!("{language} {:?}: {other:?} in {pasted}", code.purpose),
            }
        }
    }
}

#[test]
fn codes_and_answers_hold_no_link_and_nothing_remote() {
    for (title, language, letter, rendered) in all() {
        for part in [&rendered.text, &rendered.html] {
            if letter.is_answer() {
                assert!(!part.contains("http") && !part.contains("://"), "{title} {language}");
            }
            for element in [
                "<a", "<img", "<script", "<link", "<table", "<form", "url(", "href", "src=",
            ] {
                assert!(!part.contains(element), "{title} {language} {element}");
            }
        }
    }
}

#[test]
fn the_answers_to_a_request_look_alike_from_outside() {
    for (flow, count) in [("Reset:", 5), ("Sign up:", 4)] {
        for language in ["en", "ar"] {
            let letters = all()
                .into_iter()
                .filter(|(title, of, ..)| title.starts_with(flow) && *of == language);
            let outside: Vec<_> = letters
                .map(|(.., letter)| (letter.subject, letter.from, letter.from_name))
                .collect();
            assert_eq!(outside.len(), count);
            assert_eq!(outside.iter().collect::<BTreeSet<_>>().len(), 1, "{outside:?}");
        }
    }
    let reset = codes()
        .into_iter()
        .find(|(_, code, _)| code.purpose == Purpose::Reset)
        .unwrap()
        .2;
    assert_eq!(reset.subject, "Reset your Rekey password (Request K7)");
    let sign_up = codes()
        .into_iter()
        .find(|(_, code, _)| code.purpose == Purpose::SignUp)
        .unwrap()
        .2;
    assert_eq!(sign_up.subject, "Create your Rekey account (Request K7)");
}

#[test]
fn codes_and_notices_come_from_their_own_senders() {
    for (title, _, letter, rendered) in all() {
        let domain = if letter.is_answer() {
            "noreply@signin.rekey.example"
        } else {
            "noreply@rekey.example"
        };
        assert_eq!(
            (rendered.from.as_str(), rendered.from_name.as_str()),
            (domain, "Rekey"),
            "{title}"
        );
    }
}

#[test]
fn an_answer_says_which_request_when_from_where_and_until_when() {
    for (title, language, letter, rendered) in all().into_iter().filter(|(_, _, letter, _)| letter.is_answer()) {
        let (request, day) = if language == "en" {
            ("Request K7", "Asked for: 24 November 2026 at 10:02 UTC")
        } else {
            ("الطلب \u{2068}K7\u{2069}", "24 نوفمبر 2026، الساعة 10:02")
        };
        for part in [request, day, "Firefox"] {
            assert!(
                rendered.text.contains(part),
                "{title} {language} {part}: {}",
                rendered.text
            );
        }
        if matches!(letter, Letter::Code(_)) && language == "en" {
            for part in [
                "10 minutes",
                "until 10:12 UTC",
                "never ask for this code by phone, chat or e-mail",
                "Was it not you?",
            ] {
                assert!(
                    rendered.text.contains(part) && rendered.html.contains(part),
                    "{title} {part}"
                );
            }
        }
    }
}

#[test]
fn a_notice_says_what_when_from_where_and_what_to_do() {
    for (title, language, letter, rendered) in all() {
        let Letter::Notice(notice) = letter else { continue };
        assert!(
            rendered.text.contains("http://127.0.0.1:3000/reset"),
            "{title} {language}"
        );
        assert!(rendered.text.contains("10:02"), "{title} {language}");
        if !matches!(notice, Notice::ManyFailures { .. } | Notice::NewDevice { .. }) {
            assert!(rendered.text.contains("Firefox"), "{title} {language}");
        }
        assert!(!rendered.subject.contains("K7"));
    }
}

#[test]
fn text_and_html_say_the_same() {
    for (title, language, _, rendered) in all() {
        let last_line = rendered.text.lines().last().unwrap_or_default().starts_with('@');
        let lines: Vec<&str> = rendered.text.lines().filter(|line| !line.is_empty()).collect();
        for line in &lines[..lines.len() - usize::from(last_line)] {
            let as_html = line
                .replace('\u{2068}', "<bdi>")
                .replace('\u{2069}', "</bdi>")
                .replace('\'', "&#39;");
            assert!(rendered.html.contains(&as_html), "{title} {language}: {line}");
        }
    }
}

#[test]
fn arabic_runs_from_right_to_left_and_english_does_not() {
    for (title, language, _, rendered) in all() {
        let expected = if language == "ar" {
            "<html lang=\"ar\" dir=\"rtl\">"
        } else {
            "<html lang=\"en\" dir=\"ltr\">"
        };
        assert!(rendered.html.contains(expected), "{title}");
        assert_eq!(rendered.text.contains('\u{2068}'), language == "ar", "{title}");
        assert!(!rendered.subject.contains('\u{2068}'), "{title}");
        let starts = rendered.text.matches('\u{2068}').count();
        assert_eq!(starts, rendered.text.matches('\u{2069}').count(), "{title}");
    }
    for (_, code, letter) in codes() {
        assert!(letter.html.contains("dir=\"ltr\""), "{:?}", code.purpose);
    }
}

#[test]
fn a_language_that_is_not_there_is_english() {
    let letter = gallery::letters().remove(0).1;
    let settings = Settings::default();
    assert_eq!(render(&settings, "ar-EG", &letter), render(&settings, "ar", &letter));
    for language in ["", "de", "arc", "EN"] {
        assert_eq!(
            render(&settings, language, &letter),
            render(&settings, "en", &letter),
            "{language}"
        );
    }
}

#[test]
fn what_others_wrote_is_no_markup_and_no_line_of_ours() {
    let hostile = "<b onclick='x'>\"&\u{202e}\r\n\nYour password was reset\u{2069} %{brand}";
    let settings = Settings {
        brand: "A&B <i>".into(),
        ..Settings::default()
    };
    let organization = Organization {
        name: hostile.into(),
        administrator_name: hostile.into(),
        administrator_email: "it@example.com\nBcc: eve@example.com".into(),
    };
    let request = Request {
        label: "K7".into(),
        asked_at: Timestamp(0),
        browser: "<script>".into(),
    };
    let letter = Letter::AskAdministrator(request, organization);
    for language in ["en", "ar"] {
        let rendered = render(&settings, language, &letter);
        for raw in ["<b ", "<script", "<i>", "onclick='", "\"&\""] {
            assert!(!rendered.html.contains(raw), "{language} {raw}");
        }
        assert!(
            rendered.html.contains("&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;"),
            "{}",
            rendered.html
        );
        assert!(rendered.html.contains("A&amp;B &lt;i&gt;"));
        assert!(
            !rendered
                .text
                .lines()
                .any(|line| line.starts_with("Your password") || line.starts_with("Bcc"))
        );
        assert!(rendered.text.contains("%{brand}"), "a value is not filled in again");
        assert!(rendered.subject.contains("A&B <i>") && !rendered.subject.contains(['\r', '\n']));
    }
}

#[test]
fn every_sentence_is_there_in_every_language_with_the_same_values() {
    let catalogue = |language: &str| -> BTreeMap<String, BTreeSet<String>> {
        let messages = crate::_rust_i18n_backend().messages_for_locale(language).unwrap();
        let values = |text: &str| {
            let inner = text.split("%{").skip(1).filter_map(|part| part.split_once('}'));
            inner.map(|(name, _)| name.to_owned()).collect()
        };
        messages
            .iter()
            .map(|(key, text)| (key.to_string(), values(text)))
            .collect()
    };
    let english = catalogue("en");
    assert!(english.len() > 50, "{}", english.len());
    assert_eq!(english, catalogue("ar"));
}

#[test]
fn no_sentence_is_missing_or_unfilled() {
    for (title, language, _, rendered) in all() {
        for part in [&rendered.subject, &rendered.text, &rendered.html] {
            assert!(!part.contains("%{"), "{title} {language}: {part}");
            for key in [
                "code.", "answer.", "notice.", "fact.", "heading.", "subject.", "month.", "browser.",
            ] {
                let keys = ["en.", "ar.", ""].map(|prefix| format!("{prefix}{key}"));
                let word = |word: &str| {
                    keys.iter()
                        .any(|key| word.starts_with(key.as_str()) && word.len() > key.len())
                };
                assert!(!part.split_whitespace().any(word), "{title} {language}: {part}");
            }
        }
    }
}

#[test]
fn words_are_plain() {
    for (title, _, _, rendered) in all() {
        let text = rendered.text.to_lowercase();
        for word in [
            "please",
            "sorry",
            "invalid",
            "oops",
            "otp",
            "second factor",
            "two-factor",
        ] {
            assert!(!text.contains(word), "{title}: {word}");
        }
    }
}

#[test]
fn the_gallery_shows_everything() {
    let shown = super::gallery(&Settings::default());
    assert_eq!(shown.len(), 28);
    assert_eq!(
        shown
            .iter()
            .map(|(title, language, _)| (title, language))
            .collect::<BTreeSet<_>>()
            .len(),
        28
    );
}

#[test]
fn a_rendered_letter_does_not_print_its_code() {
    let letter = codes().remove(0).2;
    assert_eq!(
        format!("{letter:?}"),
        "RenderedLetter(from noreply@signin.rekey.example)"
    );
}
