//! The error that a method, function or generator returned, in the error of the call.

use super::Error;
use crate::value::Value;

impl Error {
    /// The error that a method, function or generator returned, as the value that its type serializes to. `None` if
    /// this is not an [`Error::Raised`], or if it is one of a typed call, which has the error in a
    /// [`CallError::Method`](crate::CallError::Method).
    pub fn raised(&self) -> Option<&Value> {
        match self {
            Error::Raised { error, .. } => error.as_deref(),
            _ => None,
        }
    }

    /// The class of the error that a method returned, such as `KeyError`. This works for the `Exception`s of tarmem's
    /// own modules, and for any type that serializes to a map with a text `class` in it. For [`Error::BadArguments`],
    /// it is `TypeError`, as in Python, so that a bridge needs no special case. The message is the error's text.
    ///
    /// ```
    /// use tarmem_modules::Exception;
    /// use tarmem_remote::value::to_value;
    /// use tarmem_remote::{Error, Value};
    ///
    /// let error = to_value(&Exception::KeyError("k".into())).ok().map(Box::new);
    /// let error = Error::Raised { what: "__getitem__".into(), message: "KeyError: 'k'".into(), error };
    /// assert_eq!(error.raised_class(), Some("KeyError"));
    /// assert_eq!(error.raised_args(), Some(&[Value::from("k")][..]));
    ///
    /// let reason = "takes 0 to 1 arguments, but 2 were given".into();
    /// let error = Error::BadArguments { signature: "builtins.list(items=...)".into(), reason };
    /// assert_eq!(error.raised_class(), Some("TypeError"));
    /// ```
    pub fn raised_class(&self) -> Option<&str> {
        match self {
            Error::BadArguments { .. } => Some("TypeError"),
            _ => self.raised()?.get("class")?.as_str(),
        }
    }

    /// The arguments of the error that a method returned, if it has a [`raised_class`](Self::raised_class): the key of
    /// a `KeyError`, the message of the others. `None` for an error that no method returned, such as
    /// [`Error::BadArguments`].
    pub fn raised_args(&self) -> Option<&[Value]> {
        self.raised_class()?;
        self.raised()?.get("args")?.as_list()
    }
}
