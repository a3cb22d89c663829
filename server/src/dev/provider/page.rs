//! The page on which a stand-in asks who signs in.

use super::{Asked, StandIn};
use crate::dev::sheet::escaped;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use std::fmt::Write;

/// Responds with the page, and with a sentence about the last input, if any.
pub fn page(stand_in: &StandIn, asked: &Asked, wrong: Option<&str>) -> Response {
    // The form is answered with a redirect to this origin.
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    (
        [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))],
        Html(html(stand_in, asked, wrong)),
    )
        .into_response()
}

fn html(stand_in: &StandIn, asked: &Asked, wrong: Option<&str>) -> String {
    let name = stand_in.name;
    let known = stand_in
        .accounts
        .iter()
        .fold(String::new(), |mut known, (email, name)| {
            let _ = write!(
                known,
                "<p><button name=\"button\" value=\"{email}\">{name}, {email}</button></p>"
            );
            known
        });
    let hidden = hidden(asked);
    let wrong = wrong.map_or_else(String::new, |text| format!("<p role=\"alert\">{text}</p>\n"));
    let typed = if asked.email.is_empty() {
        &asked.login_hint
    } else {
        &asked.email
    };
    let (typed, typed_name) = (escaped(typed), escaped(&asked.name));
    // Unchecked only by the user.
    let checked = if asked.button.is_empty() || asked.email_verified.is_some() {
        " checked"
    } else {
        ""
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Stand-in for {name}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/dev/emails.css\"></head>\n\
         <body><main><h1>Stand-in for {name} – development only</h1>\n\
         <p>This page takes the place of {name}. It asks for no password and believes everything.</p>\n{wrong}\
         <form method=\"post\">{hidden}<h2>Demo accounts</h2>\n\
         {known}</form>\n\
         <form method=\"post\">{hidden}<h2>Another account</h2>\n\
         <p><label>E-mail address <input name=\"email\" type=\"email\" required value=\"{typed}\"></label></p>\n\
         <p><label>Name <input name=\"name\" value=\"{typed_name}\"></label></p>\n\
         <p><label><input name=\"email_verified\" type=\"checkbox\" value=\"true\"{checked}> E-mail address verified</label></p>\n\
         <p><button name=\"button\" value=\"other\">Continue</button> \
         <button name=\"button\" value=\"cancel\" formnovalidate>Cancel</button></p></form>\n</main></body></html>\n"
    )
}

/// Returns the request as hidden fields.
fn hidden(asked: &Asked) -> String {
    let mut fields = String::new();
    for (name, value) in [
        ("client_id", &asked.client_id),
        ("redirect_uri", &asked.redirect_uri),
        ("state", &asked.state),
        ("nonce", &asked.nonce),
        ("code_challenge", &asked.code_challenge),
    ] {
        let _ = write!(
            fields,
            "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
            escaped(value)
        );
    }
    fields
}
