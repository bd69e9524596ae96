//! Objects, and the types they are values of.

use crate::proxy::Proxy;
use crate::value::Value;
use std::any::Any;

/// A value of a class: what lives on a service.
///
/// `#[remote]` on a struct or enum implements it. Objects are typetag trait objects, tagged with their class's path,
/// so a boxed object can be encoded and decoded without knowing its class.
#[typetag::serde]
pub trait Object: Any + Send + Sync + Viewed {}

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

/// A trait whose methods may be called remotely: implemented by `#[remote]` for the trait's `dyn` type.
pub trait Interface: Remote {}

/// A class, or the `dyn` type of an interface: what a typed proxy stands for.
pub trait Remote {
    /// The path of the class or interface, `module.Name`.
    const PATH: &'static str;
    /// The proxy through which it is used.
    type Proxy: Proxy;
}
