//! Compares the contents of two objects element by element: lists, mappings, sets, bytes.

use super::super::live::{is_busy, look_ahead};
use super::super::{Comparison, Key, Table};
use super::Comparing;
use crate::error::Exception;
use std::rc::Rc;
use tarmem_remote::value::{Value, equal_maps};

impl Comparing {
    pub(super) fn lists<'a>(
        &mut self,
        one: usize,
        a: impl IntoIterator<Item = &'a Value>,
        other: usize,
        b: impl IntoIterator<Item = &'a Value>,
    ) -> Result<bool, Exception> {
        if one != other {
            return Ok(false);
        }
        let mut pairs = a.into_iter().zip(b);
        while let Some((a, b)) = pairs.next() {
            match self.equal(a, b) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.all_at_once(error, pairs.flat_map(|(a, b)| [a, b]))),
            }
        }
        Ok(true)
    }

    /// Compares two lists by their first elements that differ, or, if none do, by their lengths.
    pub(super) fn first_difference<'a>(
        &mut self,
        comparison: Comparison,
        one: usize,
        a: impl IntoIterator<Item = &'a Value>,
        other: usize,
        b: impl IntoIterator<Item = &'a Value>,
    ) -> Result<bool, Exception> {
        let mut pairs = a.into_iter().zip(b);
        while let Some((a, b)) = pairs.next() {
            match self.equal(a, b) {
                Ok(true) => {}
                Ok(false) => return self.holds(comparison, a, b),
                Err(error) => return Err(self.all_at_once(error, pairs.flat_map(|(a, b)| [a, b]))),
            }
        }
        Ok(comparison.accepts(one.cmp(&other)))
    }

    pub(super) fn entries(&mut self, a: &[(Value, Value)], b: &[(Value, Value)]) -> Result<bool, Exception> {
        match (self.places(a)?, self.places(b)?) {
            (Some(one), Some(other)) => {
                let pairs = one.iter().filter_map(|(key, at)| Some((key, &a.get(*at)?.1)));
                Ok(one.len() == other.len() && self.tables(pairs, |key| value_at(b, &other, key))?)
            }
            // Python could not have these keys, so they are compared as they are.
            _ => Ok(equal_maps(a, b)),
        }
    }

    /// Returns whether each key has an equal value in the other table.
    pub(super) fn tables<'a, 'b>(
        &mut self,
        mut entries: impl Iterator<Item = (&'a Key, &'a Value)>,
        other: impl Fn(&Key) -> Option<&'b Value>,
    ) -> Result<bool, Exception> {
        while let Some((key, value)) = entries.next() {
            self.effort.take_key(key.value())?;
            let Some(other) = other(key) else { return Ok(false) };
            match self.equal(value, other) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) => return Err(self.all_at_once(error, entries.map(|(_, value)| value))),
            }
        }
        Ok(true)
    }

    /// Returns whether two tables have the same keys in the same order.
    pub(super) fn same_keys(&mut self, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (one, other) in a.keys().zip(b.keys()) {
            self.effort.take_key(one.value())?;
            if one != other {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn sets_equal(&mut self, a: &Table<()>, b: &Table<()>) -> Result<bool, Exception> {
        Ok(a.len() == b.len() && self.is_subset(a, b)?)
    }

    /// Returns whether one set is part of the other, in the direction of `comparison`.
    pub(super) fn sets_hold(
        &mut self,
        comparison: Comparison,
        a: &Table<()>,
        b: &Table<()>,
    ) -> Result<bool, Exception> {
        match comparison {
            Comparison::Less => Ok(a.len() < b.len() && self.is_subset(a, b)?),
            Comparison::LessOrEqual => self.is_subset(a, b),
            Comparison::Greater => Ok(b.len() < a.len() && self.is_subset(b, a)?),
            Comparison::GreaterOrEqual => self.is_subset(b, a),
        }
    }

    pub(super) fn is_subset(&mut self, a: &Table<()>, b: &Table<()>) -> Result<bool, Exception> {
        if a.len() > b.len() {
            return Ok(false);
        }
        for key in a.keys() {
            self.effort.take_key(key.value())?;
            if !b.contains(key) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether two plain sets are equal.
    pub(super) fn elements(&mut self, a: &[Value], b: &[Value]) -> Result<bool, Exception> {
        // Sets that come from outside have each element only once.
        if a.len() != b.len() {
            return Ok(false);
        }
        match (self.table(a)?, self.table(b)?) {
            (Ok(a), Ok(b)) => self.sets_equal(&a, &b),
            _ => Ok(false),
        }
    }

    pub(super) fn bytes_equal(&mut self, a: &[u8], b: &[u8]) -> Result<bool, Exception> {
        if a.len() != b.len() {
            return Ok(false);
        }
        self.effort.take_bytes(a.len())?;
        Ok(a == b)
    }

    pub(super) fn bytes_hold(&mut self, comparison: Comparison, a: &[u8], b: &[u8]) -> Result<bool, Exception> {
        self.effort.take_bytes(a.len().min(b.len()))?;
        Ok(comparison.accepts(a.cmp(b)))
    }

    /// Returns the elements of a plain set, or the element that cannot be one.
    pub(super) fn table(&mut self, items: &[Value]) -> Result<Result<Rc<Table<()>>, Exception>, Exception> {
        if let Some(known) = self.argument.table(items) {
            return Ok(Ok(known));
        }
        for item in items {
            self.effort.take_key(item)?;
        }
        let table = match Table::of_elements(items) {
            Ok(table) => Rc::new(table),
            Err(error) => return Ok(Err(error)),
        };
        self.argument.keep_table(items, &table);
        Ok(Ok(table))
    }

    /// Returns where in a plain map the value of each key is. If a key occurs twice, its last entry counts. `None` if
    /// Python could not have the keys.
    pub(super) fn places(&mut self, entries: &[(Value, Value)]) -> Result<Option<Rc<Table<usize>>>, Exception> {
        if let Some(known) = self.argument.places(entries) {
            return Ok(Some(known));
        }
        let mut places = Table::new();
        for (at, (key, _)) in entries.iter().enumerate() {
            self.effort.take_key(key)?;
            let Ok(key) = Key::new(key.clone()) else { return Ok(None) };
            places.insert(key, at);
        }
        let places = Rc::new(places);
        self.argument.keep_places(entries, &places);
        Ok(Some(places))
    }

    /// Returns whether all counts are equal. A key that one of them lacks counts as 0.
    pub(super) fn counts(&mut self, a: &Table<Value>, b: &Table<Value>) -> Result<bool, Exception> {
        let zero = Value::from(0);
        for key in a.keys().chain(b.keys()) {
            self.effort.take_key(key.value())?;
            if !self.equal(a.get(key).unwrap_or(&zero), b.get(key).unwrap_or(&zero))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether all counts are in this order and, if it is strict, some differ.
    pub(super) fn counts_hold(
        &mut self,
        comparison: Comparison,
        a: &Table<Value>,
        b: &Table<Value>,
    ) -> Result<bool, Exception> {
        let (each, strict) = match comparison {
            Comparison::Less => (Comparison::LessOrEqual, true),
            Comparison::Greater => (Comparison::GreaterOrEqual, true),
            each => (each, false),
        };
        let zero = Value::from(0);
        for key in a.keys().chain(b.keys()) {
            self.effort.take_key(key.value())?;
            if !self.holds(each, a.get(key).unwrap_or(&zero), b.get(key).unwrap_or(&zero))? {
                return Ok(false);
            }
        }
        Ok(!strict || !self.counts(a, b)?)
    }

    /// If an object is in use, looks at everything else next to it as well, so that all objects in use are waited for
    /// together.
    #[cold]
    pub(super) fn all_at_once<'a>(&self, error: Exception, rest: impl Iterator<Item = &'a Value>) -> Exception {
        if is_busy(&error) {
            look_ahead(rest);
        }
        error
    }
}

pub(super) fn value_at<'a>(entries: &'a [(Value, Value)], places: &Table<usize>, key: &Key) -> Option<&'a Value> {
    entries.get(*places.get(key)?).map(|(_, value)| value)
}
