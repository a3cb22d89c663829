use super::*;
use account::{
    CodeEmail, FailureCause, Notice, Organization, Purpose, Request, TimeFormat, Timestamp, TypedCode, read_code,
};
use std::collections::{BTreeMap, BTreeSet};

fn all() -> Vec<(&'static str, &'static str, Email, RenderedEmail)> {
    let settings = Settings::default();
    let in_language = |language: &'static str| {
        let settings = settings.clone();
        gallery::emails().into_iter().map(move |(title, message)| {
            let rendered = render(&settings, language, &TimeFormat::default(), &message);
            (title, language, message, rendered)
        })
    };
    ["en", "ar"].into_iter().flat_map(in_language).collect()
}

fn codes() -> Vec<(&'static str, CodeEmail, RenderedEmail)> {
    let code = |(_, language, message, rendered)| match message {
        Email::Code(code) => Some((language, code, rendered)),
        _ => None,
    };
    all().into_iter().filter_map(code).collect()
}

#[test]
fn a_code_appears_once_in_the_html_and_twice_in_the_text() {
    for (language, code, message) in codes() {
        let digits = code.code.expose();
        assert_eq!(message.html.matches(digits).count(), 1, "{language} {:?}", code.purpose);
        assert_eq!(message.text.matches(digits).count(), 2);
        assert!(message.text.lines().any(|line| line == digits), "on a line of its own");
        // Nothing follows the last line, not even a line break.
        assert!(
            message.text.ends_with(&format!("\n@127.0.0.1 #{digits}")),
            "{}",
            message.text
        );
    }
}

#[test]
fn only_a_sign_in_code_appears_in_the_subject() {
    for (language, code, message) in codes() {
        let there = message.subject.contains(code.code.expose());
        let after_password = code.purpose == Purpose::SignIn && !code.request.mailbox_first;
        assert_eq!(there, after_password, "{language} {}", message.subject);
    }
    let sign_in = codes().remove(0).2;
    assert_eq!(sign_in.subject, "012345 is your Rekey passcode (Request K7)");
}

#[test]
fn a_code_is_read_from_a_pasted_email() {
    for (language, code, message) in codes() {
        let digits = code.code.expose();
        let html_seen = message.html.replace("<br>", "\n");
        let seen: String = html_seen
            .split('<')
            .filter_map(|part| part.split_once('>'))
            .map(|(_, seen)| seen)
            .collect();
        for pasted in [
            message.text.clone(),
            format!("{}\n{}", message.subject, message.text),
            seen,
        ] {
            match read_code(&pasted, digits.len(), account::domain_to_ascii) {
                Ok(TypedCode::Code(found)) => assert_eq!(found.digits(), digits),
                other => panic!("{language} {:?}: {other:?} in {pasted}", code.purpose),
            }
        }
    }
}

