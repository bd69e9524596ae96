//! `builtins.tuple`.

use super::list::{get, repeated};
use crate::python::live::{Holds, Seen, plain_and_class};
use crate::python::{Chunk, Comparison, Cursor, Stamp, check_depth, copied, iterate, searched, type_name};
use crate::python::{Comparing, repr_of};
use crate::shared::sequence_methods;
use crate::shared::{reflected_sequence_methods, sequence_comparisons, text_of_repr};
use crate::{Decoded, Elements, Exception, Fallible, given};
use serde::{Deserialize, Serialize, Serializer};
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{Counted, IntoValue, Value, serialize_tuple};

/// A tuple, as Python's: a list that never changes.
///
/// Methods and operators that return a tuple return a [`Value::Tuple`], and comparisons accept one.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::TupleProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let point = session.memoize("point", TupleProxy::new(vec![3, 4])).await?;
/// assert_eq!(point.get::<i64>(-1).await?, 4);
/// assert_eq!(point.to_vec::<i64>().await?, [3, 4]);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "tuple")]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Counted")]
pub struct Tuple(Vec<Value>, Stamp);

sequence_methods!(
    Tuple, 0,
    missing: |_| "tuple.index(x): x not in tuple".to_owned(),
    stop: #[remote(default = i64::MAX)]
);

#[remote]
impl Tuple {
    /// Makes a tuple of the elements of `items`: of a list, the keys of a map, the characters of a text, or the
    /// integers in bytes. Without `items`, the tuple is empty.
    #[remote(inline)]
    pub fn new(#[remote(default = Value::Tuple(Vec::new()))] items: Arg<Value>) -> Result<Self, Exception> {
        Tuple::try_from(items.given().map_or(Ok(Vec::new()), iterate)?)
    }

    /// Returns the element at `index`, or the elements that a slice `{"slice": [start, stop, step]}` selects, as a
    /// plain tuple. `IndexError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        get(&self.0, &index, "tuple", Value::Tuple)
    }

    /// `tuple + other`, as a plain tuple. `other` must be a tuple too.
    #[remote(name = "__add__", scales)]
    pub fn add(&self, other: Value) -> Result<Value, Exception> {
        match plain_and_class(other)? {
            (Value::Tuple(other), _) => copied(self.0.iter().chain(&other)).map(Value::Tuple),
            (other, class) => Err(Exception::TypeError(format!(
                "can only concatenate tuple (not \"{}\") to tuple",
                class.as_deref().unwrap_or(type_name(&other))
            ))),
        }
    }

    /// `tuple * count`, as a plain tuple.
    #[remote(name = "__mul__", scales)]
    pub fn mul(&self, count: Value) -> Result<Value, Exception> {
        repeated(&self.0, &count).map(Value::Tuple)
    }

    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "tuple")?;
        let rest = self.0.iter().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, true, rest.map(|(at, item)| (at + 1, item.clone()))))
    }

    /// Returns the elements from last to first, as a plain list.
    #[remote(name = "__reversed__", scales)]
    pub fn reversed(&self) -> Vec<Value> {
        self.0.iter().rev().cloned().collect()
    }

    /// Returns the tuple as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

reflected_sequence_methods!(Tuple, Value);
text_of_repr!(looking Tuple);
sequence_comparisons!(Tuple, "tuple", Tuple);

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl TupleProxy {
    /// Returns the element at `index`.
    pub fn get<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Returns a stream of the elements, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// Returns all elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>> {
        Decoded::new(self.getitem(crate::python::Slice::from(..).into()))
    }

    /// Returns whether an element is equal to `value`.
    pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
        given(value, |value| self.contains_value(value))
    }

    /// Returns the number of elements that are equal to `value`.
    pub fn count(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.count_value(value))
    }

    /// Returns the index of the first element that is equal to `value`.
    pub fn index(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.index_value(value, None, None))
    }
}

impl Tuple {
    fn as_list(&self) -> &[Value] {
        &self.0
    }
}

impl Holds for Tuple {
    fn seen(&self) -> Seen<'_> {
        Seen::Tuple(&self.0)
    }
}

/// Fails with `ValueError` if an element is nested too deeply.
impl TryFrom<Vec<Value>> for Tuple {
    type Error = Exception;

    fn try_from(items: Vec<Value>) -> Result<Self, Exception> {
        items.iter().try_for_each(check_depth)?;
        Ok(Tuple(items, Stamp::default()))
    }
}

impl TryFrom<Counted> for Tuple {
    type Error = Exception;

    fn try_from(items: Counted) -> Result<Self, Exception> {
        Tuple::try_from(items.0)
    }
}

impl Serialize for Tuple {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_tuple(&self.0, serializer)
    }
}

impl From<Tuple> for Value {
    fn from(tuple: Tuple) -> Self {
        Value::Tuple(tuple.0)
    }
}
