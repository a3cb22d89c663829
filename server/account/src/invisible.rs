/// Returns whether a character is invisible and may come along with pasted text: zero-width spaces and joiners, direction marks
/// and controls, soft hyphens, byte-order marks. Dropped anywhere in an address or a code.
pub(crate) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}
