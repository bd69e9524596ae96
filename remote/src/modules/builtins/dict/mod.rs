//! `builtins.dict`.

mod methods;
mod operators;
mod proxy;

use crate::modules::Exception;
use crate::modules::python::{Key, Table, check_depth, iterate, pairs};
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
    pub fn new(items: Option<Value>) -> Result<Self, Exception> {
        Ok(Dict(items.map_or(Ok(Vec::new()), entries)?.into_iter().collect()))
    }

    /// A dict of the elements of `keys`, each with the same value: null without `value`.
    #[remote(inline)]
    pub fn fromkeys(keys: Value, value: Option<Value>) -> Result<Self, Exception> {
        let value = value.unwrap_or_default();
        check_depth(&value)?;
        let entry = |key| Ok((Key::new(key)?, value.clone()));
        Ok(Dict(iterate(keys)?.into_iter().map(entry).collect::<Result<_, Exception>>()?))
    }
}

impl Dict {
    /// The keys and values.
    pub fn table(&self) -> &Table<Value> {
        &self.0
    }

    /// The keys and values.
    pub fn into_table(self) -> Table<Value> {
        self.0
    }
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

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Value::Map(dict.0.into_iter().map(|(key, value)| (key.into_value(), value)).collect())
    }
}
