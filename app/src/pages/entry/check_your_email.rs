//! "Check your e-mail": shared by all flows that send a code.

use crate::client::{Checked, Fields};
use crate::flow::{Flow, Form, FormController, Step};
use crate::settings::use_settings;
use crate::ui::{
    Address, ButtonStyle, CodeField, Countdown, Details, EmailField, LocalTime, MailHelp, MailboxButton, Page,
    SubmitButton, domain_to_ascii, use_announce,
};
use crate::words::{Words, use_words};
use account::{EmailAddress, Field, MailedCode, Timestamp, TypedCode, read_code};
use leptos::prelude::*;

/// The endpoints of a flow's code step, and the subject of its e-mail.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Ways {
    /// The key of the e-mail's subject.
    pub subject: &'static str,
    /// The endpoint to begin again with another address, if another is possible.
    pub begin: Option<&'static str>,
    /// The endpoint for the code.
    pub answer: &'static str,
    /// The endpoint for a new code.
    pub resend: &'static str,
    /// The endpoint that ends the flow, if it has one.
    pub restart: Option<&'static str>,
}

/// Renders the step. `lead` explains what the code is for; `below` is shown between the code field and the submit button.
pub(in crate::pages) fn check_your_email(
    mailed: &MailedCode,
    controller: FormController,
    ways: Ways,
    lead: String,
    below: Option<AnyView>,
) -> AnyView {
    let words = use_words();
    let (digits, email) = (mailed.digits, mailed.email.clone());
    let facts = facts(mailed, ways.subject, words);
    let resend = resend(mailed, controller, ways.resend, words);
    let check = Callback::new(move |fields: Fields| check_code(&fields, digits, ways.begin));
    view! {
        <Page heading=words.say("code.title") only_field=Field::Code>
            <p>{lead}</p>
            <Form action=ways.answer controller=controller check=check>
                <CodeField digits=digits />
                {below}
                <SubmitButton label=words.say("code.next") pending=controller.pending() />
            </Form>
            {facts}
            <p>{look_in_spam(words)}</p>
            <MailboxButton email=email.clone() />
            {resend}
            <MailHelp email=email />
            {other_address(controller, ways, words)}
        </Page>
    }
    .into_any()
}

/// Refuses input that is not a code. An address in the code field replaces the mistyped one and restarts the flow.
fn check_code(fields: &Fields, digits: usize, begin: Option<&'static str>) -> Checked {
    match read_code(&fields.text(Field::Code), digits, domain_to_ascii) {
        Ok(TypedCode::Code(_)) => Checked::Send,
        Ok(TypedCode::Email(email)) => match begin.zip(Fields::only(Field::Email.as_str(), email.as_str())) {
            Some((begin, fields)) => Checked::Instead(begin, fields),
            None => Checked::Send,
        },
        Err(refusal) => Checked::Refuse(refusal),
    }
}

/// Renders where to find the e-mail if it is not in the inbox. Always visible, because waiting users need it most.
fn look_in_spam(words: Words) -> AnyView {
    let sentence = words.say("code.look_in_spam");
    let (before, after) = sentence.split_once("%{sender}").unwrap_or((&sentence, ""));
    let (before, after) = (before.to_owned(), after.to_owned());
    view! {
        {before}
        <Address text=use_settings().sender_codes />
        {after}
    }
    .into_any()
}

/// Renders the properties that distinguish this e-mail from others.
fn facts(mailed: &MailedCode, subject: &str, words: Words) -> AnyView {
    let settings = use_settings();
    let subject = words.say_with(subject, &[("brand", &settings.brand), ("reference", &mailed.reference)]);
    view! {
        <dl class="facts">
            <dt>{words.say("code.sent_to")}</dt>
            <dd>
                <Address text=mailed.email.as_str() />
            </dd>
            <dt>{words.say("code.sent_from")}</dt>
            <dd>
                <Address text=settings.sender_codes />
            </dd>
            <dt>{words.say("code.subject")}</dt>
            <dd>
                <strong>{subject}</strong>
            </dd>
            <dt>{words.say("code.sent_at")}</dt>
            <dd>
                <LocalTime at=mailed.sent_at />
            </dd>
            <dt>{words.say("code.works_until")}</dt>
            <dd>
                <LocalTime at=mailed.works_until />
            </dd>
        </dl>
    }
    .into_any()
}

fn resend(mailed: &MailedCode, controller: FormController, action: &'static str, words: Words) -> AnyView {
    if mailed.sends_left <= 0 {
        return view! { <p class="hint">{words.say("code.resend_none")}</p> }.into_any();
    }
    let wait_s = mailed.resend_in_s;
    view! {
        <Form action=action controller=controller>
            <SubmitButton label=words.say("code.resend") style=ButtonStyle::Plain />
            <Countdown seconds=wait_s />
        </Form>
    }
    .into_any()
}

/// Announces that a new code was sent; `mailed` returns a step's code, if any.
pub(super) fn say_when_resent<S: Step>(flow: Flow<S>, mailed: fn(&S) -> Option<&MailedCode>) {
    let (announce, words) = (use_announce(), use_words());
    Effect::new(move |before: Option<Option<(EmailAddress, Timestamp)>>| {
        let now = flow
            .step
            .with(|step| mailed(step).map(|mailed| (mailed.email.clone(), mailed.sent_at)));
        if let (Some(Some((email, before))), Some((same, sent_at))) = (&before, &now)
            && email == same
            && before < sent_at
        {
            announce.say(words.say("code.resent"));
        }
        now
    });
}

/// Renders the form to correct a mistyped address.
fn other_address(controller: FormController, ways: Ways, words: Words) -> AnyView {
    if let Some(restart) = ways.restart {
        return view! {
            <Form action=restart controller=controller>
                <SubmitButton label=words.say("code.restart") style=ButtonStyle::Link />
            </Form>
        }
        .into_any();
    }
    // A confirmation has no other address.
    let Some(begin) = ways.begin else {
        return super::confirm::cancel();
    };
    view! {
        <Details summary=words.say("code.restart")>
            <Form action=begin controller=controller check=Callback::new(check_email)>
                <EmailField />
                <SubmitButton label=words.say("code.start_again") style=ButtonStyle::Plain />
            </Form>
        </Details>
    }
    .into_any()
}

/// Refuses input that is not an address.
pub(super) fn check_email(fields: Fields) -> Checked {
    EmailAddress::read(&fields.text(Field::Email), domain_to_ascii)
        .map(|_| ())
        .into()
}
