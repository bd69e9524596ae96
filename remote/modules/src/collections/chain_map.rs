//! `collections.ChainMap`.

mod layers;
mod proxy;

use self::layers::{Layer, look};
use crate::Exception;
use crate::builtins::dict::{entries, fromkeys};
use crate::python::live::plain;
use crate::python::{
    Chunk, Comparing, Cursor, Effort, Key, Stamp, Table, check_depth, lending, number, repr_of, short, type_name,
};
use crate::shared::text_of_repr;
use serde::{Deserialize, Serialize};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Several dicts that are searched one after another, as Python's `ChainMap`: plain maps that the chain owns, and live
/// dicts of the service, whose current contents it shows. A call holds all of them while it looks into them.
///
/// Writes go to the first map, which must be a plain one: live dicts are changed by their own methods, and
/// [`new_child`](Self::new_child) puts a plain map in front. As a value, a chain is the list of its maps.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::DictProxy;
/// use tarmem_modules::collections::ChainMapProxy;
/// use tarmem_remote::value::{Value, to_value};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let defaults = session.create(DictProxy::default()).await?;
/// defaults.set("color", "red").await?;
/// let maps = vec![Value::Map(vec![]), to_value(&defaults)?];
/// let settings = session.memoize("settings", ChainMapProxy::new(maps)).await?;
/// assert_eq!(settings.get::<String>("color").await?, Some("red".to_owned()));
/// settings.setitem("color".into(), "blue".into()).await?; // in the first map
/// assert_eq!(settings.get::<String>("color").await?, Some("blue".to_owned()));
/// assert_eq!(defaults.get::<String>("color").await?, Some("red".to_owned()));
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections", name = "ChainMap")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>", into = "Vec<Value>")]
pub struct ChainMap(Vec<Layer>, Stamp);

#[remote]
impl ChainMap {
    /// Makes a chain of `maps`, which are searched from first to last: maps, lists of pairs, and references to live
    /// dicts. Without arguments, the chain has one empty map.
    #[remote(inline)]
    pub fn new(#[remote(args)] maps: Vec<Value>) -> Result<Self, Exception> {
        ChainMap::try_from(maps)
    }

    /// Makes a chain of one map, whose keys are the elements of `iterable`, all with the same value.
    #[remote(inline, name = "fromkeys")]
    pub fn from_keys(iterable: Value, value: Option<Value>) -> Result<Self, Exception> {
        Ok(ChainMap(vec![Layer::Own(fromkeys(iterable, value)?)], Stamp::default()))
    }

    /// Returns the maps, as a plain list, with live ones as references.
    #[remote(scales)]
    pub fn maps(&self) -> Vec<Value> {
        self.0.iter().cloned().map(Value::from).collect()
    }

    /// Returns the maps of a chain that has one more map in front: `m`, or an empty map, with `kwargs` added.
    #[remote(scales)]
    pub fn new_child(&self, m: Option<Value>, #[remote(kwargs)] kwargs: Kwargs) -> Result<Vec<Value>, Exception> {
        let first = match m {
            Some(live @ Value::Ref(_)) if kwargs.is_empty() => Layer::try_from(live)?,
            m => {
                let mut table: Table<Value> = m.map_or(Ok(Vec::new()), entries)?.into_iter().collect();
                table.extend(entries(kwargs.into())?);
                Layer::Own(table)
            }
        };
        Ok(std::iter::once(Value::from(first)).chain(self.maps()).collect())
    }

    /// Returns the maps without the first one.
    #[remote(scales)]
    pub fn parents(&self) -> Vec<Value> {
        let parents: Vec<Value> = self.maps().into_iter().skip(1).collect();
        if parents.is_empty() { vec![Value::Map(Vec::new())] } else { parents }
    }

