//! `collections.ChainMap`.

use crate::builtins::dict::{entries, fromkeys};
use crate::python::live::{Holds, Seen, plain, view};
use crate::python::{
    Chunk, Comparing, Cursor, Effort, Key, Stamp, Table, check_depth, lending, number, repr_of, short, type_name,
};
use crate::shared::text_of_repr;
use crate::{Decoded, Elements, Exception, Fallible, given};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::context::Context;
use tarmem_remote::object::Extent;
use tarmem_remote::remote;
use tarmem_remote::value::{IntoValue, ObjectRef, Value};

/// Several dicts that are searched one after the other, as Python's `ChainMap`: plain maps of its own, and live dicts of the
/// service, which it shows as they are at the moment. All of them are held while one call looks into them.
///
/// What is written goes to the first map, which has to be one of its own: a live one is changed by its own methods, and
/// [`new_child`](Self::new_child) puts a map before it. As a value it is the list of its maps.
#[remote(module = "collections", name = "ChainMap")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Value>", into = "Vec<Value>")]
pub struct ChainMap(Vec<Layer>, Stamp);

#[derive(Clone, Debug, PartialEq)]
enum Layer {
    Own(Table<Value>),
    Live(ObjectRef),
}

#[remote]
impl ChainMap {
    /// A chain of `maps`, of which the first is searched first: maps, lists of pairs, and references to live dicts. Of one
    /// empty map without any.
    #[remote(inline)]
    pub fn new(#[remote(args)] maps: Vec<Value>) -> Result<Self, Exception> {
        ChainMap::try_from(maps)
    }

    /// A chain of one map, of the elements of `iterable`, each with the same value.
    #[remote(inline, name = "fromkeys")]
    pub fn from_keys(iterable: Value, value: Option<Value>) -> Result<Self, Exception> {
        Ok(ChainMap(vec![Layer::Own(fromkeys(iterable, value)?)], Stamp::default()))
    }

    /// The maps, as a plain list; live ones as references.
    #[remote(scales)]
    pub fn maps(&self) -> Vec<Value> {
        self.0.iter().cloned().map(Value::from).collect()
    }

    /// The maps of a chain with `m`, or an empty map, and `kwargs` in it, before this one's.
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

    /// The maps without the first one.
    #[remote(scales)]
    pub fn parents(&self) -> Vec<Value> {
        let parents: Vec<Value> = self.maps().into_iter().skip(1).collect();
        if parents.is_empty() { vec![Value::Map(Vec::new())] } else { parents }
    }

    /// The value under `key` in the first map that has it. `KeyError` if none has.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, key: Value) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        self.find(&key)?.ok_or_else(|| Exception::no_key(key.value()))
    }

    /// What there is under a key that no map has: `KeyError`.
    #[remote(name = "__missing__")]
    pub fn missing(&self, key: Value) -> Result<Value, Exception> {
        Err(Exception::no_key(&key))
    }

    /// The value under `key` in the first map that has it; `default` if none has, null without that.
    #[remote(proxy = "get_value")]
    pub fn get(&self, key: Value, default: Option<Value>) -> Result<Value, Exception> {
        Ok(self.find(&Key::new(key)?)?.or(default).unwrap_or_default())
    }

    /// Whether one of the maps has `key`.
    #[remote(name = "__contains__")]
    pub fn contains_key_value(&self, key: Value) -> Result<bool, Exception> {
        Ok(self.find(&Key::new(key)?)?.is_some())
    }

    /// Whether there is any key.
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

    /// How many keys there are, in all maps.
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

    /// Whether there are none.
    #[remote(skip)]
    pub fn is_empty(&self) -> Result<bool, Exception> {
        Ok(self.length()? == 0)
    }

    /// The keys, as a plain list: those of the last map first.
    #[remote(proxy = "keys_value", scales)]
    pub fn keys(&self) -> Result<Vec<Value>, Exception> {
        Ok(self.merged()?.keys().map(|key| key.value().clone()).collect())
    }

    /// The values, as a plain list, in the order of their keys.
    #[remote(proxy = "values_value", scales)]
    pub fn values(&self) -> Result<Vec<Value>, Exception> {
        Ok(self.merged()?.values().cloned().collect())
    }

    /// The keys with their values, as a plain list of pairs.
    #[remote(proxy = "items_value", scales)]
    pub fn items(&self) -> Result<Value, Exception> {
        let pair = |(key, value): (Key, Value)| Value::Tuple(vec![key.into_value(), value]);
        Ok(Value::List(self.merged()?.into_entries().map(pair).collect()))
    }

    /// Some of the keys: `limit` of them (1024 if left out), from `cursor` on, which came with the chunk before. The maps may
    /// change meanwhile: what counts is the position.
    #[remote(scales)]
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "ChainMap")?;
        let merged = self.merged()?;
        let rest = merged.keys().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, false, rest.map(|(at, key)| (at + 1, key.value().clone()))))
    }

    /// The maps, the first of them a copy, as a plain list.
    #[remote(scales)]
    pub fn copy(&self) -> Vec<Value> {
        self.maps()
    }

    /// `chain | other`: the maps, with all of `other` put into the first one.
    #[remote(name = "__or__", scales)]
    pub fn or(&self, other: Value) -> Result<Vec<Value>, Exception> {
        let other = mapping("|", other, |other| ("ChainMap", other))?;
        let mut first = self.layer(0)?;
        first.extend(other.into_entries());
        Ok(std::iter::once(first.into_value()).chain(self.maps().into_iter().skip(1)).collect())
    }

    /// `other | chain`: one map of all that is in `other` and in the chain.
    #[remote(name = "__ror__", scales)]
    pub fn ror(&self, other: Value) -> Result<Vec<Value>, Exception> {
        let mut all = mapping("|", other, |other| (other, "ChainMap"))?;
        self.merge_into(&mut all)?;
        Ok(vec![all.into_value()])
    }

    /// Whether `other`, a map or a live dict, has equal keys and values, in whatever order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        Comparing::default().equal(&self.merged()?.into_value(), &other)
    }

    /// Whether `other` is anything but a map of equal keys and values.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        Ok(!self.equals(other)?)
    }

    /// The chain as Python writes it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

