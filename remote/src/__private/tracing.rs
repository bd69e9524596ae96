//! Chooses how the references in an object are found, by the traits of its class, as [`Copying`](super::Copying) does.

use super::shared;
use crate::describe::Trace;
use crate::object::{Class, Object, Traverse};
use crate::value::Value;
use std::marker::PhantomData;

/// `(&&Tracing::<T>::new()).way()` finds [`TraverseWay`] if `T` itself reports its references, otherwise
/// [`EncodedWay`], which is one reference nearer.
pub struct Tracing<T>(PhantomData<fn() -> T>);

impl<T> Tracing<T> {
    /// The way of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Tracing(PhantomData)
    }
}

/// See [`Tracing`].
pub trait TraverseWay {
    /// The class reports the references.
    fn way(&self) -> Option<Trace>;
}

impl<T: Class + Traverse> TraverseWay for &Tracing<T> {
    fn way(&self) -> Option<Trace> {
        fn traverse<T: Class + Traverse>(object: &dyn Object, visit: &mut dyn FnMut(&Value)) {
            if let Ok(object) = shared::<T>(object) {
                object.traverse(visit);
            }
        }
        Some(traverse::<T>)
    }
}

/// See [`Tracing`].
pub trait EncodedWay {
    /// The references are found by encoding the object, if it can be encoded.
    fn way(&self) -> Option<Trace>;
}

impl<T> EncodedWay for Tracing<T> {
    fn way(&self) -> Option<Trace> {
        None
    }
}
