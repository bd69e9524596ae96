//! Chooses how an object is copied in order to be restored, by the traits of its class, as [`Kind`](super::Kind) does.

use super::shared;
use crate::dispatch::DispatchError;
use crate::multi_object::copy_encoded;
use crate::object::{Class, Object};
use crate::protocol::object::NewObject;
use crate::source::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// `(&&&Copying::<T>::new()).way()` finds [`CloneWay`] if `T` is `Clone`, otherwise [`EncodingWay`], which is one
/// reference nearer, if its values can be sent, and otherwise [`NoWay`].
pub struct Copying<T>(PhantomData<fn() -> T>);

impl<T> Copying<T> {
    /// The way of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Copying(PhantomData)
    }
}

/// See [`Copying`].
pub trait CloneWay<T> {
    /// The object is cloned.
    fn way(&self) -> ByClone<T> {
        ByClone(PhantomData)
    }
}

impl<T: Class + Clone> CloneWay<T> for &&Copying<T> {}

/// See [`Copying`].
pub trait EncodingWay<T> {
    /// The object is encoded and decoded.
    fn way(&self) -> ByEncoding<T> {
        ByEncoding(PhantomData)
    }
}

// A resident class is not a `Source`.
impl<T: Class + Source + Serialize + DeserializeOwned> EncodingWay<T> for &Copying<T> {}

/// See [`Copying`].
pub trait NoWay<T> {
    /// The object cannot be copied.
    fn way(&self) -> Impossible<T> {
        Impossible(PhantomData)
    }
}

impl<T> NoWay<T> for Copying<T> {}

/// See [`Copying`].
pub struct ByClone<T>(PhantomData<fn() -> T>);

impl<T: Class + Clone> ByClone<T> {
    /// Copies the object.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        Ok(Box::new(shared::<T>(object)?.clone()))
    }

    /// Checks that there is a way.
    pub const fn required(self) {}
}

/// See [`Copying`].
pub struct ByEncoding<T>(PhantomData<fn() -> T>);

impl<T: Class + Serialize + DeserializeOwned> ByEncoding<T> {
    /// Copies the object.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        copy_encoded(shared::<T>(object)?)
    }

    /// Checks that there is a way.
    pub const fn required(self) {}
}

/// See [`Copying`].
pub struct Impossible<T>(PhantomData<fn() -> T>);

impl<T> Impossible<T> {
    /// The error that says why there is no copy.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        let reason = format!(
            "a {} can be neither cloned nor encoded, so it could not be restored if the function failed; \
             derive Clone for the class, or change the object by a method of its own",
            object.class()
        );
        Err(DispatchError::arguments(reason))
    }

    /// Does not compile.
    pub const fn required(self)
    where
        T: Restorable,
    {
    }
}

/// A type that can be restored. [`Copying`] finds out how, so nothing implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be restored if the function fails: it is resident, and not `Clone`",
    label = "a function has to leave a `&mut` object as it was when it fails",
    note = "derive Clone for it; or take it as `&{Self}`; or change it by a method of its own, with `&mut self`"
)]
pub trait Restorable {}
