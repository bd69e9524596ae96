//! References to objects in values and arguments.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::handoff::{self, REF_NAME};
use super::{Value, scope};

/// A reference to an object on the service: its id, its class, and, inside the service, the object itself.
///
/// References are equal if their ids are. Cloning one is cheap. An encoded reference consists of its id and class; when
/// it is decoded within [`with_scope`](super::with_scope), the scope finds the live object.
///
/// ```
/// use tarmem_remote::value::{ObjectRef, Value};
///
/// let account = ObjectRef::new(uuid::Uuid::from_u128(7), "bank.Account");
/// assert_eq!(account.class(), "bank.Account");
/// assert!(account.live().is_none());
/// assert_eq!(Value::from(account.clone()), Value::Ref(account));
/// ```
#[derive(Clone)]
pub struct ObjectRef {
    parts: Arc<Parts>,
}

/// The fields are behind one pointer, so that a `Value` stays small.
struct Parts {
    id: Uuid,
    class: Arc<str>,
    live: Option<Arc<dyn Any + Send + Sync>>,
}

impl ObjectRef {
    /// A reference with an id and a class path only, as a client has it.
    pub fn new(id: Uuid, class: impl Into<Arc<str>>) -> Self {
        let class = class.into();
        let live = None;
        ObjectRef { parts: Arc::new(Parts { id, class, live }) }
    }

    /// A reference that contains the object, as the service has it.
    pub fn with_live(id: Uuid, class: impl Into<Arc<str>>, live: Arc<dyn Any + Send + Sync>) -> Self {
        let class = class.into();
        let live = Some(live);
        ObjectRef { parts: Arc::new(Parts { id, class, live }) }
    }

    /// The object's id.
    pub fn id(&self) -> Uuid {
        self.parts.id
    }

    /// The path of the object's class, such as `bank.Account`. Until a scope has resolved the reference, this is what
    /// the sender wrote.
    pub fn class(&self) -> &str {
        &self.parts.class
    }

    /// An address that this reference shares with its clones, and how many of them there are, for code that counts
    /// references.
    pub fn sharing(&self) -> (usize, usize) {
        (Arc::as_ptr(&self.parts) as usize, Arc::strong_count(&self.parts))
    }

    /// The object itself, if the reference contains it.
    pub fn live(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.parts.live.as_ref()
    }
}

impl PartialEq for ObjectRef {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for ObjectRef {}

impl Hash for ObjectRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectRef").field("id", &self.id()).field("class", &self.class()).finish_non_exhaustive()
    }
}

/// Shows the class and the id: `bank.Account 67e55044-10b1-426f-9247-bb680e5fe0c8`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.class(), self.id())
    }
}

/// Writes the pair of id and class in a binary format, if [`RefScope::export`](super::RefScope::export) allows it;
/// otherwise `{"$ref": id, "class": class}`.
impl Serialize for ObjectRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            handoff::offering(Value::Ref(self.clone()), || {
                serializer.serialize_newtype_struct(REF_NAME, &Readable(self))
            })
        } else {
            scope::export(self).map_err(serde::ser::Error::custom)?;
            (self.id(), self.class()).serialize(serializer)
        }
    }
}

struct Readable<'a>(&'a ObjectRef);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ObjectRef", 2)?;
        fields.serialize_field(ID_FIELD, &self.0.id())?;
        fields.serialize_field(CLASS_FIELD, self.0.class())?;
        fields.end()
    }
}

/// The keys of the human-readable form.
pub(super) const ID_FIELD: &str = "$ref";
pub(super) const CLASS_FIELD: &str = "class";

/// Reads a reference from a binary format through [`RefScope::resolve`](super::RefScope::resolve), or from a [`Value`],
/// with its live object.
impl<'de> Deserialize<'de> for ObjectRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_newtype_struct(REF_NAME, ReadableVisitor)
        } else {
            deserializer.deserialize_tuple(2, BinaryVisitor)
        }
    }
}

struct BinaryVisitor;

impl<'de> Visitor<'de> for BinaryVisitor {
    type Value = ObjectRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object reference")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ObjectRef, A::Error> {
        let missing = |n| de::Error::invalid_length(n, &"an id and a class");
        let id: Uuid = seq.next_element()?.ok_or_else(|| missing(0))?;
        let class: String = seq.next_element()?.ok_or_else(|| missing(1))?;
        scope::resolve(ObjectRef::new(id, class)).map_err(de::Error::custom)
    }
}

struct ReadableVisitor;

impl<'de> Visitor<'de> for ReadableVisitor {
    type Value = ObjectRef;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object reference")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<ObjectRef, D::Error> {
        match handoff::take() {
            Some(Value::Ref(reference)) => Ok(reference),
            _ => inner.deserialize_map(self),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ObjectRef, A::Error> {
        let (mut id, mut class) = (None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                ID_FIELD => id = Some(map.next_value::<Uuid>()?),
                CLASS_FIELD => class = Some(map.next_value::<String>()?),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        let id = id.ok_or_else(|| de::Error::missing_field(ID_FIELD))?;
        let class = class.ok_or_else(|| de::Error::missing_field(CLASS_FIELD))?;
        Ok(ObjectRef::new(id, class))
    }
}
