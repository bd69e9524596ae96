//! `builtins.set`.

use crate::python::live::{Holds, Seen};
use crate::python::{Chunk, Comparing, Comparison, Cursor, Key, Table, lending, repr_of};
use crate::shared::{set_methods, sets, text_of_repr};
use crate::{Decoded, Elements, Exception, Fallible, Given, given};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::hash::Hash;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{IntoValue, Value};

/// A set, as Python's: every element occurs once. The elements keep the order in which they were added.
///
/// Methods and operators that return a set return a [`Value::Set`], and operators and comparisons accept one; methods
/// such as `union` accept anything that has elements. An element can be anything but a list or a map; `1`, `1.0` and
/// `true` are the same element.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::SetProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let seen = session.memoize("seen", SetProxy::default()).await?;
/// seen.update(["a", "b", "a"]).await?;
/// assert_eq!(seen.len().await?, 2);
/// assert!(seen.contains("b").await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "set")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Set(Table<()>);

#[remote(replay)]
impl Set {
    /// Adds `value`, unless it is there already.
    #[remote(proxy = "add_value")]
    pub fn add(&mut self, value: Value) -> Result<(), Exception> {
        self.0.insert(Key::new(value)?, ());
        Ok(())
    }

    /// Removes `value`, if it is there.
    #[remote(proxy = "discard_value")]
    pub fn discard(&mut self, value: Value) -> Result<(), Exception> {
        self.0.remove(&Key::new(value)?);
        Ok(())
    }

    /// Removes `value`. `KeyError` if it is not there.
    #[remote(proxy = "remove_value")]
    pub fn remove(&mut self, value: Value) -> Result<(), Exception> {
        let key = Key::new(value)?;
        self.0.remove(&key).map(|_| ()).ok_or_else(|| Exception::no_key(key.value()))
    }

    /// Removes the element that came first and returns it. `KeyError` if there is none.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self) -> Result<Value, Exception> {
        let first = self.0.pop_first().map(|(key, ())| key.into_value());
        first.ok_or_else(|| Exception::KeyError("pop from an empty set".into()))
    }

    /// Removes all elements.
    #[remote(scales)]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk. `RuntimeError` if elements were added or removed since then.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let chunk = self.0.chunk(ctx, cursor, limit, |key, ()| key.value().clone());
        chunk.map_err(|_| Exception::RuntimeError("Set changed size during iteration".to_owned()))
    }

    /// Returns the set as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

/// Operations on two sets, or on a set and any elements.
#[remote(replay)]
impl Set {
    /// Returns the elements that are in either of the two, as a plain set.
    #[remote(proxy = "union_values", scales)]
    pub fn union(&self, items: Value) -> Result<Value, Exception> {
        sets::combined(&self.0, [items], sets::union)
    }

    /// Returns the elements that are in both, as a plain set.
    #[remote(proxy = "intersection_values", scales)]
    pub fn intersection(&self, items: Value) -> Result<Value, Exception> {
        sets::combined(&self.0, [items], sets::intersection)
    }

    /// Returns the elements that are in this set only, as a plain set.
    #[remote(proxy = "difference_values", scales)]
    pub fn difference(&self, items: Value) -> Result<Value, Exception> {
        sets::combined(&self.0, [items], sets::difference)
    }

    /// Adds all elements of `items`.
    #[remote(proxy = "update_values", scales)]
    pub fn update(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || sets::elements(items))?;
        sets::union(&mut self.0, items);
        Ok(())
    }

    /// Keeps only the elements that are in `items` too.
    #[remote(proxy = "intersection_update_values", scales)]
    pub fn intersection_update(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || sets::elements(items))?;
        sets::intersection(&mut self.0, items);
        Ok(())
    }

    /// Removes the elements that are in `items`.
    #[remote(proxy = "difference_update_values", scales)]
    pub fn difference_update(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || sets::elements(items))?;
        sets::difference(&mut self.0, items);
        Ok(())
    }

    /// Removes the elements that are in `items`, and adds those of `items` that were not there.
    #[remote(proxy = "symmetric_difference_update_values", scales)]
    pub fn symmetric_difference_update(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || sets::elements(items))?;
        sets::symmetric_difference(&mut self.0, items);
        Ok(())
    }
}

/// The operators, whose other operand must be a set.
#[remote(replay)]
impl Set {
    /// `set |= other`
    #[remote(name = "__ior__", scales)]
    pub fn ior(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || sets::operand("set", "|=", other))?;
        sets::union(&mut self.0, other);
        Ok(())
    }

    /// `set &= other`
    #[remote(name = "__iand__", scales)]
    pub fn iand(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || sets::operand("set", "&=", other))?;
        sets::intersection(&mut self.0, other);
        Ok(())
    }

    /// `set -= other`
    #[remote(name = "__isub__", scales)]
    pub fn isub(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || sets::operand("set", "-=", other))?;
        sets::difference(&mut self.0, other);
        Ok(())
    }

    /// `set ^= other`
    #[remote(name = "__ixor__", scales)]
    pub fn ixor(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || sets::operand("set", "^=", other))?;
        sets::symmetric_difference(&mut self.0, other);
        Ok(())
    }

    /// Returns whether `other` is a set of the same elements, in any order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        Comparing::default().equals(self, &other)
    }
}

set_methods!(Set, SetProxy, "set");
text_of_repr!(looking Set);

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl SetProxy {
    /// Adds `value`, unless it is there already.
    pub fn add(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.add_value(value))
    }

    /// Adds `value`, unless it is there already, as [`add`](Self::add).
    pub fn insert(&self, value: impl IntoValue) -> Fallible<()> {
        self.add(value)
    }

    /// Removes `value`, if it is there.
    pub fn discard(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.discard_value(value))
    }

    /// Removes `value`. `KeyError` if it is not there.
    pub fn remove(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.remove_value(value))
    }

    /// Removes the element that came first and returns it. `KeyError` if there is none.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value())
    }

    /// Adds all elements of `items`.
    pub fn update<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.update_values(given.list(items));
        given.checked(call)
    }

    /// Returns all elements, as a set.
    pub fn to_set<T: Eq + Hash>(&self) -> Decoded<HashSet<T>, Value, tarmem_remote::Error> {
        Decoded::new(self.copy_value())
    }
}

impl Holds for Set {
    fn seen(&self) -> Seen<'_> {
        Seen::Set(&self.0)
    }
}
