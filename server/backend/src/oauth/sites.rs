//! Sites: programs that do not speak OpenID, behind a reverse proxy that asks this service about each request.

use super::site_path::{SitePath, segments};
use crate::store::site_sessions::SiteUser;
use crate::trust::{is_encrypted_or_local, is_local};
use account::EmailAddress;

/// The configuration of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// The site's public address, without a path: `https://wiki.example.com`.
    pub origin: String,
    /// The name for users.
    pub name: String,
    /// Who may enter: the entries of [`Audience::read`]. `None` for everyone with an account.
    pub allow: Option<Vec<String>>,
}

/// The configuration of a rule: who may open a part of a site. It only adds to what the site demands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteRuleSettings {
    /// The site's address.
    pub origin: String,
    /// The path of the part: `/admin`.
    pub path: String,
    /// Who may open it: the entries of [`Audience::read`].
    pub allow: Vec<String>,
}

/// A site.
pub struct Site {
    /// The site's public address, without a path.
    pub origin: String,
    /// The name for users.
    pub name: String,
    /// The client that stands for the site. Its id is none that the configuration allows.
    pub(crate) client_id: String,
    audience: Audience,
    rules: Vec<Rule>,
}

struct Rule {
    segments: Vec<String>,
    audience: Audience,
}

/// Who may enter.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Audience {
    Everyone,
    Listed(Vec<Listed>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    Address(EmailAddress),
    Domain(String),
    Organization(String),
}

/// An invalid field, and the problem with it.
type Invalid = (&'static str, &'static str);

impl SiteSettings {
    /// Returns the invalid fields, also those that must differ from `earlier` sites.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<Invalid> {
        let is_name = (1..=40).contains(&self.name.chars().count())
            && !self.name.chars().any(char::is_control)
            && self.name.trim() == self.name;
        let is_repeated = earlier.iter().any(|other| shares_cookies(&other.origin, &self.origin));
        let repeated = is_repeated.then_some("has the host of another site");
        let problems = [
            ("origin", origin_problem(&self.origin).or(repeated)),
            ("name", (!is_name).then_some("is empty, too long, or not one line")),
            ("allow", self.allow.as_deref().and_then(audience_problem)),
        ];
        named(problems)
    }
}

impl SiteRuleSettings {
    /// Returns the invalid fields.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<Invalid> {
        let is_repeated = earlier
            .iter()
            .any(|other| (&other.origin, &other.path) == (&self.origin, &self.path));
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        let is_path = self.path.len() <= 200
            && self.path.bytes().all(is_plain)
            // A final slash would seem to leave the path without it open.
            && !self.path.ends_with('/')
            && segments(&self.path).is_some();
        let path = if is_path {
            is_repeated.then_some("has a rule already")
        } else {
            Some("is not a path")
        };
        named([
            ("origin", origin_problem(&self.origin)),
            ("path", path),
            ("allow", audience_problem(&self.allow)),
        ])
    }
}

fn named<const N: usize>(problems: [(&'static str, Option<&'static str>); N]) -> Vec<Invalid> {
    let problems = problems.into_iter();
    problems.filter_map(|(name, text)| Some((name, text?))).collect()
}

/// Returns what is wrong with a site's address.
fn origin_problem(origin: &str) -> Option<&'static str> {
    let Ok(url) = reqwest::Url::parse(origin) else {
        return Some("is not a URL");
    };
    // Attack: someone on the network reads the cookie.
    if !is_encrypted_or_local(&url) {
        return Some("is not https");
    }
    (url.origin().ascii_serialization() != origin).then_some("has a path, or is not in its usual spelling")
}

/// Returns whether browsers send the same cookies to two addresses: they ignore ports. Not on loopback, for trying things out.
///
/// Attack: the program of one site sees the other's cookies, or those of this service.
#[must_use]
pub fn shares_cookies(one: &str, other: &str) -> bool {
    let hosts = [one, other].map(|origin| reqwest::Url::parse(origin).ok());
    match hosts {
        [Some(one), Some(other)] => {
            one == other || one.host_str() == other.host_str() && !(is_local(&one) && is_local(&other))
        }
        _ => false,
    }
}

fn audience_problem(entries: &[String]) -> Option<&'static str> {
    Audience::read(entries).is_none().then_some(
        "is empty, or has an entry that is neither an e-mail address, nor `@` and a domain, nor `organization:` and a name",
    )
}

impl Audience {
    /// Reads a list of `ada@example.com`, `@example.com` and `organization:Analytical Engines Ltd`.
    fn read(entries: &[String]) -> Option<Self> {
        let listed: Option<Vec<_>> = entries.iter().map(|entry| Listed::read(entry)).collect();
        listed.filter(|listed| !listed.is_empty()).map(Self::Listed)
    }

    fn has(&self, user: &SiteUser) -> bool {
        match self {
            Self::Everyone => true,
            Self::Listed(listed) => listed.iter().any(|one| one.is(user)),
        }
    }
}

