//! The log of a service, on standard error.

use super::output::Failure;
use std::fmt;
use std::io::{self, IsTerminal};
use tarmem_remote::escape::escape;
use tracing::field::Field;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::{self, Writer};

/// The environment variables that may contain the filter; the first one that is set is used.
const VARIABLES: [&str; 2] = ["TARMEM_LOG", "RUST_LOG"];

/// Starts to write the log to standard error.
pub(super) fn begin() -> Result<(), Failure> {
    let set = |name: &&str| std::env::var(name).ok().filter(|filter| !filter.is_empty());
    let (name, filter) = VARIABLES
        .iter()
        .find_map(|name| Some((*name, set(name)?)))
        .unwrap_or_else(|| (VARIABLES[0], "info".to_owned()));
    let filter = filter_of(&filter)
        .map_err(|error| Failure::failed(format!("{name}={filter:?}: {error}; set it to something like info")))?;
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .fmt_fields(format::debug_fn(write_field).delimited(" "))
        // If standard error is a closed pipe, reporting an error there would panic.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Writes a field of an event, without line breaks and with control characters escaped: parts of it come from clients.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let text = format!("{value:?}");
    match field.name() {
        "message" => writer.write_str(&escape(&text)),
        name => write!(writer, "{name}={}", escape(&text)),
    }
}

/// The filter `given`, without tarpc's log of every request at level `info` unless the filter mentions tarpc.
fn filter_of(given: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    let quiet = if given.contains("tarpc") { "" } else { ",tarpc=warn" };
    EnvFilter::try_new(format!("{given}{quiet}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::Error::other("poisoned"))?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn log_events_are_one_escaped_line_each() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .fmt_fields(format::debug_fn(write_field).delimited(" "))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let name = "x\u{9b}31m\u{202e}\n2026 INFO forged";
            tracing::info!(%name, count = 3, "refused {name}");
        });
        let text = String::from_utf8(lines.0.lock().expect("whole").clone()).expect("UTF-8");
        let name = r"x\u{9b}31m\u{202e}\n2026 INFO forged";
        assert!(text.trim_end().ends_with(&format!("refused {name} name={name} count=3")), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
