//! What is done with a class as a value that can be serialized; and in its place, if it cannot, nothing: that was told
//! already, by [`encodable`], and is not to be told again.

use crate::error::Error;
use crate::object::{Encodable, Object};
use crate::signature::Signature;
use crate::source::Prepared;
use serde::de::Error as _;
use std::marker::PhantomData;

/// Asks whether a class can be serialized: where the user's type stands, so that the error does too.
pub const fn encodable<T: Encodable>() {}

/// `(&Ways::<T>::new()).read(…)` finds [`EncodableWay`] if `T` is an object, else [`UnencodableWay`], which is one
/// reference further.
pub struct Ways<T>(PhantomData<fn() -> T>);

impl<T> Ways<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Ways(PhantomData)
    }
}

type ReadResult = Result<Box<dyn Object + Send + Sync>, erased_serde::Error>;

/// See [`Ways`].
pub trait EncodableWay<T> {
    /// Reads an object of the class.
    fn read(&self, deserializer: &mut dyn erased_serde::Deserializer<'_>) -> ReadResult;

    /// A value that moves to a service.
    fn prepare(&self, value: &T, signature: &'static Signature) -> Result<Prepared, Error>;
}

impl<T: Object> EncodableWay<T> for Ways<T> {
    fn read(&self, deserializer: &mut dyn erased_serde::Deserializer<'_>) -> ReadResult {
        Ok(Box::new(T::read(deserializer)?))
    }

    fn prepare(&self, value: &T, signature: &'static Signature) -> Result<Prepared, Error> {
        Prepared::value(value, signature)
    }
}

/// See [`Ways`].
pub trait UnencodableWay<T> {
    /// Reads nothing.
    fn read(&self, _: &mut dyn erased_serde::Deserializer<'_>) -> ReadResult {
        Err(erased_serde::Error::custom("no object"))
    }

    /// Nothing moves.
    fn prepare(&self, _: &T, _: &'static Signature) -> Result<Prepared, Error> {
        Err(Error::Cancelled)
    }
}

impl<T> UnencodableWay<T> for &Ways<T> {}
