//! Objects: values of classes, encoded without knowing the class.

use crate::value::{Value, to_value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;

/// A value of a class: what lives on a service.
///
/// `#[remote]` on a struct or enum implements it. Objects are typetag trait objects, tagged with their class's path, so
/// a boxed object can be encoded and decoded without knowing its class.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::object::Object;
/// use tarmem_remote::remote;
///
/// #[remote(module = "doc_object")]
/// #[derive(Serialize, Deserialize)]
/// pub struct Account { cents: i64 }
///
/// # fn main() {
/// let object: Box<dyn Object> = Box::new(Account { cents: 5 });
/// assert_eq!(object.class(), "doc_object.Account");
/// assert_eq!(serde_json::to_string(&object).unwrap(), r#"{"doc_object.Account":{"cents":5}}"#);
/// # }
/// ```
#[typetag::serde]
pub trait Object: Encodable + Any + Send + Sync + Viewed {}

/// `Serialize` and `DeserializeOwned`, as a class has to be, with a different error message for a type that is not.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the class `{Self}` cannot be serialized",
    label = "its values can neither go to a service nor be shown",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it; or, if it contains a part that cannot be \
            serialized (a socket, a channel, …), make it `resident`: #[remote(module = \"…\", resident)]"
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

/// Views a value of some class, given its address, as an object.
#[doc(hidden)]
pub type View = fn(*mut ()) -> *mut dyn Object;

/// For code that keeps objects in memory of its own: how an object of this one's class is viewed as an object. Every
/// class has this method, and none can override it.
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

/// A newly made object.
#[doc(hidden)]
pub type NewObject = Box<dyn Object>;

/// The value of an object, without the tag that typetag adds.
pub(crate) fn untagged(object: &dyn Object) -> Result<Value, String> {
    match to_value(object).map_err(|e| e.to_string())? {
        Value::Map(mut entries) if entries.len() == 1 => Ok(entries.remove(0).1),
        other => Err(format!("an object is a tagged value, not {}", other.kind())),
    }
}
