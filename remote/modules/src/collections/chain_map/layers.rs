//! The maps that a chain consists of, and how a chain looks into them.

use super::ChainMap;
use crate::Exception;
use crate::builtins::dict::entries;
use crate::python::live::{Holds, Seen, view};
use crate::python::{Effort, Key, Stamp, Table, type_name};
use std::collections::HashMap;
use tarmem_remote::object::Extent;
use tarmem_remote::value::{ObjectRef, Value};

/// One map of a chain.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Layer {
    Own(Table<Value>),
    Live(ObjectRef),
}

/// A live dict counts as one here; its contents are counted by the methods that look into it.
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
    /// Returns the first map, to be changed.
    pub(super) fn first(&mut self) -> Result<&mut Table<Value>, Exception> {
        match self.0.first_mut() {
            Some(Layer::Own(table)) => Ok(table),
            _ => Err(Exception::of_type(
                "the first map of this chain is a live dict, which is changed by its own methods; \
                 new_child() puts a plain map in front",
            )),
        }
    }

    pub(super) fn find(&self, key: &Key) -> Result<Option<Value>, Exception> {
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

    /// Calls `f` with one of the maps.
    pub(super) fn with_layer<R>(
        &self,
        at: usize,
        f: impl FnOnce(&Table<Value>) -> Result<R, Exception>,
    ) -> Result<R, Exception> {
        match self.0.get(at) {
            Some(Layer::Own(table)) => f(table),
            Some(Layer::Live(reference)) => look(reference, f)?,
            None => f(&Table::new()),
        }
    }

    /// Returns a copy of one of the maps.
    pub(super) fn layer(&self, at: usize) -> Result<Table<Value>, Exception> {
        self.with_layer(at, |table| {
            Effort::default().take(table.len())?;
            Ok(table.clone())
        })
    }

    /// Returns all keys with their values, in Python's order: from the last map to the first.
    pub(crate) fn merged(&self) -> Result<Table<Value>, Exception> {
        let mut merged = Table::new();
        self.merge_into(&mut merged)?;
        Ok(merged)
    }

    pub(super) fn merge_into(&self, merged: &mut Table<Value>) -> Result<(), Exception> {
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

    /// Returns the positions of the maps that affect the result of a merge, the last one first. If a live dict occurs
    /// more than twice, its last position decides where its keys stand, and its first position which values they have.
    pub(super) fn distinct(&self) -> Vec<usize> {
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

/// Calls `f` with the contents of a live dict.
pub(super) fn look<R>(reference: &ObjectRef, f: impl FnOnce(&Table<Value>) -> R) -> Result<R, Exception> {
    view(reference, |seen| match seen {
        Some(Seen::Dict(table, _)) => Ok(f(table)),
        _ => Err(no_dict(reference.class())),
    })
}

fn no_dict(class: &str) -> Exception {
    Exception::TypeError(format!("a chain consists of maps and live dicts, but not of a '{class}'"))
}

/// Fails with `TypeError` if the value is not a dict.
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

/// The classes whose live objects can be in a chain.
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

/// Fails with `TypeError` if one of the values is not a dict.
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
