//! Serialization of a `Value` into any serde format.

use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::depth::Depth;
use super::handoff::{INT_NAME, SET_NAME, TUPLE_NAME};
use super::{Integer, Value};

/// The serde name of the tagged form, and its variants in the order of their tags. They are part of the wire format.
pub(super) const TAGGED: &str = "Value";
pub(super) const VARIANTS: &[&str] =
    &["Null", "Bool", "Int", "Float", "Text", "Bytes", "List", "Map", "Ref", "Tuple", "Set", "Integer"];

/// The key of the human-readable form of a large integer.
pub(super) const INT_FIELD: &str = "$int";

/// Whether the enum that a type asks for is the tagged form.
pub(crate) fn is_tagged_form(name: &str, variants: &[&str]) -> bool {
    name == TAGGED && variants == VARIANTS
}

/// Writes a tagged form in a binary format, which loses nothing, and the natural form in a human-readable one: a map is
/// a map, bytes are the format's bytes, tuples and sets are sequences, and an integer beyond 128 bits is `{"$int":
/// digits}`. Formats without bytes, such as JSON, lose the difference; [`Value::to_json`] and
/// [`to_value`](super::to_value) keep it.
///
/// # Errors
///
/// The value is nested deeper than [`DEPTH_LIMIT`](super::DEPTH_LIMIT), or contains something that the format cannot
/// express.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Nested(self, Depth::default()).serialize(serializer)
    }
}

/// Serializes a Python tuple that a class stores otherwise than as a [`Value`]. In a binary format, whose reader knows
/// the class, it is written as a list.
///
/// ```
/// use serde::{Serialize, Serializer};
/// use tarmem_remote::value::{Value, serialize_tuple, to_value};
///
/// struct Row(Vec<Value>);
///
/// impl Serialize for Row {
///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
///         serialize_tuple(&self.0, serializer)
///     }
/// }
///
/// assert_eq!(to_value(&Row(vec![1.into()])).unwrap(), Value::Tuple(vec![1.into()]));
/// ```
///
/// # Errors
/// Those of the serializer.
pub fn serialize_tuple<S: Serializer, T: Serialize>(items: &T, serializer: S) -> Result<S::Ok, S::Error> {
    named(TUPLE_NAME, items, serializer)
}

/// Serializes a Python set, as [`serialize_tuple`] does a tuple.
///
/// # Errors
/// Those of the serializer.
pub fn serialize_set<S: Serializer, T: Serialize>(items: &T, serializer: S) -> Result<S::Ok, S::Error> {
    named(SET_NAME, items, serializer)
}

fn named<S: Serializer, T: Serialize>(name: &'static str, items: &T, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_newtype_struct(name, items)
    } else {
        items.serialize(serializer)
    }
}

/// A value and its depth in the outermost one.
struct Nested<'a>(&'a Value, Depth);

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { self.natural(serializer) } else { self.tagged(serializer) }
    }
}

impl Nested<'_> {
    fn tagged<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.1;
        match self.0 {
            Value::Null => serializer.serialize_unit_variant(TAGGED, 0, "Null"),
            Value::Bool(b) => serializer.serialize_newtype_variant(TAGGED, 1, "Bool", b),
            // An integer that fits 64 bits is encoded in the same bytes as in 128 bits.
            Value::Int(n) => match (n.as_i64(), n.as_i128()) {
                (Some(n), _) => serializer.serialize_newtype_variant(TAGGED, 2, "Int", &n),
                (None, Some(n)) => serializer.serialize_newtype_variant(TAGGED, 2, "Int", &n),
                (None, None) => {
                    serializer.serialize_newtype_variant(TAGGED, 11, "Integer", &AsBytes(&n.to_signed_bytes_le()))
                }
            },
            Value::Float(x) => serializer.serialize_newtype_variant(TAGGED, 3, "Float", x),
            Value::Text(s) => serializer.serialize_newtype_variant(TAGGED, 4, "Text", s),
            Value::Bytes(b) => serializer.serialize_newtype_variant(TAGGED, 5, "Bytes", &AsBytes(b)),
            Value::List(items) => {
                let items = Items(items, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_variant(TAGGED, 6, "List", &items)
            }
            Value::Map(entries) => {
                let entries = Entries(entries, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_variant(TAGGED, 7, "Map", &entries)
            }
            Value::Ref(reference) => serializer.serialize_newtype_variant(TAGGED, 8, "Ref", reference),
            Value::Tuple(items) => {
                let items = Items(items, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_variant(TAGGED, 9, "Tuple", &items)
            }
            Value::Set(items) => {
                let items = Items(items, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_variant(TAGGED, 10, "Set", &items)
            }
        }
    }

    fn natural<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.1;
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => natural_int(n, serializer),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::Text(s) => serializer.serialize_str(s),
            Value::Bytes(b) => serializer.serialize_bytes(b),
            Value::List(items) => Items(items, depth.container().map_err(S::Error::custom)?).serialize(serializer),
            Value::Map(entries) => Entries(entries, depth.container().map_err(S::Error::custom)?).serialize(serializer),
            Value::Ref(reference) => reference.serialize(serializer),
            Value::Tuple(items) => {
                let items = Items(items, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_struct(TUPLE_NAME, &items)
            }
            Value::Set(items) => {
                let items = Items(items, depth.container().map_err(S::Error::custom)?);
                serializer.serialize_newtype_struct(SET_NAME, &items)
            }
        }
    }
}

/// Writes an integer in the narrowest type, because few formats support 128 bits; a larger one as `{"$int": digits}`.
fn natural_int<S: Serializer>(n: &Integer, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(n) = n.as_i64() {
        serializer.serialize_i64(n)
    } else if let Ok(n) = u64::try_from(n) {
        serializer.serialize_u64(n)
    } else if let Some(n) = n.as_i128() {
        serializer.serialize_i128(n)
    } else {
        serializer.serialize_newtype_struct(INT_NAME, &Digits(n))
    }
}

/// The human-readable form of a large integer.
struct Digits<'a>(&'a Integer);

impl Serialize for Digits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(INT_FIELD, &self.0.to_string())?;
        map.end()
    }
}

struct AsBytes<'a>(&'a [u8]);

impl Serialize for AsBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct Items<'a>(&'a [Value], Depth);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            seq.serialize_element(&Nested(item, self.1))?;
        }
        seq.end()
    }
}

struct Entries<'a>(&'a [(Value, Value)], Depth);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(&Nested(key, self.1), &Nested(value, self.1))?;
        }
        map.end()
    }
}