    /// Returns the value under `key` in the first map that has it. `KeyError` if none has.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.find(&key)?.ok_or_else(|| Exception::no_key(key.value()))
    }

    /// Fails with `KeyError`: no map has a value for a missing key.
    #[remote(name = "__missing__")]
    pub fn missing(&self, key: Value) -> Result<Value, Exception> {
        Err(Exception::no_key(&key))
    }

    /// Returns the value under `key` in the first map that has it. If none has, returns `default`, or null without a
    /// `default`.
    #[remote(proxy = "get_value")]
    pub fn get(&self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        Ok(self.find(&Key::new(key)?)?.or(default).unwrap_or_default())
    }

    /// Returns whether one of the maps has `key`.
    #[remote(name = "__contains__")]
    pub fn contains_key_value(&self, key: Value) -> Result<bool, Exception> {
        Ok(self.find(&Key::new(key)?)?.is_some())
    }

    /// Returns whether there is any key.
    #[remote(name = "__bool__", scales)]
    pub fn truth(&self) -> Result<bool, Exception> {
        for layer in &self.0 {
            let is_empty = match layer {
                Layer::Own(table) => table.is_empty(),
                Layer::Live(reference) => look(reference, Table::is_empty)?,
            };
            if !is_empty {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the number of different keys in all maps.
    #[remote(name = "__len__", scales)]
    pub fn length(&self) -> Result<usize, Exception> {
        let (mut keys, mut effort) = (Table::<()>::new(), Effort::default());
        for at in self.distinct() {
            self.with_layer(at, |table| {
                table.keys().try_for_each(|key| {
                    effort.take_key(key.value())?;
                    keys.insert(key.clone(), ());
                    Ok(())
                })
            })?;
        }
        Ok(keys.len())
    }

    /// As `__len__`.
    #[remote(scales)]
    pub fn len(&self) -> Result<usize, Exception> {
        self.length()
    }

    /// Returns whether there are no keys.
    #[remote(skip)]
    pub fn is_empty(&self) -> Result<bool, Exception> {
        Ok(self.length()? == 0)
    }

    /// Returns the keys, as a plain list: those of the last map first.
    #[remote(proxy = "keys_value", scales)]
    pub fn keys(&self) -> Result<Vec<Value>, Exception> {
        Ok(self.merged()?.keys().map(|key| key.value().clone()).collect())
    }

    /// Returns the values, as a plain list, in the order of their keys.
    #[remote(proxy = "values_value", scales)]
    pub fn values(&self) -> Result<Vec<Value>, Exception> {
        Ok(self.merged()?.values().cloned().collect())
    }

    /// Returns the keys with their values, as a plain list of pairs.
    #[remote(proxy = "items_value", scales)]
    pub fn items(&self) -> Result<Value, Exception> {
        let pair = |(key, value): (Key, Value)| Value::Tuple(vec![key.into_value(), value]);
        Ok(Value::List(self.merged()?.into_entries().map(pair).collect()))
    }

    /// Returns a chunk of the keys: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk. The maps may change between chunks: iteration goes by position.
    #[remote(scales)]
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "ChainMap")?;
        let merged = self.merged()?;
        let rest = merged.keys().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, false, rest.map(|(at, key)| (at + 1, key.value().clone()))))
    }

    /// Returns the maps as a plain list, with a copy of the first.
    #[remote(scales)]
    pub fn copy(&self) -> Vec<Value> {
        self.maps()
    }

    /// `chain | other`: the maps, with all of `other` added to the first one.
    #[remote(name = "__or__", scales)]
    pub fn or(&self, other: Value) -> Result<Vec<Value>, Exception> {
        let other = mapping("|", other, |other| ("ChainMap", other))?;
        let mut first = self.layer(0)?;
        first.extend(other.into_entries());
        Ok(std::iter::once(first.into_value()).chain(self.maps().into_iter().skip(1)).collect())
    }

    /// `other | chain`: one map of all that is in `other` and in the chain, as the only map of a list.
    #[remote(name = "__ror__", scales)]
    pub fn ror(&self, other: Value) -> Result<Vec<Value>, Exception> {
        let mut all = mapping("|", other, |other| (other, "ChainMap"))?;
        self.merge_into(&mut all)?;
        Ok(vec![all.into_value()])
    }

    /// Returns whether `other`, a map or a live dict, has equal keys and values, in any order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        Comparing::default().equal(&self.merged()?.into_value(), &other)
    }

    /// Returns whether `other` is not a map of equal keys and values.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        Ok(!self.equals(other)?)
    }

    /// Returns the chain as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

