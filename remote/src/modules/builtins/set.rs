//! `builtins.set`.

use crate::args::Arg;
use crate::context::Context;
use crate::modules::python::live::plain;
use crate::modules::python::live::{Holds, Seen};
use crate::modules::python::{Chunk, Comparison, Cursor, Key, Table, iterate, number, type_name};
use crate::modules::python::{Comparing, lending, repr_of};
use crate::modules::shared::text_of_repr;
use crate::modules::{Decoded, Elements, Exception, Fallible, Given, given};
use crate::remote;
use crate::value::{IntoValue, Value};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::hash::Hash;

/// A set, as Python's: every element once. They stay in the order in which they came.
///
/// What comes out of it as a set, and what operators and comparisons take, is a [`Value::Set`]; methods such as `union` take
/// whatever has elements. An element is anything but a list or a map; `1`, `1.0` and `true` are one element.
#[remote(module = "builtins", name = "set")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Set(Table<()>);

#[remote]
impl Set {
    /// A set of the elements of `items`: of a list, the keys of a map, the characters of a text, the integers in bytes.
    /// Empty without `items`.
    #[remote(inline)]
    pub fn new(items: Arg<Value>) -> Result<Self, Exception> {
        items.given().map_or(Ok(Table::new()), elements).map(Set)
    }

    /// Puts `value` in, if it is not there yet.
    #[remote(name = "add")]
    pub fn add_value(&mut self, value: Value) -> Result<(), Exception> {
        self.0.insert(Key::new(value)?, ());
        Ok(())
    }

    /// Takes `value` out, if it is there.
    #[remote(name = "discard")]
    pub fn discard_value(&mut self, value: Value) -> Result<(), Exception> {
        self.0.remove(&Key::new(value)?);
        Ok(())
    }

    /// Takes `value` out. `KeyError` if it is not there.
    #[remote(name = "remove")]
    pub fn remove_value(&mut self, value: Value) -> Result<(), Exception> {
        let key = Key::new(value)?;
        self.0.remove(&key).map(|_| ()).ok_or_else(|| Exception::no_key(key.value()))
    }

    /// Takes an element out and gives it: the one that came first. `KeyError` if there is none.
    #[remote(name = "pop")]
    pub fn pop_value(&mut self) -> Result<Value, Exception> {
        let first = self.0.pop_first().map(|(key, ())| key.into_value());
        first.ok_or_else(|| Exception::KeyError("pop from an empty set".into()))
    }