impl Listed {
    fn read(entry: &str) -> Option<Self> {
        if let Some(name) = entry.strip_prefix("organization:") {
            return (!name.is_empty() && name.trim() == name).then(|| Self::Organization(name.to_owned()));
        }
        if let Some(domain) = entry.strip_prefix('@') {
            let address = EmailAddress::parse(&["any@", domain].concat()).ok()?;
            return Some(Self::Domain(address.domain().to_owned()));
        }
        EmailAddress::parse(entry).ok().map(Self::Address)
    }

    fn is(&self, user: &SiteUser) -> bool {
        match self {
            Self::Address(address) => address.as_str() == user.email,
            // The part after the last `@`. Attack: `"@example.com"@evil.example`.
            Self::Domain(domain) => user.email.rsplit_once('@').is_some_and(|(_, own)| own == domain),
            Self::Organization(name) => user.organization.as_ref() == Some(name),
        }
    }
}

impl Site {
    /// Creates the sites of a configuration.
    ///
    /// # Errors
    /// A sentence for the operator about the first invalid site or rule.
    ///
    /// Attack: cookies do not know ports. Two sites on one host would see each other's.
    pub(super) fn all(sites: Vec<SiteSettings>, rules: &[SiteRuleSettings]) -> Result<Vec<Self>, String> {
        for (index, site) in sites.iter().enumerate() {
            if let Some((name, text)) = site.invalid_fields(&sites[..index]).first() {
                return Err(format!("{name} of the site `{}` {text}", site.origin));
            }
        }
        let mut all: Vec<_> = sites.into_iter().map(Self::new).collect();
        for (index, rule) in rules.iter().enumerate() {
            if let Some((name, text)) = rule.invalid_fields(&rules[..index]).first() {
                return Err(format!("{name} of the rule `{}{}` {text}", rule.origin, rule.path));
            }
            let site = all.iter_mut().find(|site| site.origin == rule.origin);
            // Attack: a misspelled address leaves a part of a site open.
            let site =
                site.ok_or_else(|| format!("there is no site `{}` for the rule `{}`", rule.origin, rule.path))?;
            site.rules.push(Rule {
                segments: segments(&rule.path).unwrap_or_default(),
                audience: Audience::read(&rule.allow).unwrap_or(Audience::Listed(Vec::new())),
            });
        }
        Ok(all)
    }

    fn new(settings: SiteSettings) -> Self {
        Self {
            client_id: ["site:", settings.origin.split("//").nth(1).unwrap_or_default()].concat(),
            origin: settings.origin,
            name: settings.name,
            audience: match settings.allow {
                None => Audience::Everyone,
                Some(entries) => Audience::read(&entries).unwrap_or(Audience::Listed(Vec::new())),
            },
            rules: Vec::new(),
        }
    }

    /// Returns whether requests to a host and port are for this site.
    pub(crate) fn is_at(&self, authority: &str) -> bool {
        let own = self.origin.split("//").nth(1);
        own.is_some_and(|own| own.eq_ignore_ascii_case(authority))
    }

    /// Returns the address to which the browser returns with a code.
    pub(crate) fn return_uri(&self) -> String {
        [&self.origin, "/.rekey/return"].concat()
    }

