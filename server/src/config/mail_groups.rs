//! The `[[mail_groups]]` tables of the configuration file.

use super::read;
use super::tables::{TableKey, Tables};
use backend::MailGroup;

/// All keys of a `[[mail_groups]]` table, in the order of the documentation.
pub const MAIL_GROUP_KEYS: &[TableKey<MailGroup>] = &[
    TableKey {
        name: "id",
        default: "–",
        takes: "1 to 32 of a-z, 0-9 and -, different for each group, and not `support`",
        meaning: "Identifier for commands and products. A changed id is a new group.",
        set: |group, value| {
            group.id = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "name",
        default: "–",
        takes: "one line of 1 to 60 characters",
        meaning: "Name for users, such as `News about our products`.",
        set: |group, value| {
            group.name = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "description",
        default: "–",
        takes: "one line of at most 200 characters",
        meaning: "What these e-mails contain and how often they come.",
        set: |group, value| {
            group.description = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "name_ar",
        default: "the value of `name`",
        takes: "one line of at most 60 characters",
        meaning: "Name in Arabic.",
        set: |group, value| {
            group.arabic.0 = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "description_ar",
        default: "the value of `description`",
        takes: "one line of at most 200 characters",
        meaning: "Description in Arabic.",
        set: |group, value| {
            group.arabic.1 = value.into();
            Ok(())
        },
    },
    TableKey {
        name: "default",
        default: "`false`",
        takes: "true or false",
        meaning: "Whether users get these e-mails who have not chosen.",
        set: |group, value| {
            group.default = read::yes_or_no(value)?;
            Ok(())
        },
    },
];

/// The `[[mail_groups]]` tables.
pub(super) const MAIL_GROUPS: Tables<MailGroup> = Tables {
    name: "mail_groups",
    keys: MAIL_GROUP_KEYS,
    new: MailGroup::default,
    invalid: MailGroup::invalid_fields,
};
