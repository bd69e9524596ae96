//! Deserialization of a `Value` from any serde format.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::depth::Depth;
use super::handoff::{self, VALUE_NAME};
use super::key::collapse;
use super::reference::{CLASS_FIELD, ID_FIELD};
use super::serialize::{INT_FIELD, TAGGED, VARIANTS};
use super::weight::{allocated, announced, charge, copy, copy_text, push};
use super::{Integer, ObjectRef, Value};

/// Reads the tagged form from a binary format, and whatever it contains from a human-readable one. From a `Value` it
/// reads the same value, with its live objects. In a human-readable format, a map of `$ref` and `class` is an object
/// reference, and one of `$int` a large integer.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ValueSeed(Depth::default()).deserialize(deserializer)
    }
}

/// Reads a value at a certain depth.
#[derive(Clone, Copy)]
struct ValueSeed(Depth);

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_newtype_struct(VALUE_NAME, Natural(self.0))
        } else {
            deserializer.deserialize_enum(TAGGED, VARIANTS, Tagged(self.0))
        }
    }
}

/// The tag of the binary form.
#[derive(Deserialize)]
#[serde(variant_identifier)]
enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Text,
    Bytes,
    List,
    Map,
    Ref,
    Tuple,
    Set,
    Integer,
}

struct Tagged(Depth);

impl<'de> Visitor<'de> for Tagged {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content) = data.variant()?;
        Ok(match tag {
            Tag::Null => {
                content.unit_variant()?;
                Value::Null
            }
            Tag::Bool => Value::Bool(content.newtype_variant()?),
            Tag::Int => Value::Int(content.newtype_variant::<i128>()?.into()),
            Tag::Float => Value::Float(content.newtype_variant()?),
            Tag::Text => Value::Text(content.newtype_variant_seed(TextBuf)?),
            Tag::Bytes => Value::Bytes(content.newtype_variant_seed(ByteBuf)?),
            Tag::List => {
                let inside = self.0.container().map_err(A::Error::custom)?;
                Value::List(content.newtype_variant_seed(Items(inside))?)
            }
            Tag::Map => {
                let inside = self.0.container().map_err(A::Error::custom)?;
                Value::Map(content.newtype_variant_seed(Entries(inside))?)
            }
            Tag::Ref => Value::Ref(content.newtype_variant()?),
            Tag::Tuple => {
                let inside = self.0.container().map_err(A::Error::custom)?;
                Value::Tuple(content.newtype_variant_seed(Items(inside))?)
            }
            Tag::Set => {
                let inside = self.0.container().map_err(A::Error::custom)?;
                Value::set(content.newtype_variant_seed(Items(inside))?).map_err(A::Error::custom)?
            }
            Tag::Integer => {
                let bytes = content.newtype_variant_seed(ByteBuf)?;
                Value::Int(Integer::from_signed_bytes_le(&bytes).map_err(A::Error::custom)?)
            }
        })
    }
}

/// Reads whatever a self-describing format contains.
struct Natural(Depth);

impl<'de> Visitor<'de> for Natural {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i128<E>(self, v: i128) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u128<E>(self, v: u128) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Value::Float(v))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::Text(v))
    }

    fn visit_bytes<E>(self, v: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(v.to_vec()))
    }

    fn visit_byte_buf<E>(self, v: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(v))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        ValueSeed(self.0.wrapper().map_err(D::Error::custom)?).deserialize(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        match handoff::take() {
            Some(value) => Ok(value),
            None => inner.deserialize_any(Natural(self.0.wrapper().map_err(D::Error::custom)?)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        let inside = self.0.container().map_err(A::Error::custom)?;
        Items(inside).visit_seq(seq).map(Value::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let inside = self.0.container().map_err(A::Error::custom)?;
        let entries = Entries(inside).visit_map(map)?;
        if let Some(reference) = as_reference(&entries) {
            return Ok(Value::Ref(reference));
        }
        if let Some(n) = as_integer(&entries) {
            return Ok(Value::Int(n));
        }
        Ok(Value::Map(entries))
    }
}

/// The reference that a map in the human-readable form represents.
fn as_reference(entries: &[(Value, Value)]) -> Option<ObjectRef> {
    let [(first, id), (second, class)] = entries else {
        return None;
    };
    if first.as_str() != Some(ID_FIELD) || second.as_str() != Some(CLASS_FIELD) {
        return None;
    }
    Some(ObjectRef::new(id.as_str()?.parse().ok()?, class.as_str()?))
}

/// The large integer that a map in the human-readable form represents.
fn as_integer(entries: &[(Value, Value)]) -> Option<Integer> {
    match entries {
        [(key, digits)] if key.as_str() == Some(INT_FIELD) => digits.as_str()?.parse().ok(),
        _ => None,
    }
}

/// A list of values that is counted towards [`DECODED_LIMIT`](super::DECODED_LIMIT) wherever it is decoded. The
/// collections on a service are read from it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tarmem_remote::value::{Counted, Value};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(from = "Counted")]
/// struct Stack(Vec<Value>);
///
/// impl From<Counted> for Stack {
///     fn from(Counted(items): Counted) -> Self {
///         Stack(items)
///     }
/// }
///
/// let stack: Stack = serde_json::from_str("[1,2]").unwrap();
/// assert_eq!(stack.0, [1.into(), 2.into()]);
/// ```
pub struct Counted(pub Vec<Value>);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Items(Depth::default()).deserialize(deserializer).map(Counted)
    }
}

struct Items(Depth);

impl<'de> DeserializeSeed<'de> for Items {
    type Value = Vec<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Value>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Value>, A::Error> {
        let mut items = announced(seq.size_hint()).map_err(A::Error::custom)?;
        while let Some(item) = seq.next_element_seed(ValueSeed(self.0))? {
            charge(size_of::<Value>()).map_err(A::Error::custom)?;
            push(&mut items, item).map_err(A::Error::custom)?;
        }
        Ok(items)
    }
}

struct Entries(Depth);

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Vec<(Value, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(Value, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = announced(map.size_hint()).map_err(A::Error::custom)?;
        let seed = ValueSeed(self.0);
        while let Some(entry) = map.next_entry_seed(seed, seed)? {
            charge(size_of::<(Value, Value)>()).map_err(A::Error::custom)?;
            push(&mut entries, entry).map_err(A::Error::custom)?;
        }
        collapse(&mut entries).map_err(A::Error::custom)?;
        Ok(entries)
    }
}

struct TextBuf;

impl<'de> DeserializeSeed<'de> for TextBuf {
    type Value = String;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_string(self)
    }
}

impl<'de> Visitor<'de> for TextBuf {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<String, E> {
        charge(allocated(v.len())).map_err(E::custom)?;
        copy_text(v).map_err(E::custom)
    }

    fn visit_string<E: Error>(self, v: String) -> Result<String, E> {
        charge(allocated(v.len())).map_err(E::custom)?;
        Ok(v)
    }
}

struct ByteBuf;

impl<'de> DeserializeSeed<'de> for ByteBuf {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(self)
    }
}

impl<'de> Visitor<'de> for ByteBuf {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, v: &[u8]) -> Result<Vec<u8>, E> {
        charge(allocated(v.len())).map_err(E::custom)?;
        copy(v).map_err(E::custom)
    }

    fn visit_byte_buf<E: Error>(self, v: Vec<u8>) -> Result<Vec<u8>, E> {
        charge(allocated(v.len())).map_err(E::custom)?;
        Ok(v)
    }
}
