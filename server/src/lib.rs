//! The rekey program: configuration, HTTP server and command line.

pub mod assets;
pub mod cli;
mod commands;
pub mod config;
mod demo;
mod dev;
pub mod http;
mod import;
pub mod keys;
pub mod listen;
mod logs;
pub mod metrics;
mod reload;
mod serve;
mod slow_reader;
pub mod start;
mod terminal;
mod traces;
