//! What can come of a call that failed.

use crate::codec;
use crate::dispatch::Encoding;
use crate::error::Error;
use crate::value::Value;
use serde::de::DeserializeOwned;
use std::fmt;

/// What can come of a call that failed: made from a service's reply.
pub trait Failure: Sized {
    /// The operation came to no result.
    fn failed(error: Error) -> Self;
    /// The method or generator `what` returned an error of its own.
    fn raised(what: &str, message: String, body: &[u8], encoding: Encoding) -> Self;
}

impl Failure for Error {
    fn failed(error: Error) -> Self {
        error
    }

    fn raised(what: &str, message: String, body: &[u8], encoding: Encoding) -> Self {
        let error = match encoding {
            // Its type is known to nobody here.
            Encoding::Typed => None,
            Encoding::Dynamic => codec::decode(body).ok().map(Box::new),
        };
        Error::Raised { what: what.to_owned(), message, error }
    }
}

/// Why a call to a method that returns a `Result` failed.
#[derive(Clone, Debug, PartialEq)]
pub enum CallError<E> {
    /// The method ran, and returned this error of its own.
    Method(E),
    /// The call came to no result of the method.
    Failed(Error),
}

impl<E> CallError<E> {
    /// The method's own error, if it is one.
    pub fn method(&self) -> Option<&E> {
        match self {
            CallError::Method(error) => Some(error),
            CallError::Failed(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Method(error) => error.fmt(f),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {}

/// So that `?` does for both kinds of calls.
impl<E> From<Error> for CallError<E> {
    fn from(error: Error) -> Self {
        CallError::Failed(error)
    }
}

impl<E: DeserializeOwned> Failure for CallError<E> {
    fn failed(error: Error) -> Self {
        CallError::Failed(error)
    }

    fn raised(what: &str, message: String, body: &[u8], encoding: Encoding) -> Self {
        let decoded = match encoding {
            Encoding::Typed => codec::decode(body).map_err(|e| e.to_string()),
            Encoding::Dynamic => codec::decode::<Value>(body)
                .map_err(|e| e.to_string())
                .and_then(|value| crate::value::from_value(value).map_err(|e| e.to_string())),
        };
        match decoded {
            Ok(error) => CallError::Method(error),
            // The service's error type is not ours.
            Err(_) => CallError::Failed(<Error as Failure>::raised(what, message, body, encoding)),
        }
    }
}
