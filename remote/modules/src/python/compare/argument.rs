//! A plain value with which many others are compared. What is derived from its parts is derived once.

use crate::python::Table;
use hashbrown::{HashMap, HashSet};
use std::rc::Rc;
use tarmem_remote::value::Value;

/// The parts of one plain value, by their addresses. They do not move while a search lasts, so a part is recognized by
/// its address.
#[derive(Default)]
pub(super) struct Argument {
    parts: HashSet<usize>,
    tables: HashMap<usize, Rc<Table<()>>>,
    places: HashMap<usize, Rc<Table<usize>>>,
}

impl Argument {
    /// Begins a search for `value`, which must not move until the search is over.
    pub(super) fn remember(&mut self, value: &Value) {
        // A flat value is compared in one step anyway.
        *self = Self::default();
        self.add(value);
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::List(items) | Value::Tuple(items) => items.iter().for_each(|item| self.add(item)),
            Value::Map(entries) => entries.iter().for_each(|(_, value)| self.add(value)),
            Value::Set(_) => {}
            _ => return,
        }
        self.parts.insert(address(value));
        match value {
            Value::Set(items) => _ = self.parts.insert(items.as_ptr().addr()),
            Value::Map(entries) => _ = self.parts.insert(entries.as_ptr().addr()),
            _ => {}
        }
    }

    /// Returns the number that stands for `value` where pairs are remembered, if it is one of the parts.
    pub(super) fn place(&self, value: &Value) -> Option<usize> {
        Some(address(value)).filter(|place| self.parts.contains(place))
    }

    /// Returns the elements of a plain set, if they are stored.
    pub(super) fn table(&self, items: &[Value]) -> Option<Rc<Table<()>>> {
        self.tables.get(&items.as_ptr().addr()).map(Rc::clone)
    }

    /// Stores the elements of a plain set, if it is one of the parts.
    pub(super) fn keep_table(&mut self, items: &[Value], table: &Rc<Table<()>>) {
        let place = items.as_ptr().addr();
        if !items.is_empty() && self.parts.contains(&place) {
            self.tables.insert(place, Rc::clone(table));
        }
    }

    /// Returns the places in a plain map, if they are stored.
    pub(super) fn places(&self, entries: &[(Value, Value)]) -> Option<Rc<Table<usize>>> {
        self.places.get(&entries.as_ptr().addr()).map(Rc::clone)
    }

    /// Stores the places in a plain map, if it is one of the parts.
    pub(super) fn keep_places(&mut self, entries: &[(Value, Value)], places: &Rc<Table<usize>>) {
        let place = entries.as_ptr().addr();
        if !entries.is_empty() && self.parts.contains(&place) {
            self.places.insert(place, Rc::clone(places));
        }
    }
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}
