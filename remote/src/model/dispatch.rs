//! The interface between dispatch functions and encodings: one dispatch function per method serves every encoding.
//!
//! A dispatch function reads its arguments from [`Arguments`] and writes its result to an [`Output`]. It does not know
//! whether the bytes are postcard (typed callers) or [`Value`](crate::value::Value)s (dynamic callers). The typed
//! encoding is the hot path and knows the types; dynamic arguments go through erased-serde.

use crate::args::{Args, Bound};
#[doc(no_inline)]
pub use crate::codec::Encoding;
use crate::codec::{self, CodecError, TypedDeserializer};
use crate::error::Error;
use crate::params::Param;
use crate::protocol::object::NewObject;
use crate::value;
use serde::Deserialize;
use serde::ser::Error as _;
use serde::{Deserializer, Serialize};
use std::fmt::Display;

/// This many bytes of arguments are far below [`DECODED_LIMIT`](value::DECODED_LIMIT) when decoded into
/// [`Value`](value::Value)s.
const UNLIMITED: usize = 1 << 10;

/// The encoded arguments of one call.
pub struct Arguments<'de> {
    form: Form<'de>,
    /// Called once they are decoded.
    then: Option<&'de dyn OnDecoded>,
}

/// Is notified when the arguments of a call have been decoded: see [`Arguments::then`].
pub trait OnDecoded {
    /// The arguments have been decoded.
    fn decoded(&self);
}

enum Form<'de> {
    Typed(TypedDeserializer<'de>),
    Dynamic(Bound<'de>),
}

impl<'de> Arguments<'de> {
    /// Takes the arguments of a call off the wire. For a dynamic call their number is checked against `params`, and
    /// arguments that were left out are filled in.
    ///
    /// # Errors
    /// The reason, for an [`Error::BadArguments`] to which the caller of this adds the signature.
    #[inline]
    pub fn new(encoding: Encoding, bytes: &'de [u8], params: &'de [Param]) -> Result<Self, String> {
        match encoding {
            Encoding::Typed => Ok(Self::typed(bytes)),
            Encoding::Dynamic => Self::dynamic(bytes, params),
        }
    }

    /// The arguments of a typed call, which are checked when they are decoded.
    #[inline]
    pub fn typed(bytes: &'de [u8]) -> Self {
        Arguments { form: Form::Typed(TypedDeserializer::new(bytes)), then: None }
    }

    fn dynamic(bytes: &'de [u8], params: &'de [Param]) -> Result<Self, String> {
        let bound = value::limited(|| Args::bind_encoded(bytes, params))?;
        Ok(Arguments { form: Form::Dynamic(bound), then: None })
    }

    /// Notifies `then` once the arguments are decoded, before the method runs.
    #[must_use]
    pub fn then(self, then: &'de dyn OnDecoded) -> Self {
        Arguments { then: Some(then), ..self }
    }

    /// Decodes all arguments at once, as a tuple, and checks that nothing is left over. The arguments are moved into
    /// the tuple, so nothing is left to decode after that.
    ///
    /// # Errors
    /// The arguments do not fit: an [`Error::BadArguments`] once it is [named](DispatchError::named).
    pub fn decode<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T, DispatchError> {
        let decoded = match &mut self.form {
            Form::Typed(typed) => {
                // `T` is known here, and the typed encoding is the hot path, so this bypasses erased-serde, which took
                // a seventh of the service's time for a small call.
                let bytes = typed.remaining();
                let mut decode = || T::deserialize(&mut *typed);
                // A type that needs no drop allocates nothing, and so few bytes cannot decode into too much.
                let limited = std::mem::needs_drop::<T>() && bytes > UNLIMITED;
                let decoded = if limited { value::limited(decode) } else { decode() };
                let decoded = decoded.map_err(|e| e.to_string());
                match (decoded, typed.remaining()) {
                    (Ok(_), left @ 1..) => Err(format!("{left} bytes are left over after the arguments")),
                    (decoded, _) => decoded,
                }
            }
            Form::Dynamic(bound) => decode_erased(std::mem::take(bound)),
        };
        if let Some(then) = self.then.take() {
            then.decoded();
        }
        decoded.map_err(DispatchError::arguments)
    }
}

fn decode_erased<'de, T: Deserialize<'de>>(deserializer: impl Deserializer<'de>) -> Result<T, String> {
    let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(deserializer);
    erased_serde::deserialize(&mut erased).map_err(|e| e.to_string())
}

/// Why a dispatch function has no result.
///
/// The function does not know its own name. The service does, and makes the [`Error`] for the caller from this:
/// [`Method::error`](crate::describe::Method::error), [`Function::error`](crate::describe::Function::error).
#[derive(Debug)]
pub struct DispatchError(Box<Reason>);

#[derive(Debug)]
enum Reason {
    /// The arguments do not fit.
    Arguments(String),
    /// The result cannot be encoded.
    Result(CodecError),
    /// An error that needs no name.
    Other(Error),
}

impl DispatchError {
    /// The arguments do not fit, for this reason.
    #[cold]
    pub fn arguments(reason: String) -> Self {
        DispatchError(Box::new(Reason::Arguments(reason)))
    }

    /// The result cannot be encoded.
    #[cold]
    fn result(error: CodecError) -> Self {
        DispatchError(Box::new(Reason::Result(error)))
    }

    /// Whether the arguments do not fit.
    pub fn is_arguments(&self) -> bool {
        matches!(*self.0, Reason::Arguments(_))
    }

    /// The error for the caller of a method or function with this signature and full name.
    #[cold]
    pub fn named(self, signature: impl FnOnce() -> String, name: impl FnOnce() -> String) -> Error {
        match *self.0 {
            Reason::Arguments(reason) => Error::BadArguments { signature: signature(), reason },
            Reason::Result(error) => Error::bad_result(name(), &error),
            Reason::Other(error) => error,
        }
    }
}

impl From<Error> for DispatchError {
    #[cold]
    fn from(error: Error) -> Self {
        DispatchError(Box::new(Reason::Other(error)))
    }
}

/// Where a dispatch function puts its result, which is encoded at once, in the caller's encoding and within its limit.
pub struct Output<'a> {
    encoding: Encoding,
    body: &'a mut Vec<u8>,
    limit: usize,
    raised: Option<String>,
}

