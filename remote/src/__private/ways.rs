//! What generated code does with a class whose values can be serialized. If they cannot, it does nothing: [`encodable`]
//! has already reported that.

use crate::describe::Memory;
use crate::error::Error;
use crate::object::{Encodable, Object};
use crate::signature::Signature;
use crate::source::Prepared;
use serde::de::Error as _;
use std::marker::PhantomData;

/// Checks that a class can be serialized, with the span of the user's type, so that errors point there.
pub const fn encodable<T: Encodable>() {}

/// `(&Ways::<T>::new()).read(…)` finds [`EncodableWay`] if `T` is an object, otherwise [`UnencodableWay`], which is one
/// reference further.
pub struct Ways<T>(PhantomData<fn() -> T>);

impl<T> Ways<T> {
    /// The way of `T`.
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

    /// Encodes a value to be moved to a service.
    fn prepare(&self, value: &T, signature: &'static Signature) -> Result<Prepared, Error>;

    /// How values of the class are kept in memory.
    fn memory(&self) -> Option<Memory>;
}

impl<T: Object> EncodableWay<T> for Ways<T> {
    fn read(&self, deserializer: &mut dyn erased_serde::Deserializer<'_>) -> ReadResult {
        Ok(Box::new(T::read(deserializer)?))
    }

    fn prepare(&self, value: &T, signature: &'static Signature) -> Result<Prepared, Error> {
        Prepared::value(value, signature)
    }

    fn memory(&self) -> Option<Memory> {
        Some(Memory::of::<T>())
    }
}

/// See [`Ways`].
pub trait UnencodableWay<T> {
    /// Reads nothing.
    fn read(&self, _: &mut dyn erased_serde::Deserializer<'_>) -> ReadResult {
        Err(erased_serde::Error::custom("no object"))
    }

    /// Encodes nothing.
    fn prepare(&self, _: &T, _: &'static Signature) -> Result<Prepared, Error> {
        Err(Error::Cancelled)
    }

    /// There are none.
    fn memory(&self) -> Option<Memory> {
        None
    }
}

impl<T> UnencodableWay<T> for &Ways<T> {}
