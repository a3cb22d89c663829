//! What the targets lean on: the whole service on a database of its own.

mod world;

pub use world::{Answer, ORIGIN, World, is_path_of_ours};
