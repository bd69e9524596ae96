//! Chooses how the objects of a resident class are kept, by the traits of the class, as [`Tracing`](super::Tracing)
//! does.

use super::shared;
use crate::describe::Resident;
use crate::object::{Class, Keep, Kept, Object};
use crate::protocol::object::NewObject;
use std::marker::PhantomData;
use std::sync::Arc;

/// `(&&Keeping::<T>::new()).way()` finds [`KeepWay`] if `T` says how it is kept, otherwise [`NoKeepWay`], which is one
/// reference nearer.
pub struct Keeping<T>(PhantomData<fn() -> T>);

impl<T> Keeping<T> {
    /// The way of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Keeping(PhantomData)
    }
}

/// See [`Keeping`].
pub trait KeepWay {
    /// The class says how it is kept.
    fn way(&self) -> Option<Resident>;
}

impl<T: Class + Keep> KeepWay for &Keeping<T> {
    fn way(&self) -> Option<Resident> {
        fn kept<T: Class + Keep>(object: &dyn Object) -> Option<Arc<dyn Kept>> {
            shared::<T>(object).ok().map(T::kept)
        }
        fn restore<T: Class + Keep>(
            deserializer: &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<NewObject, erased_serde::Error> {
            T::restore(deserializer).map(|object| Box::new(object) as NewObject)
        }
        Some(Resident { kept: kept::<T>, restore: restore::<T> })
    }
}

/// See [`Keeping`].
pub trait NoKeepWay {
    /// It is not known.
    fn way(&self) -> Option<Resident>;
}

impl<T> NoKeepWay for Keeping<T> {
    fn way(&self) -> Option<Resident> {
        None
    }
}
