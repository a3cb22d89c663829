//! An organization's page for its administrators: members, invitations, domains and security events.
//!
//! Attack: an administrator reads or changes something of another organization. Every function begins with the organization of the
//! signed-in administrator, and finds members, invitations and domains only in it.

use super::request::Organization;
use crate::organizations::TxtRecord;
use crate::store::events::Actor;
use crate::store::limits::{DAY_MS, Rule};
use crate::store::sessions::Session;
use crate::store::{ReadConn, WriteTx, accounts, administrators, events, invitations, members, organizations, outbox};
use crate::{Caller, Error, Transition};
use account::{
    Account, AccountId, ActivityKind, DomainRow, Email, EmailAddress, InvitationEmail, InvitationRow, MemberRow,
    Membership, OrganizationView, Refusal, SecurityDone, Timestamp, domain_to_ascii,
};

/// Number of members per page.
const PAGE: usize = 50;
/// Number of security events.
const EVENTS: i64 = 50;
/// Number of members read at once for the list of all.
const AT_ONCE: i64 = 500;
/// Maximum number of invitations of an organization per day. Attack: an administrator sends e-mails to strangers.
const INVITATIONS_A_DAY: i64 = 50;
const INVITATION_DAYS: i64 = 14;

/// The signed-in administrator and their organization.
struct Administered {
    session: Session,
    account: Account,
    of: Membership,
}

