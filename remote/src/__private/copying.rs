//! How an object is put back as it was: told by what its class has, as [`Kind`](super::Kind) is.

use super::shared;
use crate::dispatch::DispatchError;
use crate::multi_object::copy_encoded;
use crate::object::{Class, Object};
use crate::protocol::object::NewObject;
use crate::source::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// `(&&&Copying::<T>::new()).way()` finds [`CloneWay`] if `T` is `Clone`, else [`EncodingWay`], which is one reference
/// nearer, if its values can move, and else [`NoWay`].
pub struct Copying<T>(PhantomData<fn() -> T>);

impl<T> Copying<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Copying(PhantomData)
    }
}

/// See [`Copying`].
pub trait CloneWay<T> {
    /// It is cloned.
    fn way(&self) -> ByClone<T> {
        ByClone(PhantomData)
    }
}

impl<T: Class + Clone> CloneWay<T> for &&Copying<T> {}

/// See [`Copying`].
pub trait EncodingWay<T> {
    /// It is encoded and decoded.
    fn way(&self) -> ByEncoding<T> {
        ByEncoding(PhantomData)
    }
}

// A resident class is no source.
impl<T: Class + Source + Serialize + DeserializeOwned> EncodingWay<T> for &Copying<T> {}

/// See [`Copying`].
pub trait NoWay<T> {
    /// It cannot be copied.
    fn way(&self) -> Impossible<T> {
        Impossible(PhantomData)
    }
}

impl<T> NoWay<T> for Copying<T> {}

/// See [`Copying`].
pub struct ByClone<T>(PhantomData<fn() -> T>);

impl<T: Class + Clone> ByClone<T> {
    /// The copy.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        Ok(Box::new(shared::<T>(object)?.clone()))
    }

    /// That there is a way.
    pub const fn required(self) {}
}

/// See [`Copying`].
pub struct ByEncoding<T>(PhantomData<fn() -> T>);

impl<T: Class + Serialize + DeserializeOwned> ByEncoding<T> {
    /// The copy.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        copy_encoded(shared::<T>(object)?)
    }

    /// That there is a way.
    pub const fn required(self) {}
}

/// See [`Copying`].
pub struct Impossible<T>(PhantomData<fn() -> T>);

impl<T> Impossible<T> {
    /// Why there is no copy.
    pub fn copy(self, object: &dyn Object) -> Result<NewObject, DispatchError> {
        let reason = format!(
            "a {} can be neither cloned nor encoded, so it could not be put back as it was if the function failed; \
             derive Clone for the class, or change the object by a method of its own",
            object.class()
        );
        Err(DispatchError::arguments(reason))
    }

    /// Refused.
    pub const fn required(self)
    where
        T: Restorable,
    {
    }
}

/// Can be put back as it was; what it takes is found out by [`Copying`], so nothing implements this.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be put back as it was if the function fails: it is resident, and not `Clone`",
    label = "a function has to leave a `&mut` object as it was when it fails",
    note = "derive Clone for it; or take it as `&{Self}`; or change it by a method of its own, with `&mut self`"
)]
pub trait Restorable {}
