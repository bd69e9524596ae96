//! What generated code does with arguments, results and errors that can be encoded. If they cannot, it does nothing:
//! [`Of`] has already reported that, once, where the user's type stands.
//!
//! Each way requires exactly what the check beside it requires. So the ways that do nothing are used only in programs
//! that do not compile.

use super::{Fallible, FurtherArgs, FurtherKwargs};
use crate::dispatch::{Arguments, DispatchError, Finish, Output, Produced};
use crate::error::Error;
use crate::object::Remote;
use crate::signature;
use crate::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::marker::PhantomData;

/// A type that a client can send to `Method`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an argument of `{Method}`",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, or for what is in it"
)]
pub trait SentArgument<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize, Method> SentArgument<Method> for T {}

/// A type that the service can decode for `Method`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as an argument of `{Method}`",
    label = "this is not `Deserialize`",
    note = "derive `serde::Deserialize` for it, or for what is in it"
)]
pub trait ReadArgument<Method> {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned, Method> ReadArgument<Method> for T {}

/// A type that the service can send as the result of `Method`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the result of `{Method}`",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, or for what is in it; and `serde::Deserialize`, to receive it"
)]
pub trait SentResult<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize, Method> SentResult<Method> for T {}

/// An error type of a function: a service can send it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the error of `{Method}`",
    label = "this is not both of `Serialize` and `Display`",
    note = "derive `serde::Serialize` for it, and `serde::Deserialize` to receive it, and implement `std::fmt::Display`"
)]
pub trait ProducedError<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Display, Method> ProducedError<Method> for T {}

/// An error type of a method: a service can send it, and a proxy can decode it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the error of `{Method}`",
    label = "this is not all of `Serialize`, `Deserialize` and `Display`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, and implement `std::fmt::Display`"
)]
pub trait SentError<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Display, Method> SentError<Method> for T {}

/// Checks the types of `Method`, with the span of the user's type, so that errors point there.
pub struct Of<Method>(pub PhantomData<Method>);

impl<Method> Of<Method> {
    /// Whether an argument can be a `T`.
    pub fn argument<T: SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether a `T` can take all further positional arguments.
    pub fn further_args<T: FurtherArgs + SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether a `T` can take all further named arguments.
    pub fn further_kwargs<T: FurtherKwargs + SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether the result can be a `T`.
    pub fn result<T: SentResult<Method>>(&self) {}

    /// Whether a method's error can be a `T`.
    pub fn error<T: SentError<Method>>(&self) {}

    /// Whether a function's error can be a `T`.
    pub fn produced_error<T: ProducedError<Method>>(&self) {}

    /// A function can also return an object: `(&….made::<T>()).check()` finds [`MadeObject`] if `T` is one, otherwise
    /// [`MadeValue`], which is one reference further. A class that cannot be serialized has already been reported.
    pub fn made<T>(&self) -> Made<T, Method> {
        Made(PhantomData)
    }
}

/// See [`Of::made`].
pub struct Made<T, Method>(PhantomData<fn() -> (T, Method)>);

/// See [`Of::made`].
pub trait MadeObject {
    /// Does nothing: an object can be returned.
    fn check(&self) {}
}

impl<T: Remote, Method> MadeObject for Made<T, Method> {}

/// See [`Of::made`].
pub trait MadeValue {
    /// The type of the result.
    type Value;
    /// The function.
    type Method;

    /// Checks that the result can be sent.
    fn check(&self)
    where
        Self::Value: SentResult<Self::Method>,
    {
    }
}

impl<T, Method> MadeValue for &Made<T, Method> {
    type Value = T;
    type Method = Method;
}

/// The tuple `T` of all arguments. `(&Incoming::<T>::new()).decode(…)` finds [`IncomingWay`] if it can be decoded,
/// otherwise [`NoIncomingWay`], which is one reference further.
pub struct Incoming<T>(PhantomData<fn() -> T>);

impl<T> Incoming<T> {
    /// The way of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Incoming(PhantomData)
    }
}

/// See [`Incoming`].
pub trait IncomingWay {
    /// The arguments.
    type Arguments;

    /// Decodes the arguments.
    fn decode(&self, args: &mut Arguments<'_>) -> Result<Self::Arguments, DispatchError>;

    /// Converts the arguments into values.
    fn to_values(&self, args: &[u8]) -> Result<Vec<Option<Value>>, String>;
}

impl<T: Serialize + DeserializeOwned> IncomingWay for Incoming<T> {
    type Arguments = T;