#[test]
fn answers_contain_no_links_and_emails_no_remote_content() {
    for (title, language, message, rendered) in all() {
        for part in [rendered.text, outside_outlook(&rendered.html)] {
            if message.is_answer() {
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

/// The answers to requests that anyone can make for any address, and their number.
const FAMILIES: [(&str, usize); 5] = [
    ("Reset:", 6),
    ("Sign up:", 6),
    ("Sign in, mailbox first:", 6),
    ("New address:", 2),
    ("Secure:", 3),
];

#[test]
fn answers_to_a_request_have_the_same_subject_and_sender() {
    for (flow, count) in FAMILIES {
        for language in ["en", "ar"] {
            let messages = all()
                .into_iter()
                .filter(|(title, of, ..)| title.starts_with(flow) && *of == language);
            let outside: Vec<_> = messages
                .map(|(.., message)| (message.subject, message.from, message.from_name))
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

/// The HTML as seen by mail clients other than Outlook for Windows.
fn outside_outlook(html: &str) -> String {
    let mut parts = html.split("<!--[if mso]>");
    let mut seen = parts.next().unwrap_or_default().to_owned();
    parts.for_each(|part| seen.push_str(part.split_once("<![endif]-->").unwrap().1));
    seen
}

/// Attack: request a code for another user and read it on their locked phone, which shows about 200 characters.
#[test]
fn answers_to_a_request_begin_with_the_same_text() {
    for (flow, count) in FAMILIES {
        for language in ["en", "ar"] {
            let messages: Vec<_> = all()
                .into_iter()
                .filter(|(title, of, ..)| title.starts_with(flow) && *of == language)
                .collect();
            assert_eq!(messages.len(), count);
            let beginning = |text: &str| text.chars().take(220).collect::<String>();
            let texts: BTreeSet<_> = messages.iter().map(|(.., message)| beginning(&message.text)).collect();
            assert_eq!(texts.len(), 1, "{texts:#?}");
            let previews: BTreeSet<_> = messages.iter().map(|(.., message)| preview(&message.html)).collect();
            assert_eq!(previews.len(), 1, "{previews:#?}");
            let preview = previews.first().unwrap();
            assert!(preview.chars().filter(|c| *c == '\u{a0}').count() >= 150, "{preview}");
            for (title, .., message) in messages {
                let Email::Code(code) = email_of(title) else { continue };
                assert!(message.text.find(code.code.expose()).unwrap() > 300, "{}", message.text);
                assert!(!preview.contains(code.code.expose()));
            }
        }
    }
}

/// The text of the body's first element, which is hidden in the open e-mail.
fn preview(html: &str) -> String {
    let (_, body) = html.split_once("<body style=\"margin:0;padding:0\">\n").unwrap();
    let body = body.strip_prefix("<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">");
    let (text, _) = body.unwrap().split_once("</div>").unwrap();
    text.replace("&nbsp;", "\u{a0}")
}

fn email_of(title: &str) -> Email {
    let mut messages = gallery::emails().into_iter();
    messages.find(|(other, _)| *other == title).unwrap().1
}

#[test]
fn a_failure_notice_gives_advice_for_its_cause() {
    let text = |cause| {
        let message = Email::Notice(Notice::ManyFailures {
            at: Timestamp(0),
            cause,
        });
        let rendered = render(&Settings::default(), "en", &TimeFormat::default(), &message);
        format!("{}\n{}", rendered.subject, rendered.text)
    };
    let nothing_to_do = "you don’t need to do anything";
    for (cause, says) in [
        (
            FailureCause::Passwords,
            "a wrong password for your Rekey account ten times",
        ),
        (FailureCause::SignInCodes, "Someone knows your password."),
        (FailureCause::ResetCodes, "ten wrong passcodes to reset"),
        (FailureCause::MailboxCodes, "ten wrong passcodes to sign in"),
        (
            FailureCause::CurrentPasswords,
            "Someone is using a device that is signed in",
        ),
    ] {
        let text = text(cause);
        assert!(text.contains(says), "{text}");
        let harmless = !matches!(cause, FailureCause::SignInCodes | FailureCause::CurrentPasswords);
        assert_eq!(text.contains(nothing_to_do), harmless, "{text}");
    }
}

#[test]
fn an_answer_queued_by_the_previous_release_is_read() {
    let written = r#"{"NoAccount":{"label":"K7","asked_at":7,"browser":"Firefox on Linux"}}"#;
    let Ok(Email::NoAccount(request)) = serde_json::from_str(written) else {
        panic!("{written}")
    };
    assert_eq!(request.reference, "K7");
}

#[test]
fn a_notice_queued_by_an_earlier_release_is_read() {
    let written = r#"{"Notice":{"ManyFailures":{"at":7}}}"#;
    let expected = Email::Notice(Notice::ManyFailures {
        at: Timestamp(7),
        cause: FailureCause::Passwords,
    });
    assert_eq!(serde_json::from_str::<Email>(written).unwrap(), expected);
}

#[test]
fn no_email_suggests_signing_up_while_sign_up_is_closed() {
    for (language, word) in [("en", "create an account"), ("ar", "أنشئ حسابًا")] {
        let message = email_of("Reset: no account");
        assert!(
            render(&Settings::default(), language, &TimeFormat::default(), &message)
                .text
                .contains(word)
        );
        let closed = Settings {
            sign_up: false,
            ..Settings::default()
        };
        let rendered = render(&closed, language, &TimeFormat::default(), &message);
        assert!(
            !rendered.text.contains(word) && !rendered.html.contains(word),
            "{}",
            rendered.text
        );
    }
}

#[test]
fn a_deactivated_account_is_not_asked_to_sign_in() {
    let message = email_of("Sign up: account deactivated");
    let rendered = render(&Settings::default(), "en", &TimeFormat::default(), &message);
    assert!(rendered.text.contains("is deactivated"), "{}", rendered.text);
    for advice in ["Sign in with", "Forgot password"] {
        assert!(!rendered.text.contains(advice), "{}", rendered.text);
    }
}

/// caniemail: Gmail, Outlook and Yahoo strip `<bdi>`; a title must not contain markup or isolates.
#[test]
fn names_are_isolated_without_markup_and_titles_are_plain_text() {
    for (title, language, _, rendered) in all() {
        assert!(!rendered.html.contains("bdi"), "{title} {language}");
        let (_, rest) = rendered.html.split_once("<title>").unwrap();
        let (shown, _) = rest.split_once("</title>").unwrap();
        assert!(
            !shown.contains(['<', '&', '\u{2068}', '\u{2069}']),
            "{title} {language}: {shown}"
        );
        if language == "ar" {
            assert!(rendered.html.contains("\u{2068}Rekey\u{2069}"), "{title}");
        }
    }
}

/// Outlook for Windows takes width and padding from table cells only and replaces an unknown font with Times. iOS reads colours
/// from the property and turns numbers into links by default. Long addresses break anywhere and run from left to right.
#[test]
fn the_html_works_in_common_mail_clients() {
    for (title, language, message, rendered) in all() {
        let direction = if language == "ar" { "rtl" } else { "ltr" };
        let cell =
            format!("<!--[if mso]><table role=\"presentation\" dir=\"{direction}\" align=\"center\" width=\"560\"");
        for part in [
            cell.as_str(),
            "style=\"color-scheme:light dark\"",
            "<meta name=\"format-detection\" content=\"telephone=no,date=no,address=no\">",
            "font-family:'Segoe UI',Arial,sans-serif",
            "overflow-wrap:anywhere",
        ] {
            assert!(rendered.html.contains(part), "{title} {language}: {part}");
        }
        assert!(!rendered.html.contains("system-ui"));
        let address = match message {
            Email::AskAdministrator(..) | Email::AlreadyHere(_, account::PasswordAccess::ManagedBy(_)) => {
                "it-help@example.com"
            }
            Email::Moved(_) => "127.0.0.1:3000/secure",
            Email::Invitation(_) => "127.0.0.1:3000/signin",
            Email::Notice(ref notice) => page_of(notice),
            _ => continue,
        };
        assert!(
            rendered.html.contains(&format!(
                "<span dir=\"ltr\" style=\"display:inline-block\">{address}</span>"
            )),
            "{title} {language}"
        );
        assert!(
            rendered.text.contains(&format!(" {address}")),
            "{title} {language}: {}",
            rendered.text
        );
    }
}

#[test]
fn codes_and_notices_have_different_senders() {
    for (title, _, message, rendered) in all() {
        let domain = if message.is_answer() {
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
fn an_answer_states_its_request_time_browser_and_expiry() {
    for (title, language, message, rendered) in all().into_iter().filter(|(_, _, message, _)| message.is_answer()) {
        // An invitation answers no request.
        if let Email::Invitation(_) = message {
            assert!(rendered.text.contains("2026"), "{title} {language}: when it ends");
            continue;
        }
        let (request, day) = if language == "en" {
            ("Request K7", "Requested: 24 November 2026 at 10:02 UTC")
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
        if let (Email::Code(code), "en") = (&message, language) {
            let not_you = match code.purpose {
                Purpose::SignIn if !code.request.mailbox_first => "Wasn’t you?",
                Purpose::Confirm => "Didn’t request this? Someone is using a device that is signed in to your account.",
                _ => "Didn’t request this? You can ignore this e-mail.",
            };
            for part in [
                "10 minutes",
                "at 10:12 UTC",
                "never ask you for it by phone, chat or e-mail",
                not_you,
            ] {
                assert!(
                    rendered.text.contains(part) && rendered.html.contains(part),
                    "{title} {part}"
                );
            }
        }
    }
}

/// The page that a notice names: for most, the one that secures the account.
const fn page_of(notice: &Notice) -> &'static str {
    match notice {
        Notice::AddressLeft { .. } | Notice::Joined { .. } | Notice::EmailTaken { .. } | Notice::EmailLost { .. } => {
            "http://127.0.0.1:3000/help"
        }
        Notice::ManyFailures {
            cause: FailureCause::MailboxCodes,
            ..
        }
        | Notice::DeletionRequested { .. }
        | Notice::DeletionReminder { .. }
        | Notice::Secured {
            sets_password: false, ..
        } => "http://127.0.0.1:3000/signin",
        Notice::ManyFailures {
            cause: FailureCause::Passwords | FailureCause::ResetCodes,
            ..
        }
        | Notice::AddressTaken { .. }
        | Notice::Left { .. }
        | Notice::Secured { .. } => "http://127.0.0.1:3000/reset",
        _ => "http://127.0.0.1:3000/secure",
    }
}

#[test]
fn a_notice_states_its_time_browser_and_next_step() {
    for (title, language, message, rendered) in all() {
        let Email::Notice(notice) = message else { continue };
        let page = page_of(&notice);
        assert!(rendered.text.contains(page), "{title} {language}");
        assert!(rendered.text.contains("10:02"), "{title} {language}");
        if let Notice::PasswordReset { .. } | Notice::PasswordChanged { .. } | Notice::DeviceCopied { .. } = notice {
            assert!(rendered.text.contains("Firefox"), "{title} {language}");
        }
        assert!(!rendered.subject.contains("K7"));
    }
}

#[test]
fn text_and_html_have_the_same_content() {
    for (title, language, _, rendered) in all() {
        let last_line = rendered.text.lines().last().unwrap_or_default().starts_with('@');
        let lines: Vec<&str> = rendered.text.lines().filter(|line| !line.is_empty()).collect();
        for line in &lines[..lines.len() - usize::from(last_line)] {
            let html = rendered
                .html
                .replace("<span dir=\"ltr\" style=\"display:inline-block\">", "")
                .replace("</span>", "");
            assert!(
                html.contains(&line.replace('\'', "&#39;")),
                "{title} {language}: {line}"
            );
        }
    }
}

#[test]
fn arabic_is_right_to_left_and_english_is_left_to_right() {
    for (title, language, _, rendered) in all() {
        let expected = if language == "ar" {
            "<html lang=\"ar\" dir=\"rtl\" "
        } else {
            "<html lang=\"en\" dir=\"ltr\" "
        };
        assert!(rendered.html.contains(expected), "{title}");
        assert_eq!(rendered.text.contains('\u{2068}'), language == "ar", "{title}");
        assert!(!rendered.subject.contains('\u{2068}'), "{title}");
        let starts = rendered.text.matches('\u{2068}').count();
        assert_eq!(starts, rendered.text.matches('\u{2069}').count(), "{title}");
    }
    for (_, code, message) in codes() {
        assert!(message.html.contains("dir=\"ltr\""), "{:?}", code.purpose);
    }
}

#[test]
fn an_unknown_language_falls_back_to_english() {
    let message = gallery::emails().remove(0).1;
    let settings = Settings::default();
    assert_eq!(
        render(&settings, "ar-EG", &TimeFormat::default(), &message),
        render(&settings, "ar", &TimeFormat::default(), &message)
    );
    for language in ["", "de", "arc", "EN"] {
        assert_eq!(
            render(&settings, language, &TimeFormat::default(), &message),
            render(&settings, "en", &TimeFormat::default(), &message),
            "{language}"
        );
    }
}

#[test]
fn hostile_values_add_no_markup_or_lines() {
    let hostile = "<b onclick='x'>\"&\u{202e}\r\n\nYour password was reset\u{2069}\u{fdd1} %{brand}";
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
        reference: "K7".into(),
        asked_at: Timestamp(0),
        browser: "<script>".into(),
        purpose: Purpose::Reset,
        mailbox_first: false,
    };
    let message = Email::AskAdministrator(request, organization);
    for language in ["en", "ar"] {
        let rendered = render(&settings, language, &TimeFormat::default(), &message);
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
fn every_language_has_every_message_with_the_same_placeholders() {
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
fn no_email_contains_a_message_key_or_placeholder() {
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
fn emails_avoid_jargon_and_apologies() {
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
fn the_gallery_shows_every_email_in_every_language() {
    let shown = super::gallery(&Settings::default());
    assert_eq!(shown.len(), 104);
    assert_eq!(
        shown
            .iter()
            .map(|(title, language, _)| (title, language))
            .collect::<BTreeSet<_>>()
            .len(),
        104
    );
}

#[test]
fn debug_output_of_an_email_hides_its_code() {
    let message = codes().remove(0).2;
    assert_eq!(
        format!("{message:?}"),
        "RenderedEmail(from noreply@signin.rekey.example)"
    );
}
