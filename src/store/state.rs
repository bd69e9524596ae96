//! The state of an object, as it is kept: it describes itself, by the names of fields, so that serde's own rules hold
//! when a class changes.

use crate::journal::rows::POISONED;
use serde::de::{Deserialize, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::NewObject;
use tarmem_remote::object::Object;

/// Encodes an object, after a byte with these flags.
pub(super) fn encode(object: &dyn Object, flags: u8) -> Vec<u8> {
    let mut bytes = vec![flags];
    let encoded = catch_unwind(AssertUnwindSafe(|| {
        let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
        serde::Serialize::serialize(object, &mut serializer)
    }));
    let failed = match encoded {
        Ok(Ok(())) => return bytes,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked".to_owned(),
    };
    tracing::error!("a {} cannot be kept: {failed}", object.class());
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

/// Decodes an object, and says whether it is poisoned.
pub(crate) fn decode(bytes: &[u8]) -> Result<(NewObject, bool), String> {
    let (flags, state) = bytes.split_first().ok_or(NOT_ENCODED)?;
    let decoded = catch_unwind(AssertUnwindSafe(|| rmp_serde::from_slice::<NewObject>(state)));
    let object = decoded.map_err(|_| "it panicked".to_owned())?.map_err(|error| error.to_string())?;
    Ok((object, flags & POISONED != 0))
}
