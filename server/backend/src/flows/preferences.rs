//! The preferences: language and region, e-mails, appearance. They give no access, so they need no recent proof.

use super::request::BrowserRequest;
use crate::mail_groups::changes_rule;
use crate::moments::time_zones;
use crate::store::accounts::{self, Stored};
use crate::store::mail_choices::{self, Source};
use crate::store::{WriteTx, preferences};
use crate::{Error, Fault, Transition};
use account::{Account, DateFormat, PreferencesView, Refusal, SecurityDone, Setting, TextSize, Theme, TimeFormat};

/// The preferences of the signed-in account.
#[derive(Clone, Copy)]
pub struct Preferences<'a>(pub(super) BrowserRequest<'a>);

impl Preferences<'_> {
    /// Returns the data of the preferences page.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn view(self) -> Result<PreferencesView, Error> {
        let mut conn = self.0.read().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut conn).await?;
        let language = account.language.as_deref().unwrap_or(&self.0.caller.language);
        Ok(PreferencesView {
            preferences: preferences::find(&mut conn, &account.id).await?,
            groups: self.0.backend.mail_group_rows(&mut conn, &account.id, language).await?,
            email: account.email,
            language: account.language,
            saved: None,
            done: None,
        })
    }

    /// Chooses the language of screens and e-mails, one of those of the pages.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn choose_language(self, language: &str) -> Result<Transition<PreferencesView>, Error> {
        let (mut tx, account) = self.begin().await?;
        accounts::set_language(&mut tx, &account.id, language).await?;
        self.saved(tx, Setting::Language).await
    }

    /// Chooses the time zone; an empty one removes the choice.
    ///
    /// # Errors
    /// [`Refusal::FormUnreadable`] if there is no such zone; [`Refusal::SignedOut`] without a live session.
    pub async fn choose_time_zone(self, zone: &str) -> Result<Transition<PreferencesView>, Error> {
        let known = time_zones().iter().find(|known| *known == zone);
        if known.is_none() && !zone.is_empty() {
            return Err(Refusal::FormUnreadable.into());
        }
        self.change(Setting::TimeZone, |chosen| chosen.times.zone = known.cloned())
            .await
    }

    /// Chooses how dates and times are written.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn choose_dates(
        self,
        dates: DateFormat,
        twelve_hours: bool,
    ) -> Result<Transition<PreferencesView>, Error> {
        self.change(Setting::Dates, |chosen| {
            chosen.times = TimeFormat {
                zone: chosen.times.zone.take(),
                dates,
                twelve_hours,
            };
        })
        .await
    }

    /// Chooses theme and text size.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`] without a live session.
    pub async fn choose_appearance(self, theme: Theme, size: TextSize) -> Result<Transition<PreferencesView>, Error> {
        self.change(Setting::Appearance, |chosen| {
            (chosen.theme, chosen.text_size) = (Some(theme), size);
        })
        .await
    }

    /// Chooses among the groups of e-mails in `shown`; a group that the operator has added since keeps its default.
    ///
    /// # Errors
    /// [`Refusal::TooMany`]; [`Refusal::SignedOut`] without a live session.
    pub async fn choose_mail(self, shown: &[String], wanted: &[String]) -> Result<Transition<PreferencesView>, Error> {
        let (mut tx, account) = self.begin().await?;
        let (backend, now) = (self.0.backend, self.0.now());
        let groups = backend.mail_group_rows(&mut tx, &account.id, "en").await?;
        for group in groups.iter().filter(|group| shown.contains(&group.id)) {
            let is_wanted = wanted.contains(&group.id);
            if is_wanted == group.wanted {
                continue;
            }
            backend.take(&mut tx, &[changes_rule(&account.id)], now).await?;
            mail_choices::set(&mut tx, &account.id, &group.id, is_wanted, Source::Page, now).await?;
        }
        self.saved(tx, Setting::Mail).await
    }

    /// Keeps what was chosen in the frame around a page with the account, if the browser is signed in.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn keep(self, language: Option<&str>, theme: Option<Theme>) -> Result<(), Fault> {
        if self.0.tokens.session.is_none() || (language.is_none() && theme.is_none()) {
            return Ok(());
        }
        let (mut tx, account) = match self.begin().await {
            Ok(begun) => begun,
            Err(Error::Fault(fault)) => return Err(fault),
            Err(Error::Refused(_) | Error::Repeated(_)) => return Ok(()),
        };
        if let Some(language) = language {
            accounts::set_language(&mut tx, &account.id, language).await?;
        }
        if theme.is_some() {
            let mut chosen = preferences::find(&mut tx, &account.id).await?;
            chosen.theme = theme;
            preferences::store(&mut tx, &account.id, &chosen).await?;
        }
        tx.commit().await
    }

    async fn change(
        self,
        setting: Setting,
        change: impl FnOnce(&mut account::Preferences),
    ) -> Result<Transition<PreferencesView>, Error> {
        let (mut tx, account) = self.begin().await?;
        let mut chosen = preferences::find(&mut tx, &account.id).await?;
        change(&mut chosen);
        preferences::store(&mut tx, &account.id, &chosen).await?;
        self.saved(tx, setting).await
    }

    /// Locks the account, so that two tabs change two settings. Attack: without a session, each form occupies SQLite's only writer.
    async fn begin(self) -> Result<(WriteTx, Account), Error> {
        self.0.signed_in(&mut self.0.read().await?).await?;
        let mut tx = self.0.begin().await?;
        let (_, Stored { account, .. }) = self.0.signed_in(&mut tx).await?;
        accounts::lock_for_update(&mut tx, &account.id).await?;
        Ok((tx, account))
    }

    async fn saved(self, tx: WriteTx, setting: Setting) -> Result<Transition<PreferencesView>, Error> {
        tx.commit().await?;
        let view = PreferencesView {
            saved: Some(setting),
            done: Some(SecurityDone::PreferencesSaved),
            ..self.view().await?
        };
        Ok(Transition::to(view))
    }
}
