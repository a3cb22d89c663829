//! Groups of e-mails that readers can turn on and off: those of the operator's own mailers, and support.

use crate::store::limits::{self, DAY_MS, Rule};
use crate::store::mail_choices::{self, Reader, Source};
use crate::store::{ReadConn, accounts};
use crate::{Accounts, Backend, Fault, Settings, seal};
use account::{AccountId, EmailAddress, MailGroupRow};

/// The built-in group: e-mails that support writes to a user.
const SUPPORT: &str = "support";
/// The path of the page that a link in an e-mail opens, before its token.
const PATH: &str = "/unsubscribe/";

/// Number of changed choices of an account in a day, each of which is recorded for good.
const CHANGES_A_DAY: i64 = 100;

/// Limits the changes of an account. Attack: someone at an open browser fills the record.
pub(crate) fn changes_rule(account: &AccountId) -> Rule {
    Rule::new(format!("mail choices {}", account.0), CHANGES_A_DAY, DAY_MS)
}

/// A group of e-mails.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailGroup {
    /// Its id, also in the database.
    pub id: String,
    /// Its name for users.
    pub name: String,
    /// Its description for users; may be empty.
    pub description: String,
    /// Name and description in Arabic; if empty, as above.
    pub arabic: (String, String),
    /// Whether those who have made no choice get it.
    pub default: bool,
}

impl MailGroup {
    /// Returns the keys that are invalid, and why.
    #[must_use]
    pub fn invalid_fields(&self, earlier: &[Self]) -> Vec<(&'static str, &'static str)> {
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_line = |text: &str, most: usize| text.chars().count() <= most && !text.chars().any(char::is_control);
        let mut invalid = Vec::new();
        if self.id.is_empty() || self.id.len() > 32 || !self.id.bytes().all(is_id) {
            invalid.push(("id", "is not an id"));
        } else if self.id == SUPPORT {
            invalid.push(("id", "is the id of the built-in group for e-mails from support"));
        } else if earlier.iter().any(|other| other.id == self.id) {
            invalid.push(("id", "is the id of another group"));
        }
        if self.name.is_empty() || !is_line(&self.name, 60) {
            invalid.push(("name", "is not a name"));
        }
        for (key, text, most) in [
            ("description", &self.description, 200),
            ("name_ar", &self.arabic.0, 60),
            ("description_ar", &self.arabic.1, 200),
        ] {
            if !is_line(text, most) {
                invalid.push((key, "has several lines or is too long"));
            }
        }
        invalid
    }

    fn row(&self, language: &str, choice: Option<bool>) -> MailGroupRow {
        let in_language = |text: &String, arabic: &String| {
            let text = if language == "ar" && !arabic.is_empty() {
                arabic
            } else {
                text
            };
            text.clone()
        };
        MailGroupRow {
            id: self.id.clone(),
            name: in_language(&self.name, &self.arabic.0),
            description: in_language(&self.description, &self.arabic.1),
            wanted: choice.unwrap_or(self.default),
        }
    }
}

impl Settings {
    /// Returns all groups: the operator's, then support.
    fn all_mail_groups(&self) -> impl Iterator<Item = MailGroup> + '_ {
        let of_support = |key, language| crate::_rust_i18n_translate(language, key).into_owned();
        let support = MailGroup {
            id: SUPPORT.into(),
            name: of_support("support.name", "en"),
            description: of_support("support.description", "en"),
            arabic: (
                of_support("support.name", "ar"),
                of_support("support.description", "ar"),
            ),
            default: true,
        };
        self.mail_groups.iter().cloned().chain([support])
    }

    /// Finds a group by its id.
    pub(crate) fn mail_group(&self, id: &str) -> Option<MailGroup> {
        self.all_mail_groups().find(|group| group.id == id)
    }
}

/// What a link in an e-mail is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The group's name in the reader's language.
    pub group: String,
    /// Whether the reader gets its e-mails.
    pub wanted: bool,
    /// Whether a link has ended it, so that a link can also undo that.
    pub can_undo: bool,
}

impl Backend {
    /// Returns the groups with the choices of an account.
    pub(crate) async fn mail_group_rows(
        &self,
        conn: &mut ReadConn,
        account: &AccountId,
        language: &str,
    ) -> Result<Vec<MailGroupRow>, Fault> {
        let choices = mail_choices::of_account(conn, account).await?;
        let row = |group: MailGroup| {
            let choice = choices.iter().find(|choice| choice.group_id == group.id);
            group.row(language, choice.map(|choice| choice.wanted.0))
        };
        Ok(self.settings().all_mail_groups().map(row).collect())
    }

