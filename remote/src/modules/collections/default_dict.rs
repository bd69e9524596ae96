//! `collections.defaultdict`.

use crate::context::Context;
use crate::error::Error;
use crate::modules::builtins::dict::entries;
use crate::modules::python::{Chunk, Cursor, Key, Table, check_depth, equal, number, repr, type_name};
use crate::modules::shared::{dict_changed, dict_methods, mapping_methods, mapping_proxy};
use crate::modules::{Decoded, DecodedPairs, Elements, Exception, Fallible};
use crate::remote;
use crate::value::Value;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A dict that makes the value of a missing key when it is asked for, as Python's `defaultdict`.
///
/// What makes it is named by its generator: `builtins.list`, `builtins.dict`, `builtins.set`, `builtins.tuple`,
/// `builtins.str`, `builtins.bytes`, `builtins.int`, `builtins.float` or `builtins.bool`, with or without `builtins.`.
#[remote(module = "collections", name = "defaultdict")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefaultDict {
    factory: Option<Factory>,
    table: Table<Value>,
}

/// What can make a missing value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Factory {
    List,
    Dict,
    Set,
    Tuple,
    Str,
    Bytes,
    Int,
    Float,
    Bool,
}

const FACTORIES: [(Factory, &str); 9] = [
    (Factory::List, "builtins.list"),
    (Factory::Dict, "builtins.dict"),
    (Factory::Set, "builtins.set"),
    (Factory::Tuple, "builtins.tuple"),
    (Factory::Str, "builtins.str"),
    (Factory::Bytes, "builtins.bytes"),
    (Factory::Int, "builtins.int"),
    (Factory::Float, "builtins.float"),
    (Factory::Bool, "builtins.bool"),
];

impl Factory {
    fn named(name: &str) -> Result<Self, Exception> {
        let found = FACTORIES.iter().find(|(_, path)| *path == name || path.strip_prefix("builtins.") == Some(name));
        found.map(|(factory, _)| *factory).ok_or_else(|| {
            let known: Vec<&str> = FACTORIES.iter().map(|(_, path)| *path).collect();
            Exception::TypeError(format!("the first argument must name a factory or be null: {}", known.join(", ")))
        })
    }

    fn path(self) -> &'static str {
        FACTORIES.iter().find(|(factory, _)| *factory == self).map_or("", |(_, path)| path)
    }

    fn make(self) -> Value {
        match self {
            Factory::List | Factory::Set | Factory::Tuple => Value::List(Vec::new()),
            Factory::Dict => Value::Map(Vec::new()),
            Factory::Str => Value::Text(String::new()),
            Factory::Bytes => Value::Bytes(Vec::new()),
            Factory::Int => Value::Int(0),
            Factory::Float => Value::Float(0.0),
            Factory::Bool => Value::Bool(false),
        }
    }
}

#[remote]
impl DefaultDict {
    /// A dict of `items`, a map or a list of pairs, that has `factory` make what is missing; nothing is made without
    /// `factory`.
    #[remote(inline)]
    pub fn new(factory: Option<String>, items: Option<Value>) -> Result<Self, Exception> {
        let factory = factory.map(|name| Factory::named(&name)).transpose()?;
        Ok(DefaultDict { factory, table: items.map_or(Ok(Vec::new()), entries)?.into_iter().collect() })
    }

    /// The value under `key`. If there is none, the factory makes one, which stays there; `KeyError` without a factory.
    #[remote(name = "__getitem__")]
    pub fn getitem(&mut self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        match self.table.get(&key) {
            Some(value) => Ok(value.clone()),
            None => self.missing(key.into_value()),
        }
    }

    /// Has the factory make a value for `key`; `KeyError` without a factory.
    #[remote(name = "__missing__")]
    pub fn missing(&mut self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        let value = self.factory.ok_or_else(|| Exception::no_key(key.value()))?.make();
        self.table.insert(key, value.clone());
        Ok(value)
    }

    /// The name of what makes missing values; null if nothing does.
    pub fn default_factory(&self) -> Option<String> {
        self.factory.map(|factory| factory.path().to_owned())
    }

    /// Takes out the key that came last, and gives it with its value as a list of two. `KeyError` if there is none.
    pub fn popitem(&mut self) -> Result<(Value, Value), Exception> {
        let last = self.table.pop_last().map(|(key, value)| (key.into_value(), value));
        last.ok_or_else(|| Exception::KeyError("'popitem(): dictionary is empty'".to_owned()))
    }

    /// The dict as Python writes it.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        let factory = self.factory.map_or("None".to_owned(), |factory| {
            format!("<class '{}'>", factory.path().trim_start_matches("builtins."))
        });
        format!("defaultdict({factory}, {})", repr(&self.copy_value()))
    }
}

mapping_methods!(DefaultDict, dict_changed);
dict_methods!(DefaultDict, "collections.defaultdict");
mapping_proxy!(DefaultDictProxy, "collections.defaultdict");

impl DefaultDict {
    /// The keys and values.
    pub fn table(&self) -> &Table<Value> {
        &self.table
    }

    /// The keys and values.
    pub fn table_mut(&mut self) -> &mut Table<Value> {
        &mut self.table
    }

    /// The keys and values.
    pub fn into_table(self) -> Table<Value> {
        self.table
    }
}

/// To people, its contents; otherwise with its factory.
impl Serialize for DefaultDict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.table.serialize(serializer)
        } else {
            (self.factory, &self.table).serialize(serializer)
        }
    }
}

/// From what people see it has no factory.
impl<'de> Deserialize<'de> for DefaultDict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Ok(DefaultDict { factory: None, table: Table::deserialize(deserializer)? })
        } else {
            let (factory, table) = Deserialize::deserialize(deserializer)?;
            Ok(DefaultDict { factory, table })
        }
    }
}
