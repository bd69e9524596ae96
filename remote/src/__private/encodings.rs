//! What is done with arguments, results and errors that can be encoded; and in their place, if they cannot, nothing:
//! that is told once, where the user's type stands, by [`Of`], and is not to be told again.
//!
//! Each way asks for what the check beside it asks for, and for no more; so what does nothing is in no program that
//! compiles.

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

/// What a client can send to `Method`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an argument of `{Method}`",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, or for what is in it"
)]
pub trait SentArgument<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize, Method> SentArgument<Method> for T {}

/// What the service can read for `Method`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as an argument of `{Method}`",
    label = "this is not `Deserialize`",
    note = "derive `serde::Deserialize` for it, or for what is in it"
)]
pub trait ReadArgument<Method> {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned, Method> ReadArgument<Method> for T {}

/// What the service can send as what `Method` gives.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the result of `{Method}`",
    label = "this is not `Serialize`",
    note = "derive `serde::Serialize` for it, or for what is in it; and `serde::Deserialize`, to receive it"
)]
pub trait SentResult<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize, Method> SentResult<Method> for T {}

/// What the error can be that a function returns: a service can send it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the error of `{Method}`",
    label = "this is not both of `Serialize` and `Display`",
    note = "derive `serde::Serialize` for it, and `serde::Deserialize` to receive it, and implement `std::fmt::Display`"
)]
pub trait ProducedError<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Display, Method> ProducedError<Method> for T {}

/// What the error can be that a method returns: a service can send it, and a proxy receive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as the error of `{Method}`",
    label = "this is not all of `Serialize`, `Deserialize` and `Display`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, and implement `std::fmt::Display`"
)]
pub trait SentError<Method> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Display, Method> SentError<Method> for T {}

/// What is asked about `Method`: where a user's type stands, so that the error does too.
pub struct Of<Method>(pub PhantomData<Method>);

impl<Method> Of<Method> {
    /// Whether an argument can be a `T`.
    pub fn argument<T: SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether all further arguments by place can be a `T`.
    pub fn further_args<T: FurtherArgs + SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether all further arguments by name can be a `T`.
    pub fn further_kwargs<T: FurtherKwargs + SentArgument<Method> + ReadArgument<Method>>(&self) {}

    /// Whether it can give a `T`.
    pub fn result<T: SentResult<Method>>(&self) {}

    /// Whether it can fail with a `T`, as a method.
    pub fn error<T: SentError<Method>>(&self) {}

    /// Whether it can fail with a `T`, as a function.
    pub fn produced_error<T: ProducedError<Method>>(&self) {}

    /// A function can give an object, too: `(&….made::<T>()).check()` finds [`MadeObject`] if `T` is one, else
    /// [`MadeValue`], which is one reference further. A class that cannot be serialized was told so.
    pub fn made<T>(&self) -> Made<T, Method> {
        Made(PhantomData)
    }
}

/// See [`Of::made`].
pub struct Made<T, Method>(PhantomData<fn() -> (T, Method)>);

/// See [`Of::made`].
pub trait MadeObject {
    /// It can.
    fn check(&self) {}
}

impl<T: Remote, Method> MadeObject for Made<T, Method> {}

/// See [`Of::made`].
pub trait MadeValue {
    /// What it gives.
    type Value;
    /// Of which function.
    type Method;

    /// It can if that can be sent.
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

/// The tuple `T` of all arguments. `(&Incoming::<T>::new()).decode(…)` finds [`IncomingWay`] if it can be decoded, else
/// [`NoIncomingWay`], which is one reference further.
pub struct Incoming<T>(PhantomData<fn() -> T>);

impl<T> Incoming<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Incoming(PhantomData)
    }
}

/// See [`Incoming`].
pub trait IncomingWay {
    /// The arguments.
    type Arguments;

    /// Decodes them.
    fn decode(&self, args: &mut Arguments<'_>) -> Result<Self::Arguments, DispatchError>;

    /// Makes values of them.
    fn rename(&self, args: &[u8]) -> Result<Vec<Option<Value>>, String>;
}

impl<T: Serialize + DeserializeOwned> IncomingWay for Incoming<T> {
    type Arguments = T;

    #[inline]
    fn decode(&self, args: &mut Arguments<'_>) -> Result<T, DispatchError> {
        args.decode()
    }

    fn rename(&self, args: &[u8]) -> Result<Vec<Option<Value>>, String> {
        signature::rename::<T>(args)
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

    /// Makes nothing of them.
    fn rename(&self, _: &[u8]) -> Result<Vec<Option<Value>>, String> {
        Err(String::new())
    }
}

impl<T> NoIncomingWay for &Incoming<T> {
    type Arguments = T;
}

/// What is to be encoded. `Outgoing(…).returned(…)` and the like find the ways of what can be encoded, else
/// [`NoOutgoingWay`], which is one reference further.
pub struct Outgoing<T>(pub T);

/// See [`Outgoing`]: of a value, or a reference to it.
pub trait OutgoingWay: Sized {
    /// What can be encoded.
    type Value: Serialize;

    /// It, to be encoded.
    fn sendable(&self) -> &Self::Value;

    /// Writes it down as what a method returned that cannot fail.
    #[inline]
    fn returned(self, out: &mut Output<'_>) -> Result<(), DispatchError> {
        out.returned(self.sendable())
    }

    /// Keeps it, as what an async method returned that cannot fail, until it can be written down.
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

/// See [`Outgoing`]: of what a method returned that can fail.
pub trait OutcomeWay: Sized {
    /// Writes it down.
    fn outcome(self, out: &mut Output<'_>) -> Result<(), DispatchError>;

    /// Keeps it until it can be written down.
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

/// See [`Outgoing`]: of what a function that can fail failed with.
pub trait ErrorWay: Sized {
    /// The error.
    type Error: Serialize + Display;

    /// It.
    fn error(self) -> Self::Error;

    /// What came of the function.
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

    /// Nothing is written down.
    fn returned(self, _: &mut Output<'_>) -> Result<(), DispatchError> {
        Err(Error::Cancelled.into())
    }

    /// Nothing is kept.
    fn finish_returned(self) -> Finish {
        Box::new(|_| Err(Error::Cancelled.into()))
    }

    /// Nothing is written down.
    fn outcome(self, _: &mut Output<'_>) -> Result<(), DispatchError> {
        Err(Error::Cancelled.into())
    }

    /// Nothing is kept.
    fn finish_outcome(self) -> Finish {
        Box::new(|_| Err(Error::Cancelled.into()))
    }

    /// Nothing came of it.
    fn produced_error(self) -> Produced {
        Produced::Value(Box::new(()))
    }
}

impl<T> NoOutgoingWay for &Outgoing<T> {}