    /// Takes every element out.
    #[remote(scales)]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The elements, as a plain set.
    #[remote(name = "copy", scales)]
    pub fn copy_value(&self) -> Value {
        self.clone().into()
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[remote(skip)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many elements there are.
    #[remote(name = "__len__")]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// Whether `value` is in the set.
    #[remote(name = "__contains__")]
    pub fn contains_value(&self, value: Value) -> Result<bool, Exception> {
        Ok(self.0.contains(&Key::new(value)?))
    }

    /// Some of the elements: `limit` of them (1024 if left out), from `cursor` on, which came with the chunk before.
    /// `RuntimeError` if elements came or went meanwhile.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let chunk = self.0.chunk(ctx, cursor, limit, |key, ()| key.value().clone());
        chunk.map_err(|_| Exception::RuntimeError("Set changed size during iteration".to_owned()))
    }

    /// The set as Python writes it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

/// Two sets, or a set and any elements.
#[remote]
impl Set {
    /// The elements that are in either, as a plain set.
    #[remote(name = "union", scales)]
    pub fn union_values(&self, items: Value) -> Result<Value, Exception> {
        combined(&self.0, elements(items)?, union)
    }

    /// The elements that are in both, as a plain set.
    #[remote(name = "intersection", scales)]
    pub fn intersection_values(&self, items: Value) -> Result<Value, Exception> {
        combined(&self.0, elements(items)?, intersection)
    }

    /// The elements that are in this set alone, as a plain set.
    #[remote(name = "difference", scales)]
    pub fn difference_values(&self, items: Value) -> Result<Value, Exception> {
        combined(&self.0, elements(items)?, difference)
    }

    /// The elements that are in one of the two, as a plain set.
    #[remote(name = "symmetric_difference", scales)]
    pub fn symmetric_difference_values(&self, items: Value) -> Result<Value, Exception> {
        combined(&self.0, elements(items)?, symmetric_difference)
    }

    /// Puts in all of `items`.
    #[remote(name = "update", scales)]
    pub fn update_values(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        union(&mut self.0, items);
        Ok(())
    }

    /// Keeps only the elements that are in `items` too.
    #[remote(name = "intersection_update", scales)]
    pub fn intersection_update_values(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        intersection(&mut self.0, items);
        Ok(())
    }

    /// Takes out the elements that are in `items`.
    #[remote(name = "difference_update", scales)]
    pub fn difference_update_values(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        difference(&mut self.0, items);
        Ok(())
    }

    /// Takes out the elements that are in `items`, and puts in those of `items` that were not there.
    #[remote(name = "symmetric_difference_update", scales)]
    pub fn symmetric_difference_update_values(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        symmetric_difference(&mut self.0, items);
        Ok(())
    }

    /// Whether no element is in `items`.
    #[remote(name = "isdisjoint", scales)]
    pub fn isdisjoint_value(&self, items: Value) -> Result<bool, Exception> {
        let items = elements(items)?;
        Ok(!self.0.keys().any(|key| items.contains(key)))
    }

    /// Whether every element is in `items`.
    #[remote(name = "issubset", scales)]
    pub fn issubset_value(&self, items: Value) -> Result<bool, Exception> {
        Ok(subset(&self.0, &elements(items)?))
    }

    /// Whether every one of `items` is in the set.
    #[remote(name = "issuperset", scales)]
    pub fn issuperset_value(&self, items: Value) -> Result<bool, Exception> {
        Ok(subset(&elements(items)?, &self.0))
    }
}

/// The operators, which take another set.
#[remote]
impl Set {
    /// `set | other`, as a plain set.
    #[remote(name = "__or__", scales)]
    pub fn or(&self, other: Value) -> Result<Value, Exception> {
        combined(&self.0, operand("|", other)?, union)
    }

    /// `set & other`, as a plain set.
    #[remote(name = "__and__", scales)]
    pub fn and(&self, other: Value) -> Result<Value, Exception> {
        combined(&self.0, operand("&", other)?, intersection)
    }

    /// `set - other`, as a plain set.
    #[remote(name = "__sub__", scales)]
    pub fn sub(&self, other: Value) -> Result<Value, Exception> {
        combined(&self.0, operand("-", other)?, difference)
    }

    /// `set ^ other`, as a plain set.
    #[remote(name = "__xor__", scales)]
    pub fn xor(&self, other: Value) -> Result<Value, Exception> {
        combined(&self.0, operand("^", other)?, symmetric_difference)
    }

    /// `other | set`, as a plain set.
    #[remote(name = "__ror__", scales)]
    pub fn ror(&self, other: Value) -> Result<Value, Exception> {
        combined(&operand("|", other)?, self.0.clone(), union)
    }

    /// `other & set`, as a plain set.
    #[remote(name = "__rand__", scales)]
    pub fn rand(&self, other: Value) -> Result<Value, Exception> {
        combined(&operand("&", other)?, self.0.clone(), intersection)
    }

    /// `other - set`, as a plain set.
    #[remote(name = "__rsub__", scales)]
    pub fn rsub(&self, other: Value) -> Result<Value, Exception> {
        combined(&operand("-", other)?, self.0.clone(), difference)
    }

    /// `other ^ set`, as a plain set.
    #[remote(name = "__rxor__", scales)]
    pub fn rxor(&self, other: Value) -> Result<Value, Exception> {
        combined(&operand("^", other)?, self.0.clone(), symmetric_difference)
    }

    /// `set |= other`
    #[remote(name = "__ior__", scales)]
    pub fn ior(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || operand("|=", other))?;
        union(&mut self.0, other);
        Ok(())
    }

    /// `set &= other`
    #[remote(name = "__iand__", scales)]
    pub fn iand(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || operand("&=", other))?;
        intersection(&mut self.0, other);
        Ok(())
    }