/// The methods that change the first map. `TypeError` if that is a live dict.
#[remote(replay)]
impl ChainMap {
    /// Puts `value` under `key` in the first map.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, key: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        let key = Key::new(key)?;
        self.first()?.insert(key, value);
        Ok(())
    }

    /// Removes `key` from the first map. `KeyError` if that map does not have it.
    #[remote(name = "__delitem__")]
    pub fn delitem(&mut self, key: Value) -> Result<(), Exception> {
        let key = Key::new(key)?;
        self.first()?.remove(&key).map(|_| ()).ok_or_else(|| not_in_first(&key))
    }

    /// Removes `key` from the first map and returns its value. If that map does not have it, returns `default`, or
    /// fails with `KeyError` without a `default`.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self, key: Value, default: Arg<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        match self.first()?.remove(&key) {
            Some((_, value)) => Ok(value),
            None => default.given().ok_or_else(|| not_in_first(&key)),
        }
    }

    /// Removes the key that came last from the first map and returns it with its value, as a tuple. `KeyError` if there
    /// is none.
    #[remote(proxy = "popitem_value")]
    pub fn popitem(&mut self) -> Result<Value, Exception> {
        let last = self.first()?.pop_last().map(|(key, value)| Value::Tuple(vec![key.into_value(), value]));
        last.ok_or_else(|| Exception::KeyError("No keys found in the first mapping.".into()))
    }

    /// Removes all keys from the first map.
    #[remote(scales)]
    pub fn clear(&mut self) -> Result<(), Exception> {
        self.first()?.clear();
        Ok(())
    }

    /// Returns the value under `key` in the first map that has it. If none has, puts `default` under `key` in the first
    /// map and returns `default`.
    #[remote(proxy = "setdefault_value")]
    pub fn setdefault(&mut self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        if let Some(found) = self.find(&key)? {
            return Ok(found);
        }
        let default = default.unwrap_or_default();
        check_depth(&default)?;
        self.first()?.insert(key, default.clone());
        Ok(default)
    }

    /// Adds all of `items`, a map or a list of pairs, and of `kwargs` to the first map.
    #[remote(proxy = "update_values", scales)]
    pub fn update(
        &mut self,
        #[remote(default = Value::Tuple(Vec::new()))] items: Arg<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<(), Exception> {
        let items = items.given().map_or(Ok(Vec::new()), |items| lending(self, || entries(items)))?;
        let kwargs = entries(kwargs.into())?;
        self.first()?.extend(items.into_iter().chain(kwargs));
        Ok(())
    }

    /// `chain |= items`: adds all of `items`, a map or a list of pairs, to the first map.
    #[remote(name = "__ior__", scales)]
    pub fn ior(&mut self, other: Value) -> Result<(), Exception> {
        let items = lending(self, || entries(other))?;
        self.first()?.extend(items);
        Ok(())
    }
}

text_of_repr!(looking ChainMap);

fn not_in_first(key: &Key) -> Exception {
    Exception::KeyError(format!("Key not found in the first mapping: {}", short(key.value())).into())
}

/// Converts the other operand, which must be a mapping. `sides` tells which side of the operator it is on.
fn mapping<'a>(
    sign: &str,
    other: Value,
    sides: impl Fn(&'a str) -> (&'a str, &'a str),
) -> Result<Table<Value>, Exception> {
    match plain(other)? {
        other @ Value::Map(_) => Ok(entries(other)?.into_iter().collect()),
        other => {
            let found = type_name(&other);
            let (left, right) = sides("");
            let name = |side: &str| if side.is_empty() { found.to_owned() } else { side.to_owned() };
            Err(number::unsupported(sign, &name(left), &name(right)))
        }
    }
}
