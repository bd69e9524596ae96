//! What a class can tell the service about its objects: references and size.

use crate::value::Value;

pub use super::keep::{ChangeHook, Hook, Keep, Kept, Save, Sessions};
pub use crate::protocol::object::{Encodable, Object, View, Viewed};
pub use crate::proxy::{Class, Interface, Remote};

/// Reports the values that an object refers to.
///
/// Objects that refer to one another, and that nothing else refers to, are collected. The service finds an object's
/// references by encoding it. A resident class that stores [`Value`]s from its callers cannot be encoded. It has to
/// implement this, or a cycle through it is never collected. (CPython calls this `tp_traverse`.)
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
    /// Calls `visit` with every value that the object contains. The object of a reference that is left out counts as
    /// referred to from elsewhere, so nothing is collected too early.
    fn traverse(&self, visit: &mut dyn FnMut(&Value));
}

/// Reports the size of an object, for its methods whose running time grows with the size.
///
/// A method that is marked `#[remote(scales)]` runs on the thread of its caller's connection while the object is small,
/// which costs nothing, and off that thread if the object is large, so that other calls on that connection do not wait
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
    /// How much work a method does that reads the whole object, in elements of a list, or other steps of about 50 ns.
    /// This is called before each call of such a method, so it has to be quick.
    fn extent(&self) -> usize;
}
