//! "Didn’t get the e-mail?": advice for personal and work addresses.

use super::copy_button::CopyButton;
use crate::settings::use_settings;
use crate::words::use_words;
use account::EmailAddress;
use leptos::prelude::*;

/// The advice, collapsed initially; opens without scripts.
#[component]
pub fn MailHelp(
    /// The recipient of the e-mail.
    email: EmailAddress,
) -> AnyView {
    let words = use_words();
    let settings = use_settings();
    let it_text = |apart: fn(&str) -> String| {
        words.say_with(
            "mail_help.it_text",
            &[
                ("brand", &settings.brand),
                ("sender_codes", &apart(&settings.sender_codes)),
                ("sender_notices", &apart(&settings.sender_notices)),
                ("url", &apart(&[&settings.origin, "/help/allowlist"].concat())),
            ],
        )
    };
    let apart: fn(&str) -> String = if words.direction() == "rtl" {
        isolated
    } else {
        str::to_owned
    };
    let (shown_text, copied_text) = (it_text(apart), it_text(str::to_owned));
    let senders = [settings.sender_codes, settings.sender_notices].map(|sender| {
        view! {
            <li>
                <code dir="ltr">{sender.clone()}</code>
                <CopyButton text=sender.clone() what=sender />
            </li>
        }
    });
    view! {
        <details id="mail-help">
            <summary>{words.say("mail_help.title")}</summary>
            <ul class="inside">
                <li>{words.say("mail_help.wait")}</li>
                <li>{words.say("mail_help.spam")} <ul class="senders">{senders}</ul></li>
                <li>
                    {words.say("mail_help.work")} <blockquote>{shown_text}</blockquote>
                    <p class="ways">
                        <CopyButton text=copied_text what=words.say("mail_help.it_copy") />
                        <a href="/help/allowlist">{words.say("mail_help.allowlist")}</a>
                    </p>
                </li>
                <li>{words.say_with("mail_help.check", &[("email", &apart(email.as_str()))])}</li>
                <li>{words.say("mail_help.other")}</li>
                <li>
                    <a href="/help">{words.say("mail_help.help")}</a>
                </li>
            </ul>
        </details>
    }
    .into_any()
}

/// Isolates an address within right-to-left text (U+2068, U+2069). For display only, not for copying.
fn isolated(address: &str) -> String {
    ["\u{2068}", address, "\u{2069}"].concat()
}
