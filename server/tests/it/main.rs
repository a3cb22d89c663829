//! The program from outside: its configuration, its router, its commands.

#![allow(clippy::unwrap_used)] // All of this is tests; clippy only knows the functions that are marked so.

mod addresses;
mod assets;
mod configuration;
mod contract;
mod databases;
mod development;
mod documents;
mod guards;
mod import;
mod import_formats;
mod key_file;
mod mail;
mod metrics;
mod operators;
mod pages;
mod program;
mod reload;
mod running;
mod traces;
mod world;
