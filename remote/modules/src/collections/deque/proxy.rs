//! The proxy, for plain Rust values.

use super::DequeProxy;
use crate::shared::sequence_proxy;
use crate::{Decoded, Elements, Fallible, Given, given};
use tarmem_remote::value::{IntoValue, Value};

sequence_proxy!(DequeProxy, "right end", " `IndexError` if the deque is full.", " `ValueError` if there is none.");

/// With plain Rust values. The methods that these stand for say what they do.
impl DequeProxy {
    /// Puts `value` at the left end.
    pub fn appendleft(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.appendleft_value(value))
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

    /// The elements from left to right, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// All elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Vec<Value>, tarmem_remote::Error> {
        Decoded::new(self.copy_value())
    }
}
