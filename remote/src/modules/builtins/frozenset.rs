//! `builtins.frozenset`.

use crate::args::Arg;
use crate::context::Context;
use crate::modules::python::live::{Holds, Seen, plain};
use crate::modules::python::{Chunk, Comparison, Cursor, Key, Table, iterate, number, repr, type_name};
use crate::modules::shared::text_of_repr;
use crate::modules::{Decoded, Elements, Exception, Fallible, given};
use crate::remote;
use crate::value::{IntoValue, Value};
use serde::{Deserialize, Serialize};

/// A set that never changes, as Python's `frozenset`. The elements stay in the order in which they came.
///
/// As a value it is a [`Value::Set`], as that of a `set` is: which can be a key, and an element of a set.
#[remote(module = "builtins", name = "frozenset")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrozenSet(Table<()>);

#[remote]
impl FrozenSet {
    /// A set of the elements of `items`: of a list, the keys of a map, the characters of a text, the integers in bytes.
    /// Empty without `items`.
    #[remote(inline)]
    pub fn new(items: Arg<Value>) -> Result<Self, Exception> {
        items.given().map_or(Ok(Table::new()), elements).map(FrozenSet)
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
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let chunk = self.0.chunk(ctx, cursor, limit, |key, ()| key.value().clone());
        chunk.map_err(|_| Exception::RuntimeError("another frozenset took its place during iteration".to_owned()))
    }

    /// The set as Python writes it: `frozenset({1, 2})`.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> String {
        if self.is_empty() { "frozenset()".to_owned() } else { format!("frozenset({})", repr(&self.copy_value())) }
    }

    /// The elements that are in this set or in one of `others`, as a plain set.
    #[remote(name = "union", scales)]
    pub fn union_values(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        others
            .into_iter()
            .map(elements)
            .try_fold(self.clone(), |set, other| Ok(set.combined(other?, union)))
            .map(Value::from)
    }

    /// The elements that are in this set and in all of `others`, as a plain set.
    #[remote(name = "intersection", scales)]
    pub fn intersection_values(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        others
            .into_iter()
            .map(elements)
            .try_fold(self.clone(), |set, other| Ok(set.combined(other?, intersection)))
            .map(Value::from)
    }

    /// The elements that are in this set and in none of `others`, as a plain set.
    #[remote(name = "difference", scales)]
    pub fn difference_values(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        others
            .into_iter()
            .map(elements)
            .try_fold(self.clone(), |set, other| Ok(set.combined(other?, difference)))
            .map(Value::from)
    }

    /// The elements that are in one of the two, as a plain set.
    #[remote(name = "symmetric_difference", scales)]
    pub fn symmetric_difference_values(&self, items: Value) -> Result<Value, Exception> {
        Ok(self.clone().combined(elements(items)?, symmetric_difference).into())
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
impl FrozenSet {
    /// `set | other`, as a plain set.
    #[remote(name = "__or__", scales)]
    pub fn or(&self, other: Value) -> Result<Value, Exception> {
        Ok(self.clone().combined(operand("|", other)?, union).into())
    }

    /// `set & other`, as a plain set.
    #[remote(name = "__and__", scales)]
    pub fn and(&self, other: Value) -> Result<Value, Exception> {
        Ok(self.clone().combined(operand("&", other)?, intersection).into())
    }

    /// `set - other`, as a plain set.
    #[remote(name = "__sub__", scales)]
    pub fn sub(&self, other: Value) -> Result<Value, Exception> {
        Ok(self.clone().combined(operand("-", other)?, difference).into())
    }

    /// `set ^ other`, as a plain set.
    #[remote(name = "__xor__", scales)]
    pub fn xor(&self, other: Value) -> Result<Value, Exception> {
        Ok(self.clone().combined(operand("^", other)?, symmetric_difference).into())
    }

    /// `other | set`, as a plain set.
    #[remote(name = "__ror__", scales)]
    pub fn ror(&self, other: Value) -> Result<Value, Exception> {
        Ok(FrozenSet(operand("|", other)?).combined(self.0.clone(), union).into())
    }

    /// `other & set`, as a plain set.
    #[remote(name = "__rand__", scales)]
    pub fn rand(&self, other: Value) -> Result<Value, Exception> {
        Ok(FrozenSet(operand("&", other)?).combined(self.0.clone(), intersection).into())
    }

    /// `other - set`, as a plain set.
    #[remote(name = "__rsub__", scales)]
    pub fn rsub(&self, other: Value) -> Result<Value, Exception> {
        Ok(FrozenSet(operand("-", other)?).combined(self.0.clone(), difference).into())
    }

    /// `other ^ set`, as a plain set.
    #[remote(name = "__rxor__", scales)]
    pub fn rxor(&self, other: Value) -> Result<Value, Exception> {
        Ok(FrozenSet(operand("^", other)?).combined(self.0.clone(), symmetric_difference).into())
    }

    /// Whether `other` is a set of the same elements, in whatever order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        let other = plain(other)?;
        Ok(matches!(other, Value::Set(_)) && elements(other)? == self.0)
    }

    /// Whether `other` is anything but a set of the same elements.
    #[remote(name = "__ne__", scales)]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        Ok(!self.equals(other)?)
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

text_of_repr!(FrozenSet);

impl FrozenSet {
    fn combined(mut self, other: Table<()>, combine: fn(&mut Table<()>, Table<()>)) -> Self {
        combine(&mut self.0, other);
        self
    }
}

/// What can be elements of a set.
fn elements(value: Value) -> Result<Table<()>, Exception> {
    iterate(value)?.into_iter().map(|item| Ok((Key::new(item)?, ()))).collect()
}

fn union(one: &mut Table<()>, other: Table<()>) {
    one.extend(other.into_entries());
}

fn intersection(one: &mut Table<()>, other: Table<()>) {
    one.retain(|key, ()| other.contains(key));
}

fn difference(one: &mut Table<()>, other: Table<()>) {
    one.retain(|key, ()| !other.contains(key));
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

/// The other side of an operator.
fn operand(sign: &str, other: Value) -> Result<Table<()>, Exception> {
    match plain(other)? {
        other @ Value::Set(_) => elements(other),
        other => Err(number::unsupported(sign, "frozenset", type_name(&other))),
    }
}

/// The other side of a comparison.
fn comparable(comparison: Comparison, other: Value) -> Result<Table<()>, Exception> {
    match plain(other)? {
        other @ Value::Set(_) => elements(other),
        other => Err(comparison.unsupported("frozenset", type_name(&other))),
    }
}

impl Holds for FrozenSet {
    fn seen(&self) -> Seen<'_> {
        Seen::Set(&self.0)
    }

    fn written(&self) -> Option<String> {
        Some(self.repr())
    }
}

/// With plain Rust values. The methods that these stand for say what they do.
impl FrozenSetProxy {
    /// Whether `value` is in the set.
    pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
        given(value, |value| self.contains_value(value))
    }

    /// The elements, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// All elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Value, crate::Error> {
        Decoded::new(self.copy_value())
    }
}

impl From<FrozenSet> for Value {
    fn from(set: FrozenSet) -> Self {
        Value::Set(set.0.into_entries().map(|(key, ())| key.into_value()).collect())
    }
}
