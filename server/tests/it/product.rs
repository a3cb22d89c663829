//! A product: the client `shop` in a configuration file.

use crate::world::World;
use std::os::unix::fs::OpenOptionsExt;
use tempfile::TempDir;

pub const PRODUCT: &str = "https://shop.example";
pub const SECRET: &str = "a secret: of at least 32 characters + %";
/// Attack: a mark closes its attribute, or begins a script.
pub const MARK: &str = "<svg onload=\"alert(1)\"/>\"><script>alert(2)</script>";

/// Writes a configuration file with a client; returns its path.
pub fn configuration(folder: &TempDir) -> String {
    let private = |name: &str, content: &str| {
        let path = folder.path().join(name);
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, content.as_bytes()).unwrap();
        path.display().to_string()
    };
    let secret = private("secret", SECRET);
    let logo = private("mark.svg", MARK);
    let uri = format!("{PRODUCT}/signin/provider/rekey/callback");
    let client = format!(
        "[[clients]]\nid = \"shop\"\nname = \"Shop <b>\"\nredirect_uris = [{uri:?}]\nclient_secret_file = {secret:?}\n\
         post_logout_redirect_uris = [\"{PRODUCT}/goodbye\"]\nhome_uri = \"{PRODUCT}/home\"\nlogo_file = {logo:?}\n"
    );
    private("rekey.toml", &client)
}

/// A service that knows the product.
pub async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    World::with(&[("REKEY_CONFIG", &configuration(&folder))], true).await
}
