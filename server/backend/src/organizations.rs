//! Operator actions on organizations: creating, domains, the provider, administrators, removal.

use crate::accounts::operator;
use crate::dns::proof_name;
use crate::store::events::Actor;
use crate::store::organizations::Domain;
use crate::store::{ReadConn, WriteTx, accounts, administrators, events, identities, members, organizations};
use crate::{Backend, Caller, Error, Fault, random};
use account::{AccountId, ActivityKind, EmailAddress, Membership, Organization, Refusal, read_domain};

/// The text before the random part of a domain's proof.
const PROOF: &str = "rekey-verification=";
/// Maximum number of domains of an organization.
const MOST_DOMAINS: usize = 100;
/// Number of members read at once.
const AT_ONCE: i64 = 500;

/// Management of organizations for operators.
#[derive(Clone, Copy)]
pub struct Organizations<'a>(pub(crate) &'a Backend);

/// An organization with what belongs to it.
#[derive(Debug, Clone)]
pub struct OrganizationDetails {
    /// The organization.
    pub membership: Membership,
    /// Its domains.
    pub domains: Vec<Domain>,
    /// The number of its members.
    pub members: i64,
    /// The addresses of its administrators.
    pub administrators: Vec<String>,
}

/// The record that an organization publishes in the DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxtRecord {
    /// Its name.
    pub name: String,
    /// Its text.
    pub value: String,
}

impl From<&Domain> for TxtRecord {
    fn from(domain: &Domain) -> Self {
        Self {
            name: proof_name(&domain.domain),
            value: domain.proof.clone(),
        }
    }
}

/// The result of making an account an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewAdministrator {
    /// It is an administrator.
    Done,
    /// No account has this address.
    NoAccount,
    /// The organization does not manage it.
    NotManaged,
}

