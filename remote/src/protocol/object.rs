//! Objects: values of classes, as they are encoded without knowing the class.

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

/// For whoever keeps objects in memory of its own: how an object of this one's class is seen as an object. Every class
/// has it, and nobody can say otherwise.
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

/// An object freshly made.
pub type NewObject = Box<dyn Object>;

/// The value of an object, without the tag that typetag puts around it.
pub(crate) fn untagged(object: &dyn Object) -> Result<Value, String> {
    match to_value(object).map_err(|e| e.to_string())? {
        Value::Map(mut entries) if entries.len() == 1 => Ok(entries.remove(0).1),
        other => Err(format!("an object is a tagged value, not {}", other.kind())),
    }
}
