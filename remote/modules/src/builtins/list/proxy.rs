//! The methods of the proxy that take and return plain Rust values.

use super::ListProxy;
use crate::python::Slice;
use crate::shared::sequence_proxy;
use crate::{Decoded, Elements, Fallible, Given, given};
use tarmem_remote::value::IntoValue;

sequence_proxy!(ListProxy, "end", "", "");

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl ListProxy {
    /// Appends `value`, as [`append`](Self::append).
    pub fn push(&self, value: impl IntoValue) -> Fallible<()> {
        self.append(value)
    }

    /// Removes the last element and returns it.
    pub fn pop<T>(&self) -> Decoded<T> {
        Decoded::new(self.pop_value(None))
    }

    /// Removes the element at `index` and returns it.
    pub fn pop_at<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.pop_value(Some(index.into())))
    }

    /// Sorts the elements in ascending order.
    pub fn sort(&self) -> Fallible<()> {
        self.sort_values(None, None)
    }

    /// Sorts the elements in descending order.
    pub fn sort_descending(&self) -> Fallible<()> {
        self.sort_values(true, None)
    }

    /// Returns the elements of a slice, such as `1..3`, `-2..` or `..`.
    pub fn slice<T>(&self, slice: impl Into<Slice>) -> Decoded<Vec<T>> {
        Decoded::new(self.getitem(slice.into().into()))
    }

    /// Replaces the elements of a slice with `items`.
    pub fn set_slice<T: IntoValue>(&self, slice: impl Into<Slice>, items: impl IntoIterator<Item = T>) -> Fallible<()> {
        let mut given = Given::default();
        let call = self.setitem(slice.into().into(), given.list(items));
        given.checked(call)
    }

    /// Removes the elements of a slice.
    pub fn delete_slice(&self, slice: impl Into<Slice>) -> Fallible<()> {
        self.delitem(slice.into().into())
    }

    /// Returns a stream of the elements, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }

    /// Returns all elements.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>> {
        self.slice(..)
    }
}
