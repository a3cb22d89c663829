//! The paths of requests to sites, which programs behind a proxy read in different ways.

use percent_encoding::percent_decode_str;

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
            Self::Clear(path) => path.windows(part.len().max(1)).any(|window| window == part),
            Self::Ambiguous => true,
        }
    }
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
        let one = percent_decode_str(one).decode_utf8().ok()?.to_lowercase();
        let is_clear = !one.is_empty()
            && !one.ends_with(['.', ' '])
            && !one.chars().any(|c| c.is_control() || "/\\%;#".contains(c));
        all.push(is_clear.then_some(one)?);
    }
    Some(all)
}
