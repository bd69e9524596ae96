//! `collections.deque`.

mod proxy;

use crate::Exception;
use crate::python::live::{Holds, Kind, Seen, kind_of};
use crate::python::{
    Chunk, Comparison, Cursor, Slice, Stamp, check_depth, copied, insertion, iterate, position, repeats, room,
    searched, short, type_name, weight, whole, word,
};
use crate::python::{Comparing, lending, repr_of};
use crate::shared::sequence_methods;
use crate::shared::{reflected_sequence_methods, sequence_comparisons, text_of_repr};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{Counted, Value};

/// A list that is fast at both ends, as Python's `deque`. If it has a `maxlen` and is full, adding an element at one
/// end removes the element at the other.
///
/// # Examples
///
/// ```
/// use tarmem_modules::collections::DequeProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let recent = session.memoize("recent", DequeProxy::new(vec![1, 2], Some(2.into()))).await?;
/// recent.append(3).await?;
/// assert_eq!(recent.to_vec::<i64>().await?, [2, 3]);
/// assert_eq!(recent.popleft::<i64>().await?, 2);
/// # Ok(())
/// # }
/// ```
#[remote(module = "collections", name = "deque")]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deque {
    items: VecDeque<Value>,
    maxlen: Option<usize>,
    /// Changes when elements are added, removed or moved, but not when one is replaced in place.
    stamp: Stamp,
}

sequence_methods!(Deque, items, missing: |value| format!("{} is not in deque", short(value)), stop:);

#[remote(replay)]
impl Deque {
    /// Makes a deque of the elements of `iterable`: of a list, the keys of a map, the characters of a text, or the
    /// integers in bytes. If there are more than `maxlen`, it keeps the last ones.
    #[remote(inline)]
    pub fn new(
        #[remote(default = Value::Tuple(Vec::new()))] iterable: Arg<Value>,
        maxlen: Option<Value>,
    ) -> Result<Self, Exception> {
        let maxlen = maxlen.as_ref().map(bound).transpose()?;
        let mut deque = Deque { maxlen, ..Deque::default() };
        if let Arg::Given(items) = iterable {
            deque.extend(items)?;
        }
        Ok(deque)
    }

    /// Adds `value` at the right end.
    #[remote(proxy = "append_value")]
    pub fn append(&mut self, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        self.push(value);
        Ok(())
    }

    /// Adds `value` at the left end.
    #[remote(proxy = "appendleft_value")]
    pub fn appendleft(&mut self, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        self.push_left(value);
        Ok(())
    }

    /// Adds the elements of `items` at the right end, one after another.
    #[remote(proxy = "extend_values", scales)]
    pub fn extend(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        items.into_iter().for_each(|item| self.push(item));
        Ok(())
    }

    /// Adds the elements of `items` at the left end, one after another, so that the last of them comes first.
    #[remote(proxy = "extendleft_values", scales)]
    pub fn extendleft(&mut self, items: Value) -> Result<(), Exception> {
        let items = lending(self, || elements(items))?;
        items.into_iter().for_each(|item| self.push_left(item));
        Ok(())
    }

