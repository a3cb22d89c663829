//! Cargo does not treat a new file in `migrations` as a change, and would leave it out.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
