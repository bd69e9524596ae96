//! The errors of these modules, under the names of Python's exceptions.

use super::python::{short, weight};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use tarmem_remote::value::{Unhashable, Value};

mod unicode;

pub use unicode::UnicodeError;

/// Makes the enum. All variants but `KeyError` and the two of Unicode have just a message.
macro_rules! exceptions {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// One of Python's exceptions. The message is Python's own where Python has one.
        ///
        /// An operation that fails with an exception has changed nothing.
        ///
        /// Dynamic callers get it as a map of its `class`, its `message` and its `args`, which are the arguments of
        /// Python's exception: see [`Error::raised_class`](tarmem_remote::Error::raised_class).
        ///
        /// ```
        /// use tarmem_modules::Exception;
        ///
        /// let error = Exception::IndexError("pop from empty list".into());
        /// assert_eq!(error.to_string(), "IndexError: pop from empty list");
        /// assert_eq!(error.kind(), "IndexError");
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(into = "Parts", try_from = "Parts")]
        #[non_exhaustive]
        pub enum Exception {
            /// The key does not exist. If the key is larger than 64 KiB, this is the beginning of its `repr` instead.
            KeyError(Value),
            /// Bytes cannot be decoded.
            UnicodeDecodeError(Box<UnicodeError>),
            /// A text cannot be encoded.
            UnicodeEncodeError(Box<UnicodeError>),
            $($(#[$doc])* $kind(String),)*
        }

        impl Exception {
            /// Returns the name of its class in Python.
            pub fn kind(&self) -> &'static str {
                match self {
                    Exception::KeyError(_) => "KeyError",
                    Exception::UnicodeDecodeError(_) => "UnicodeDecodeError",
                    Exception::UnicodeEncodeError(_) => "UnicodeEncodeError",
                    $(Exception::$kind(_) => stringify!($kind),)*
                }
            }

            /// Returns the message; for a `KeyError`, the `repr` of the key.
            pub fn message(&self) -> Cow<'_, str> {
                match self {
                    Exception::KeyError(key) => short(key).into(),
                    Exception::UnicodeDecodeError(error) => error.message().into(),
                    Exception::UnicodeEncodeError(error) => error.message().into(),
                    $(Exception::$kind(message) => message.into(),)*
                }
            }

            fn of_parts(parts: Parts) -> Option<Self> {
                match &*parts.class {
                    "KeyError" => Some(Exception::KeyError(parts.args.into_iter().next()?)),
                    "UnicodeDecodeError" => {
                        Some(Exception::UnicodeDecodeError(UnicodeError::of_args(parts.message, parts.args).into()))
                    }
                    "UnicodeEncodeError" => {
                        Some(Exception::UnicodeEncodeError(UnicodeError::of_args(parts.message, parts.args).into()))
                    }
                    $(stringify!($kind) => Some(Exception::$kind(parts.message)),)*
                    _ => None,
                }
            }
        }
    };
}

exceptions! {
    /// An index is out of range, or a sequence is empty.
    IndexError,
    /// A value of the right type is not acceptable.
    ValueError,
    /// A value has the wrong type.
    TypeError,
    /// An iterator has reached its end.
    StopIteration,
    /// A number does not fit. Integers have at most [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT)
    /// bits here.
    OverflowError,
    /// Division by zero.
    ZeroDivisionError,
    /// The attribute does not exist.
    AttributeError,
    /// The result would be larger than [`RESULT_LIMIT`](crate::python::RESULT_LIMIT).
    MemoryError,
    /// Something that is looked up by name, such as an encoding, is not known.
    LookupError,
    /// The method exists only to say that it is not supported.
    NotImplementedError,
    /// It cannot be done in the current state, such as releasing a lock that is not held.
    RuntimeError,
    /// A value that is compared or shown is nested too deeply, or contains itself.
    RecursionError,
    /// The barrier is broken, or has broken during the wait.
    BrokenBarrierError,
    /// The queue is empty.
    Empty,
    /// The queue is full.
    Full,
}

/// The largest key that a `KeyError` carries, in bytes of memory.
const KEY_LIMIT: usize = 64 << 10;

const BUSY: &str = "an object that this looks into is in use";

/// Returns whether it is [`Exception::busy`].
pub(crate) fn is_busy(error: &Exception) -> bool {
    matches!(error, Exception::RuntimeError(message) if message == BUSY)
}

/// The form in which it is serialized.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Exception")]
struct Parts {
    class: Cow<'static, str>,
    message: String,
    args: Vec<Value>,
}

impl From<Exception> for Parts {
    fn from(error: Exception) -> Self {
        let (class, message) = (error.kind().into(), error.message().into_owned());
        let args = match error {
            Exception::KeyError(key) => vec![key],
            Exception::UnicodeDecodeError(error) | Exception::UnicodeEncodeError(error) => error.into_args(),
            _ if message.is_empty() => Vec::new(),
            _ => vec![message.clone().into()],
        };
        Parts { class, message, args }
    }
}

impl TryFrom<Parts> for Exception {
    type Error = String;

    fn try_from(parts: Parts) -> Result<Self, String> {
        // An error without a class is still an error.
        if parts.class.is_empty() {
            return Ok(Exception::RuntimeError(parts.message));
        }
        let class = parts.class.clone();
        Exception::of_parts(parts).ok_or_else(|| format!("{class} is not an exception that this client knows"))
    }
}

impl Exception {
    pub(crate) fn index(message: impl Into<String>) -> Self {
        Exception::IndexError(message.into())
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Exception::ValueError(message.into())
    }

    pub(crate) fn of_type(message: impl Into<String>) -> Self {
        Exception::TypeError(message.into())
    }

    /// The error for a missing key.
    pub(crate) fn no_key(key: &Value) -> Self {
        if weight(key) > KEY_LIMIT { Exception::KeyError(short(key).into()) } else { Exception::KeyError(key.clone()) }
    }

    /// The error for an object that was to be looked into, but is in use. Nobody sees it: the call is run again once
    /// the object is held.
    pub(crate) fn busy() -> Self {
        Exception::RuntimeError(BUSY.to_owned())
    }

    pub(crate) fn overflow(message: impl Into<String>) -> Self {
        Exception::OverflowError(message.into())
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, message) = (self.kind(), self.message());
        if message.is_empty() { f.write_str(kind) } else { write!(f, "{kind}: {message}") }
    }
}

/// Converts to a `TypeError`, as in Python.
impl From<Unhashable> for Exception {
    fn from(error: Unhashable) -> Self {
        Exception::TypeError(error.to_string())
    }
}

impl std::error::Error for Exception {}
