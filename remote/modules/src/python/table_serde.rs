//! How tables are serialized: with values as a map, without values as a set.

use super::{Key, Table, check_depth};
use crate::Exception;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use std::fmt;
use tarmem_remote::value::{Value, charge, serialize_set};

impl Serialize for Table<Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self.iter() {
            map.serialize_entry(key.value(), value)?;
        }
        map.end()
    }
}

impl Serialize for Table<()> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_set(&Keys(self), serializer)
    }
}

struct Keys<'a>(&'a Table<()>);

impl Serialize for Keys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for key in self.0.keys() {
            seq.serialize_element(key.value())?;
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Table<Value> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Table<()> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Table<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<Value>, A::Error> {
        let mut table = Table::new();
        while let Some((key, value)) = map.next_entry::<Value, Value>()? {
            charge(Table::<Value>::ENTRY_BYTES).map_err(de::Error::custom)?;
            check_depth(&value).map_err(de::Error::custom)?;
            table.insert(Key::new(key).map_err(Exception::from).map_err(de::Error::custom)?, value);
        }
        Ok(table)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Table<()>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Table<()>, A::Error> {
        let mut table = Table::new();
        while let Some(key) = seq.next_element::<Value>()? {
            charge(Table::<()>::ENTRY_BYTES).map_err(de::Error::custom)?;
            table.insert(Key::new(key).map_err(Exception::from).map_err(de::Error::custom)?, ());
        }
        Ok(table)
    }
}
