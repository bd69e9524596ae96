//! Objects, and the types they are values of.

use crate::proxy::Proxy;
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

/// A trait whose methods may be called remotely: implemented by `#[remote]` for the trait's `dyn` type.
pub trait Interface: Remote {}

/// A class, or the `dyn` type of an interface: what a typed proxy stands for.
pub trait Remote {
    /// The path of the class or interface, `module.Name`.
    const PATH: &'static str;
    /// The proxy through which it is used.
    type Proxy: Proxy;
}
