//! Complete HTML documents.

mod assets;
mod error;
mod head;
mod outside_router;
mod product;
mod script;
mod shell;
mod site;
mod unsubscribe;

pub use assets::{Assets, Program};
pub use error::{FailedRequest, error_page};
pub use outside_router::PageOutsideRouter;
pub use product::{consent_page, refused_product_page, return_page, sign_out_page};
pub use shell::shell;
pub use site::{SITE_STYLE, SitePage, site_page};
pub use unsubscribe::unsubscribe_page;
