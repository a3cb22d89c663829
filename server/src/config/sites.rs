//! The `[[sites]]` and `[[site_rules]]` tables of the configuration file.

use super::tables::{TableKey, Tables, list};
use backend::oauth::{SiteRuleSettings, SiteSettings};

/// Who may enter, as a continuation of "it must be".
const AUDIENCE: &str = "a list of e-mail addresses, domains such as `@example.com`, and organizations such as `organization:Analytical Engines Ltd`";

/// All keys of a `[[sites]]` table, in the order of the documentation.
pub const SITE_KEYS: &[TableKey<SiteSettings>] = &[
    TableKey {
        name: "origin",
        default: "–",
        takes: "https://… without a path, in its usual spelling, different for each site (http only on a loopback host)",
        meaning: "Public address of the site. Its proxy passes `/.rekey/` on to this service.",
        set: |site, value| {
            site.origin = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "name",
        default: "–",
        takes: "one line of 1 to 40 characters",
        meaning: "Name of the site for users.",
        set: |site, value| {
            site.name = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "allow",
        default: "everyone with an account",
        takes: AUDIENCE,
        meaning: "Who may enter the site.",
        set: |site, value| {
            site.allow = Some(list(value));
            Ok(())
        },
    },
];

/// All keys of a `[[site_rules]]` table, in the order of the documentation.
pub const SITE_RULE_KEYS: &[TableKey<SiteRuleSettings>] = &[
    TableKey {
        name: "origin",
        default: "–",
        takes: "the origin of one of the [[sites]]",
        meaning: "The site.",
        set: |rule, value| {
            rule.origin = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "path",
        default: "–",
        takes: "a path without a final slash, such as /admin, of letters, digits and -._~, different for each rule of the site",
        meaning: "Part of the site, in any case, and also behind other segments, such as `/index.php/admin`. A path that programs read in different ways, such as `/a//b`, needs all rules of the site.",
        set: |rule, value| {
            rule.path = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "allow",
        default: "–",
        takes: AUDIENCE,
        meaning: "Who may open that part. They must also be allowed to enter the site, and by each other rule for the path.",
        set: |rule, value| {
            rule.allow = list(value);
            Ok(())
        },
    },
];

/// The `[[sites]]` tables.
pub(super) const SITES: Tables<SiteSettings> = Tables {
    name: "sites",
    keys: SITE_KEYS,
    new: SiteSettings::default,
    invalid: SiteSettings::invalid_fields,
};

/// The `[[site_rules]]` tables.
pub(super) const SITE_RULES: Tables<SiteRuleSettings> = Tables {
    name: "site_rules",
    keys: SITE_RULE_KEYS,
    new: SiteRuleSettings::default,
    invalid: SiteRuleSettings::invalid_fields,
};

/// Returns the rules of sites that do not exist. Attack: a misspelled address leaves a part of a site open.
pub(super) fn rules_without_site(sites: &[SiteSettings], rules: &[SiteRuleSettings]) -> Vec<String> {
    let is_known = |rule: &&SiteRuleSettings| sites.iter().any(|site| site.origin == rule.origin);
    let unknown = rules.iter().filter(|rule| !is_known(rule));
    unknown.map(|rule| format!("{}{}", rule.origin, rule.path)).collect()
}
