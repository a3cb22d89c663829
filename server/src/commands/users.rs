//! Commands to show, change and delete one account.

use super::{Failed, kind_of, moment, no_account, say};
use account::{EmailAddress, Timestamp};
use backend::{AddressChange, Backend, DeletionRequest, retried};
use std::fmt::Write as _;

/// Runs `rekey user show`.
pub async fn show(backend: &Backend, email: &EmailAddress) -> Result<(), Failed> {
    let details = backend
        .accounts()
        .details(email)
        .await
        .map_err(|fault| fault.to_string())?;
    let details = details.ok_or_else(|| no_account(email))?;
    let account = &details.account;
    let optional = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), moment);
    let mut text = String::new();
    for (name, value) in [
        ("address", account.email.to_string()),
        ("name", account.name.clone()),
        ("kind", kind_of(account)),
        ("language", account.language.clone().unwrap_or_else(|| "-".into())),
        ("created", moment(details.created_at)),
        ("deactivated", optional(account.disabled_at)),
        ("deleted after", optional(account.delete_after)),
        ("password set", optional(account.password_changed_at)),
        ("last sign-in", optional(details.last_sign_in)),
    ] {
        let _ = writeln!(text, "{name}\t{value}");
    }
    let lists = [
        ("session", "last seen", &details.sessions),
        ("trusted device", "until", &details.devices),
        ("open flow", "since", &details.flows),
    ];
    for (name, when, items) in lists {
        for (what, at) in items {
            let _ = writeln!(text, "{name}\t{what}, {when} {}", moment(*at));
        }
    }
    for email in &details.emails {
        let kind = email.kind.unwrap_or("encrypted with a missing key");
        let reason = email.reason.as_deref().unwrap_or("not tried yet");
        let _ = writeln!(
            text,
            "queued e-mail\t{kind}, written {}: {reason}",
            moment(email.written_at)
        );
    }
    say(&text)
}

/// Runs `rekey user email`.
pub async fn change_address(
    backend: &Backend,
    from: &EmailAddress,
    to: &EmailAddress,
    yes: bool,
) -> Result<(), Failed> {
    if !yes {
        return Err(Failed::Other(format!(
            "This changes the address {from} to {to}, ends the pending flows and codes of both, and notifies both. Add --yes to confirm."
        )));
    }
    let changed = retried(async || Ok(backend.accounts().change_address(from, to).await?)).await;
    match changed.map_err(|fault| fault.to_string())? {
        AddressChange::Done => say(&format!("Changed {from} to {to}. Both addresses will be notified.\n")),
        AddressChange::NoAccount => Err(no_account(from)),
        AddressChange::Taken => Err(Failed::Other(format!(
            "There is already an account with the address {to}; nothing was changed."
        ))),
    }
}

/// Runs `rekey user delete`.
pub async fn delete(backend: &Backend, email: &EmailAddress, now: bool, yes: bool) -> Result<(), Failed> {
    let days = backend.settings().deletion_grace_days;
    match (yes, now) {
        (false, true) => {
            return Err(Failed::Other(format!(
                "This deletes {email} with its sessions, devices, activity and e-mails, and cannot be undone. Add --yes to confirm."
            )));
        }
        (false, false) => {
            return Err(Failed::Other(format!(
                "This signs {email} out everywhere and deletes the account after {days} days, unless its owner signs in and keeps it. \
                 Add --yes to confirm, or --now to delete it at once."
            )));
        }
        (true, true) => {
            let deleted = retried(async || Ok(backend.accounts().delete(email).await?)).await;
            if !deleted.map_err(|fault| fault.to_string())? {
                return Err(no_account(email));
            }
            return say(&format!("Deleted {email}.\n"));
        }
        (true, false) => {}
    }
    let requested = retried(async || Ok(backend.accounts().request_deletion(email).await?)).await;
    match requested.map_err(|fault| fault.to_string())? {
        DeletionRequest::Until(at) => say(&format!(
            "{email} will be deleted after {}. Its owner is notified and can keep it until then.\n",
            moment(at)
        )),
        DeletionRequest::Already(at) => say(&format!("{email} will already be deleted after {}.\n", moment(at))),
        DeletionRequest::Managed(name) => Err(Failed::Other(format!(
            "{name} manages {email}, so its owner could not keep it; nothing was changed. Add --now to delete it at once."
        ))),
        DeletionRequest::Deactivated => Err(Failed::Other(format!(
            "{email} is deactivated, so its owner could not keep it; nothing was changed. Add --now to delete it at once."
        ))),
        DeletionRequest::NoAccount => Err(no_account(email)),
    }
}
