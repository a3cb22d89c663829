//! Output to a terminal.

use account::is_hidden_control;

/// Escapes the control characters of a text, except line ends and tabs.
///
/// Attack: a name, an address or a line of a file moves the cursor, or colours or reverses text, to mislead the operator.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => printable.push(c),
            c if c.is_control() || is_hidden_control(c) => printable.extend(c.escape_unicode()),
            c => printable.push(c),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_for_a_terminal() {
        assert_eq!(
            printable("ada@example.com\tÉl\u{1b}[31mo\u{9b}1m\u{202e}adA\u{e0041}\r\n"),
            "ada@example.com\tÉl\\u{1b}[31mo\\u{9b}1m\\u{202e}adA\\u{e0041}\\u{d}\n"
        );
        let persian = "می\u{200c}خواهم";
        assert_eq!(printable(persian), persian);
    }
}
