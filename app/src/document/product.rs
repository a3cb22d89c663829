//! The pages between this service and a product.

use super::assets::Assets;
use super::outside_router::PageOutsideRouter;
use crate::settings::use_settings;
use crate::ui::{Address, ButtonStyle, LinkButton, Page, SubmitButton, mark};
use crate::words::{Words, use_words};
use backend::Backend;
use backend::flows::Consent;
use leptos::prelude::*;

/// Renders the page that leads back to a product. `heading` says what has happened.
///
/// A page and no redirect: browsers block a redirect to another origin after a form, because of `form-action 'self'`.
#[must_use]
pub fn return_page(
    backend: &Backend,
    assets: &Assets,
    request: &PageOutsideRouter<'_>,
    heading: &'static str,
    product: &str,
    url: &str,
) -> String {
    let (product, href) = (product.to_owned(), url.to_owned());
    request.render(backend, assets, title_of(heading), Some(url), move || {
        let words = use_words();
        let label = words.say_with("product.continue", &[("product", &product)]);
        view! {
            <Page heading=words.say(heading)>
                <p>
                    <LinkButton href=href label=label style=ButtonStyle::Plain />
                </p>
            </Page>
        }
        .into_any()
    })
}

/// Renders the page that asks whether a product of another company may learn about the user.
#[must_use]
pub fn consent_page(backend: &Backend, assets: &Assets, request: &PageOutsideRouter<'_>, asked: &Consent) -> String {
    let Consent {
        request: id,
        client,
        logo,
        third_party,
        session,
        email,
        sees_email,
        sees_name,
        sees_organization,
        stays_signed_in,
    } = asked.clone();
    let title_client = client.clone();
    let title = move |words: Words, brand: &str| {
        let heading = words.say_with("product.consent_title", &[("product", &title_client)]);
        words.say_with("frame.title", &[("heading", &heading), ("brand", brand)])
    };
    request.render(backend, assets, title, None, move || {
        let words = use_words();
        let say = |key| words.say_with(key, &[("product", &client)]);
        let (heading, lead, later) = (
            say("product.consent_title"),
            say(if third_party {
                "product.consent_lead"
            } else {
                "product.consent_own"
            }),
            say("product.consent_later"),
        );
        let seen = [
            (sees_email, "product.consent_email"),
            (sees_name, "product.consent_name"),
            (sees_organization, "product.consent_organization"),
        ];
        let seen = seen.into_iter().filter(|(asks, _)| *asks);
        let seen = seen.map(|(_, key)| view! { <li>{words.say(key)}</li> }).collect_view();
        let brand = use_settings().brand;
        let offline = stays_signed_in
            .then(|| words.say_with("product.consent_offline", &[("product", &client), ("brand", &brand)]));
        let offline = offline.map(|text| view! { <p class="hint">{text}</p> });
        view! {
            <Page heading=heading>
                <p class="who">{words.say("security.signed_in_as")} " " <Address text=email /></p>
                <p class="product">{mark(logo)} {lead}</p>
                <ul>
                    <li>{words.say("product.consent_id")}</li>
                    {seen}
                </ul>
                {offline}
                <p class="hint">{later}</p>
                <form method="post" action="/oauth/consent">
                    <input type="hidden" name="request" value=id.clone() />
                    <input type="hidden" name="session" value=session />
                    <input type="hidden" name="allow" value="1" />
                    <SubmitButton label=words.say("product.consent_allow") style=ButtonStyle::Main />
                </form>
                <form method="post" action="/oauth/consent">
                    <input type="hidden" name="request" value=id />
                    <SubmitButton label=words.say("product.consent_deny") style=ButtonStyle::Plain />
                </form>
            </Page>
        }
        .into_any()
    })
}

/// Renders the page that asks whether to sign out. Its form repeats the product's request, `fields`.
#[must_use]
pub fn sign_out_page(
    backend: &Backend,
    assets: &Assets,
    request: &PageOutsideRouter<'_>,
    fields: Vec<(String, String)>,
) -> String {
    request.render(backend, assets, title_of("product.sign_out_title"), None, || {
        let words = use_words();
        let fields = fields
            .into_iter()
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> });
        view! {
            <Page heading=words.say("product.sign_out_title")>
                <form method="post" action="/oauth/logout/confirm">
                    {fields.collect_view()}
                    <SubmitButton label=words.say("product.sign_out") style=ButtonStyle::Main />
                    <button type="submit" class="button" name="everywhere" value="1">
                        {words.say("product.sign_out_everywhere")}
                    </button>
                </form>
                <p>
                    <LinkButton href="/profile" label=words.say("product.stay") style=ButtonStyle::Link />
                </p>
            </Page>
        }
        .into_any()
    })
}

/// Renders the page for a product's request that is refused without a way back.
#[must_use]
pub fn refused_product_page(backend: &Backend, assets: &Assets, request: &PageOutsideRouter<'_>) -> String {
    request.render(backend, assets, title_of("product.refused_title"), None, || {
        let words = use_words();
        view! {
            <Page heading=words.say("product.refused_title")>
                <p>{words.say("product.refused")}</p>
            </Page>
        }
        .into_any()
    })
}

fn title_of(heading: &'static str) -> impl FnOnce(Words, &str) -> String {
    move |words, brand| words.say_with("frame.title", &[("heading", &words.say(heading)), ("brand", brand)])
}
