//! Objects, and the types they are values of.

use crate::proxy::Proxy;
use crate::value::{Value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;

/// A value of a class: what lives on a service.
///
/// `#[remote]` on a struct or enum implements it. Objects are typetag trait objects, tagged with their class's path,
/// so a boxed object can be encoded and decoded without knowing its class.
#[typetag::serde]
pub trait Object: Encodable + Any + Send + Sync + Viewed {}

/// What is `Serialize` and `DeserializeOwned`, as a class is, with other words for one that is not.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the class `{Self}` cannot be serialized",
    label = "its values can neither go to a service nor be shown",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it; or, where it holds what cannot be serialized (a socket, a \
            channel, …), make it `resident`: #[remote(module = \"…\", resident)]"
)]
pub trait Encodable: typetag::Serialize + typetag::Deserialize {
    fn read(deserializer: &mut dyn erased_serde::Deserializer<'_>) -> Result<Self, erased_serde::Error>
    where
        Self: Sized;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Encodable for T {
    fn read(deserializer: &mut dyn erased_serde::Deserializer<'_>) -> Result<Self, erased_serde::Error> {
        erased_serde::deserialize(deserializer)
    }
}

/// What sees a value of some class, given its place, as an object.
pub type View = fn(*mut ()) -> *mut dyn Object;

/// For whoever keeps objects in memory of its own: how an object of this one's class is seen as an object. Every class has it,
/// and nobody can say otherwise.
#[doc(hidden)]
pub trait Viewed {
    fn viewed(&self) -> View;
}

impl<T: Object> Viewed for T {
    fn viewed(&self) -> View {
        |place| place.cast::<T>()
    }
}

impl dyn Object {
    /// The path of the object's class, `module.Name`.
    pub fn class(&self) -> &'static str {
        self.typetag_name()
    }
}

/// A Rust type whose values may live on a service; implemented by `#[remote]`.
pub trait Class: Object + Remote + Sized {}

/// What an object refers to, told by itself.
///
/// Objects that refer to one another, and that nothing else refers to, are collected. What an object refers to is found by
/// encoding it; a resident class that keeps [`Value`]s from its callers cannot be encoded, and implements this, or a circle
/// through it is never collected. (CPython calls it `tp_traverse`.)
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
    /// Calls `visit` with every value that it holds. One that is left out is taken for one that something else holds, so nothing
    /// is collected too early.
    fn traverse(&self, visit: &mut dyn FnMut(&Value));
}

/// How large an object is, told by itself: for those of its methods that take the longer the larger it is.
///
/// A method that is marked `#[remote(scales)]` runs on the thread of its caller's connection while the object is small, which
/// costs nothing, and away from it where the object is large, so that other calls on that connection do not wait for it.
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
    /// How much a method has to look at that looks at the whole object, in elements of a list, or whatever takes about 50 ns.
    /// Asked before each call of such a method: it is to be known at once.
    fn extent(&self) -> usize;
}

/// A trait whose methods may be called remotely: implemented by `#[remote]` for the trait's `dyn` type.
pub trait Interface: Remote {}

/// A class, or the `dyn` type of an interface: what a typed proxy stands for.
pub trait Remote {
    /// The path of the class or interface, `module.Name`.
    const PATH: &'static str;
    /// The proxy through which it is used.
    type Proxy: Proxy;
}

/// The value of an object, without the tag that typetag puts around it.
pub(crate) fn untagged(object: &dyn Object) -> Result<Value, String> {
    match to_value(object).map_err(|e| e.to_string())? {
        Value::Map(mut entries) if entries.len() == 1 => Ok(entries.remove(0).1),
        other => Err(format!("an object is a tagged value, not {}", other.kind())),
    }
}