    /// Removes the element at the right end and returns it. `IndexError` if there is none.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self) -> Result<Value, Exception> {
        let last = self.items.pop_back().ok_or_else(|| Exception::index("pop from an empty deque"))?;
        self.stamp.change();
        Ok(last)
    }

    /// Removes the element at the left end and returns it. `IndexError` if there is none.
    #[remote(proxy = "popleft_value")]
    pub fn popleft(&mut self) -> Result<Value, Exception> {
        let first = self.items.pop_front().ok_or_else(|| Exception::index("pop from an empty deque"))?;
        self.stamp.change();
        Ok(first)
    }

    /// Removes all elements.
    #[remote(scales)]
    pub fn clear(&mut self) {
        if !self.items.is_empty() {
            self.stamp.change();
            self.items.clear();
        }
    }

    /// Returns the elements, as a plain list.
    #[remote(proxy = "copy_value", scales)]
    pub fn copy(&self) -> Vec<Value> {
        self.as_list()
    }

    /// Inserts `value` before `index`; an index beyond either end stands for that end. `IndexError` if the deque is
    /// full.
    #[remote(proxy = "insert_value", scales)]
    pub fn insert(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        let at = insertion(word(&index)?, self.items.len());
        if self.maxlen.is_some_and(|most| self.items.len() >= most) {
            return Err(Exception::index("deque already at its maximum size"));
        }
        self.stamp.change();
        self.items.insert(at, value);
        Ok(())
    }

    /// Removes the first element that is equal to `value`. `ValueError` if there is none.
    #[remote(proxy = "remove_value", scales)]
    pub fn remove(&mut self, value: Value) -> Result<(), Exception> {
        match lending(self, || Comparing::default().position(&self.items, &value))? {
            Some(at) => {
                self.stamp.change();
                self.items.remove(at);
                Ok(())
            }
            None => Err(Exception::ValueError(format!("{} is not in deque", short(&value)))),
        }
    }

    /// Reverses the order in place.
    #[remote(scales)]
    pub fn reverse(&mut self) {
        if self.items.len() > 1 {
            self.stamp.change();
            self.items.make_contiguous().reverse();
        }
    }

    /// Moves `steps` elements (1 if left out) from the right end to the left, or from left to right if `steps` is
    /// negative.
    #[remote(proxy = "rotate_value", scales)]
    pub fn rotate(&mut self, #[remote(default = 1)] steps: Arg<Value>) -> Result<(), Exception> {
        let steps = steps.given().as_ref().map_or(Ok(1), word)?;
        let len = self.items.len() as i128;
        if len > 1 {
            self.stamp.change();
            // The remainder is between zero and the length, so it fits a `usize`.
            self.items.rotate_right(steps.rem_euclid(len) as usize);
        }
        Ok(())
    }

    /// Returns the maximum number of elements, or null if the deque is unbounded.
    pub fn maxlen(&self) -> Option<usize> {
        self.maxlen
    }

    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk. `RuntimeError` if elements were added, removed or moved since then.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::resume(cursor, &self.stamp, self.items.len())
            .map_err(|_| Exception::RuntimeError("deque mutated during iteration".to_owned()))?;
        let rest = self.items.iter().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, false, rest.map(|(at, item)| (at + 1, item.clone()))))
    }

    /// Returns the elements from last to first, as a plain list.
    #[remote(name = "__reversed__", scales)]
    pub fn reversed(&self) -> Vec<Value> {
        self.items.iter().rev().cloned().collect()
    }

    /// Returns the deque as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}

/// Access by index, and operators.
#[remote(replay)]
impl Deque {
    /// Returns the element at `index`; a deque has no slices. `IndexError` if it is not there.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        self.at(&index).map(|at| self.items[at].clone())
    }

    /// Replaces the element at `index` with `value`.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        let at = self.at(&index)?;
        self.items[at] = value;
        Ok(())
    }

    /// Removes the element at `index`.
    #[remote(name = "__delitem__", scales)]
    pub fn delitem(&mut self, index: Value) -> Result<(), Exception> {
        let at = self.at(&index)?;
        self.stamp.change();
        self.items.remove(at);
        Ok(())
    }

    /// `deque + other`, as a plain list, within the deque's `maxlen`. `other` must be a deque, passed as a reference.
    #[remote(name = "__add__", scales)]
    pub fn add(&self, other: Value) -> Result<Vec<Value>, Exception> {
        let other = match other {
            other if kind_of(&other) == Kind::Deque => iterate(other)?,
            other => {
                let found = type_name(&other);
                return Err(Exception::TypeError(format!("can only concatenate deque (not \"{found}\") to deque")));
            }
        };
        other.iter().try_for_each(check_depth)?;
        let both = self.items.len() + other.len();
        let skipped = self.maxlen.map_or(0, |most| both.saturating_sub(most));
        copied(self.items.iter().chain(&other).skip(skipped))
    }

    /// `deque += items`: adds the elements of `items` at the right end.
    #[remote(name = "__iadd__", scales)]
    pub fn iadd(&mut self, items: Value) -> Result<(), Exception> {
        self.extend(items)
    }

    /// `deque * count`, as a plain list, within the deque's `maxlen`.
    #[remote(name = "__mul__", scales)]
    pub fn mul(&self, count: Value) -> Result<Vec<Value>, Exception> {
        self.repeated(&count)
    }

    /// `deque *= count`: repeats the elements, within `maxlen`; removes them if `count` is less than one.
    #[remote(name = "__imul__", scales)]
    pub fn imul(&mut self, count: Value) -> Result<(), Exception> {
        self.items = self.repeated(&count)?.into();
        self.stamp.change();
        Ok(())
    }
}

