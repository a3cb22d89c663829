//! A new file in `migrations` is no change of the source to cargo, and would be left out.
#![allow(clippy::print_stdout, reason = "a build script talks to cargo by standard output")]

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
