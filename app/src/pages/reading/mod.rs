//! Static pages: HTML from the server and a short script, no WASM.

pub(super) mod about;
pub(super) mod allowlist;
pub(super) mod help;
pub(super) mod join;
pub(super) mod organization;
mod print_button;
pub(super) mod secure;
pub(super) mod signed_out;
pub(super) mod through;

/// The script of these pages: copy, print and theme. Inlined in each page.
pub(crate) const SCRIPT: &str = include_str!("page.js");

#[cfg(test)]
mod tests {
    #[test]
    fn the_script_has_at_most_2_kb() {
        assert!(super::SCRIPT.len() <= 2_000);
    }

    #[test]
    fn the_script_cannot_close_its_element() {
        assert!(!super::SCRIPT.contains("</") && !super::SCRIPT.contains("<!--"));
    }
}
