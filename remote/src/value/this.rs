//! What a method gives that belongs to its object.

use super::{ObjectRef, scope};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// In the result of a method, a reference to the object that it was called on: at the caller, a handle to it.
///
/// Who called by key learns by it which object it was: the key may lead to another one by the time of the next call.
///
/// ```
/// use tarmem_remote::value::{This, to_value};
///
/// // There is no object but where a service runs a method.
/// assert!(to_value(&This::default()).unwrap().is_null());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct This(Option<ObjectRef>);

impl This {
    /// The reference, as it came in the result.
    pub fn reference(&self) -> Option<&ObjectRef> {
        self.0.as_ref()
    }
}

/// The object whose method runs, whatever was in it before.
impl Serialize for This {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        scope::this().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for This {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(This)
    }
}

/// Something that a method grants, and the object that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted<G> {
    /// What is granted.
    pub grant: G,
    /// The object that it is to be given up to.
    pub of: This,
}

impl<G> Granted<G> {
    /// By the object whose method this is a result of.
    pub fn here(grant: G) -> Self {
        Granted { grant, of: This::default() }
    }
}
