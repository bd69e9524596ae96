//! Chooses how the size of an object is found, by the traits of its class, as [`Tracing`](super::Tracing) does.

use super::shared;
use crate::describe::Measure;
use crate::object::{Class, Extent, Object};
use std::marker::PhantomData;

/// `(&&Measuring::<T>::new()).way()` finds [`ExtentWay`] if `T` reports its size, otherwise [`NoExtentWay`], which is
/// one reference nearer.
pub struct Measuring<T>(PhantomData<fn() -> T>);

impl<T> Measuring<T> {
    /// The way of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Measuring(PhantomData)
    }
}

/// See [`Measuring`].
pub trait ExtentWay {
    /// The class reports the size.
    fn way(&self) -> Option<Measure>;
}

impl<T: Class + Extent> ExtentWay for &Measuring<T> {
    fn way(&self) -> Option<Measure> {
        fn measure<T: Class + Extent>(object: &dyn Object) -> usize {
            shared::<T>(object).map_or(0, T::extent)
        }
        Some(measure::<T>)
    }
}

/// See [`Measuring`].
pub trait NoExtentWay {
    /// The size is not known.
    fn way(&self) -> Option<Measure>;
}

impl<T> NoExtentWay for Measuring<T> {
    fn way(&self) -> Option<Measure> {
        None
    }
}
