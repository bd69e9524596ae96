//! Results of a method that refer to its own object.

use super::{ObjectRef, scope};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// In the result of a method, a reference to the object that the method was called on. The caller gets a handle to it.
///
/// A caller that used a key learns from it which object the call reached: the key may be mapped to another object by
/// the next call.
///
/// ```
/// use tarmem_remote::value::{This, to_value};
///
/// // There is no object except where a service runs a method.
/// assert!(to_value(&This::default()).unwrap().is_null());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct This(Option<ObjectRef>);

impl This {
    /// The reference that the result contained, if any.
    pub fn reference(&self) -> Option<&ObjectRef> {
        self.0.as_ref()
    }
}

/// Serializes the object whose method runs, whatever `self` contains.
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

/// Something that a method grants, such as a lock, and the object that it belongs to.
///
/// ```
/// use tarmem_remote::value::{Granted, Value, to_value};
///
/// let granted = Granted::here(7);
/// assert_eq!(granted.grant, 7);
/// assert!(granted.of.reference().is_none(), "the object is added when a service sends the result");
/// assert_eq!(to_value(&granted).unwrap().get("grant"), Some(&Value::from(7)));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Granted<G> {
    /// What is granted.
    pub grant: G,
    /// The object to which the grant is returned.
    pub of: This,
}

impl<G> Granted<G> {
    /// A grant of the object whose method returns it.
    pub fn here(grant: G) -> Self {
        Granted { grant, of: This::default() }
    }
}
