//! The state of an object, as it is kept: it describes itself, by the names of fields, so that serde's own rules hold
//! when a class changes.

use crate::journal::rows::POISONED;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::{ClassEntry, NewObject, RestoreResident};
use tarmem_remote::object::{Kept, Object, Save};
use tarmem_remote::value::{ObjectRef, RefScope, with_scope};

/// Encodes an object, after a byte with these flags. Says whether there are references to objects in it.
pub(crate) fn encode(object: &dyn Object, flags: u8) -> (Vec<u8>, bool) {
    let scope = Referring::default();
    let bytes = with_scope(&scope, || encode_as(object.class(), &object, flags));
    (bytes, scope.refers.get())
}

/// Notices references, and lets them pass.
#[derive(Default)]
struct Referring {
    refers: Cell<bool>,
}

impl RefScope for Referring {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        Ok(reference)
    }

    fn export(&self, _: &ObjectRef) -> Result<(), String> {
        self.refers.set(true);
        Ok(())
    }
}

/// Encodes the part of an object that is kept of the resident class `path`, in the same form.
pub(super) fn encode_kept(path: &str, kept: &dyn Kept, flags: u8) -> Vec<u8> {
    let mut bytes = None;
    kept.save(Save::new(&mut |state| bytes = Some(encode_as(path, &Tagged { path, state }, flags))));
    bytes.unwrap_or_default()
}

/// What typetag makes of an object: a map with one entry, whose key is the path.
struct Tagged<'a> {
    path: &'a str,
    state: &'a dyn erased_serde::Serialize,
}

impl Serialize for Tagged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.path, self.state)?;
        map.end()
    }
}

fn encode_as(class: &str, object: &impl Serialize, flags: u8) -> Vec<u8> {
    let mut bytes = vec![flags];
    let encoded = catch_unwind(AssertUnwindSafe(|| {
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        object.serialize(&mut serializer)
    }));
    let failed = match encoded {
        Ok(Ok(())) => return bytes,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked".to_owned(),
    };
    tracing::error!("a {class} cannot be kept: {failed}");
    bytes.clear();
    bytes
}

/// The path of the class of an encoded object.
pub(crate) fn class(bytes: &[u8]) -> Result<String, String> {
    /// typetag's form: a map with one entry, whose key is the path.
    struct Tag(String);
    impl<'de> Deserialize<'de> for Tag {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Tagged;
            impl<'de> Visitor<'de> for Tagged {
                type Value = Tag;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an object with its class")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tag, A::Error> {
                    let class = map.next_key()?.ok_or_else(|| A::Error::custom("it has no class"))?;
                    map.next_value::<IgnoredAny>()?;
                    Ok(Tag(class))
                }
            }
            deserializer.deserialize_map(Tagged)
        }
    }
    let (_, state) = bytes.split_first().ok_or(NOT_ENCODED)?;
    rmp_serde::from_slice::<Tag>(state).map(|tag| tag.0).map_err(|error| error.to_string())
}

const NOT_ENCODED: &str = "it could not be encoded when it was to be kept";

/// Decodes an object of this class, and says whether it is poisoned.
pub(crate) fn decode(class: &ClassEntry, bytes: &[u8]) -> Result<(NewObject, bool), String> {
    let (flags, state) = bytes.split_first().ok_or(NOT_ENCODED)?;
    let decoded = catch_unwind(AssertUnwindSafe(|| match class.resident() {
        Some(resident) => rmp_serde::Deserializer::from_read_ref(state).deserialize_map(Restored(resident.restore)),
        None => rmp_serde::from_slice::<NewObject>(state),
    }));
    let decoded = decoded.map_err(|_| "its class panicked when it was decoded".to_owned())?;
    let object = decoded.map_err(|error| format!("its state is not one of the class as it is now: {error}"))?;
    Ok((object, flags & POISONED != 0))
}

/// Decodes what [`encode_kept`] has encoded.
struct Restored(RestoreResident);

impl<'de> Visitor<'de> for Restored {
    type Value = NewObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the state of an object with its class")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NewObject, A::Error> {
        map.next_key::<IgnoredAny>()?.ok_or_else(|| A::Error::custom("it has no class"))?;
        map.next_value_seed(self)
    }
}

impl<'de> DeserializeSeed<'de> for Restored {
    type Value = NewObject;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<NewObject, D::Error> {
        (self.0)(&mut <dyn erased_serde::Deserializer<'_>>::erase(deserializer)).map_err(D::Error::custom)
    }
}