    #[inline]
    fn decode(&self, args: &mut Arguments<'_>) -> Result<T, DispatchError> {
        args.decode()
    }

    fn to_values(&self, args: &[u8]) -> Result<Vec<Option<Value>>, String> {
        signature::to_values::<T>(args)
    }
}

/// See [`Incoming`].
pub trait NoIncomingWay {
    /// The arguments.
    type Arguments;

    /// Decodes nothing.
    fn decode(&self, _: &mut Arguments<'_>) -> Result<Self::Arguments, DispatchError> {
        Err(Error::Cancelled.into())
    }

    /// Converts nothing.
    fn to_values(&self, _: &[u8]) -> Result<Vec<Option<Value>>, String> {
        Err(String::new())
    }
}

impl<T> NoIncomingWay for &Incoming<T> {
    type Arguments = T;
}

/// A value to be encoded. `Outgoing(…).returned(…)` and the like find the ways of types that can be encoded, otherwise
/// [`NoOutgoingWay`], which is one reference further.
pub struct Outgoing<T>(pub T);

/// See [`Outgoing`]: for a value, or a reference to one.
pub trait OutgoingWay: Sized {
    /// The type that is encoded.
    type Value: Serialize;

    /// The value to encode.
    fn sendable(&self) -> &Self::Value;

    /// Encodes the result of a method that cannot fail.
    #[inline]
    fn returned(self, out: &mut Output<'_>) -> Result<(), DispatchError> {
        out.returned(self.sendable())
    }

    /// Keeps the result of an async method that cannot fail until it can be encoded.
    fn finish_returned(self) -> Finish
    where
        Self: Send + 'static,
    {
        Box::new(move |out| self.returned(out))
    }
}

impl<T: Serialize> OutgoingWay for Outgoing<T> {
    type Value = T;

    #[inline]
    fn sendable(&self) -> &T {
        &self.0
    }
}

/// See [`Outgoing`]: for the result of a method that can fail.
pub trait OutcomeWay: Sized {
    /// Encodes the result.
    fn outcome(self, out: &mut Output<'_>) -> Result<(), DispatchError>;

    /// Keeps the result until it can be encoded.
    fn finish_outcome(self) -> Finish
    where
        Self: Send + 'static,
    {
        Box::new(move |out| self.outcome(out))
    }
}

impl<R: Fallible<Ok: Serialize, Err: Serialize + DeserializeOwned + Display>> OutcomeWay for Outgoing<R> {
    #[inline]
    fn outcome(self, out: &mut Output<'_>) -> Result<(), DispatchError> {
        match self.0.into_result() {
            Ok(value) => out.returned(&value),
            Err(error) => out.raised(&error, &error),
        }
    }
}

/// See [`Outgoing`]: for the error of a function that can fail.
pub trait ErrorWay: Sized {
    /// The error.
    type Error: Serialize + Display;

    /// The error itself.
    fn error(self) -> Self::Error;

    /// Produces the error.
    fn produced_error(self) -> Produced
    where
        Self::Error: Send + 'static,
    {
        let error = self.error();
        Produced::Raised(error.to_string(), Box::new(error))
    }
}

impl<E: Serialize + Display> ErrorWay for Outgoing<E> {
    type Error = E;

    fn error(self) -> E {
        self.0
    }
}

/// See [`Outgoing`].
pub trait NoOutgoingWay: Sized {
    /// Nothing is sent.
    fn sendable(&self) -> &() {
        &()
    }

    /// Encodes nothing.
    fn returned(self, _: &mut Output<'_>) -> Result<(), DispatchError> {
        Err(Error::Cancelled.into())
    }

    /// Keeps nothing.
    fn finish_returned(self) -> Finish {
        Box::new(|_| Err(Error::Cancelled.into()))
    }

    /// Encodes nothing.
    fn outcome(self, _: &mut Output<'_>) -> Result<(), DispatchError> {
        Err(Error::Cancelled.into())
    }

    /// Keeps nothing.
    fn finish_outcome(self) -> Finish {
        Box::new(|_| Err(Error::Cancelled.into()))
    }

    /// Produces nothing.
    fn produced_error(self) -> Produced {
        Produced::Value(Box::new(()))
    }
}

impl<T> NoOutgoingWay for &Outgoing<T> {}
