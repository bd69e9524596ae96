//! `builtins.dict`.

use crate::args::Arg;
use crate::context::Context;
use crate::error::Error;
use crate::modules::python::live::{Holds, Seen};
use crate::modules::python::{
    Chunk, Cursor, Key, Table, check_depth, check_result, equal, iterate, number, pairs, repr, type_name, weight,
};
use crate::modules::shared::{
    dict_changed, dict_methods, mapping_methods, mapping_proxy, popitem_method, text_of_repr,
};
use crate::modules::{Decoded, DecodedPairs, Elements, Exception, Fallible};
use crate::remote;
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// A dict, as Python's: values under keys, in the order in which the keys came.
///
/// A key is anything but a list or a map; `1`, `1.0` and `true` are one key.
#[remote(module = "builtins", name = "dict")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dict(Table<Value>);

#[remote]
impl Dict {
    /// A dict of `items`: a map, or a list of pairs. Empty without `items`.
    #[remote(inline)]
    pub fn new(items: Arg<Value>) -> Result<Self, Exception> {
        Ok(Dict(items.given().map_or(Ok(Vec::new()), entries)?.into_iter().collect()))
    }

    /// A dict of the elements of `keys`, each with the same value: null without `value`.
    #[remote(inline)]
    pub fn fromkeys(keys: Value, value: Option<Value>) -> Result<Self, Exception> {
        fromkeys(keys, value).map(Dict)
    }
}

#[remote]
impl Dict {
    /// The value under `key`. `KeyError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.0.get(&key).cloned().ok_or_else(|| Exception::no_key(key.value()))
    }

    /// The dict as Python writes it.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        repr(&self.copy_value())
    }
}

text_of_repr!(Dict);
popitem_method!(Dict, DictProxy);
mapping_methods!(Dict, dict_changed);
dict_methods!(Dict, "dict");
mapping_proxy!(DictProxy, "builtins.dict");

impl Dict {
    /// The keys and values.
    pub fn table(&self) -> &Table<Value> {
        &self.0
    }

    /// The keys and values.
    pub fn table_mut(&mut self) -> &mut Table<Value> {
        &mut self.0
    }

    /// The keys and values.
    pub fn into_table(self) -> Table<Value> {
        self.0
    }
}

impl Holds for Dict {
    fn seen(&self) -> Seen<'_> {
        Seen::Dict(&self.0)
    }
}

/// The elements of `keys`, each with the same value.
pub(crate) fn fromkeys(keys: Value, value: Option<Value>) -> Result<Table<Value>, Exception> {
    let value = value.unwrap_or_default();
    check_depth(&value)?;
    let keys = iterate(keys)?;
    check_result(weight(&value), keys.len())?;
    keys.into_iter().map(|key| Ok((Key::new(key)?, value.clone()))).collect()
}

/// What can be entries of a dict.
pub(crate) fn entries(value: Value) -> Result<Vec<(Key, Value)>, Exception> {
    let entry = |(key, value)| {
        check_depth(&value)?;
        Ok((Key::new(key)?, value))
    };
    pairs(value)?.into_iter().map(entry).collect()
}

impl From<Table<Value>> for Dict {
    fn from(table: Table<Value>) -> Self {
        Dict(table)
    }
}
