//! The pages between this service and a product.

use super::assets::Assets;
use super::outside_router::PageOutsideRouter;
use crate::ui::{ButtonStyle, LinkButton, Page, SubmitButton};
use crate::words::{Words, use_words};
use backend::Backend;
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
                <form method="post" action="/oauth/logout">
                    {fields.collect_view()}
                    <SubmitButton label=words.say("product.sign_out") style=ButtonStyle::Main />
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
