//! The methods of the proxy that take and return plain Rust values.

use super::ChainMapProxy;
use crate::{Decoded, Elements, Fallible, given};
use tarmem_remote::value::IntoValue;

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl ChainMapProxy {
    /// Returns the value under `key` in the first map that has it, or `None` if none has.
    pub fn get<T>(&self, key: impl IntoValue) -> Decoded<Option<T>> {
        Decoded::new(given(key, |key| self.get_value(key, None)))
    }

    /// Returns the value under `key` in the first map that has it. `KeyError` if none has.
    pub fn item<T>(&self, key: impl IntoValue) -> Decoded<T> {
        Decoded::new(given(key, |key| self.getitem(key)))
    }

    /// Returns whether one of the maps has `key`.
    pub fn contains_key(&self, key: impl IntoValue) -> Fallible<bool> {
        given(key, |key| self.contains_key_value(key))
    }

    /// Returns a stream of the keys, which it fetches in chunks.
    pub fn iter<K>(&self) -> Elements<K> {
        Elements::of(self, Self::iter_chunk)
    }
}
