//! The sample product, `end2end/product`, which the development run knows without configuration.

use backend::oauth::{ClientOptions, ClientSettings};

/// The address of the sample product.
pub const ORIGIN: &str = "http://127.0.0.1:3001";

/// Its mark.
const MARK: &[u8] = include_bytes!("notes.svg");

/// Returns its registration. It has no secret: one in the source would not be secret.
pub fn settings() -> ClientSettings {
    ClientSettings {
        id: "notes".into(),
        name: "Notes".into(),
        redirect_uris: vec![format!("{ORIGIN}/callback")],
        post_logout_redirect_uris: vec![format!("{ORIGIN}/")],
        backchannel_logout_uri: Some(format!("{ORIGIN}/backchannel")),
        options: ClientOptions {
            home_uri: Some(format!("{ORIGIN}/")),
            logo: ClientOptions::logo_of(MARK).ok(),
            ..ClientOptions::default()
        },
        ..ClientSettings::default()
    }
}
