//! `builtins.frozenset`.

use crate::python::live::{Holds, Seen, plain};
use crate::python::{Chunk, Comparison, Cursor, Key, Table, repr};
use crate::shared::{set_methods, sets, text_of_repr};
use crate::{Decoded, Elements, Exception, Fallible, given};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{IntoValue, Value};

/// A set that never changes, as Python's `frozenset`. The elements keep the order in which they were added.
///
/// As a value it is a [`Value::Set`], like a `set`; such a value can be a key, or an element of a set.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::FrozenSetProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let vowels = session.memoize("vowels", FrozenSetProxy::new(vec!["a", "e", "i", "o", "u"])).await?;
/// assert!(vowels.contains("e").await?);
/// assert!(!vowels.contains("f").await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "frozenset")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrozenSet(Table<()>);

#[remote]
impl FrozenSet {
    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let chunk = self.0.chunk(ctx, cursor, limit, |key, ()| key.value().clone());
        chunk.map_err(|_| Exception::RuntimeError("another frozenset took its place during iteration".to_owned()))
    }

    /// Returns the set as Python's `repr` shows it: `frozenset({1, 2})`.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> String {
        if self.is_empty() { "frozenset()".to_owned() } else { format!("frozenset({})", repr(&self.copy())) }
    }

    /// Returns the elements that are in this set or in any of `others`, as a plain set.
    #[remote(proxy = "union_values", scales)]
    pub fn union(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        sets::combined(&self.0, others, sets::union)
    }

    /// Returns the elements that are in this set and in all of `others`, as a plain set.
    #[remote(proxy = "intersection_values", scales)]
    pub fn intersection(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        sets::combined(&self.0, others, sets::intersection)
    }

    /// Returns the elements that are in this set and in none of `others`, as a plain set.
    #[remote(proxy = "difference_values", scales)]
    pub fn difference(&self, #[remote(args)] others: Vec<Value>) -> Result<Value, Exception> {
        sets::combined(&self.0, others, sets::difference)
    }

    /// Returns whether `other` is a set of the same elements, in any order.
    #[remote(name = "__eq__", scales)]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        let other = plain(other)?;
        Ok(matches!(other, Value::Set(_)) && sets::elements(other)? == self.0)
    }
}

set_methods!(FrozenSet, FrozenSetProxy, "frozenset");
text_of_repr!(FrozenSet);

impl Holds for FrozenSet {
    fn seen(&self) -> Seen<'_> {
        Seen::Set(&self.0)
    }

    fn written(&self) -> Option<String> {
        Some(self.repr())
    }
}
