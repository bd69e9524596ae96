//! The proxy, for plain Rust values.

use super::ListProxy;
use crate::modules::python::Slice;
use crate::modules::{Decoded, Elements, Fallible, Given, given};
use crate::value::IntoValue;

/// With plain Rust values. The methods that these stand for say what they do.
impl ListProxy {
    /// Puts `value` at the end.
    pub fn append(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.append_value(value))
    }

    /// Puts `value` at the end, as [`append`](Self::append).
    pub fn push(&self, value: impl IntoValue) -> Fallible<()> {
        self.append(value)
    }

    /// Puts the elements of `items` at the end.
    pub fn extend<T: IntoValue>(&self, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.extend_values(given.list(items));
        given.checked(call)
    }

    /// Puts `value` before `index`.
    pub fn insert(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.insert_value(index.into(), value))
    }

    /// Takes out the last element.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value(None))
    }

    /// Takes out the element at `index`.
    pub fn pop_at<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.pop_value(Some(index.into())))
    }

    /// Takes out the first element that is equal to `value`.
    pub fn remove(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.remove_value(value))
    }

    /// How many elements are equal to `value`.
    pub fn count(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.count_value(value))
    }

    /// Where the first element that is equal to `value` is.
    pub fn index(&self, value: impl IntoValue) -> Fallible<usize> {
        given(value, |value| self.index_value(value, None, None))
    }

    /// Whether an element is equal to `value`.
    pub fn contains(&self, value: impl IntoValue) -> Fallible<bool> {
        given(value, |value| self.contains_value(value))
    }

    /// Puts the elements in ascending order.
    pub fn sort(&self) -> Fallible<()> {
        self.sort_values(None)
    }

    /// Puts the elements in descending order.
    pub fn sort_descending(&self) -> Fallible<()> {
        self.sort_values(true)
    }

    /// The element at `index`.
    pub fn get<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Puts `value` in place of the element at `index`.
    pub fn set(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.setitem(index.into(), value))
    }

    /// Takes out the element at `index`.
    pub fn delete(&self, index: i64) -> Fallible<()> {
        self.delitem(index.into())
    }

    /// The elements of a slice, such as `1..3`, `-2..` or `..`.
    pub fn slice<T>(&self, slice: impl Into<Slice>) -> Decoded<Vec<T>> {
        Decoded::new(self.getitem(slice.into().into()))
    }

    /// Puts `items` in place of the elements of a slice.
    pub fn set_slice<T: IntoValue>(&self, slice: impl Into<Slice>, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.setitem(slice.into().into(), given.list(items));
        given.checked(call)
    }

    /// Takes out the elements of a slice.
    pub fn delete_slice(&self, slice: impl Into<Slice>) -> Fallible<()> {
        self.delitem(slice.into().into())
    }

    /// The elements, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// All elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>> {
        self.slice(..)
    }
}
