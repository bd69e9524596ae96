//! The methods of the proxy that take and return plain Rust values.

use super::DequeProxy;
use crate::shared::sequence_proxy;
use crate::{Decoded, Elements, Fallible, Given, given};
use tarmem_remote::value::{IntoValue, Value};

sequence_proxy!(DequeProxy, "right end", " `IndexError` if the deque is full.", " `ValueError` if there is none.");

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl DequeProxy {
    /// Adds `value` at the left end.
    pub fn appendleft(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.appendleft_value(value))
    }

    /// Adds `value` at the right end, as [`append`](Self::append).
    pub fn push_back(&self, value: impl IntoValue) -> Fallible<()> {
        self.append(value)
    }

    /// Adds `value` at the left end, as [`appendleft`](Self::appendleft).
    pub fn push_front(&self, value: impl IntoValue) -> Fallible<()> {
        self.appendleft(value)
    }

    /// Adds the elements of `items` at the left end, one after another, so that the last of them comes first.
    pub fn extendleft<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.extendleft_values(given.list(items));
        given.checked(call)
    }

    /// Removes the element at the right end and returns it.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value())
    }

    /// Removes the element at the left end and returns it.
    pub fn popleft<T>(&self) -> Decoded<T> {
        Decoded::new(self.popleft_value())
    }

    /// Removes the element at the right end and returns it, as [`pop`](Self::pop).
    pub fn pop_back<T>(&self) -> Decoded<T> {
        self.pop()
    }

    /// Removes the element at the left end and returns it, as [`popleft`](Self::popleft).
    pub fn pop_front<T>(&self) -> Decoded<T> {
        self.popleft()
    }

    /// Moves `steps` elements from the right end to the left, or from left to right if `steps` is negative.
    pub fn rotate(&self, steps: i64) -> Fallible<()> {
        self.rotate_value(Value::from(steps))
    }

    /// Returns a stream of the elements from left to right, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// Returns all elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Vec<Value>, tarmem_remote::Error> {
        Decoded::new(self.copy_value())
    }
}
