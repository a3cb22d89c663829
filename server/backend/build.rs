//! A new file in `migrations` is no change of the source to cargo, and would be left out.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