    /// Returns what a link is about; `None` for every link that does nothing. Changes nothing. Attack: the answer tells forged links
    /// from those of deleted accounts.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn subscription(&self, token: &str, language: &str) -> Result<Option<Subscription>, Fault> {
        let Some((account, group)) = self.open_link(token) else {
            return Ok(None);
        };
        let mut conn = self.parts.db.read().await?;
        self.subscription_of(&mut conn, &account, &group, language).await
    }

    /// Ends a subscription at once (RFC 8058), or undoes that. `None` as above.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then changed.
    pub async fn change_subscription(
        &self,
        token: &str,
        language: &str,
        undo: bool,
    ) -> Result<Option<Subscription>, Fault> {
        let Some((account, group)) = self.open_link(token) else {
            return Ok(None);
        };
        // Attack: an old link is sent again and again, and each time occupies SQLite's only writer, or adds to the record. It also
        // can't subscribe a user who has left on the page.
        let is_done = |found: &Subscription| if undo { !found.can_undo } else { !found.wanted };
        let mut conn = self.parts.db.read().await?;
        let found = self.subscription_of(&mut conn, &account, &group, language).await?;
        drop(conn);
        if found.as_ref().is_none_or(is_done) {
            return Ok(found);
        }
        let mut tx = self.parts.db.begin().await?;
        accounts::lock_for_update(&mut tx, &account).await?;
        let found = self.subscription_of(&mut tx, &account, &group, language).await?;
        // Attack: the holder of a link ends and undoes without end. To end is always possible.
        let is_too_often = undo
            && limits::take(&mut tx, &[changes_rule(&account)], self.now())
                .await?
                .is_some();
        if is_too_often {
            return Ok(found);
        }
        if found.as_ref().is_some_and(|found| !is_done(found)) {
            mail_choices::set(&mut tx, &account, &group.id, undo, Source::OneClick, self.now()).await?;
        }
        let found = self.subscription_of(&mut tx, &account, &group, language).await?;
        tx.commit().await?;
        Ok(found)
    }

    /// Returns account and group of a link. The token is not bound to a time, because readers open old e-mails.
    fn open_link(&self, token: &str) -> Option<(AccountId, MailGroup)> {
        let sealed = token.replace('-', "+").replace('_', "/");
        let (account, group) = seal::open_unsubscribe_link(&self.parts.keys, &sealed)?;
        Some((account, self.settings().mail_group(&group)?))
    }

    async fn subscription_of(
        &self,
        conn: &mut ReadConn,
        account: &AccountId,
        group: &MailGroup,
        language: &str,
    ) -> Result<Option<Subscription>, Fault> {
        if accounts::find(conn, account).await?.is_none() {
            return Ok(None);
        }
        let choices = mail_choices::of_account(conn, account).await?;
        let choice = choices.into_iter().find(|choice| choice.group_id == group.id);
        let row = group.row(language, choice.as_ref().map(|choice| choice.wanted.0));
        Ok(Some(Subscription {
            can_undo: choice.is_some_and(|choice| !choice.wanted.0 && choice.source == Source::OneClick.as_str()),
            group: row.name,
            wanted: row.wanted,
        }))
    }
}

impl Accounts<'_> {
    /// Returns a link that unsubscribes the account with this address from a group; `None` if there is none.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn unsubscribe_link(self, email: &EmailAddress, group: &str) -> Result<Option<String>, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        let Some(stored) = accounts::find_by_email(&mut conn, email).await? else {
            return Ok(None);
        };
        let sealed = seal::seal_unsubscribe_link(&self.0.parts.keys, &stored.account.id, group)?;
        let token = sealed.replace('+', "-").replace('/', "_");
        Ok(Some([self.0.settings().origin.as_str(), PATH, &token].concat()))
    }

    /// Stores a choice that a user made with the operator; `false` if there is no account with this address.
    ///
    /// # Errors
    /// A database [`Fault`]; nothing is then changed.
    pub async fn choose_mail(self, email: &EmailAddress, group: &str, wanted: bool) -> Result<bool, Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        accounts::lock_for_update(&mut tx, &stored.account.id).await?;
        mail_choices::set(
            &mut tx,
            &stored.account.id,
            group,
            wanted,
            Source::Command,
            self.0.now(),
        )
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Lists the ids of all groups, with what those get who have made no choice.
    #[must_use]
    pub fn mail_groups(self) -> Vec<(String, bool)> {
        let groups = self.0.settings();
        groups
            .all_mail_groups()
            .map(|group| (group.id, group.default))
            .collect()
    }

    /// Lists accounts with their choice for a group in order of address, after the given one.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn mail_readers(self, group: &str, after: &str, limit: i64) -> Result<Vec<Reader>, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        mail_choices::list(&mut conn, group, after, limit).await
    }
}
