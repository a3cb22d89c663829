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
    // Addresses on their own lines are copied without the punctuation of the sentence.
    let it_text = [
        words.say_with("mail_help.it_text", &[("brand", &settings.brand)]),
        settings.sender_codes.clone(),
        settings.sender_notices.clone(),
        words.say("mail_help.it_instructions"),
        [&settings.origin, "/help/allowlist"].concat(),
    ]
    .join("\n");
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
                    {words.say("mail_help.work")} <blockquote>{it_text.clone()}</blockquote>
                    <p class="ways">
                        <CopyButton text=it_text what=words.say("mail_help.it_copy") />
                        <a href="/help/allowlist">{words.say("mail_help.allowlist")}</a>
                    </p>
                </li>
                <li>{words.say_with("mail_help.check", &[("email", &words.isolated(email.as_str()))])}</li>
                <li>{words.say("mail_help.other")}</li>
                <li>
                    <a href="/help">{words.say("mail_help.help")}</a>
                </li>
            </ul>
        </details>
    }
    .into_any()
}
