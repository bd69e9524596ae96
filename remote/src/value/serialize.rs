//! How a `Value` is written to any serde format.

use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::Value;
use super::depth::Depth;

/// The serde name of the tagged form, and its variants in the order of their tags. Part of the wire format.
pub(super) const TAGGED: &str = "Value";
pub(super) const VARIANTS: &[&str] = &["Null", "Bool", "Int", "Float", "Text", "Bytes", "List", "Map", "Ref"];

/// In a binary format a tagged form, which loses nothing. In a readable one the natural form: a map is a map and bytes
/// are the format's bytes; formats without them, such as JSON, lose the difference: [`Value::to_json`] keeps it.
///
/// # Errors
///
/// A value nested deeper than [`DEPTH_LIMIT`](super::DEPTH_LIMIT), and whatever the format cannot express.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Nested(self, Depth::default()).serialize(serializer)
    }
}

/// A value and how deep in the outermost one it is.
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
            Value::Int(n) => serializer.serialize_newtype_variant(TAGGED, 2, "Int", n),
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
        }
    }

    fn natural<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let depth = self.1;
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => natural_int(*n, serializer),
            Value::Float(x) => serializer.serialize_f64(*x),
            Value::Text(s) => serializer.serialize_str(s),
            Value::Bytes(b) => serializer.serialize_bytes(b),
            Value::List(items) => Items(items, depth.container().map_err(S::Error::custom)?).serialize(serializer),
            Value::Map(entries) => Entries(entries, depth.container().map_err(S::Error::custom)?).serialize(serializer),
            Value::Ref(reference) => reference.serialize(serializer),
        }
    }
}

/// As the narrowest type: few formats know 128 bits.
fn natural_int<S: Serializer>(n: i128, serializer: S) -> Result<S::Ok, S::Error> {
    if let Ok(n) = i64::try_from(n) {
        serializer.serialize_i64(n)
    } else if let Ok(n) = u64::try_from(n) {
        serializer.serialize_u64(n)
    } else {
        serializer.serialize_i128(n)
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
