//! What the methods of these modules refuse, by the names that Python gives it.

use super::python::short;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An exception of Python's: its kind, and its message in Python's own words where there are some.
///
/// An operation that fails with one has changed nothing.
///
/// ```
/// use tarmem_remote::modules::Exception;
///
/// let error = Exception::IndexError("pop from empty list".into());
/// assert_eq!(error.to_string(), "IndexError: pop from empty list");
/// assert_eq!(error.kind(), "IndexError");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Exception {
    /// An index is outside the sequence, or there is nothing to take from it.
    IndexError(String),
    /// There is no such key; the message is the key, as Python writes it.
    KeyError(String),
    /// The type is right, the value is not.
    ValueError(String),
    /// The type is not right.
    TypeError(String),
    /// An iterator has come to its end.
    StopIteration(String),
    /// A number does not fit: integers have [`INTEGER_BITS_LIMIT`](crate::value::INTEGER_BITS_LIMIT) bits here.
    OverflowError(String),
    /// Division by zero.
    ZeroDivisionError(String),
    /// There is no such attribute.
    AttributeError(String),
    /// The result would be larger than [`RESULT_LIMIT`](crate::modules::python::RESULT_LIMIT).
    MemoryError(String),
    /// What is looked up, such as an encoding, is not known.
    LookupError(String),
    /// These bytes are no text in that encoding.
    UnicodeDecodeError(String),
    /// That encoding has no bytes for this text.
    UnicodeEncodeError(String),
    /// It cannot be done now: a lock that is not held is to be released, say.
    RuntimeError(String),
    /// The barrier is broken, or breaks while somebody waits there.
    BrokenBarrierError(String),
    /// There is nothing in the queue.
    Empty(String),
    /// There is no room in the queue.
    Full(String),
}

impl Exception {
    /// The name of its kind, as Python has it.
    pub fn kind(&self) -> &'static str {
        self.parts().0
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Exception::IndexError(message) => ("IndexError", message),
            Exception::KeyError(message) => ("KeyError", message),
            Exception::ValueError(message) => ("ValueError", message),
            Exception::TypeError(message) => ("TypeError", message),
            Exception::StopIteration(message) => ("StopIteration", message),
            Exception::OverflowError(message) => ("OverflowError", message),
            Exception::ZeroDivisionError(message) => ("ZeroDivisionError", message),
            Exception::AttributeError(message) => ("AttributeError", message),
            Exception::MemoryError(message) => ("MemoryError", message),
            Exception::LookupError(message) => ("LookupError", message),
            Exception::UnicodeDecodeError(message) => ("UnicodeDecodeError", message),
            Exception::UnicodeEncodeError(message) => ("UnicodeEncodeError", message),
            Exception::RuntimeError(message) => ("RuntimeError", message),
            Exception::BrokenBarrierError(message) => ("BrokenBarrierError", message),
            Exception::Empty(message) => ("Empty", message),
            Exception::Full(message) => ("Full", message),
        }
    }

    pub(crate) fn index(message: impl Into<String>) -> Self {
        Exception::IndexError(message.into())
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Exception::ValueError(message.into())
    }

    pub(crate) fn of_type(message: impl Into<String>) -> Self {
        Exception::TypeError(message.into())
    }

    /// That there is no such key.
    pub(crate) fn no_key(key: &Value) -> Self {
        Exception::KeyError(short(key))
    }

    pub(crate) fn overflow(message: impl Into<String>) -> Self {
        Exception::OverflowError(message.into())
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, message) = self.parts();
        if message.is_empty() { f.write_str(kind) } else { write!(f, "{kind}: {message}") }
    }
}

impl std::error::Error for Exception {}
