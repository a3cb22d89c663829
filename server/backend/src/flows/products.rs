//! The products that a user has signed in to.

use super::request::BrowserRequest;
use crate::oauth::{OFFLINE, has_scope};
use crate::store::{ReadConn, WriteTx, authorization, connected_products, logout_notices, sessions, site_sessions};
use crate::{Error, Fault, Transition};
use account::{AccountId, ActivityKind, ProductLink, ProductRow, SecurityDone, SecurityView, Timestamp};

/// The products that a user has signed in to.
#[derive(Clone, Copy)]
pub struct ConnectedProducts<'a>(pub(super) BrowserRequest<'a>);

impl ConnectedProducts<'_> {
    /// Disconnects a product: its tokens end, it is told to end its sessions, and it needs a new sign-in. Without a recent proof,
    /// because it only takes access away.
    ///
    /// # Errors
    /// [`Refusal::SignedOut`](account::Refusal::SignedOut) without a live session.
    pub async fn disconnect(self, id: &str) -> Result<Transition<SecurityView>, Error> {
        let mut tx = self.0.begin().await?;
        let (session, stored) = self.0.signed_in(&mut tx).await?;
        let account = stored.account;
        // Attack: a product that refreshes meanwhile stores a token for a code that is gone, and both requests fail. Its requests lock
        // the session first, too.
        sessions::lock_all_for_update(&mut tx, &account.id).await?;
        self.0.disconnect_product(&mut tx, &account.id, id).await?;
        self.0
            .sessions()
            .show_after(tx, &session, account, SecurityDone::ProductDisconnected)
            .await
    }
}

impl BrowserRequest<'_> {
    /// Disconnects a product. The account's sessions are locked, or have ended.
    pub(super) async fn disconnect_product(self, tx: &mut WriteTx, account: &AccountId, id: &str) -> Result<(), Fault> {
        if connected_products::delete(tx, account, id).await? {
            authorization::revoke_client(tx, account, id).await?;
            site_sessions::delete(tx, account, id).await?;
            logout_notices::disconnect(tx, account, id).await?;
            self.log(tx, account, ActivityKind::ProductDisconnected, self.now())
                .await?;
        }
        Ok(())
    }

    /// Lists the products of an account that are still registered.
    pub(super) async fn product_rows(self, conn: &mut ReadConn, account: &AccountId) -> Result<Vec<ProductRow>, Fault> {
        let clients = self.backend.clients();
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        let connected = connected_products::of_account(conn, account).await?;
        let rows = connected.into_iter().filter_map(|row| {
            Some(ProductRow {
                name: clients.find(&row.client_id)?.name.clone(),
                sees_email: has_scope(&row.scope, "email"),
                sees_name: has_scope(&row.scope, "profile"),
                sees_organization: has_scope(&row.scope, "organization"),
                stays_signed_in: has_scope(&row.scope, OFFLINE),
                last_used_at: Timestamp(row.used_at),
                id: row.client_id,
            })
        });
        Ok(rows.collect())
    }

    /// Lists the products of an account that are still registered and have an address to begin at.
    pub(super) async fn product_links(
        self,
        conn: &mut ReadConn,
        account: &AccountId,
    ) -> Result<Vec<ProductLink>, Fault> {
        let clients = self.backend.clients();
        if clients.is_empty() {
            return Ok(Vec::new());
        }
        let connected = connected_products::of_account(conn, account).await?;
        let links = connected.into_iter().filter_map(|row| {
            let client = clients.find(&row.client_id)?;
            Some(ProductLink {
                url: client.options.home_uri.clone()?,
                name: client.name.clone(),
                logo: client.options.mark(),
            })
        });
        Ok(links.collect())
    }
}
