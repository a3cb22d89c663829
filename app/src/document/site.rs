//! Pages at the hosts of sites. They refer to no files, because those of this service are not at these hosts.

use crate::words::Words;
use leptos::prelude::*;

/// The style of these pages. Their policy admits it by its digest.
pub const SITE_STYLE: &str = "html{color-scheme:light dark;background:#fff;color:#1b1b1f;font:1.125rem/1.5 system-ui,sans-serif}\
    body{max-width:34rem;margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}a{color:#1c4fd6}\
    @media(prefers-color-scheme:dark){html{background:#131316;color:#ececf1}a{color:#a5bdff}}";

/// A page at the host of a site.
#[derive(Debug, Clone)]
pub enum SitePage {
    /// Leads to sign-in at once.
    SignIn {
        /// The address where it begins.
        url: String,
    },
    /// A form was sent without a session.
    NotSent {
        /// The address where sign-in begins.
        url: String,
    },
    /// The user may not see the page.
    Forbidden {
        /// The user's address.
        email: String,
        /// The address that signs out.
        url: String,
    },
    /// The sign-in did not reach the site.
    Unfinished {
        /// The address where it begins again.
        url: String,
    },
    /// A fault of this service.
    Broken {
        /// The reference in the log.
        reference: Option<String>,
    },
}

/// Renders a page for the site with this name.
#[must_use]
pub fn site_page(language: &str, site: &str, page: &SitePage) -> String {
    let words = Words::of(language);
    let say = |key: &str| words.say_with(key, &[("site", site)]);
    let (title, text, link) = match page {
        SitePage::SignIn { url } => (say("site.sign_in_title"), None, Some((url, say("site.sign_in")))),
        SitePage::NotSent { url } => (
            say("site.not_sent_title"),
            Some(say("site.not_sent")),
            Some((url, say("site.sign_in"))),
        ),
        SitePage::Forbidden { email, url } => (
            say("site.forbidden_title"),
            Some(words.say_with("site.forbidden", &[("email", email), ("site", site)])),
            Some((url, say("site.switch"))),
        ),
        SitePage::Unfinished { url } => (
            say("site.unfinished_title"),
            Some(say("site.unfinished")),
            Some((url, say("site.again"))),
        ),
        SitePage::Broken { reference } => {
            let reference = reference.as_deref().unwrap_or_default();
            let named = words.say_with("failure.reference", &[("reference", reference)]);
            let text = [say("site.broken"), named].join(" ");
            let text = if reference.is_empty() { say("site.broken") } else { text };
            (say("site.broken_title"), Some(text), None)
        }
    };
    let refresh = match page {
        SitePage::SignIn { url } => {
            let content = ["0;url=", url].concat();
            Some(view! { <meta http-equiv="refresh" content=content /> })
        }
        _ => None,
    };
    let another_tab = matches!(page, SitePage::NotSent { .. });
    let link = link.map(|(url, label)| {
        let target = another_tab.then_some("_blank");
        view! {
            <p>
                <a href=url.clone() target=target>
                    {label}
                </a>
            </p>
        }
    });
    // Escaped here, because a text child may add the framework's comment marker, which the title would show.
    let escaped = title.replace('&', "&amp;").replace('<', "&lt;");
    let html = Owner::new_root(None).with(|| {
        view! {
            <html lang=words.language dir=words.direction()>
                <head>
                    <meta charset="utf-8" />
                    <meta name="viewport" content="width=device-width, initial-scale=1" />
                    {refresh}
                    <title inner_html=escaped></title>
                    <style inner_html=SITE_STYLE></style>
                </head>
                <body>
                    <main>
                        <h1>{title}</h1>
                        {text.map(|text| view! { <p>{text}</p> })}
                        {link}
                    </main>
                </body>
            </html>
        }
        .to_html()
    });
    ["<!DOCTYPE html>", &html].concat()
}
