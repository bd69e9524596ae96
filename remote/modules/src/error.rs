//! What the methods of these modules refuse, by the names that Python gives it.

use super::python::{short, weight};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use tarmem_remote::value::{Unhashable, Value};

mod unicode;

pub use unicode::UnicodeError;

/// Makes the enum: all but `KeyError` and the two of Unicode have a message and nothing else.
macro_rules! exceptions {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// An exception of Python's: its kind, and its message in Python's own words where there are some.
        ///
        /// An operation that fails with one has changed nothing.
        ///
        /// Dynamic callers get it as a map of its `class`, its `message` and its `args`, the arguments that Python
        /// makes it of: see [`Error::raised_class`](tarmem_remote::Error::raised_class).
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
            /// There is no such key: this one. A key of more than 64 KiB is told by the beginning of how Python writes
            /// it.
            KeyError(Value),
            /// These bytes are no text in that encoding.
            UnicodeDecodeError(Box<UnicodeError>),
            /// That encoding has no bytes for this text.
            UnicodeEncodeError(Box<UnicodeError>),
            $($(#[$doc])* $kind(String),)*
        }

        impl Exception {
            /// Returns the name of its kind, as Python has it.
            pub fn kind(&self) -> &'static str {
                match self {
                    Exception::KeyError(_) => "KeyError",
                    Exception::UnicodeDecodeError(_) => "UnicodeDecodeError",
                    Exception::UnicodeEncodeError(_) => "UnicodeEncodeError",
                    $(Exception::$kind(_) => stringify!($kind),)*
                }
            }

            /// What is wrong; for a `KeyError` the key, as Python writes it.
            pub fn message(&self) -> Cow<'_, str> {
                match self {
                    Exception::KeyError(key) => short(key).into(),
                    Exception::UnicodeDecodeError(error) | Exception::UnicodeEncodeError(error) => error.message().into(),
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
    /// An index is outside the sequence, or there is nothing to take from it.
    IndexError,
    /// The type is right, the value is not.
    ValueError,
    /// The type is not right.
    TypeError,
    /// An iterator has come to its end.
    StopIteration,
    /// A number does not fit: integers have [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT) bits here.
    OverflowError,
    /// Division by zero.
    ZeroDivisionError,
    /// There is no such attribute.
    AttributeError,
    /// The result would be larger than [`RESULT_LIMIT`](crate::python::RESULT_LIMIT).
    MemoryError,
    /// What is looked up, such as an encoding, is not known.
    LookupError,
    /// It makes no sense, and is there to say so.
    NotImplementedError,
    /// It cannot be done now: a lock that is not held is to be released, say.
    RuntimeError,
    /// What is compared or written is nested too deep, or goes round in a circle.
    RecursionError,
    /// The barrier is broken, or breaks while somebody waits there.
    BrokenBarrierError,
    /// There is nothing in the queue.
    Empty,
    /// There is no room in the queue.
    Full,
}

/// The largest key that a `KeyError` carries, in bytes of memory.
const KEY_LIMIT: usize = 64 << 10;

const BUSY: &str = "an object that this looks into is in use";

/// Returns whether it is [`Exception::busy`].
pub(crate) fn is_busy(error: &Exception) -> bool {
    matches!(error, Exception::RuntimeError(message) if message == BUSY)
}

/// How it is sent.
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
        // What has no class is an error all the same.
        if parts.class.is_empty() {
            return Ok(Exception::RuntimeError(parts.message));
        }
        let class = parts.class.clone();
        Exception::of_parts(parts).ok_or_else(|| format!("{class} is no exception that this client knows"))
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

    /// That there is no such key.
    pub(crate) fn no_key(key: &Value) -> Self {
        if weight(key) > KEY_LIMIT { Exception::KeyError(short(key).into()) } else { Exception::KeyError(key.clone()) }
    }

    /// That others use an object that was to be looked into. Nobody sees it: the call is made again once the object is
    /// held.
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

/// As Python has it, a `TypeError`.
impl From<Unhashable> for Exception {
    fn from(error: Unhashable) -> Self {
        Exception::TypeError(error.to_string())
    }
}

impl std::error::Error for Exception {}
