//! The proxy, for plain Rust values.

use super::DequeProxy;
use crate::modules::{Decoded, Elements, Fallible, Given, given};
use crate::value::{IntoValue, Value};

/// With plain Rust values. The methods that these stand for say what they do.
impl DequeProxy {
    /// Puts `value` at the right end.
    pub fn append(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.append_value(value))
    }

    /// Puts `value` at the left end.
    pub fn appendleft(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.appendleft_value(value))
    }

    /// Puts the elements of `items` at the right end.
    pub fn extend<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.extend_values(given.list(items));
        given.checked(call)
    }

    /// Puts `value` at the right end, as [`append`](Self::append).
    pub fn push_back(&self, value: impl IntoValue) -> Fallible<()> {
        self.append(value)
    }

    /// Puts `value` at the left end, as [`appendleft`](Self::appendleft).
    pub fn push_front(&self, value: impl IntoValue) -> Fallible<()> {
        self.appendleft(value)
    }

    /// Puts the elements of `items` at the left end, one after another: the last one is first then.
    pub fn extendleft<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.extendleft_values(given.list(items));
        given.checked(call)
    }

    /// Puts `value` before `index`. `IndexError` if the deque is full.
    pub fn insert(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.insert_value(index.into(), value))
    }

    /// Puts `value` in place of the element at `index`.
    pub fn set(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.setitem(index.into(), value))
    }

    /// Takes out the element at `index`.
    pub fn delete(&self, index: i64) -> Fallible<()> {
        self.delitem(index.into())
    }

    /// Takes out the first element that is equal to `value`. `ValueError` if there is none.
    pub fn remove(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.remove_value(value))
    }

    /// How many elements are equal to `value`.
    pub fn count(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.count_value(value))
    }

    /// Where the first element that is equal to `value` is. `ValueError` if there is none.
    pub fn index(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.index_value(value, None, None))
    }

    /// Whether an element is equal to `value`.
    pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
        given(value, |value| self.contains_value(value))
    }

    /// Takes out the element at the right end.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value())
    }

    /// Takes out the element at the left end.
    pub fn popleft<T>(&self) -> Decoded<T> {
        Decoded::new(self.popleft_value())
    }

    /// Takes out the element at the right end, as [`pop`](Self::pop).
    pub fn pop_back<T>(&self) -> Decoded<T> {
        self.pop()
    }

    /// Takes out the element at the left end, as [`popleft`](Self::popleft).
    pub fn pop_front<T>(&self) -> Decoded<T> {
        self.popleft()
    }

    /// Moves `steps` elements from the right end to the left; the other way if negative.
    pub fn rotate(&self, steps: i64) -> Fallible<()> {
        self.rotate_value(Value::from(steps))
    }

    /// The element at `index`.
    pub fn get<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// The elements from left to right, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// All elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Vec<Value>, crate::Error> {
        Decoded::new(self.copy_value())
    }
}