/// What changes the first map. `TypeError` if that is a live one.
#[remote]
impl ChainMap {
    /// Puts `value` under `key` in the first map.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, key: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        let key = Key::new(key)?;
        self.first()?.insert(key, value);
        Ok(())
    }

    /// Takes `key` out of the first map. `KeyError` if it is not in that one.
    #[remote(name = "__delitem__")]
    pub fn delitem(&mut self, key: Value) -> Result<(), Exception> {
        let key = Key::new(key)?;
        self.first()?.remove(&key).map(|_| ()).ok_or_else(|| not_in_first(&key))
    }

    /// Takes `key` out of the first map, and gives its value; `default` if it is not in that one, `KeyError` without that.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self, key: Value, default: Arg<Value>) -> Result<Value, Exception> {
        let key = Key::new(key)?;
        match self.first()?.remove(&key) {
            Some((_, value)) => Ok(value),
            None => default.given().ok_or_else(|| not_in_first(&key)),
        }
    }

    /// Takes the key that came last out of the first map, and gives it with its value, as a tuple. `KeyError` if there is none.
    #[remote(proxy = "popitem_value")]
    pub fn popitem(&mut self) -> Result<Value, Exception> {
        let last = self.first()?.pop_last().map(|(key, value)| Value::Tuple(vec![key.into_value(), value]));
        last.ok_or_else(|| Exception::KeyError("No keys found in the first mapping.".into()))
    }

    /// Takes every key out of the first map.
    #[remote(scales)]
    pub fn clear(&mut self) -> Result<(), Exception> {
        self.first()?.clear();
        Ok(())
    }

    /// The value under `key` in the first map that has it; if none has, puts `default` into the first one and gives that.
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

    /// Puts all of `items`, a map or a list of pairs, and of `kwargs` into the first map.
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

    /// `chain |= items`: puts all of `items`, a map or a list of pairs, into the first map.
    #[remote(name = "__ior__", scales)]
    pub fn ior(&mut self, other: Value) -> Result<(), Exception> {
        let items = lending(self, || entries(other))?;
        self.first()?.extend(items);
        Ok(())
    }
}

text_of_repr!(looking ChainMap);

/// What live dicts hold counts once they are looked into.
impl Extent for ChainMap {
    fn extent(&self) -> usize {
        let size = |layer: &Layer| match layer {
            Layer::Own(table) => table.len().saturating_add(1),
            Layer::Live(_) => 1,
        };
        self.0.iter().map(size).fold(0, usize::saturating_add)
    }
}

impl ChainMap {
    /// The first map, to be changed.
    fn first(&mut self) -> Result<&mut Table<Value>, Exception> {
        match self.0.first_mut() {
            Some(Layer::Own(table)) => Ok(table),
            _ => Err(Exception::of_type(
                "the first map of this chain is a live dict, which is changed by its own methods; new_child() puts a map before it",
            )),
        }
    }

