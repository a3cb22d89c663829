//! Support for the targets: the whole service on a temporary database.

mod world;

pub use world::{Answer, ORIGIN, World, is_local_path};
