//! Objects, and the types they are values of; what an object tells of itself.

use crate::value::Value;

pub use crate::protocol::object::{Encodable, Object, View, Viewed};
pub use crate::proxy::{Class, Interface, Remote};

/// What an object refers to, told by itself.
///
/// Objects that refer to one another, and that nothing else refers to, are collected. What an object refers to is found
/// by encoding it; a resident class that keeps [`Value`]s from its callers cannot be encoded, and implements this, or a
/// circle through it is never collected. (CPython calls it `tp_traverse`.)
///
/// ```
/// # use tarmem_remote as tarmem;
/// use std::sync::Mutex;
/// use tarmem::object::Traverse;
/// use tarmem::{Value, remote};
///
/// /// The last thing that anybody left here.
/// #[remote(module = "hall", resident)]
/// #[derive(Default)]
/// pub struct Shelf {
///     left: Mutex<Value>,
/// }
///
/// impl Traverse for Shelf {
///     fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
///         visit(&self.left.lock().expect("nobody panicked"));
///     }
/// }
/// # fn main() {}
/// ```
pub trait Traverse {
    /// Calls `visit` with every value that it holds. One that is left out is taken for one that something else holds,
    /// so nothing is collected too early.
    fn traverse(&self, visit: &mut dyn FnMut(&Value));
}

/// How large an object is, told by itself: for those of its methods that take the longer the larger it is.
///
/// A method that is marked `#[remote(scales)]` runs on the thread of its caller's connection while the object is small,
/// which costs nothing, and away from it where the object is large, so that other calls on that connection do not wait
/// for it.
///
/// ```
/// # use tarmem_remote as tarmem;
/// use serde::{Deserialize, Serialize};
/// use tarmem::object::Extent;
/// use tarmem::remote;
///
/// #[remote(module = "lab")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Series {
///     points: Vec<f64>,
/// }
///
/// impl Extent for Series {
///     fn extent(&self) -> usize {
///         self.points.len()
///     }
/// }
///
/// #[remote]
/// impl Series {
///     pub fn add(&mut self, point: f64) {
///         self.points.push(point);
///     }
///
///     #[remote(scales)]
///     pub fn mean(&self) -> f64 {
///         self.points.iter().sum::<f64>() / self.points.len() as f64
///     }
/// }
/// # fn main() {}
/// ```
pub trait Extent {
    /// How much a method has to look at that looks at the whole object, in elements of a list, or whatever takes about
    /// 50 ns. Asked before each call of such a method: it is to be known at once.
    fn extent(&self) -> usize;
}
