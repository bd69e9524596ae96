//! How large an object is: told by what its class has, as [`Tracing`](super::Tracing) is.

use super::shared;
use crate::describe::Measure;
use crate::object::{Class, Extent, Object};
use std::marker::PhantomData;

/// `(&&Measuring::<T>::new()).way()` finds [`ExtentWay`] if `T` says how large it is, else [`NoExtentWay`], which is
/// one reference nearer.
pub struct Measuring<T>(PhantomData<fn() -> T>);

impl<T> Measuring<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Measuring(PhantomData)
    }
}

/// See [`Measuring`].
pub trait ExtentWay {
    /// It says so.
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
    /// Nobody knows.
    fn way(&self) -> Option<Measure>;
}

impl<T> NoExtentWay for Measuring<T> {
    fn way(&self) -> Option<Measure> {
        None
    }
}
