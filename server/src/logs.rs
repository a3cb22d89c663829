//! Logging to standard error, as lines for reading or as JSON objects.

mod json;

pub use json::JsonLines;

use crate::config::{Config, LogFormat};
use crate::traces::Traces;
use std::io::IsTerminal;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The log filter, which can change while the program runs.
pub struct LogFilter(reload::Handle<EnvFilter, Registry>);

impl LogFilter {
    /// Applies a new filter.
    pub fn replace(&self, wanted: &str) {
        // Fails harmlessly if this filter is not in use.
        let _ = self.0.reload(filter(wanted));
    }
}

/// Starts logging, and the export of traces if configured. A second call changes nothing.
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
    // Attack: a panic's message brings user input into the log. Only the location is logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    LogFilter(handle)
}

/// Returns the configured filter, which always excludes the spans for traces.
fn filter(wanted: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    match format!("{}=off", backend::TRACE).parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}