    fn find(&self, key: &Key) -> Result<Option<Value>, Exception> {
        let mut effort = Effort::default();
        for layer in &self.0 {
            effort.take_key(key.value())?;
            let found = match layer {
                Layer::Own(table) => table.get(key).cloned(),
                Layer::Live(reference) => look(reference, |table| table.get(key).cloned())?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Gives `f` one of the maps.
    fn with_layer<R>(&self, at: usize, f: impl FnOnce(&Table<Value>) -> Result<R, Exception>) -> Result<R, Exception> {
        match self.0.get(at) {
            Some(Layer::Own(table)) => f(table),
            Some(Layer::Live(reference)) => look(reference, f)?,
            None => f(&Table::new()),
        }
    }

    /// A copy of one of the maps.
    fn layer(&self, at: usize) -> Result<Table<Value>, Exception> {
        self.with_layer(at, |table| {
            Effort::default().take(table.len())?;
            Ok(table.clone())
        })
    }

    /// All keys with what they stand for, in Python's order: from the last map to the first.
    pub(crate) fn merged(&self) -> Result<Table<Value>, Exception> {
        let mut merged = Table::new();
        self.merge_into(&mut merged)?;
        Ok(merged)
    }

    fn merge_into(&self, merged: &mut Table<Value>) -> Result<(), Exception> {
        let mut effort = Effort::default();
        for at in self.distinct() {
            self.with_layer(at, |table| {
                table.iter().try_for_each(|(key, value)| {
                    effort.take_key(key.value())?;
                    merged.insert(key.clone(), value.clone());
                    Ok(())
                })
            })?;
        }
        Ok(())
    }

    /// Where the maps are that make a difference to what is merged, the last one first. Of a live one that is there more than
    /// twice, the last place says where its keys are, and the first one what they stand for.
    fn distinct(&self) -> Vec<usize> {
        let (mut last, mut first) = (HashMap::new(), HashMap::new());
        for (at, layer) in self.0.iter().enumerate() {
            if let Layer::Live(reference) = layer {
                last.insert(reference.id(), at);
                first.entry(reference.id()).or_insert(at);
            }
        }
        let counts = |at: usize, layer: &Layer| match layer {
            Layer::Own(_) => true,
            Layer::Live(reference) => [&last, &first].iter().any(|places| places.get(&reference.id()) == Some(&at)),
        };
        let places = self.0.iter().enumerate().rev();
        places.filter(|(at, layer)| counts(*at, layer)).map(|(at, _)| at).collect()
    }
}

impl Holds for ChainMap {
    fn seen(&self) -> Seen<'_> {
        Seen::Chain(self)
    }
}

/// What is in a live dict.
fn look<R>(reference: &ObjectRef, f: impl FnOnce(&Table<Value>) -> R) -> Result<R, Exception> {
    view(reference, |seen| match seen {
        Some(Seen::Dict(table, _)) => Ok(f(table)),
        _ => Err(no_dict(reference.class())),
    })
}

fn no_dict(class: &str) -> Exception {
    Exception::TypeError(format!("a chain is of maps and live dicts, and not of a '{class}'"))
}

fn not_in_first(key: &Key) -> Exception {
    Exception::KeyError(format!("Key not found in the first mapping: {}", short(key.value())).into())
}

/// The other side of an operator.
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

/// Fails with `TypeError` for what is no dict.
impl TryFrom<Value> for Layer {
    type Error = Exception;

    fn try_from(map: Value) -> Result<Self, Exception> {
        match map {
            Value::Ref(reference) if DICTS.contains(&reference.class()) => Ok(Layer::Live(reference)),
            Value::Ref(reference) => Err(no_dict(reference.class())),
            Value::Map(_) | Value::List(_) => Ok(Layer::Own(entries(map)?.into_iter().collect())),
            other => Err(no_dict(type_name(&other))),
        }
    }
}

/// The classes that can be in a chain.
const DICTS: [&str; 4] = ["builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"];

impl From<Layer> for Value {
    fn from(layer: Layer) -> Self {
        match layer {
            Layer::Own(table) => table.into_value(),
            Layer::Live(reference) => Value::Ref(reference),
        }
    }
}

impl Default for ChainMap {
    fn default() -> Self {
        ChainMap(vec![Layer::Own(Table::new())], Stamp::default())
    }
}

/// Fails with `TypeError` for one that is no dict.
impl TryFrom<Vec<Value>> for ChainMap {
    type Error = Exception;

    fn try_from(maps: Vec<Value>) -> Result<Self, Exception> {
        if maps.is_empty() {
            return Ok(ChainMap::default());
        }
        let layers = maps.into_iter().map(Layer::try_from).collect::<Result<_, _>>()?;
        Ok(ChainMap(layers, Stamp::default()))
    }
}

impl From<ChainMap> for Vec<Value> {
    fn from(chain: ChainMap) -> Self {
        chain.0.into_iter().map(Value::from).collect()
    }
}

/// With plain Rust values. The methods that these stand for say what they do.
impl ChainMapProxy {
    /// The value under `key` in the first map that has it, `None` if none has.
    pub fn get<T>(&self, key: impl IntoValue) -> Decoded<Option<T>> {
        Decoded::new(given(key, |key| self.get_value(key, None)))
    }

    /// The value under `key` in the first map that has it. `KeyError` if none has.
    pub fn item<T>(&self, key: impl IntoValue) -> Decoded<T> {
        Decoded::new(given(key, |key| self.getitem(key)))
    }

    /// Whether one of the maps has `key`.
    pub fn contains_key(&self, key: impl IntoValue) -> Fallible<bool> {
        given(key, |key| self.contains_key_value(key))
    }

    /// The keys, chunk after chunk, as a stream.
    pub fn iter<K>(&self) -> Elements<K> {
        Elements::of(self, Self::iter_chunk)
    }
}
