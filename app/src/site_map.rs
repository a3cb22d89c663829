//! All pages, with their URL patterns and scripts.

use serde::{Deserialize, Serialize};

/// The script of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// The WASM program of the pages before sign-in.
    Entry,
    /// The WASM program of the account pages.
    Account,
    /// A few lines of JavaScript, for pages that need no program: their forms are plain.
    Reading,
}

macro_rules! pages {
    ($($page:ident $address:literal $script:ident,)*) => {
        /// A page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum PageId {
            $(#[doc = concat!("`", $address, "`")] $page,)*
        }

        impl PageId {
            /// All pages.
            pub const ALL: &[Self] = &[$(Self::$page,)*];

            /// Returns the URL pattern. A segment such as `:id` matches any one segment.
            #[must_use]
            pub const fn address(self) -> &'static str {
                match self {
                    $(Self::$page => $address,)*
                }
            }

            /// Returns the script of the page.
            #[must_use]
            pub const fn script(self) -> Script {
                match self {
                    $(Self::$page => Script::$script,)*
                }
            }
        }
    };
}

pages! {
    Start "/" Entry,
    SignIn "/signin" Entry,
    SignUp "/signup" Entry,
    Through "/signin/through/:provider" Reading,
    Reset "/reset" Entry,
    Security "/security" Account,
    ChangePassword "/security/password" Account,
    Activity "/security/activity" Reading,
    Confirm "/security/confirm" Entry,
    Connect "/security/connect" Account,
    Organization "/organization" Reading,
    Join "/organization/join" Reading,
    Profile "/profile" Reading,
    EditName "/profile/name" Reading,
    EditPreferredName "/profile/preferred-name" Reading,
    EditJobTitle "/profile/job-title" Reading,
    EditCompany "/profile/organization" Reading,
    ChangeEmail "/profile/email" Reading,
    Secure "/secure" Reading,
    YourData "/account/privacy" Reading,
    DeleteAccount "/account/privacy/delete" Reading,
    Deletion "/account/deletion" Reading,
    Preferences "/preferences" Reading,
    EditLanguage "/preferences/language" Reading,
    EditTimeZone "/preferences/time-zone" Reading,
    EditDates "/preferences/dates" Reading,
    EditAppearance "/preferences/appearance" Reading,
    SignedOut "/signed-out" Reading,
    Help "/help" Reading,
    Allowlist "/help/allowlist" Reading,
    Privacy "/privacy" Reading,
    Accessibility "/accessibility" Reading,
}

impl PageId {
    /// Returns the page at a path.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|page| fits(page.address(), path))
    }
}

/// Returns whether a path matches a URL pattern.
fn fits(address: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (address.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(wanted), Some(found)) if wanted.starts_with(':') && !found.is_empty() => {}
            _ => return false,
        }
    }
}

/// Returns the path segment that matches `:name` in a URL pattern, not decoded.
pub(crate) fn segment<'a>(address: &str, path: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = address.split('/').zip(path.split('/'));
    let (_, found) = pairs.find(|(wanted, _)| wanted.strip_prefix(':') == Some(name))?;
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_at_its_path() {
        for page in PageId::ALL {
            assert_eq!(PageId::at(page.address()), Some(*page));
        }
        for path in ["", "/security/", "/security/other", "/signin/x", "/Help"] {
            assert_eq!(PageId::at(path), None, "{path}");
        }
    }

    #[test]
    fn a_colon_segment_matches_one_non_empty_segment() {
        let address = "/accounts/:id/events/:event";
        assert!(fits(address, "/accounts/42/events/7"));
        for path in [
            "/accounts//events/7",
            "/accounts/42/events",
            "/accounts/42/events/7/8",
            "/accounts/42/other/7",
        ] {
            assert!(!fits(address, path), "{path}");
        }
        assert_eq!(segment(address, "/accounts/42/events/7", "id"), Some("42"));
        assert_eq!(segment(address, "/accounts/42/events/7", "event"), Some("7"));
        assert_eq!(segment(address, "/accounts/42/events/7", "other"), None);
    }
}
