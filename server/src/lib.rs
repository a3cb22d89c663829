//! The rekey program: what an operator decides, how requests come in, what can be done at a terminal.

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
