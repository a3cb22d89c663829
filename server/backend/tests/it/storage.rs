//! The storage contract: every public function of `store/` on both databases.

mod accounts;
mod authorization;
mod clients;
mod codes;
mod database;
mod deletions;
mod devices;
mod email_changes;
mod events;
mod fixtures;
mod flows;
mod identities;
mod limits;
mod organizations;
mod outbox;
mod preferences;
mod products;
mod sessions;
mod signing_keys;
mod site_sessions;
mod upkeep;

#[test]
fn every_public_function_of_the_store_is_tested_here() {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = package.join("tests/it/storage").read_dir().unwrap();
    let this: String = tests
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let store = package.join("src/store");
    let mut seen = 0;
    let folders = ["", "flows", "sqlite", "postgres"].map(|folder| store.join(folder));
    let files = folders.iter().flat_map(|folder| folder.read_dir().unwrap());
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
    for path in files {
        let module = if path.starts_with(&folders[1]) {
            "flows"
        } else {
            path.file_stem().unwrap().to_str().unwrap()
        };
        let source = std::fs::read_to_string(&path).unwrap();
        for after in source.split("pub async fn ").skip(1) {
            let name = after.split(['(', '<']).next().unwrap();
            let call = if ["conn", "db", "writer"].contains(&module) {
                format!("{name}(")
            } else {
                format!("{module}::{name}(")
            };
            assert!(this.contains(&call), "{module}::{name} is not tried on both databases");
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
}
