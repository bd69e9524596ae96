//! Errors in TOML files, with the line.

use super::read::read_text;
use std::path::Path;

/// An error in a text.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The offset in the text, in bytes, if it is known.
    at: Option<usize>,
    message: String,
}

impl Problem {
    pub(crate) fn at(at: usize, message: impl Into<String>) -> Self {
        Problem { at: Some(at), message: message.into() }
    }

    pub(crate) fn of(error: &toml::de::Error) -> Self {
        Problem { at: error.span().map(|span| span.start), message: error.message().replace('\n', ", ") }
    }

    /// As [`of`](Self::of), for a text that contains secrets: shows nothing of it except names of fields.
    pub(crate) fn discreet(error: &toml::de::Error, text: &str) -> Self {
        let Problem { at, message } = Problem::of(error);
        // "invalid type: string "what was found", expected a boolean".
        let message = match message.split_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => format!("{expected} is expected"),
            _ => message,
        };
        let values = text.lines().map(|line| line.split_once('=').map_or(line, |(_, value)| value));
        let mut words = values.flat_map(|value| value.split(|c: char| !c.is_alphanumeric()));
        let tells = |word: &str| word.len() > 2 && message.contains(word);
        if words.any(tells) && !message.starts_with("unknown field") {
            return Problem { at, message: "the value here is not of the expected kind".to_owned() };
        }
        Problem { at, message }
    }

    /// The message in one line, with the name of the file that the text was read from, and the line in it.
    pub(crate) fn told(&self, file: impl std::fmt::Display, text: &str) -> String {
        let before = self.at.and_then(|at| text.as_bytes().get(..at));
        match before {
            Some(before) => {
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                format!("{file}, line {line}: {}", self.message)
            }
            None => format!("{file}: {}", self.message),
        }
    }
}

/// Reads a file and parses it with `parse`. The error names the file, and the line if it is known.
pub(crate) fn read_toml<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, Problem>) -> Result<T, String> {
    let text = read_text(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    parse(&text).map_err(|problem| problem.told(path.display(), &text))
}
