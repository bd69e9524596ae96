//! The errors of calls.

use crate::codec::{self, Encoding};
use crate::error::Error;
use crate::value::{Value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// An error type of calls: made from a service's reply.
///
/// ```
/// use tarmem_remote::call::Failure;
/// use tarmem_remote::{CallError, Error};
///
/// let failed: CallError<String> = Failure::failed(Error::Cancelled);
/// assert_eq!(failed, CallError::Failed(Error::Cancelled));
/// ```
pub trait Failure: Sized {
    /// The call has no result from the method.
    fn failed(error: Error) -> Self;
    /// The method or generator `what` returned an error.
    fn raised(what: &str, message: String, body: &[u8], encoding: Encoding) -> Self;
}

impl Failure for Error {
    fn failed(error: Error) -> Self {
        error
    }

    fn raised(what: &str, message: String, body: &[u8], encoding: Encoding) -> Self {
        let error = match encoding {
            // The error's type is not known here.
            Encoding::Typed => None,
            Encoding::Dynamic => codec::decode(body).ok().map(Box::new),
        };
        Error::Raised { what: what.to_owned(), message, error }
    }
}

/// The error of a call of a method that returns a `Result`.
///
/// ```
/// use tarmem_remote::{CallError, Error};
///
/// fn report(outcome: Result<i64, CallError<String>>) -> String {
///     match outcome {
///         Ok(cents) => format!("{cents} cents are left"),
///         Err(CallError::Method(refusal)) => format!("refused: {refusal}"),
///         Err(CallError::Failed(error)) if error.is_retryable() => "try again".to_owned(),
///         Err(CallError::Failed(error)) => error.to_string(),
///     }
/// }
///
/// assert_eq!(report(Err(CallError::Method("20 cents are missing".into()))), "refused: 20 cents are missing");
/// assert_eq!(report(Err(CallError::Failed(Error::ShuttingDown))), "try again");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum CallError<E> {
    /// The method ran and returned this error.
    Method(E),
    /// The call has no result from the method.
    Failed(Error),
}

impl<E> CallError<E> {
    /// The method's own error, if this is one.
    pub fn method(&self) -> Option<&E> {
        match self {
            CallError::Method(error) => Some(error),
            CallError::Failed(_) => None,
        }
    }

    /// Why the call has no result, if it has none.
    fn failure(&self) -> Option<&Error> {
        match self {
            CallError::Method(_) => None,
            CallError::Failed(error) => Some(error),
        }
    }

    /// Like [`Error::is_timeout`]. `false` for an error that the method returned.
    pub fn is_timeout(&self) -> bool {
        self.failure().is_some_and(Error::is_timeout)
    }

    /// Like [`Error::is_retryable`]. `false` for an error that the method returned: only that error can say whether the
    /// call is worth another try.
    pub fn is_retryable(&self) -> bool {
        self.failure().is_some_and(Error::is_retryable)
    }

    /// Like [`Error::is_not_applied`]. `false` for an error that the method returned, because it ran.
    pub fn is_not_applied(&self) -> bool {
        self.failure().is_some_and(Error::is_not_applied)
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

/// The source is the [`Error`] with which the call failed, so code that has the error in a box finds it, whatever `E`
/// is.
///
/// ```
/// use tarmem_remote::{CallError, Error};
///
/// fn status(error: Box<dyn std::error::Error + Send + Sync>) -> u16 {
///     match error.source().and_then(|source| source.downcast_ref::<Error>()) {
///         Some(error) if error.is_timeout() => 504,
///         Some(_) => 503,
///         None => 400,
///     }
/// }
///
/// let poor: CallError<String> = CallError::Method("the balance is too low".into());
/// assert_eq!(status(poor.into()), 400);
/// let closing: CallError<String> = Error::ShuttingDown.into();
/// assert_eq!(status(closing.into()), 503);
/// ```
impl<E: fmt::Debug + fmt::Display> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CallError::Method(_) => None,
            CallError::Failed(error) => Some(error),
        }
    }
}

/// Makes `?` work for both kinds of calls.
impl<E> From<Error> for CallError<E> {
    fn from(error: Error) -> Self {
        CallError::Failed(error)
    }
}

/// Makes `?` work in a function that returns an [`Error`]: an error that a method returned becomes an
/// [`Error::Raised`], which contains it as a value, if possible. Only the call knows which method it was;
/// [`Call::erase_error`] names it.
///
/// [`Call::erase_error`]: super::Call::erase_error
///
/// ```
/// use tarmem_remote::{CallError, Error};
///
/// fn pay(result: Result<(), CallError<String>>) -> Result<(), Error> {
///     Ok(result?)
/// }
///
/// let error = pay(Err(CallError::Method("the balance is too low".into()))).unwrap_err();
/// assert_eq!(error.to_string(), "the method failed: the balance is too low");
/// assert_eq!(error.raised(), Some(&"the balance is too low".into()));
/// assert_eq!(pay(Err(Error::Cancelled.into())), Err(Error::Cancelled));
/// ```
impl<E: fmt::Display + Serialize> From<CallError<E>> for Error {
    fn from(error: CallError<E>) -> Self {
        match error {
            CallError::Method(error) => raised_by("the method", &error),
            CallError::Failed(error) => error,
        }
    }
}

pub(super) fn raised_by<E: fmt::Display + Serialize>(what: &str, error: &E) -> Error {
    let value = to_value(error).ok().map(Box::new);
    Error::Raised { what: what.to_owned(), message: error.to_string(), error: value }
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
            // The service was built with another error type.
            Err(_) => CallError::Failed(<Error as Failure>::raised(what, message, body, encoding)),
        }
    }
}
