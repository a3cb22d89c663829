//! Log lines as JSON objects, for log collectors.

use serde::ser::{SerializeMap, Serializer as _};
use serde_json::{Serializer, Value};
use std::fmt;
use tracing::{Event, Subscriber};
use tracing_serde::AsSerde;
use tracing_serde::fields::AsMap;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// `{"timestamp":…,"level":…,"target":…,"request_id":…,"message":…,…}`. The request's id is a top-level field; in the library's
/// own format, it is in a list of spans at a varying position.
pub struct JsonLines;

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Vec::new();
        let mut object = |id: Option<String>| {
            let mut serializer = Serializer::new(&mut line);
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("timestamp", &timestamp)?;
            map.serialize_entry("level", &event.metadata().level().as_serde())?;
            map.serialize_entry("target", event.metadata().target())?;
            if let Some(id) = id {
                map.serialize_entry("request_id", &id)?;
            }
            for (name, value) in fields(event) {
                map.serialize_entry(&name, &value)?;
            }
            map.end()
        };
        object(request_id(context)).map_err(|_: serde_json::Error| fmt::Error)?;
        writeln!(writer, "{}", String::from_utf8_lossy(&line))
    }
}

/// Returns the message and the other fields of the event.
fn fields(event: &Event<'_>) -> serde_json::Map<String, Value> {
    match serde_json::to_value(event.field_map()) {
        Ok(Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    }
}

/// Returns the id of the enclosing request.
fn request_id<S>(context: &FmtContext<'_, S, JsonFields>) -> Option<String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let request = context
        .event_scope()?
        .from_root()
        .find(|span| span.name() == "request")?;
    let extensions = request.extensions();
    let fields = extensions.get::<FormattedFields<JsonFields>>()?;
    let fields: Value = serde_json::from_str(fields.fields.as_str()).ok()?;
    fields.get("id")?.as_str().map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Registry, fmt};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines_of(log: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines)
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(Registry::default().with(lines), log);
        let text = kept.0.lock().unwrap().clone();
        let lines = String::from_utf8(text).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn each_log_line_of_a_request_has_its_id_at_the_top_level() {
        let lines = lines_of(|| {
            let id = "0123456789abcdef";
            tracing::info_span!("request", id).in_scope(|| {
                tracing::info!(target: "rekey::access", route = "/signin", status = 200, "answered");
                tracing::info_span!("inner", id = 7).in_scope(|| tracing::warn!("deep \"quoted\"\nline"));
            });
        });
        assert_eq!(lines.len(), 2);
        assert!(
            lines.iter().all(|line| line["request_id"] == "0123456789abcdef"),
            "{lines:?}"
        );
        assert_eq!(lines[0]["message"], "answered");
        assert_eq!(
            (&lines[0]["route"], &lines[0]["status"]),
            (&"/signin".into(), &200.into())
        );
        assert_eq!(
            (&lines[0]["level"], &lines[0]["target"]),
            (&"INFO".into(), &"rekey::access".into())
        );
        assert_eq!(lines[1]["message"], "deep \"quoted\"\nline");
    }

    #[test]
    fn a_log_line_outside_a_request_has_no_id() {
        let lines = lines_of(|| tracing::info!("listening"));
        assert_eq!(lines[0]["message"], "listening");
        assert!(lines[0].get("request_id").is_none() && lines[0]["timestamp"].is_string());
    }
}
