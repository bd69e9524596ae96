//! Results as lines of JSON on standard output, failures as a line of text on standard error.

use crate::server::ServeError;
use clap::error::{ContextKind, ContextValue};
use serde::{Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufWriter, Stdout, Write};
use std::process::ExitCode;
use tarmem_remote::error::Error;
use tarmem_remote::value::Value;

/// Standard output: JSON, one value a line.
pub(super) struct Output {
    out: BufWriter<Stdout>,
}

impl Output {
    pub(super) fn new() -> Self {
        Output { out: BufWriter::new(io::stdout()) }
    }

    /// Prints one line.
    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, line).map_err(|error| Failure::unwritten(&error.into()))?;
        self.out.write_all(b"\n").map_err(|error| Failure::unwritten(&error))
    }

    /// Sees to it that all is printed.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::unwritten(&error))
    }
}

/// A value in the form of [`Value::to_json`], with the keys of its maps in their order.
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::List(items) => serializer.collect_seq(items.iter().map(Json)),
            Value::Map(entries) if is_object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key.as_str(), Json(value))))
            }
            Value::Map(entries) => {
                let pairs: Vec<_> = entries.iter().map(|(key, value)| (Json(key), Json(value))).collect();
                serializer.collect_map([("$map", pairs)])
            }
            other => other.to_json().serialize(serializer),
        }
    }
}

/// Whether JSON can have the map as it is.
fn is_object(entries: &[(Value, Value)]) -> bool {
    let mut seen = HashSet::new();
    entries.iter().all(|(key, _)| key.as_str().is_some_and(|key| !key.starts_with('$') && seen.insert(key)))
}

/// Why the program did not do what it was told.
pub(super) enum Failure {
    /// The command line is wrong, or asks for help.
    Usage(Box<clap::Error>),
    /// The command failed.
    Failed(String),
    /// Whoever read the output has gone, and so wants no more of it.
    Unread,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Failure::Failed(message.into())
    }

    pub(super) fn unwritten(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Failed(format!("cannot write to standard output: {error}")),
        }
    }

    /// Tells the user, and the exit status.
    pub(super) fn report(self) -> ExitCode {
        match self {
            // There is nobody else to tell if that fails.
            Failure::Usage(error) => {
                let _ = if error.use_stderr() { tell(&usage(&error)) } else { error.print() };
                u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Failure::Failed(message) => {
                let _ = tell(&message);
                ExitCode::FAILURE
            }
            Failure::Unread => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) => f.write_str(&usage(error)),
            Failure::Failed(message) => f.write_str(message),
            Failure::Unread => f.write_str("nobody reads the output"),
        }
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Failure::Usage(Box::new(error))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Failure::Failed(error.to_string())
    }
}

fn tell(message: &str) -> io::Result<()> {
    writeln!(io::stderr(), "tarmem: {}", one_line(message))
}

/// How many characters of a wrong argument are shown.
const SHOWN: usize = 80;

/// clap's paragraphs (what is wrong, perhaps a tip, the usage), one after the other.
fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = match error.get(ContextKind::InvalidValue) {
        // What is wrong with it stands behind it, and would not be found.
        Some(ContextValue::String(value)) if value.chars().count() > SHOWN => {
            let short: String = value.chars().take(SHOWN).collect();
            text.replacen(value, &format!("{short}…"), 1)
        }
        _ => text,
    };
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let paragraphs = text.split("\n\n").map(one_line).filter(|paragraph| !paragraph.is_empty());
    let more = paragraphs.map(|paragraph| match paragraph.strip_prefix("For more information, ") {
        Some(rest) => rest.trim_end_matches('.').to_owned(),
        None => paragraph,
    });
    more.collect::<Vec<_>>().join("; ")
}

/// On one line, and harmless to a terminal: a message may come from a method on the service.
fn one_line(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .join(" ")
        .chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn shown(value: &Value) -> String {
        serde_json::to_string(&Json(value)).unwrap()
    }

    #[test]
    fn keys_stay_in_their_order() {
        let text = r#"{"b":[{"z":1,"a":2.5}],"a":null}"#;
        assert_eq!(shown(&Value::parse_json(text).unwrap()), text);
    }

    #[test]
    fn what_json_does_not_have_is_as_everywhere() {
        let twice = Value::Map(vec![("a".into(), 1.into()), ("a".into(), 2.into())]);
        let values = [
            Value::Map(vec![(1.into(), twice.clone()), (Value::Bytes(vec![7]), Value::Float(f64::NAN))]),
            Value::Map(vec![("$x".into(), Value::from(i128::MAX))]),
            twice,
            Value::Map(Vec::new()),
            Value::List(vec![Value::Bool(true), Value::Text("\u{1b}\n".into())]),
        ];
        for value in values {
            assert_eq!(shown(&value), value.to_json().to_string());
        }
    }

    #[test]
    fn a_message_is_one_harmless_line() {
        assert_eq!(one_line("two\n  lines\r\n\n\u{1b}[2Jred"), r"two lines \u{1b}[2Jred");
    }
}
