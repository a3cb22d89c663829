//! E-mail addresses in texts.

use leptos::prelude::*;

/// The longest address in bytes that fits beside its label on a small screen.
const LINE: usize = 16;

/// An e-mail address, left to right in every language. A long one breaks after the `@` and before dots; its text is unchanged.
#[component]
pub fn Address(
    /// The address.
    #[prop(into)]
    text: String,
) -> AnyView {
    view! { <bdi dir="ltr" inner_html=breakable(text)></bdi> }.into_any()
}

/// Returns the HTML of an address. Attack: markup in an address becomes part of the page.
fn breakable(address: String) -> String {
    let is_long = address.len() > LINE;
    let html = address.replace('&', "&amp;").replace('<', "&lt;");
    if is_long {
        html.replace('@', "@<wbr>").replace('.', "<wbr>.")
    } else {
        html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_address_breaks_at_its_parts() {
        assert_eq!(breakable("ada@example.com".into()), "ada@example.com");
        assert_eq!(
            breakable("ada.lovelace@mail.example.com".into()),
            "ada<wbr>.lovelace@<wbr>mail<wbr>.example<wbr>.com"
        );
    }

    #[test]
    fn an_address_is_text_and_not_markup() {
        assert_eq!(breakable("a&amp;<b>@c".into()), "a&amp;amp;&lt;b>@c");
    }
}