    /// `set -= other`
    #[remote(name = "__isub__", scales)]
    pub fn isub(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || operand("-=", other))?;
        difference(&mut self.0, other);
        Ok(())
    }

    /// `set ^= other`
    #[remote(name = "__ixor__", scales)]
    pub fn ixor(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || operand("^=", other))?;
        symmetric_difference(&mut self.0, other);
        Ok(())
    }

    /// Whether `other` is a set of the same elements, in whatever order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        Comparing::default().equals(self, &other)
    }

    /// Whether `other` is anything but a set of the same elements.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        self.equals(other).map(|equal| !equal)
    }

    /// Whether every element is in `other`, which has more.
    #[remote(name = "__lt__", scales)]
    pub fn less(&self, other: Value) -> Result<bool, Exception> {
        let other = comparable(Comparison::Less, other)?;
        Ok(self.0.len() < other.len() && subset(&self.0, &other))
    }

    /// Whether every element is in `other`.
    #[remote(name = "__le__", scales)]
    pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
        Ok(subset(&self.0, &comparable(Comparison::LessOrEqual, other)?))
    }

    /// Whether every element of `other` is here, and others too.
    #[remote(name = "__gt__", scales)]
    pub fn greater(&self, other: Value) -> Result<bool, Exception> {
        let other = comparable(Comparison::Greater, other)?;
        Ok(other.len() < self.0.len() && subset(&other, &self.0))
    }

    /// Whether every element of `other` is here.
    #[remote(name = "__ge__", scales)]
    pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
        Ok(subset(&comparable(Comparison::GreaterOrEqual, other)?, &self.0))
    }
}

text_of_repr!(looking Set);

/// With plain Rust values. The methods that these stand for say what they do.
impl SetProxy {
    /// Puts `value` in, if it is not there yet.
    pub fn add(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.add_value(value))
    }

    /// Puts `value` in, if it is not there yet, as [`add`](Self::add).
    pub fn insert(&self, value: impl IntoValue) -> Fallible<()> {
        self.add(value)
    }

    /// Takes `value` out, if it is there.
    pub fn discard(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.discard_value(value))
    }

    /// Takes `value` out. `KeyError` if it is not there.
    pub fn remove(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.remove_value(value))
    }

    /// Takes out the element that came first. `KeyError` if there is none.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value())
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
        given(value, |value| self.contains_value(value))
    }

    /// Puts in all of `items`.
    pub fn update<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.update_values(given.list(items));
        given.checked(call)
    }

    /// The elements, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// All elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Value, crate::Error> {
        Decoded::new(self.copy_value())
    }

    /// All elements, as a set.
    pub fn to_set<T: Eq + Hash>(&self) -> Decoded<HashSet<T>, Value, crate::Error> {
        Decoded::new(self.copy_value())
    }
}

impl Holds for Set {
    fn seen(&self) -> Seen<'_> {
        Seen::Set(&self.0)
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Self {
        set.0.into_value()
    }
}

/// What can be elements of a set.
fn elements(value: Value) -> Result<Table<()>, Exception> {
    iterate(value)?.into_iter().map(|item| Ok((Key::new(item)?, ()))).collect()
}

/// The other side of an operator.
fn operand(sign: &str, other: Value) -> Result<Table<()>, Exception> {
    match plain(other)? {
        other @ Value::Set(_) => elements(other),
        other => Err(number::unsupported(sign, "set", type_name(&other))),
    }
}

/// The other side of a comparison.
fn comparable(comparison: Comparison, other: Value) -> Result<Table<()>, Exception> {
    match plain(other)? {
        other @ Value::Set(_) => elements(other),
        other => Err(comparison.unsupported("set", type_name(&other))),
    }
}

fn combined(one: &Table<()>, other: Table<()>, combine: fn(&mut Table<()>, Table<()>)) -> Result<Value, Exception> {
    let mut both = one.clone();
    combine(&mut both, other);
    Ok(both.into_value())
}

fn union(one: &mut Table<()>, other: Table<()>) {
    one.extend(other.into_entries());
}

fn intersection(one: &mut Table<()>, other: Table<()>) {
    one.retain(|key, ()| other.contains(key));
}

fn difference(one: &mut Table<()>, other: Table<()>) {
    for (key, ()) in other.into_entries() {
        one.remove(&key);
    }
}

fn symmetric_difference(one: &mut Table<()>, other: Table<()>) {
    for (key, ()) in other.into_entries() {
        if one.remove(&key).is_none() {
            one.insert(key, ());
        }
    }
}

fn subset(one: &Table<()>, other: &Table<()>) -> bool {
    one.len() <= other.len() && one.keys().all(|key| other.contains(key))
}
