//! The paths of requests to sites, which programs behind a proxy read in different ways.

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// The path of a request.
pub(super) enum SitePath {
    /// All programs read these segments, in lower case.
    Clear(Vec<String>),
    /// Programs read it differently.
    Ambiguous,
}

impl SitePath {
    /// Reads the path of an address: a path and query.
    pub fn read(uri: &str) -> Self {
        let path = uri.split('?').next().unwrap_or_default();
        segments(path).map_or(Self::Ambiguous, Self::Clear)
    }

    /// Returns whether the path is, or may be, within a part of the site. The part may begin anywhere: many programs take
    /// `/index.php/admin` for `/admin`. Attack: such a spelling avoids a rule.
    pub fn is_within(&self, part: &[String]) -> bool {
        match self {
            Self::Clear(path) => {
                let is_part = |window: &[String]| window.iter().zip(part).all(|(one, wanted)| begins(one, wanted));
                path.windows(part.len().max(1)).any(is_part)
            }
            Self::Ambiguous => true,
        }
    }
}

/// Returns whether a segment is the wanted one, or is it with an ending: many programs take `/admin.json` for `/admin`.
fn begins(segment: &str, wanted: &str) -> bool {
    let rest = segment.strip_prefix(wanted);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_'))
}

/// Returns the decoded segments of a path in lower case; `None` if programs may read others: with encoded slashes or other signs
/// that some decode twice, with empty or relative segments, or with endings that some drop.
pub(super) fn segments(path: &str) -> Option<Vec<String>> {
    let encoded: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let is_last = |index: usize| index + 1 == encoded.len();
    let mut all = Vec::new();
    for (index, one) in encoded.iter().enumerate() {
        if one.is_empty() && is_last(index) {
            continue;
        }
        let one = percent_decode_str(one).decode_utf8().ok()?;
        // Attack: `ſettings`, which is `settings` for a program that ignores case.
        let one = one.nfkc().collect::<String>().to_lowercase();
        let is_clear = !one.is_empty()
            && !one.ends_with(['.', ' '])
            && !one.chars().any(|c| c.is_control() || "/\\%;#?".contains(c));
        all.push(is_clear.then_some(one)?);
    }
    Some(all)
}