impl<'a> Output<'a> {
    /// An output that appends results to `body`, of at most `limit` bytes.
    pub fn new(encoding: Encoding, body: &'a mut Vec<u8>, limit: usize) -> Self {
        Output { encoding, body, limit, raised: None }
    }

    /// The method returned `value`.
    ///
    /// # Errors
    /// The value cannot be encoded, or is over the limit; for a dynamic caller also if it takes more than
    /// [`DECODED_LIMIT`](crate::value::DECODED_LIMIT) as values. This is an [`Error::BadResult`] once it is
    /// [named](DispatchError::named).
    pub fn returned<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DispatchError> {
        let encoded = match self.encoding {
            Encoding::Typed => codec::encode_into(value, self.body, self.limit),
            Encoding::Dynamic => value::limited(|| value::to_value(value))
                .map_err(CodecError::custom)
                .and_then(|value| codec::encode_into(&value, self.body, self.limit)),
        };
        encoded.map_err(DispatchError::result)
    }

    /// The method returned an error.
    ///
    /// # Errors
    /// Those of [`returned`](Self::returned).
    pub fn raised<E: Serialize + ?Sized>(&mut self, message: &dyn Display, error: &E) -> Result<(), DispatchError> {
        self.returned(error)?;
        self.raised = Some(message.to_string());
        Ok(())
    }

    /// The message of the error that the method returned, if it returned one.
    pub fn into_raised(self) -> Option<String> {
        self.raised
    }
}

/// What an async method returns: its result, to be encoded once the caller's encoding is available.
pub type Finish = Box<dyn FnOnce(&mut Output<'_>) -> Result<(), DispatchError> + Send>;

/// What a function of a module produced.
pub enum Produced {
    /// An object of a class.
    Object(NewObject),
    /// A plain value.
    Value(Box<dyn erased_serde::Serialize + Send>),
    /// An error that the function returned: its message, and the error itself.
    Raised(String, Box<dyn erased_serde::Serialize + Send>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn values_of_a_result_are_limited_like_those_of_arguments() {
        let returned = |result: &[Value]| {
            let mut body = Vec::new();
            let returned = Output::new(Encoding::Dynamic, &mut body, usize::MAX).returned(result);
            returned.map(|()| body.len()).map_err(|error| error.named(String::new, || "it".to_owned()).to_string())
        };
        let nulls = vec![Value::Null; (2 << 20) + 1];
        assert_eq!(returned(&nulls[1..]), Ok((2 << 20) + 5));
        let error = returned(&nulls).expect_err("too many");
        assert!(error.contains("limit of 67108864 bytes for one call"), "{error}");
        let texts = vec![Value::from("a"); (1 << 20) + 1];
        assert!(returned(&texts[1..]).is_ok() && returned(&texts).is_err());
    }
}
