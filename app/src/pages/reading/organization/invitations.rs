//! The open invitations, and a form for another.

use crate::api::organization;
use crate::flow::{Flow, Form};
use crate::pages::account::security::one_button;
use crate::ui::{EmailField, LocalTime, Row, Rows, SubmitButton, When};
use crate::words::Words;
use account::{InvitationRow, OrganizationView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub(super) fn invitations(open: Vec<InvitationRow>, flow: Flow<OrganizationView>, words: Words) -> AnyView {
    let controller = flow.controller;
    let rows = open.into_iter().map(move |row| {
        let full_name = words.say_with("organization.withdraw_named", &[("email", &row.email)]);
        let label = words.say("organization.withdraw");
        let withdraw = one_button(organization::Withdraw::PATH, controller, row.id, label, full_name);
        view! {
            <Row action=withdraw>
                <p>
                    <bdi dir="ltr">{row.email}</bdi>
                </p>
                <p class="hint">
                    {words.say("organization.invitation_ends")} " " <LocalTime at=row.ends_at show=When::Day />
                </p>
            </Row>
        }
    });
    view! {
        <p>{words.say("organization.invitations_lead")}</p>
        <Rows>{rows.collect_view()}</Rows>
        <Form action=organization::Invite::PATH controller=controller>
            <EmailField value=flow.typed_email.get_value().unwrap_or_default() of_another=true />
            <SubmitButton label=words.say("organization.invite") pending=controller.pending() />
        </Form>
    }
    .into_any()
}
