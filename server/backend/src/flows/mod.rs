//! The flows: `account` decides each request, and one transaction executes it.

mod authorization;
mod change_password;
mod confirm;
mod connections;
mod current_password;
mod deletion;
mod devices;
mod email_budget;
mod email_change;
mod events;
mod export;
mod first_form;
mod history;
mod joining;
mod logout;
mod mailed_code;
mod mailed_email;
mod new_password;
mod organization;
mod password_tries;
mod preferences;
mod products;
mod profile;
mod provider;
mod request;
mod reset;
mod secure;
mod sessions;
mod sign_in;
mod sign_up;
mod site;
mod step_up;

pub use authorization::{Authorization, AuthorizationStep, Consent, WaitingProduct, waits_for_product};
pub use deletion::Deletion;
pub(crate) use devices::DEVICE_DAYS;
pub use email_change::EmailChange;
pub use export::{AccountData, Export};
pub use history::History;
pub use logout::{ClientLogout, ClientLogoutStep};
pub use preferences::Preferences;
pub use products::ConnectedProducts;
pub use profile::Profile;
pub use provider::ProviderSignIn;
pub use request::{
    BrowserRequest, Confirmation, Connections, Joining, Organization, PasswordChange, Reset, Sessions, SignIn, SignUp,
};
pub use secure::SecureAccount;
pub use site::{SiteAnswer, SiteStart, local_to_site};
