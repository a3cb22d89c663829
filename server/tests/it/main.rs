//! The program's configuration, router and commands.

#![expect(clippy::unwrap_used, reason = "tests only; clippy exempts no helper functions")]

mod addresses;
mod assets;
mod browser;
mod client_commands;
mod clients;
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
mod mail_groups;
mod metrics;
mod openid_endpoints;
mod openid_pages;
mod operators;
mod organizations;
mod pages;
mod product;
mod program;
mod providers;
mod reload;
mod running;
mod sites;
mod stand_ins;
mod traces;
mod waiting_products;
mod world;
