//! What the expansion of `#[remote]` stands on. Not for people: anything in here may change.

pub use crate::call::{Call, CallError, Name};
pub use crate::context::Context;
pub use crate::describe::{
    ClassEntry, Constant, Function, FunctionInvoke, Implementation, InterfaceEntry, Invoke, Method, Param, Place,
    Receiver, Registration, stable_id,
};
pub use crate::dispatch::{Arguments, Finish, Output, Produced};
pub use crate::error::Error;
pub use crate::object::{Class, Interface, Object, Remote};
pub use crate::proxy::{Proxy, ProxyCore};
pub use crate::source::{FunctionCall, Prepared, Source};
pub use crate::value::{Value, to_value};
pub use async_trait::async_trait;
pub use futures::future::BoxFuture;
pub use {inventory, serde, typetag};

use serde::Serialize;
use std::any::Any;
use std::fmt::Display;
use std::marker::PhantomData;

/// The methods of an interface, for one class that implements it. Implemented for the `dyn` type of the trait, so that
/// the coherence rules let the trait's own crate do it for every class at once.
pub trait InterfaceTable<C> {
    /// The methods.
    const METHODS: &'static [Method];
}

/// Names the two sides of a `Result`, whatever alias it was written with.
pub trait Fallible {
    /// What it is when all goes well.
    type Ok;
    /// The error.
    type Err;
    /// Itself.
    fn into_result(self) -> Result<Self::Ok, Self::Err>;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Err = E;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// The object as its class. The service looks a method up in the class of the very object, so this does not fail
/// unless a dispatch table is wrong; then it is an error and no panic.
pub fn shared<T: Object>(object: &dyn Object) -> Result<&T, Error> {
    let class = object.class();
    (object as &dyn Any).downcast_ref().ok_or_else(|| mismatch::<T>(class))
}

/// As [`shared`].
pub fn exclusive<T: Object>(object: &mut dyn Object) -> Result<&mut T, Error> {
    let class = object.class();
    (object as &mut dyn Any).downcast_mut().ok_or_else(|| mismatch::<T>(class))
}

fn mismatch<T>(found: &str) -> Error {
    Error::WrongClass {
        target: "the object".to_owned(),
        expected: std::any::type_name::<T>().to_owned(),
        found: found.to_owned(),
    }
}

/// Writes down what a method that cannot fail returned.
pub fn returned<T: Serialize>(out: &mut Output<'_>, value: &T) -> Result<(), Error> {
    out.returned(value)
}

/// Writes down what a method that can fail returned.
pub fn outcome<R>(out: &mut Output<'_>, result: R) -> Result<(), Error>
where
    R: Fallible<Ok: Serialize, Err: Serialize + Display>,
{
    match result.into_result() {
        Ok(value) => out.returned(&value),
        Err(error) => out.raised(&error, &error),
    }
}

/// Keeps what an async method that cannot fail returned, until it can be written down.
pub fn finish_returned<T: Serialize + Send + 'static>(value: T) -> Finish {
    Box::new(move |out| out.returned(&value))
}

/// Keeps what an async method that can fail returned, until it can be written down.
pub fn finish_outcome<R>(result: R) -> Finish
where
    R: Fallible<Ok: Serialize, Err: Serialize + Display> + Send + 'static,
{
    Box::new(move |out| outcome(out, result))
}

/// What a function that can fail failed with.
pub fn produced_error<E: Serialize + Display + Send + 'static>(error: E) -> Produced {
    Produced::Raised(error.to_string(), Box::new(error))
}

/// Tells a function that makes an object from one that gives a value, by the type it returns: `(&Kind::<T>::new()).kind()`
/// finds [`ObjectKind`] if `T` is a class, and [`ValueKind`], which is one reference further, if not.
pub struct Kind<T>(PhantomData<fn() -> T>);

impl<T> Kind<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Kind(PhantomData)
    }
}

/// See [`Kind`].
pub trait ObjectKind {
    /// It makes an object.
    fn kind(&self) -> MakesObject {
        MakesObject
    }
}

impl<T: Class> ObjectKind for Kind<T> {}

/// See [`Kind`].
pub trait ValueKind {
    /// It gives a value.
    fn kind(&self) -> GivesValue {
        GivesValue
    }
}

impl<T: Serialize> ValueKind for &Kind<T> {}

/// See [`Kind`].
pub struct MakesObject;

impl MakesObject {
    /// That it does.
    pub fn generates(self) -> bool {
        true
    }

    /// The object.
    pub fn produce<T: Class>(self, value: T) -> Produced {
        Produced::Object(Box::new(value))
    }
}

/// See [`Kind`].
pub struct GivesValue;

impl GivesValue {
    /// That it makes no object.
    pub fn generates(self) -> bool {
        false
    }

    /// The value.
    pub fn produce<T: Serialize + Send + 'static>(self, value: T) -> Produced {
        Produced::Value(Box::new(value))
    }
}