impl Organization<'_> {
    /// Returns the page, with the members after an address, whose addresses begin with `search`.
    ///
    /// # Errors
    /// A refusal: signed out, or not an administrator.
    pub async fn view(self, search: &str, after: &str) -> Result<OrganizationView, Error> {
        let mut conn = self.0.read().await?;
        let Administered { account, of, .. } = self.administered(&mut conn).await?;
        let (id, now) = (of.id.as_str(), self.0.now());
        let search = search.trim().to_ascii_lowercase();
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = members::page(&mut conn, id, &search, after, limit).await?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let next = rows.last().filter(|_| more).map(|row| {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query
                .append_pair("search", &search)
                .append_pair("after", &row.email)
                .finish()
        });
        let domains = organizations::domains(&mut conn, id).await?;
        let open = invitations::of_organization(&mut conn, id, now).await?;
        let events = members::events(&mut conn, id, EVENTS).await?;
        let provider = of.provider.as_deref().map(|id| {
            let known = self.0.backend.providers().find(id);
            known.map_or(id, |provider| provider.name()).to_owned()
        });
        Ok(OrganizationView {
            provider,
            domains: domains.iter().map(domain_row).collect(),
            members: rows.into_iter().map(|row| member_row(row, &account.id)).collect(),
            search,
            next,
            invitations: open.into_iter().map(invitation_row).collect(),
            events,
            done: None,
            email: account.email,
            name: of.organization.name,
            administrator_name: of.organization.administrator_name,
            administrator_email: of.organization.administrator_email,
        })
    }

    /// Returns all members, in order of address.
    ///
    /// # Errors
    /// A refusal: signed out, or not an administrator.
    pub async fn members(self) -> Result<Vec<MemberRow>, Error> {
        let mut conn = self.0.read().await?;
        let Administered { account, of, .. } = self.administered(&mut conn).await?;
        let mut all: Vec<MemberRow> = Vec::new();
        loop {
            let after = all.last().map_or("", |row| row.email.as_str()).to_owned();
            let page = members::page(&mut conn, &of.id, "", &after, AT_ONCE).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page.into_iter().map(|row| member_row(row, &account.id)));
        }
    }

    /// Invites the owner of an address by e-mail. The answer is the same whether or not the address has an account elsewhere.
    ///
    /// # Errors
    /// A refusal of the address, already a member, or no e-mails left.
    pub async fn invite(self, typed: &str) -> Result<Transition<OrganizationView>, Error> {
        let (tx, Administered { account, of, .. }) = self.change().await?;
        let (mut tx, now) = (tx, self.0.now());
        let email = EmailAddress::read(typed, domain_to_ascii)?;
        // Attack: an administrator takes over a private account. And without a verified domain, a member could not sign in.
        if !organizations::has_verified(&mut tx, &of.id, email.domain()).await? {
            return Err(Refusal::DomainUnverified.into());
        }
        let invited = accounts::find_by_email(&mut tx, &email)
            .await?
            .map(|stored| stored.account);
        let is_member = |account: &Account| account.managed_by.as_ref().is_some_and(|by| by.id == of.id);
        if invited.as_ref().is_some_and(is_member) {
            return Err(Refusal::AlreadyMember.into());
        }
        let rule = Rule::new(format!("invitations {}", of.id), INVITATIONS_A_DAY, DAY_MS);
        let whose = invited.as_ref().map(|account| &account.id);
        let mut tx = self.0.take_email(tx, &email, whose, vec![rule], now).await?;
        let ends_at = now.plus_days(INVITATION_DAYS);
        invitations::insert(&mut tx, &of.id, &email, &account.id, now, ends_at).await?;
        let inviter = if account.name.is_empty() {
            account.email.to_string()
        } else {
            account.name.clone()
        };
        let message = Email::Invitation(InvitationEmail {
            organization: of.organization.name,
            inviter,
            works_until: ends_at,
        });
        let language = invited.and_then(|account| account.language);
        let language = language.as_deref().unwrap_or(&self.0.caller.language);
        let keys = &self.0.backend.parts.keys;
        outbox::write(&mut tx, keys, None, &email, language, &message, now).await?;
        self.0
            .log(&mut tx, &account.id, ActivityKind::MemberInvited, now)
            .await?;
        tx.commit().await?;
        self.0.backend.emails_written.notify_one();
        self.show(SecurityDone::Invited).await
    }

    /// Withdraws an invitation; succeeds if there is none.
    ///
    /// # Errors
    /// A refusal: not an administrator, or the proof is too old.
    pub async fn withdraw(self, id: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { account, of, .. }) = self.change().await?;
        if invitations::withdraw(&mut tx, &of.id, id).await? {
            let kind = ActivityKind::InvitationWithdrawn;
            self.0.log(&mut tx, &account.id, kind, self.0.now()).await?;
        }
        tx.commit().await?;
        self.show(SecurityDone::InvitationWithdrawn).await
    }

    /// Deactivates a member, whose sessions and codes end at once.
    ///
    /// # Errors
    /// A refusal: not a member, or the last active administrator.
    pub async fn disable(self, id: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let member = self.member(&mut tx, &of, id).await?;
        self.require_another_administrator(&mut tx, &of, &member.id).await?;
        if member.disabled_at.is_none() {
            accounts::set_disabled(&mut tx, &member.id, Some(self.0.now()), Some(&of.id)).await?;
        }
        self.log_member(&mut tx, (&account, &member), ActivityKind::MemberDisabled)
            .await?;
        self.end_and_show(tx, &member, SecurityDone::MemberDisabled).await
    }

    /// Reactivates a member.
    ///
    /// # Errors
    /// A refusal: not a member, or deactivated by an operator.
    pub async fn enable(self, id: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let member = self.member(&mut tx, &of, id).await?;
        let is_enabled = accounts::enable_by_organization(&mut tx, &member.id, &of.id).await?;
        if !is_enabled && member.disabled_at.is_some() {
            return Err(Refusal::AccountDeactivated.into());
        }
        self.log_member(&mut tx, (&account, &member), ActivityKind::MemberEnabled)
            .await?;
        self.end_and_show(tx, &member, SecurityDone::MemberEnabled).await
    }

    /// Ends all sessions of a member.
    ///
    /// # Errors
    /// A refusal: not a member.
    pub async fn end_sessions(self, id: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let member = self.member(&mut tx, &of, id).await?;
        self.log_member(&mut tx, (&account, &member), ActivityKind::MemberSessionsEnded)
            .await?;
        self.end_and_show(tx, &member, SecurityDone::MemberSessionsEnded).await
    }

    /// Removes a member: the account is its owner's again, with the password from before. Its sessions end.
    ///
    /// # Errors
    /// A refusal: not a member, or the last active administrator.
    pub async fn remove(self, id: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let member = self.member(&mut tx, &of, id).await?;
        self.require_another_administrator(&mut tx, &of, &member.id).await?;
        // Before the change, so that it is also an event of the organization.
        self.log_member(&mut tx, (&account, &member), ActivityKind::MemberRemoved)
            .await?;
        self.0.backend.accounts().release(&mut tx, &member).await?;
        let shown = self.end_and_show(tx, &member, SecurityDone::MemberRemoved).await;
        self.0.backend.emails_written.notify_one();
        shown
    }

    /// Claims a domain. The page shows the record to publish.
    ///
    /// # Errors
    /// A refusal of the domain.
    pub async fn add_domain(self, typed: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let (backend, caller) = (self.0.backend, self.acting());
        backend
            .claim_domain(&mut tx, &of.id, typed, (Actor::Administrator(&account.id), &caller))
            .await?;
        tx.commit().await?;
        self.show(SecurityDone::DomainAdded).await
    }

    /// Verifies a claimed domain by its record in the DNS.
    ///
    /// # Errors
    /// A refusal: not claimed, verified by another organization, or not in the DNS.
    pub async fn verify_domain(self, domain: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, .. }) = self.change().await?;
        let backend = self.0.backend;
        let claimed = backend.claimed_domain(&mut tx, &of.id, domain).await?;
        // Attack: an administrator makes this server send many DNS queries.
        backend.take(&mut tx, &[self.0.begin_rule()], self.0.now()).await?;
        tx.commit().await?;
        backend.parts.dns.verify(&claimed.domain, &claimed.proof).await?;
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let caller = self.acting();
        backend
            .mark_verified(&mut tx, &of.id, &claimed, (Actor::Administrator(&account.id), &caller))
            .await?;
        tx.commit().await?;
        self.show(SecurityDone::DomainVerified).await
    }

    /// Removes a domain. Members keep their accounts.
    ///
    /// # Errors
    /// A refusal: not claimed, or members have addresses there.
    pub async fn remove_domain(self, domain: &str) -> Result<Transition<OrganizationView>, Error> {
        let (mut tx, Administered { of, account, .. }) = self.change().await?;
        let (backend, caller) = (self.0.backend, self.acting());
        let claimed = backend.claimed_domain(&mut tx, &of.id, domain).await?;
        // Members sign in by their domain alone.
        if claimed.verified_at.is_some() && members::any_at(&mut tx, &of.id, &claimed.domain).await? {
            return Err(Refusal::DomainInUse.into());
        }
        organizations::remove_domain(&mut tx, &of.id, &claimed.domain).await?;
        let by = (Actor::Administrator(&account.id), &caller);
        backend
            .log_organization(&mut tx, &of.id, ActivityKind::DomainsChanged, by)
            .await?;
        tx.commit().await?;
        self.show(SecurityDone::DomainRemoved).await
    }

    /// Finds the signed-in administrator and their organization.
    async fn administered(self, conn: &mut ReadConn) -> Result<Administered, Error> {
        let (session, stored) = self.0.signed_in(conn).await?;
        let of = stored.account.managed_by.clone().filter(|_| stored.administers);
        Ok(Administered {
            session,
            account: stored.account,
            of: of.ok_or(Refusal::NotAdministrator)?,
        })
    }

    /// Begins a change: the organization is locked, and the administrator has proved recently who they are.
    async fn change(self) -> Result<(WriteTx, Administered), Error> {
        let mut tx = self.0.begin().await?;
        let before = self.administered(&mut tx).await?;
        organizations::lock_for_update(&mut tx, &before.of.id).await?;
        // Attack: two administrators remove each other at the same time; the second is none any more.
        let now = self.administered(&mut tx).await?;
        self.0.require_fresh_proof(&now.session)?;
        if now.of.id != before.of.id {
            return Err(Refusal::NotAdministrator.into());
        }
        Ok((tx, now))
    }

    async fn member(self, tx: &mut WriteTx, of: &Membership, id: &str) -> Result<Account, Error> {
        let id = AccountId(id.to_owned());
        accounts::lock_for_update(tx, &id).await?;
        let account = accounts::find(tx, &id).await?.map(|stored| stored.account);
        let is_member = |account: &Account| account.managed_by.as_ref().is_some_and(|by| by.id == of.id);
        Ok(account.filter(is_member).ok_or(Refusal::MemberGone)?)
    }

    /// Refuses if the organization would have no active administrator.
    async fn require_another_administrator(
        self,
        tx: &mut WriteTx,
        of: &Membership,
        member: &AccountId,
    ) -> Result<(), Error> {
        let all = administrators::of_organization(tx, &of.id).await?;
        let is_administrator = all.iter().any(|administrator| administrator.id == member.0);
        let others = all
            .iter()
            .any(|other| other.id != member.0 && other.disabled_at.is_none());
        if is_administrator && !others {
            return Err(Refusal::LastAdministrator.into());
        }
        Ok(())
    }

    /// Records an action on a member, without the network address of the administrator, which is none of the member's business.
    async fn log_member(
        self,
        tx: &mut WriteTx,
        (administrator, member): (&Account, &Account),
        kind: ActivityKind,
    ) -> Result<(), Error> {
        let (actor, now) = (Actor::Administrator(&administrator.id), self.0.now());
        Ok(events::append(tx, &member.id, kind, actor, &self.acting(), now).await?)
    }

    fn acting(self) -> Caller {
        Caller {
            client: String::new(),
            ..self.0.caller.clone()
        }
    }

    async fn end_and_show(
        self,
        tx: WriteTx,
        member: &Account,
        done: SecurityDone,
    ) -> Result<Transition<OrganizationView>, Error> {
        let accounts = self.0.backend.accounts();
        accounts.end_everything(tx, &member.id, &member.email).await?;
        self.show(done).await
    }

    async fn show(self, done: SecurityDone) -> Result<Transition<OrganizationView>, Error> {
        let view = self.view("", "").await?;
        Ok(Transition::to(OrganizationView {
            done: Some(done),
            ..view
        }))
    }
}

fn domain_row(domain: &organizations::Domain) -> DomainRow {
    let record = TxtRecord::from(domain);
    DomainRow {
        domain: domain.domain.clone(),
        record_name: record.name,
        record_value: record.value,
        verified_at: domain.verified_at.map(Timestamp),
    }
}

fn member_row(row: members::Member, here: &AccountId) -> MemberRow {
    MemberRow {
        here: row.id == here.0,
        id: row.id,
        email: row.email,
        name: row.name,
        disabled: row.disabled_at.is_some(),
        last_sign_in: row.last_sign_in.map(Timestamp),
        administrator: row.administrator,
    }
}

fn invitation_row(row: invitations::Invitation) -> InvitationRow {
    InvitationRow {
        id: row.id,
        email: row.email,
        ends_at: Timestamp(row.ends_at),
    }
}
