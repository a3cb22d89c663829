//! The endpoint that tells the operator's own products whether a user wants a group of e-mails.

use super::client_request::INVALID_CLIENT;
use super::parameters::Parameters;
use super::{Client, ClientError};
use crate::Backend;
use crate::store::mail_choices;
use account::EmailAddress;
use serde_json::{Value, json};

impl Backend {
    /// Returns whether the account with an address wants a group of e-mails; an unknown address gets the group's default.
    pub(super) async fn tell_mail_choice(&self, asked: &Parameters, client: &Client) -> Result<Value, ClientError> {
        // Attack: anyone who knows a public client's id learns who has an account.
        if !client.is_confidential() {
            return Err(INVALID_CLIENT);
        }
        // Attack: so does a product of another company.
        if client.third_party {
            return Err(ClientError::Refused(
                "unauthorized_client",
                "only products of the operator may ask",
            ));
        }
        let group = asked.get("group").and_then(|id| self.settings().mail_group(id));
        let group = group.ok_or(ClientError::Refused(
            "invalid_request",
            "group is not the id of a mail group",
        ))?;
        let email = asked.get("email").and_then(|typed| EmailAddress::parse(typed).ok());
        let email = email.ok_or(ClientError::Refused("invalid_request", "email is not an address"))?;
        let mut conn = self.parts.db.read().await?;
        let choice = mail_choices::find_by_email(&mut conn, &email, &group.id).await?;
        Ok(json!({ "group": group.id, "wanted": choice.unwrap_or(group.default) }))
    }
}
