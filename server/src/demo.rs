//! The demo accounts of the development run: one of each kind.

use account::{EmailAddress, Name, Organization, Secret};
use backend::oidc::{GOOGLE, Provider};
use backend::{Backend, Error, NewAccount};

/// The demo organization.
const ORGANIZATION: &str = "Analytical Engines Ltd";
const ADMINISTRATOR: &str = "charles@engines.example";

/// The password of the accounts that have one.
pub const PASSWORD: &str = "correct horse battery staple";

/// Address, name and special feature, as printed at the start of a development run.
pub const DEMO: [(&str, &str, &str); 6] = [
    ("ada@example.com", "Ada Lovelace", "signs in with a password"),
    ("grace@example.com", "Grace Hopper", "signs in with a password"),
    ("google@example.com", "Grigori Googler", "signs in with Google"),
    (
        "mary@engines.example",
        "Mary Managed",
        "is managed by Analytical Engines Ltd, and signs in there",
    ),
    (
        ADMINISTRATOR,
        "Charles Babbage",
        "administers Analytical Engines Ltd at /organization",
    ),
    ("off@example.com", "Otto Off", "is deactivated"),
];

/// Adds the missing demo accounts.
///
/// # Errors
/// Returns a message with the cause.
pub async fn add_demo(backend: &Backend) -> Result<(), String> {
    for (email, name, _) in DEMO {
        let google = backend.providers().find("google").map_or(GOOGLE, Provider::issuer);
        let issuer = (email == "google@example.com").then(|| google.to_owned());
        let managed_by = email.ends_with("@engines.example").then(|| Organization {
            name: ORGANIZATION.into(),
            administrator_name: "Charles Babbage".into(),
            administrator_email: "it-help@example.com".into(),
        });
        let refused = |refusal: account::Refusal| format!("{email}: {refusal}");
        let email = EmailAddress::parse(email).map_err(refused)?;
        let person = NewAccount {
            email: email.clone(),
            name: Name::parse(name).map_err(refused)?,
            password: (issuer.is_none() && managed_by.is_none()).then(|| Secret::from(PASSWORD)),
            issuer,
            managed_by,
            language: None,
        };
        let is_new = backend
            .accounts()
            .create(person)
            .await
            .map_err(|error| format!("{email} cannot be added: {error}"))?;
        if is_new && email.as_str() == "off@example.com" {
            let off = backend.accounts().disable(&email, true).await;
            off.map_err(|fault| format!("{email} cannot be deactivated: {fault}"))?;
        }
        if is_new && email.as_str() == ADMINISTRATOR {
            let set_up = set_up_organization(backend, &email).await;
            set_up.map_err(|error| format!("{ORGANIZATION} cannot be added: {error}"))?;
        }
    }
    Ok(())
}

/// Gives the demo organization its domain, its provider and its administrator.
async fn set_up_organization(backend: &Backend, administrator: &EmailAddress) -> Result<(), Error> {
    let organizations = backend.organizations();
    let Some(of) = organizations.find(ORGANIZATION).await? else {
        return Ok(());
    };
    organizations.trust_domain(&of.id, administrator.domain()).await?;
    if let Some(provider) = backend.providers().find("engines") {
        organizations.set_provider(&of.id, Some(provider.id())).await?;
    }
    organizations.add_administrator(&of, administrator, false).await?;
    Ok(())
}
