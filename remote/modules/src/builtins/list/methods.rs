//! The methods that have names, as opposed to operators.

use super::{List, ListProxy, elements};
use crate::Exception;
use crate::extents::{MOVED, looks_at};
use crate::python::{
    Chunk, Cursor, check_depth, index_of, insertion, lending, no_key, position, searched, short, word,
};
use crate::python::{Comparing, order_of, reorder, repr_of};
use crate::shared::sequence_methods;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

sequence_methods!(
    List, 0,
    missing: |value| format!("{} is not in list", short(value)),
    stop: #[remote(default = i64::MAX)]
);

#[remote(replay)]
impl List {
    /// Appends `value`.
    #[remote(proxy = "append_value")]
    pub fn append(&mut self, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        self.0.push(value);
        Ok(())
    }

    /// Appends the elements of `items`.
    #[remote(proxy = "extend_values", scales)]
    pub fn extend(&mut self, items: Value) -> Result<(), Exception> {
        let mut items = lending(self, || elements(items))?;
        self.0.append(&mut items);
        Ok(())
    }

    /// Inserts `value` before `index`; an index beyond either end stands for that end.
    #[remote(proxy = "insert_value", scales)]
    pub fn insert(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        check_depth(&value)?;
        let at = insertion(word(&index)?, self.0.len());
        self.0.insert(at, value);
        Ok(())
    }

    /// Removes the element at `index`, or the last one without `index`, and returns it. `IndexError` if it is not
    /// there.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self, #[remote(default = -1)] index: Arg<Value>) -> Result<Value, Exception> {
        let index = index.given().as_ref().map_or(Ok(-1), word)?;
        match position(index, self.0.len()) {
            Some(at) => {
                looks_at((self.0.len() - at) / MOVED)?;
                Ok(self.0.remove(at))
            }
            None if self.0.is_empty() => Err(Exception::index("pop from empty list")),
            None => Err(Exception::index("pop index out of range")),
        }
    }

    /// Removes the first element that is equal to `value`. `ValueError` if there is none.
    #[remote(proxy = "remove_value", scales)]
    pub fn remove(&mut self, value: Value) -> Result<(), Exception> {
        match lending(self, || Comparing::default().position(&self.0, &value))? {
            Some(at) => {
                self.0.remove(at);
                Ok(())
            }
            None => Err(Exception::value("list.remove(x): x not in list")),
        }
    }

    /// Removes all elements.
    #[remote(scales)]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns a copy, as a plain list.
    #[remote(scales)]
    pub fn copy(&self) -> &[Value] {
        &self.0
    }

    /// Reverses the order in place.
    #[remote(scales)]
    pub fn reverse(&mut self) {
        self.0.reverse();
    }

    /// Sorts the elements in ascending order, or in descending order if `reverse` is true; equal elements keep their
    /// order. `TypeError`, and no change, if two of them cannot be ordered. `key` must be null if it is given: a
    /// function cannot be sent.
    #[remote(proxy = "sort_values", scales)]
    pub fn sort(
        &mut self,
        #[remote(default = false)] reverse: Arg<Value>,
        #[remote(default = None)] key: Arg<Value>,
    ) -> Result<(), Exception> {
        no_key(key)?;
        let descending = reverse.given().as_ref().map_or(Ok(0), index_of)? != 0;
        let order = lending(self, || order_of(&self.0, descending))?;
        reorder(&mut self.0, order);
        Ok(())
    }

    /// Returns a chunk of the elements: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk. The list may change between chunks: as in Python, iteration goes by position.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "list")?;
        let rest = self.0.iter().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, false, rest.map(|(at, item)| (at + 1, item.clone()))))
    }

    /// Returns the elements from last to first, as a plain list.
    #[remote(name = "__reversed__", scales)]
    pub fn reversed(&self) -> Vec<Value> {
        self.0.iter().rev().cloned().collect()
    }

    /// Returns the list as Python's `repr` shows it.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> Result<String, Exception> {
        repr_of(self)
    }
}
