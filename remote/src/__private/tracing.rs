//! How the references in an object are found: told by what its class has, as [`Copying`](super::Copying) is.

use super::shared;
use crate::describe::Trace;
use crate::object::{Class, Object, Traverse};
use crate::value::Value;
use std::marker::PhantomData;

/// `(&&Tracing::<T>::new()).way()` finds [`TraverseWay`] if `T` says itself what it refers to, else [`EncodedWay`],
/// which is one reference nearer.
pub struct Tracing<T>(PhantomData<fn() -> T>);

impl<T> Tracing<T> {
    /// Of `T`.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Tracing(PhantomData)
    }
}

/// See [`Tracing`].
pub trait TraverseWay {
    /// It says so.
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
    /// By encoding it, if it can be.
    fn way(&self) -> Option<Trace>;
}

impl<T> EncodedWay for Tracing<T> {
    fn way(&self) -> Option<Trace> {
        None
    }
}
