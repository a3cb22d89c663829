//! Open invitations to organizations.

use crate::ui::{ButtonStyle, LinkButton, Notice};
use crate::words::Words;
use account::InvitationOffer;
use leptos::prelude::*;

/// Renders the oldest invitation with a link to answer it. The next one follows it.
pub(super) fn invitations(offers: &[InvitationOffer], words: Words) -> Option<AnyView> {
    let offer = offers.first()?;
    let text = words.say_with("security.invitation", &[("organization", &offer.organization)]);
    let notice = view! {
        <Notice>
            <p>
                <strong>{text}</strong>
            </p>
            // Joining needs a recent proof, which the first page asks for if necessary.
            <LinkButton
                href="/security/confirm?next=/organization/join"
                label=words.say("security.invitation_answer")
                style=ButtonStyle::Plain
            />
        </Notice>
    };
    Some(notice.into_any())
}