reflected_sequence_methods!(Deque, Vec<Value>);
text_of_repr!(looking Deque);
sequence_comparisons!(Deque, "collections.deque");

impl Deque {
    fn as_list(&self) -> Vec<Value> {
        self.items.iter().cloned().collect()
    }

    fn push(&mut self, value: Value) {
        self.stamp.change();
        self.items.push_back(value);
        if self.maxlen.is_some_and(|most| self.items.len() > most) {
            self.items.pop_front();
        }
    }

    fn push_left(&mut self, value: Value) {
        self.stamp.change();
        self.items.push_front(value);
        if self.maxlen.is_some_and(|most| self.items.len() > most) {
            self.items.pop_back();
        }
    }

    fn at(&self, index: &Value) -> Result<usize, Exception> {
        let whole = whole(index)?.ok_or_else(|| {
            let found = if Slice::of(index).is_ok_and(|slice| slice.is_none()) { type_name(index) } else { "slice" };
            Exception::TypeError(format!("sequence index must be integer, not '{found}'"))
        })?;
        position(whole, self.items.len()).ok_or_else(|| match i64::try_from(whole) {
            Ok(_) => Exception::index("deque index out of range"),
            Err(_) => Exception::index("cannot fit 'int' into an index-sized integer"),
        })
    }

    /// Returns the elements repeated `count` times, or the last `maxlen` of the result.
    fn repeated(&self, count: &Value) -> Result<Vec<Value>, Exception> {
        let count = whole(count)?.ok_or_else(|| {
            Exception::TypeError(format!("can't multiply sequence by non-int of type '{}'", type_name(count)))
        })?;
        let len = self.items.len();
        // A bounded deque is repeated only as often as it takes to fill it.
        let enough = self.maxlen.map_or(i128::MAX, |most| (most.div_ceil(len.max(1)) + 1) as i128);
        let times = repeats(self.items.iter().map(weight).sum(), count.min(enough))?;
        let skipped = self.maxlen.map_or(0, |most| (len * times).saturating_sub(most));
        let mut repeated = room((len * times).saturating_sub(skipped))?;
        repeated.extend(std::iter::repeat_n(&self.items, times).flatten().skip(skipped).cloned());
        Ok(repeated)
    }
}

/// Converts `value` to elements of a deque.
fn elements(value: Value) -> Result<Vec<Value>, Exception> {
    let items = iterate(value)?;
    items.iter().try_for_each(check_depth)?;
    Ok(items)
}

/// Converts `maxlen` to a length.
fn bound(maxlen: &Value) -> Result<usize, Exception> {
    let maxlen = whole(maxlen)?.ok_or_else(|| Exception::of_type("an integer is required"))?;
    usize::try_from(maxlen).map_err(|_| {
        if maxlen < 0 {
            Exception::value("maxlen must be non-negative")
        } else {
            Exception::overflow("Python int too large to convert to C ssize_t")
        }
    })
}

/// Serializes to the elements alone in human-readable formats, and with `maxlen` in others.
impl Serialize for Deque {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.items.serialize(serializer)
        } else {
            (&self.items, self.maxlen).serialize(serializer)
        }
    }
}

/// What comes from a human-readable format is unbounded.
impl<'de> Deserialize<'de> for Deque {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (Counted(items), maxlen): (Counted, _) = if deserializer.is_human_readable() {
            (Deserialize::deserialize(deserializer)?, None)
        } else {
            Deserialize::deserialize(deserializer)?
        };
        items.iter().try_for_each(check_depth).map_err(serde::de::Error::custom)?;
        let mut deque = Deque { maxlen, ..Deque::default() };
        items.into_iter().for_each(|item| deque.push(item));
        Ok(deque)
    }
}

impl Holds for Deque {
    fn seen(&self) -> Seen<'_> {
        Seen::Deque(&self.items, self.maxlen)
    }
}

impl From<Deque> for Value {
    fn from(deque: Deque) -> Self {
        Value::List(deque.items.into())
    }
}
