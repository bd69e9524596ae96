//! Errors of values and their conversions.

use std::fmt::{self, Write};

use super::weight::{OutOfMemory, TooHeavy};
use super::{TooDeep, Value};

/// The error of a conversion to or from a value. Its message is meant for the person who passed the value.
///
/// ```
/// use tarmem_remote::value::{Value, from_value};
///
/// let error = from_value::<i64>(Value::from("abc")).unwrap_err();
/// assert_eq!(error.to_string(), r#"expected i64, found text "abc""#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(String);

impl ValueError {
    /// An error with this message.
    pub fn new(message: impl Into<String>) -> Self {
        ValueError(message.into())
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0
    }

    /// The error "expected …, found …".
    pub(super) fn mismatch(expected: impl fmt::Display, found: &Value) -> Self {
        ValueError(format!("expected {expected}, found {}", Found(found)))
    }

    /// The same error, with the name of the struct's field in which it occurred.
    pub(super) fn in_field(self, name: &str) -> Self {
        ValueError(format!("field `{name}`: {}", self.0))
    }
}

impl serde::ser::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ValueError(message.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        ValueError(message.to_string())
    }
}

impl From<TooHeavy> for ValueError {
    fn from(error: TooHeavy) -> Self {
        ValueError::new(error.to_string())
    }
}

impl From<OutOfMemory> for ValueError {
    fn from(error: OutOfMemory) -> Self {
        ValueError::new(error.to_string())
    }
}

impl From<TooDeep> for ValueError {
    fn from(error: TooDeep) -> Self {
        ValueError(error.to_string())
    }
}

/// Says that `found` is not a `T`, for a message that begins with the name of the thing.
///
/// ```
/// use tarmem_remote::value::{Value, from_value, misfit};
///
/// let found = Value::from(5);
/// let error = from_value::<String>(found.clone()).unwrap_err();
/// assert_eq!(misfit::<String>(&found, &error), "is the int 5, where a String was expected");
/// ```
pub fn misfit<T>(found: &Value, error: &ValueError) -> String {
    let expected = shown_type::<T>();
    // For a list or map, the error inside it is shown, too.
    let why = if matches!(found, Value::List(_) | Value::Map(_)) { format!(" ({error})") } else { String::new() };
    let the = if found.is_null() { "" } else { "the " };
    format!("is {the}{}, where {expected} was expected{why}", Found(found))
}

/// A type's name for error messages: with an article, and without paths.
///
/// ```
/// use tarmem_remote::value::{Value, shown_type};
///
/// assert_eq!(shown_type::<Vec<Value>>(), "a Vec<Value>");
/// assert_eq!(shown_type::<i64>(), "an i64");
/// ```
pub fn shown_type<T: ?Sized>() -> String {
    with_article(&short_name(std::any::type_name::<T>()))
}

/// A type's name without paths.
fn short_name(name: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut short = String::new();
    for part in name.split_inclusive(|c| !is_word(c)) {
        let word = part.trim_end_matches(|c| !is_word(c));
        short.push_str(word.rsplit("::").next().unwrap_or(word));
        short.push_str(&part[word.len()..]);
    }
    short
}

fn with_article(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// Shows a value in an error message: its kind and its first characters.
pub(super) struct Found<'a>(pub(super) &'a Value);

/// How many characters of a value an error message shows.
const SHOWN: usize = 40;

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind())?;
        if self.0.is_null() {
            return Ok(());
        }
        let mut shown = Shown { text: String::new(), left: SHOWN };
        let whole = write!(shown, "{}", self.0).is_ok();
        write!(f, " {}{}", shown.text, if whole { "" } else { "…" })
    }
}

/// A writer that takes the first characters and then refuses, so that a large value is not formatted for nothing.
struct Shown {
    text: String,
    left: usize,
}

impl Write for Shown {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for c in s.chars() {
            if self.left == 0 {
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.text.push(c);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_messages_cut_long_values() {
        let long = Value::from("x".repeat(1000));
        let message = ValueError::mismatch("i64", &long).to_string();
        assert_eq!(message, format!("expected i64, found text \"{}…", "x".repeat(39)));
    }

    #[test]
    fn error_messages_name_null_once() {
        assert_eq!(ValueError::mismatch("u8", &Value::Null).to_string(), "expected u8, found null");
    }
}
