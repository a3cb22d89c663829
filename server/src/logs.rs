//! The log: lines for a person or objects for a program, on standard error.

mod json;

pub use json::JsonLines;

use crate::config::{Config, LogFormat};
use crate::traces::Traces;
use std::io::IsTerminal;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// What is logged, which may change while the program runs.
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// Logs what the configuration says from now on.
    pub fn replace(&self, wanted: &str) {
        // Fails where nothing is logged through it, and then there is nothing to change.
        let _ = self.0.reload(filter(wanted));
    }
}

/// Begins to log, and to send traces where there are any. A second call changes nothing.
pub fn start(config: &Config, traces: Option<&Traces>) -> LogFilter {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(JsonLines).boxed(),
    };
    let (wanted, handle) = reload::Layer::new(filter(&config.log));
    let mut layers = vec![lines.with_filter(wanted).boxed()];
    layers.extend(traces.map(|traces| traces.layer().boxed()));
    let _ = tracing::subscriber::set_global_default(Registry::default().with(layers));
    // The place only. Attack on the log: a panic's message may quote what was typed.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    LogFilter(handle)
}

/// What is logged: as configured, but never the spans that are made for traces.
fn filter(wanted: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    match format!("{}=off", backend::TRACE).parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}
