//! A plain page that lists e-mails.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use std::fmt::Write;

/// The page.
pub struct Sheet<'a> {
    /// Its heading.
    pub title: &'a str,
    /// The sentence below the heading.
    pub lead: &'a str,
    /// The filter by address, if any.
    pub to: Option<&'a str>,
    /// The e-mails.
    pub entries: Vec<Entry>,
}

/// An e-mail.
pub struct Entry {
    /// Its subject.
    pub title: String,
    /// The header lines.
    pub facts: Vec<(&'static str, String)>,
    /// The text part.
    pub text: String,
    /// The URL of the HTML part.
    pub html_at: String,
}

impl IntoResponse for Sheet<'_> {
    fn into_response(self) -> Response {
        let policy = "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
        (
            [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))],
            Html(self.html()),
        )
            .into_response()
    }
}

impl Sheet<'_> {
    fn html(&self) -> String {
        let mut page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/dev/emails.css\"></head>\n\
             <body><header><nav><a href=\"/dev/emails\">E-mails</a> <a href=\"/dev/emails/gallery\">Gallery</a> \
             <a href=\"/signin\">Sign in</a></nav></header>\n<main><h1>{title}</h1><p>{lead}</p>\n",
            title = escaped(self.title),
            lead = escaped(self.lead)
        );
        if let Some(to) = self.to {
            let _ = writeln!(
                page,
                "<form action=\"/dev/emails\"><label for=\"to\">To</label> <input id=\"to\" name=\"to\" type=\"search\" \
                 value=\"{}\"> <button>Show</button></form>",
                escaped(to)
            );
        }
        if self.entries.is_empty() {
            page.push_str("<p>None yet.</p>\n");
        }
        for entry in &self.entries {
            entry.write(&mut page);
        }
        page.push_str("</main></body></html>\n");
        page
    }
}

impl Entry {
    fn write(&self, page: &mut String) {
        let title = escaped(&self.title);
        let _ = write!(page, "<article><h2 dir=\"auto\">{title}</h2><dl>");
        for (name, value) in &self.facts {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(value));
        }
        let _ = writeln!(
            page,
            "</dl><div class=\"parts\"><pre dir=\"auto\">{}</pre><iframe sandbox loading=\"lazy\" title=\"{title}\" src=\"{}\"></iframe></div></article>",
            escaped(&self.text),
            escaped(&self.html_at)
        );
    }
}

/// Escapes text for HTML. Attack: a name in an e-mail contains markup.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Responds with the style of these pages.
pub async fn style() -> impl IntoResponse {
    (
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/css; charset=utf-8"),
        )],
        ":root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}\
         body{max-width:75rem;margin:auto;padding:1rem}\
         article{border-block-start:1px solid;padding-block:1rem}\
         dl{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem}dd{margin:0}\
         .parts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem}\
         pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0;font:14px/1.5 ui-monospace,monospace}\
         iframe{inline-size:100%;block-size:36rem;border:1px solid;background:#fff}\n",
    )
}