impl Backend {
    /// Opens management of organizations for operators.
    #[must_use]
    pub const fn organizations(&self) -> Organizations<'_> {
        Organizations(self)
    }

    /// Records a change of an organization as an event of its administrators.
    pub(crate) async fn log_organization(
        &self,
        tx: &mut WriteTx,
        id: &str,
        kind: ActivityKind,
        (actor, caller): (Actor<'_>, &Caller),
    ) -> Result<(), Fault> {
        let administrators = administrators::of_organization(tx, id).await?.into_iter();
        let accounts: Vec<_> = administrators
            .map(|administrator| AccountId(administrator.id))
            .collect();
        events::append_all(tx, &accounts, kind, actor, caller, self.now()).await
    }

    /// Claims a domain for an organization; returns its claim, also if it was claimed before.
    pub(crate) async fn claim_domain(
        &self,
        tx: &mut WriteTx,
        id: &str,
        typed: &str,
        by: (Actor<'_>, &Caller),
    ) -> Result<Domain, Error> {
        let domain = read_domain(typed)?;
        // Attack: an organization manages all new accounts of a public mail provider.
        if self.settings().is_large_mail_domain(&domain) {
            return Err(Refusal::DomainPublic.into());
        }
        let claimed = organizations::domains(tx, id).await?;
        if let Some(known) = claimed.iter().find(|known| known.domain == domain) {
            return Ok(known.clone());
        }
        if claimed.len() >= MOST_DOMAINS {
            return Err(Refusal::DomainsUsedUp.into());
        }
        let proof = format!("{PROOF}{}", random::id());
        organizations::add_domain(tx, id, &domain, &proof, self.now()).await?;
        self.log_organization(tx, id, ActivityKind::DomainsChanged, by).await?;
        Ok(Domain {
            domain,
            proof,
            verified_at: None,
        })
    }

    /// Finds the claim of a domain.
    pub(crate) async fn claimed_domain(&self, conn: &mut ReadConn, id: &str, typed: &str) -> Result<Domain, Error> {
        let domain = read_domain(typed)?;
        let claimed = organizations::domains(conn, id).await?.into_iter();
        let found = claimed.into_iter().find(|claimed| claimed.domain == domain);
        Ok(found.ok_or(Refusal::DomainGone)?)
    }

    /// Marks a claimed domain as verified.
    pub(crate) async fn mark_verified(
        &self,
        tx: &mut WriteTx,
        id: &str,
        domain: &Domain,
        by: (Actor<'_>, &Caller),
    ) -> Result<(), Error> {
        if !organizations::verify_domain(tx, id, &domain.domain, self.now()).await? {
            return Err(Refusal::DomainTaken.into());
        }
        Ok(self.log_organization(tx, id, ActivityKind::DomainsChanged, by).await?)
    }
}

impl Organizations<'_> {
    /// Creates an organization; `None`, without changes, if there is one with this name.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn create(self, organization: &Organization) -> Result<Option<Membership>, Fault> {
        let mut tx = self.0.parts.db.begin().await?;
        let created = organizations::insert(&mut tx, organization, self.0.now()).await?;
        tx.commit().await?;
        Ok(created)
    }

    /// Finds an organization by name.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn find(self, name: &str) -> Result<Option<Membership>, Fault> {
        organizations::find_by_name(&mut self.0.parts.db.read().await?, name).await
    }

    /// Lists up to `limit` organizations in order of name, starting after `after`.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn list(self, after: &str, limit: i64) -> Result<Vec<OrganizationDetails>, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        let mut listed = Vec::new();
        for membership in organizations::list(&mut conn, after, limit).await? {
            let id = &membership.id;
            let administrators = administrators::of_organization(&mut conn, id).await?.into_iter();
            listed.push(OrganizationDetails {
                domains: organizations::domains(&mut conn, id).await?,
                members: members::count(&mut conn, id).await?,
                administrators: administrators.map(|administrator| administrator.email).collect(),
                membership,
            });
        }
        Ok(listed)
    }

    /// Claims a domain and returns the record to publish, also if it was claimed before.
    ///
    /// # Errors
    /// A refusal of the domain.
    pub async fn add_domain(self, id: &str, domain: &str) -> Result<TxtRecord, Error> {
        let mut tx = self.0.parts.db.begin().await?;
        let claimed = self
            .0
            .claim_domain(&mut tx, id, domain, (Actor::Operator, &operator()))
            .await?;
        tx.commit().await?;
        Ok(TxtRecord::from(&claimed))
    }

    /// Verifies a claimed domain by its record in the DNS.
    ///
    /// # Errors
    /// A refusal: not claimed, verified by another organization, or not in the DNS.
    pub async fn verify_domain(self, id: &str, domain: &str) -> Result<(), Error> {
        let mut conn = self.0.parts.db.read().await?;
        let claimed = self.0.claimed_domain(&mut conn, id, domain).await?;
        drop(conn);
        self.0.parts.dns.verify(&claimed.domain, &claimed.proof).await?;
        let mut tx = self.0.parts.db.begin().await?;
        self.0
            .mark_verified(&mut tx, id, &claimed, (Actor::Operator, &operator()))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Verifies a domain on the operator's word.
    ///
    /// # Errors
    /// A refusal of the domain, or verified by another organization.
    pub async fn trust_domain(self, id: &str, domain: &str) -> Result<(), Error> {
        let (by, mut tx) = ((Actor::Operator, &operator()), self.0.parts.db.begin().await?);
        let claimed = self.0.claim_domain(&mut tx, id, domain, by).await?;
        self.0.mark_verified(&mut tx, id, &claimed, by).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a domain. Members keep their accounts.
    ///
    /// # Errors
    /// A refusal: malformed or not claimed.
    pub async fn remove_domain(self, id: &str, domain: &str) -> Result<(), Error> {
        let mut tx = self.0.parts.db.begin().await?;
        let claimed = self.0.claimed_domain(&mut tx, id, domain).await?;
        organizations::remove_domain(&mut tx, id, &claimed.domain).await?;
        let kind = ActivityKind::DomainsChanged;
        self.0
            .log_organization(&mut tx, id, kind, (Actor::Operator, &operator()))
            .await?;
        Ok(tx.commit().await?)
    }

    /// Sets the provider through which members sign in. Sessions stay.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn set_provider(self, id: &str, provider: Option<&str>) -> Result<(), Fault> {
        let (now, kind) = (self.0.now(), ActivityKind::OrganizationProviderChanged);
        let mut tx = self.0.parts.db.begin().await?;
        // Attack: the previous provider opens an account that the organization gives back later.
        let before = organizations::provider_of(&mut tx, id).await?;
        if let Some(before) = before.filter(|before| provider != Some(before))
            && let Some(before) = self.0.providers().find(&before)
        {
            identities::delete_of_members(&mut tx, id, before.issuer()).await?;
        }
        organizations::set_provider(&mut tx, id, provider).await?;
        let mut after = String::new();
        loop {
            let page = members::ids(&mut tx, id, &after, AT_ONCE).await?;
            let Some((_, last)) = page.last() else { break };
            after.clone_from(last);
            let ids: Vec<_> = page.into_iter().map(|(id, _)| id).collect();
            events::append_all(&mut tx, &ids, kind, Actor::Operator, &operator(), now).await?;
        }
        tx.commit().await
    }

    /// Makes an account an administrator. If the organization does not manage it, it is assigned first, if `assign` says so.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn add_administrator(
        self,
        of: &Membership,
        email: &EmailAddress,
        assign: bool,
    ) -> Result<NewAdministrator, Fault> {
        let mut conn = self.0.parts.db.read().await?;
        let Some(stored) = accounts::find_by_email(&mut conn, email).await? else {
            return Ok(NewAdministrator::NoAccount);
        };
        drop(conn);
        let is_member = stored
            .account
            .managed_by
            .is_some_and(|membership| membership.id == of.id);
        if !is_member && !assign {
            return Ok(NewAdministrator::NotManaged);
        }
        if !is_member && !self.0.accounts().assign_to(email, &of.id).await? {
            return Ok(NewAdministrator::NoAccount);
        }
        let (now, id) = (self.0.now(), stored.account.id);
        let mut tx = self.0.parts.db.begin().await?;
        if administrators::insert(&mut tx, &of.id, &id, now).await? {
            let kind = ActivityKind::AdministratorAdded;
            events::append(&mut tx, &id, kind, Actor::Operator, &operator(), now).await?;
        }
        tx.commit().await?;
        Ok(NewAdministrator::Done)
    }

    /// Returns whether an organization has verified a domain, so that its members with addresses there can sign in.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn has_verified(self, of: &Membership, domain: &str) -> Result<bool, Fault> {
        organizations::has_verified(&mut self.0.parts.db.read().await?, &of.id, domain).await
    }

    /// Removes an administrator, who remains a member; `false` if the account is none.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn remove_administrator(self, of: &Membership, email: &EmailAddress) -> Result<bool, Fault> {
        let now = self.0.now();
        let mut tx = self.0.parts.db.begin().await?;
        let Some(stored) = accounts::find_by_email(&mut tx, email).await? else {
            return Ok(false);
        };
        let id = stored.account.id;
        if !administrators::delete(&mut tx, &of.id, &id).await? {
            return Ok(false);
        }
        let kind = ActivityKind::AdministratorRemoved;
        events::append(&mut tx, &id, kind, Actor::Operator, &operator(), now).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes an organization: its accounts are taken back and their sessions end. Returns their number. Each account is a
    /// transaction of its own, so that a large organization does not stop the service; an interrupted removal is continued by
    /// the next.
    ///
    /// # Errors
    /// A database [`Fault`].
    pub async fn remove(self, of: &Membership) -> Result<u64, Fault> {
        // No one joins any more.
        let mut tx = self.0.parts.db.begin().await?;
        for claimed in organizations::domains(&mut tx, &of.id).await? {
            organizations::remove_domain(&mut tx, &of.id, &claimed.domain).await?;
        }
        tx.commit().await?;
        let mut taken_back = 0;
        loop {
            let mut conn = self.0.parts.db.read().await?;
            let page = members::ids(&mut conn, &of.id, "", AT_ONCE).await?;
            drop(conn);
            for (_, email) in &page {
                let email = EmailAddress::parse(email).map_err(|_| Fault::Corrupt {
                    what: "account address",
                })?;
                taken_back += u64::from(self.0.accounts().take_back(&email).await?);
            }
            let mut tx = self.0.parts.db.begin().await?;
            let deleted = organizations::delete(&mut tx, &of.id).await?;
            tx.commit().await?;
            if deleted || page.is_empty() && self.find(&of.organization.name).await?.is_none() {
                return Ok(taken_back);
            }
        }
    }
}
