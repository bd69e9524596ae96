//! Prints results as lines of JSON on standard output, and failures as a line of text on standard error.

use crate::server::ServeError;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use tarmem_remote::error::Error;
use tarmem_remote::escape::{escape, is_unsafe};
use tarmem_remote::value::Value;
use tarmem_storage::StorageError;

/// Writes JSON to standard output or to a file, one value per line.
pub(super) struct Output {
    out: BufWriter<Box<dyn Write>>,
    /// What it is written to, for messages.
    to: String,
}

impl Output {
    pub(super) fn new() -> Self {
        Self::to(io::stdout(), "standard output")
    }

    /// Writes to `out`, which messages call `to`.
    pub(super) fn to(out: impl Write + 'static, to: impl Into<String>) -> Self {
        Output { out: BufWriter::new(Box::new(out)), to: to.into() }
    }

    /// Prints one line.
    pub(super) fn line(&mut self, line: &impl Serialize) -> Result<(), Failure> {
        let written = write_json(&mut self.out, line).map_err(io::Error::from);
        written.and_then(|()| self.out.write_all(b"\n")).map_err(|error| Failure::unwritten(&error, &self.to))
    }

    /// Writes out what is buffered.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::unwritten(&error, &self.to))
    }
}

/// Serializes a value in the form of [`Value::to_json`].
pub(super) struct Json<'a>(pub(super) &'a Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_json().serialize(serializer)
    }
}

/// Formats compact JSON in which control characters and invisible characters are escaped, beyond what JSON requires.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain = fragment;
        while let Some(at) = plain.find(is_unsafe) {
            let (before, rest) = plain.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut rest = rest.chars();
            for unit in rest.next().into_iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = rest.as_str();
        }
        writer.write_all(plain.as_bytes())
    }
}

/// Writes one line of JSON, without the line's end.
fn write_json(out: &mut impl Write, line: &impl Serialize) -> Result<(), serde_json::Error> {
    line.serialize(&mut serde_json::Serializer::with_formatter(out, Harmless))
}

/// Why the program failed.
pub(super) enum Failure {
    /// The command line is wrong, or asks for help.
    Usage(Box<clap::Error>),
    /// The command failed.
    Failed(String),
    /// The command failed, which has a status of its own.
    FailedAs(u8, String),
    /// What there is to say is printed, and the exit status says the same.
    Printed(u8),
    /// The reader of the output has closed its pipe, as `head` does. This is not an error.
    Unread,
}

impl Failure {
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Failure::Failed(message.into())
    }

    /// The same, with another exit status than that of a failed command.
    pub(super) fn with_status(self, status: u8) -> Self {
        match self {
            Failure::Failed(message) => Failure::FailedAs(status, message),
            other => other,
        }
    }

    pub(super) fn unwritten(error: &io::Error, to: &str) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Unread,
            _ => Failure::Failed(format!("cannot write to {to}: {error}")),
        }
    }

    /// Prints the failure, and returns the exit status.
    pub(super) fn report(self) -> ExitCode {
        match self {
            // If standard error cannot be written to, the failure cannot be reported at all.
            Failure::Usage(error) => {
                let _ = if error.use_stderr() { tell(&usage(&error)) } else { error.print() };
                u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            Failure::Failed(message) => {
                let _ = tell(&message);
                ExitCode::FAILURE
            }
            Failure::FailedAs(status, message) => {
                let _ = tell(&message);
                status.into()
            }
            Failure::Printed(status) => status.into(),
            Failure::Unread => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(error) => f.write_str(&usage(error)),
            Failure::Failed(message) | Failure::FailedAs(_, message) => f.write_str(message),
            Failure::Printed(_) => f.write_str("the output says it"),
            Failure::Unread => f.write_str("the output is no longer read"),
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
        let message = match &error {
            // This error names the remedies as commands.
            Error::Poisoned { target } => {
                let key = if target.starts_with('"') { target } else { "KEY" };
                format!(
                    "{target} is poisoned: a method panicked while changing it; look at it with `tarmem get {key}`, \
                     then permit its use with `tarmem clear-poison {key}`, or update the key with a new object"
                )
            }
            error => error.to_string(),
        };
        Failure::Failed(message)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Failure::Failed(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Failure::Failed(error.to_string())
    }
}

/// The failure for an error in the command line that clap cannot detect.
pub(super) fn wrong(kind: ErrorKind, message: impl fmt::Display) -> Failure {
    super::command().error(kind, message).into()
}

/// Prints a warning, in addition to the result.
pub(super) fn warn(message: &str) {
    let _ = tell(message);
}

fn tell(message: &str) -> io::Result<()> {
    writeln!(io::stderr(), "tarmem: {}", one_line(message))
}

/// How many characters of an invalid argument are shown.
const SHOWN: usize = 80;

/// An error in the command line as one line: clap's paragraphs, then the usage.
fn usage(error: &clap::Error) -> String {
    let mut text = error.to_string();
    // The argument may contain line breaks; and if it is long, nobody would find the error after it.
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(given)) = error.get(kind) {
            let mut short: String = given.chars().take(SHOWN).collect();
            if short.len() < given.len() {
                short.push('…');
            }
            text = text.replacen(given, &escape(&short), 1);
        }
    }
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let wrong = text.split("\n\n").map(one_line).filter(|paragraph| {
        let known = ["Usage: ", "For more information, "];
        !paragraph.is_empty() && !known.iter().any(|begin| paragraph.starts_with(begin))
    });
    let (usage, name) = usage_of(error);
    wrong.chain([usage, format!("try '{name} --help'")]).collect::<Vec<_>>().join("; ")
}

