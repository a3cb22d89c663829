//! Renders an e-mail's content as text and HTML, with the same blocks in the same order.

use super::words::{ADDRESS, ADDRESS_END, ISOLATE, ISOLATE_END, Words};

/// The content of an e-mail, independent of format. Values are plain text, escaped only during rendering.
pub(super) struct Content {
    pub(super) subject: String,
    pub(super) heading: String,
    /// The text for inbox lists and locked phones, if the rest must not appear there.
    pub(super) preview: Option<String>,
    pub(super) blocks: Vec<Block>,
    /// The code for the text's last line, from which Apple Mail autofills.
    pub(super) code: Option<String>,
}

/// A part of an e-mail.
pub(super) enum Block {
    Paragraph(String),
    /// A one-time passcode on its own line.
    Code(String),
    /// Short facts, one per line.
    Facts(Vec<String>),
}

pub(super) fn text(words: &Words<'_>, content: &Content) -> String {
    let blocks = content.blocks.iter().map(|block| match block {
        Block::Paragraph(text) | Block::Code(text) => text.clone(),
        Block::Facts(lines) => lines.join("\n"),
    });
    let mut parts: Vec<String> = std::iter::once(content.heading.clone()).chain(blocks).collect();
    if let Some(code) = &content.code {
        // Binds a code to a site: https://github.com/wicg/sms-one-time-codes. Mail programs support it, too.
        parts.push(format!("@{} #{code}", host(&words.settings.origin)));
    }
    // The code must be on the last line, so there is no trailing line break.
    parts.join("\n\n").replace([ADDRESS, ADDRESS_END], "")
}

/// On the body's first element, because mail programs drop `<html>` and `<body>`. Overlong words may break anywhere.
const STYLE: &str = "max-width:560px;margin:0 auto;padding:24px;font-family:'Segoe UI',Arial,sans-serif;font-size:16px;\
                     line-height:1.5;overflow-wrap:anywhere;word-break:break-word";

/// Renders HTML without remote images, links, scripts or fixed colours, so that dark mail programs stay dark. The one table
/// is for Outlook on Windows, which supports neither `max-width` nor a `div`'s `padding`; other programs see a comment.
pub(super) fn html(words: &Words<'_>, content: &Content) -> String {
    let heading = escape(&content.heading);
    // The title repeats the heading, because the subject may contain the code, which must appear in the HTML only once. Isolates
    // would be visible in a title.
    let title = heading.replace([ISOLATE, ISOLATE_END], "");
    let preview = content.preview.as_deref().map(preview).unwrap_or_default();
    let blocks: String = content.blocks.iter().map(block).collect();
    format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\" style=\"color-scheme:light dark\">\n<head>\n\
         <meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"format-detection\" content=\"telephone=no,date=no,address=no\">\n\
         <title>{title}</title>\n</head>\n\
         <body style=\"margin:0;padding:0\">\n{preview}\
         <!--[if mso]><table role=\"presentation\" dir=\"{direction}\" align=\"center\" width=\"560\" cellpadding=\"24\">\
         <tr><td><![endif]-->\n\
         <div lang=\"{language}\" dir=\"{direction}\" style=\"{STYLE}\">\n\
         <h1 style=\"font-size:22px;line-height:1.3;margin:0 0 16px\">{heading}</h1>\n{blocks}</div>\n\
         <!--[if mso]></td></tr></table><![endif]-->\n</body>\n</html>\n",
        language = words.language,
        direction = words.direction(),
    )
}

/// Shows in inbox lists and on locked phones, but not in the open e-mail. The padding of uncollapsible joiners and spaces
/// keeps the following text out of the preview.
fn preview(text: &str) -> String {
    let padding = "&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;\n".repeat(40);
    format!(
        "<div style=\"display:none;max-height:0;overflow:hidden;mso-hide:all\">{}\n{padding}</div>\n",
        escape(text)
    )
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("<p style=\"margin:0 0 16px\">{}</p>\n", escape(text)),
        Block::Code(code) => format!(
            "<p style=\"margin:0 0 16px\"><strong dir=\"ltr\" style=\"font-size:30px;letter-spacing:4px\">{}</strong></p>\n",
            escape(code)
        ),
        Block::Facts(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
            format!("<p style=\"margin:0 0 16px\">{}</p>\n", lines.join("<br>\n"))
        }
    }
}

/// Attack: the name of an organization or browser injects markup into the e-mail.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            ADDRESS => html.push_str("<span dir=\"ltr\" style=\"display:inline-block\">"),
            ADDRESS_END => html.push_str("</span>"),
            other => html.push(other),
        }
    }
    html
}

/// Returns the host of a URL: `accounts.example.com` of `https://accounts.example.com:8443`.
fn host(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_the_origin_without_scheme_and_port() {
        for (origin, expected) in [
            ("https://accounts.example.com", "accounts.example.com"),
            ("http://127.0.0.1:3000", "127.0.0.1"),
            ("http://[::1]:3000", "[::1]"),
            ("https://[::1]", "[::1]"),
        ] {
            assert_eq!(host(origin), expected);
        }
    }
}
