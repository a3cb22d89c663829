//! The domains, with the DNS record that verifies each.

use crate::api::organization;
use crate::flow::{Form, FormController};
use crate::pages::account::security::one_button;
use crate::ui::{DomainField, LocalTime, Row, Rows, SubmitButton, When};
use crate::words::Words;
use account::DomainRow;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

pub(super) fn domains(domains: Vec<DomainRow>, controller: FormController, words: Words) -> AnyView {
    let rows = domains.into_iter().map(move |row| domain(row, controller, words));
    view! {
        <p>{words.say("organization.domains_lead")}</p>
        <Rows>{rows.collect_view()}</Rows>
        <Form action=organization::AddDomain::PATH controller=controller>
            <DomainField />
            <SubmitButton label=words.say("organization.add_domain") pending=controller.pending() />
        </Form>
    }
    .into_any()
}

fn domain(row: DomainRow, controller: FormController, words: Words) -> AnyView {
    let button = |path: &'static str, key: &str| {
        let full_name = words.say_with(&["organization.", key, "_named"].concat(), &[("domain", &row.domain)]);
        let label = words.say(&["organization.", key].concat());
        one_button(path, controller, row.domain.clone(), label, full_name)
    };
    let verify = (row.verified_at.is_none()).then(|| button(organization::VerifyDomain::PATH, "verify"));
    let actions = view! {
        <div class="actions">
            {verify}
            {button(organization::RemoveDomain::PATH, "remove_domain")}
        </div>
    };
    let state = match row.verified_at {
        Some(at) => view! {
            <p class="hint">
                {words.say("organization.verified_at")} " " <LocalTime at=at show=When::Day />
            </p>
        }
        .into_any(),
        None => view! {
            <p>{words.say("organization.publish")}</p>
            <dl>
                <dt>{words.say("organization.record_name")}</dt>
                <dd>
                    <code dir="ltr">{row.record_name.clone()}</code>
                </dd>
                <dt>{words.say("organization.record_value")}</dt>
                <dd>
                    <code dir="ltr">{row.record_value.clone()}</code>
                </dd>
            </dl>
        }
        .into_any(),
    };
    view! {
        <Row action=actions.into_any()>
            <p>
                <strong>
                    <bdi dir="ltr">{row.domain.clone()}</bdi>
                </strong>
            </p>
            {state}
        </Row>
    }
    .into_any()
}