/// The usage and the name of the command that the error is about, or of the command that was given.
fn usage_of(error: &clap::Error) -> (String, String) {
    let mut program = super::command();
    program.build();
    let told = error.to_string();
    let told = told.split_once("Usage: tarmem ").map_or("", |(_, usage)| usage);
    let arguments = std::env::args().skip(1);
    let mut words = told.split_whitespace().map(str::to_owned).take(1).chain(arguments);
    let name = words.find(|word| program.find_subcommand(word).is_some());
    let command = match name.and_then(|name| program.find_subcommand_mut(&name)) {
        Some(command) => command,
        None => &mut program,
    };
    let name = command.get_bin_name().unwrap_or("tarmem").to_owned();
    (one_line(&command.render_usage().to_string()), name)
}

/// Joins the lines of a message, and escapes control characters: a message may come from a method on the service.
fn one_line(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    escape(&lines.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn shown(line: &impl Serialize) -> String {
        let mut out = Vec::new();
        write_json(&mut out, line).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_shown_as_to_json_writes_them() {
        for text in [r#"{"b":[{"z":1,"a":2.5}],"a":null}"#, r#"{"$map":[["$x",{"$bytes":"07"}]]}"#, r#""\u001b\n""#] {
            let value = Value::parse_json(text).unwrap();
            assert_eq!(shown(&Json(&value)), text);
            assert_eq!(shown(&Json(&value)), value.to_json().to_string());
        }
    }

    #[test]
    fn unsafe_characters_are_escaped() {
        assert_eq!(shown(&"a\u{9b}31m\u{202e}\u{7f}b\u{2028}é👍"), r#""a\u009b31m\u202e\u007fb\u2028é👍""#);
    }

    proptest! {
        #[test]
        fn output_is_json_without_unsafe_characters(
            text in prop::collection::vec(
                prop_oneof![
                    any::<char>(),
                    prop::char::range('\0', '\u{a0}'),
                    prop::char::range('\u{2000}', '\u{2070}'),
                ],
                0..40,
            )
        ) {
            let text: String = text.into_iter().collect();
            let value = Value::Map(vec![(text.clone().into(), text.clone().into())]);
            let line = shown(&Json(&value));
            prop_assert!(!line.contains(is_unsafe), "{line:?}");
            prop_assert_eq!(Value::parse_json(&line), Ok(value));
            let keys: String = serde_json::from_str(&shown(&text)).unwrap();
            prop_assert_eq!(&keys, &text);
            prop_assert!(!one_line(&text).contains(is_unsafe));
        }
    }

    #[test]
    fn a_message_is_one_escaped_line() {
        assert_eq!(one_line("two\n  lines\r\n\n\u{1b}[2Jred"), r"two lines \u{1b}[2Jred");
        assert_eq!(one_line("\u{9b}2J\u{202e}\u{2028}x"), r"\u{9b}2J\u{202e}\u{2028}x");
    }
}