    /// Returns whether a user may open an address: a path and query.
    ///
    /// Rules only forbid. So a path that programs may read differently than this service needs all of them.
    pub(crate) fn admits(&self, user: &SiteUser, uri: &str) -> bool {
        let path = SitePath::read(uri);
        let asked = self.rules.iter().filter(|rule| path.is_within(&rule.segments));
        self.audience.has(user) && asked.into_iter().all(|rule| rule.audience.has(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(allow: Option<&[&str]>) -> SiteSettings {
        SiteSettings {
            origin: "https://wiki.example.com".into(),
            name: "Wiki".into(),
            allow: allow.map(|entries| entries.iter().map(|entry| (*entry).to_owned()).collect()),
        }
    }

    fn rule(path: &str, allow: &str) -> SiteRuleSettings {
        SiteRuleSettings {
            origin: "https://wiki.example.com".into(),
            path: path.into(),
            allow: vec![allow.into()],
        }
    }

    fn user(email: &str, organization: Option<&str>) -> SiteUser {
        SiteUser {
            client_id: String::new(),
            session_id: String::new(),
            last_seen_at: 0,
            account_id: String::new(),
            email: email.into(),
            name: String::new(),
            disabled_at: None,
            organization: organization.map(str::to_owned),
        }
    }

    fn admits(settings: SiteSettings, rules: &[SiteRuleSettings], user: &SiteUser, uri: &str) -> bool {
        Site::all(vec![settings], rules).unwrap()[0].admits(user, uri)
    }

    #[test]
    fn a_site_admits_those_that_it_lists() {
        let listed = ["ada@example.com", "@engines.example", "organization:Engines, Ltd"];
        for (user, is_admitted) in [
            (user("ada@example.com", None), true),
            (user("mary@example.com", None), false),
            (user("mary@engines.example", None), true),
            (user("mary@sub.engines.example", None), false),
            (user("mary@notengines.example", None), false),
            (user("\"@engines.example\"@evil.example", None), false),
            (user("mary@example.com", Some("Engines, Ltd")), true),
            (user("mary@example.com", Some("Engines")), false),
            (user("mary@example.com", Some("Ltd")), false),
        ] {
            assert_eq!(admits(site(Some(&listed)), &[], &user, "/"), is_admitted, "{user:?}");
        }
        assert!(admits(site(None), &[], &user("mary@example.com", None), "/"));
    }

    #[test]
    fn a_rule_only_forbids() {
        let rules = [
            rule("/admin", "ada@example.com"),
            rule("/admin/logs", "mary@example.com"),
        ];
        let (ada, mary) = (user("ada@example.com", None), user("mary@example.com", None));
        for (uri, ada_may, mary_may) in [
            ("/", true, true),
            ("/administration", true, true),
            ("/admin-guide", true, true),
            ("/日本/管理", true, true),
            ("/admin", true, false),
            ("/admin?x=/", true, false),
            ("/admin/", true, false),
            ("/ADMIN/users", true, false),
            ("/admin.json", true, false),
            ("/admin.php/users", true, false),
            ("/admin:x", true, false),
            ("/admin,x", true, false),
            ("/adm%C4%B1n", true, true),
            ("/%EF%BC%A1dmin", true, false),
            ("/index.php/admin/users", true, false),
            ("/admin/logs", false, false),
            ("/?page=/admin", true, true),
        ] {
            assert_eq!(admits(site(None), &rules, &ada, uri), ada_may, "{uri}");
            assert_eq!(admits(site(None), &rules, &mary, uri), mary_may, "{uri}");
        }
        // The site's own list applies to all of its parts.
        let others = site(Some(&["@engines.example"]));
        assert!(!admits(others, &rules, &ada, "/admin"));
    }

    #[test]
    fn a_path_that_can_be_read_differently_needs_all_rules() {
        let rules = [rule("/admin", "ada@example.com")];
        for uri in [
            "",
            "admin",
            "//admin",
            "/a//admin",
            "/a/../admin",
            "/a/./admin",
            "/a/%2e%2e/admin",
            "/a%2fadmin",
            "/a%5cadmin",
            "/a\\admin",
            "/%61dmin",
            "/%2561dmin",
            "/admin;x=1",
            "/admin%00",
            "/admin.",
            "/admin%3Fx",
            "/admin%C2%A0",
            "/admin%20",
            "/admin%ff",
            "/%",
            "/a#/admin",
            "https://wiki.example.com/admin",
        ] {
            assert!(
                !admits(site(None), &rules, &user("mary@example.com", None), uri),
                "{uri}"
            );
            assert!(admits(site(None), &rules, &user("ada@example.com", None), uri), "{uri}");
        }
    }

    #[test]
    fn an_invalid_site_is_refused() {
        for origin in [
            "",
            "wiki.example.com",
            "http://wiki.example.com",
            "https://wiki.example.com/",
            "https://wiki.example.com/path",
            "https://Wiki.example.com",
            "https://wiki.example.com:443",
            "https://user@wiki.example.com",
        ] {
            let settings = SiteSettings {
                origin: origin.into(),
                ..site(None)
            };
            assert_eq!(settings.invalid_fields(&[])[0].0, "origin", "{origin}");
        }
        for allow in [&[][..], &["ada"], &["@"], &["organization:"], &["ada@example.com", ""]] {
            assert_eq!(site(Some(allow)).invalid_fields(&[])[0].0, "allow", "{allow:?}");
        }
        assert_eq!(site(None).invalid_fields(&[site(None)])[0].0, "origin");
        let at = |origin: &str| SiteSettings {
            origin: origin.into(),
            ..site(None)
        };
        let elsewhere = at("https://wiki.example.com:8443");
        assert_eq!(elsewhere.invalid_fields(&[site(None)])[0].0, "origin");
        assert_eq!(at("https://board.example.com").invalid_fields(&[site(None)]), []);
        assert_eq!(at("http://127.0.0.1:2").invalid_fields(&[at("http://127.0.0.1:1")]), []);
        for path in [
            "", "admin", "/", "/admin/", "/a//b", "/a/../b", "/a b", "/%61", "/a?b", "/a;b",
        ] {
            assert_eq!(rule(path, "ada@example.com").invalid_fields(&[])[0].0, "path", "{path}");
        }
        let elsewhere = SiteRuleSettings {
            origin: "https://wik.example.com".into(),
            ..rule("/admin", "ada@example.com")
        };
        assert!(Site::all(vec![site(None)], &[elsewhere]).is_err());
    }
}
