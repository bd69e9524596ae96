//! A hash table whose keys keep the order in which they were added, on which dict, set and their like are built.

use super::{Chunk, Cursor, Key, Stamp, equal};
use crate::Exception;
use hashbrown::HashTable;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use tarmem_remote::context::Context;
use tarmem_remote::value::Value;

/// Keys and their values, in the order in which the keys were first added.
///
/// Like CPython's dict, it is a list of entries with a hash table of positions. A removed entry leaves a hole, and
/// holes are removed when there are more of them than entries; so removing takes as little time as adding, even at the
/// front. Hashes are keyed at random (SipHash), since keys come from strangers.
///
/// # Examples
///
/// ```
/// use tarmem_modules::python::{Key, Table};
///
/// let mut table = Table::new();
/// table.insert(Key::new(1.into())?, "int");
/// table.insert(Key::new(true.into())?, "bool"); // 1 and true are the same key
/// assert_eq!(table.len(), 1);
/// assert_eq!(table.get(&Key::new(1.0.into())?), Some(&"bool"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Table<V> {
    positions: HashTable<usize>,
    entries: Vec<Option<Entry<V>>>,
    /// All entries are at this position or later.
    first: usize,
    hasher: RandomState,
    /// Changes with the keys and their order, but not with their values.
    stamp: Stamp,
}

#[derive(Clone)]
struct Entry<V> {
    hash: u64,
    key: Key,
    value: V,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table {
            positions: HashTable::new(),
            entries: Vec::new(),
            first: 0,
            hasher: RandomState::new(),
            stamp: Stamp::default(),
        }
    }
}

impl<V> Table<V> {
    /// The approximate memory that an entry takes, with its place among the positions.
    pub(crate) const ENTRY_BYTES: usize = size_of::<Option<Entry<V>>>() + 2 * size_of::<usize>();

    /// Makes an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Returns the value of `key`.
    pub fn get(&self, key: &Key) -> Option<&V> {
        self.entry(self.position(key)?).map(|entry| &entry.value)
    }

    /// Returns the value of `key`, to be changed.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut V> {
        let at = self.position(key)?;
        self.entries.get_mut(at)?.as_mut().map(|entry| &mut entry.value)
    }

    /// Returns whether `key` is there.
    pub fn contains(&self, key: &Key) -> bool {
        self.position(key).is_some()
    }

    /// Sets the value of `key`, and returns the old one. A key that is there already stays as it is, and where it is.
    pub fn insert(&mut self, key: Key, value: V) -> Option<V> {
        if let Some(present) = self.get_mut(&key) {
            return Some(std::mem::replace(present, value));
        }
        self.stamp.change();
        let hash = self.hasher.hash_one(&key);
        let at = self.entries.len();
        self.entries.push(Some(Entry { hash, key, value }));
        let entries = &self.entries;
        self.positions.insert_unique(hash, at, |&at| hash_at(entries, at));
        None
    }

    /// Removes `key` and returns it with its value.
    pub fn remove(&mut self, key: &Key) -> Option<(Key, V)> {
        let at = self.position(key)?;
        self.remove_at(at)
    }

    /// Removes the last key and returns it with its value.
    pub fn pop_last(&mut self) -> Option<(Key, V)> {
        // Holes at the end are removed whenever an entry is, so this does not search.
        let at = self.entries.len().checked_sub(1)?;
        self.remove_at(at)
    }

    /// Removes the first key and returns it with its value.
    pub fn pop_first(&mut self) -> Option<(Key, V)> {
        let at = self.first_position()?;
        self.first = at;
        self.remove_at(at)
    }

    fn first_position(&self) -> Option<usize> {
        (self.first..self.entries.len()).find(|&at| self.entry(at).is_some())
    }

    /// Moves `key` to one of the ends. Returns whether it is there.
    pub fn move_to_end(&mut self, key: &Key, last: bool) -> bool {
        let Some(at) = self.position(key) else { return false };
        let end = if last { self.entries.len().checked_sub(1) } else { self.first_position() };
        if end == Some(at) {
            return true;
        }
        let Some((key, value)) = self.remove_at(at) else { return false };
        if last {
            self.insert(key, value);
        } else {
            let rest = std::mem::take(self);
            self.insert(key, value);
            self.extend(rest.into_entries());
        }
        true
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        if !self.is_empty() {
            *self = Self::default();
        }
    }

    /// Replaces the contents with those of `other`. If that has the same keys in the same order, only values change.
    pub fn assign(&mut self, other: Self) {
        if self.len() == other.len() && self.keys().eq(other.keys()) {
            for (entry, (_, value)) in self.entries.iter_mut().flatten().zip(other.into_entries()) {
                entry.value = value;
            }
        } else {
            *self = other;
        }
    }

    /// Returns the chunk from `cursor`. `item` makes an element of each key and its value.
    ///
    /// # Errors
    /// The length that the table had when the iteration began, if keys were added, removed or moved since.
    pub(crate) fn chunk(
        &self,
        ctx: &Context,
        cursor: Option<Cursor>,
        limit: Option<u32>,
        item: impl Fn(&Key, &V) -> Value,
    ) -> Result<Chunk, usize> {
        let cursor = Cursor::resume(cursor, &self.stamp, self.len())?;
        let begin = cursor.at().max(self.first);
        let rest = self.entries.iter().enumerate().skip(begin);
        let items = rest.filter_map(|(at, entry)| entry.as_ref().map(|entry| (at + 1, item(&entry.key, &entry.value))));
        Ok(Chunk::collect(ctx, cursor, limit, false, items))
    }

    /// Returns the keys and values, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &V)> {
        self.entries.iter().skip(self.first).flatten().map(|entry| (&entry.key, &entry.value))
    }

    /// Returns the keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Key> {
        self.iter().map(|(key, _)| key)
    }

    /// Returns the values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the keys and values, in order.
    pub fn into_entries(self) -> impl Iterator<Item = (Key, V)> {
        self.entries.into_iter().flatten().map(|entry| (entry.key, entry.value))
    }

    /// Keeps the entries for which `keep` returns true.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &V) -> bool) {
        let mut removed = false;
        for slot in &mut self.entries {
            if slot.as_ref().is_some_and(|entry| !keep(&entry.key, &entry.value)) {
                *slot = None;
                removed = true;
            }
        }
        if removed {
            self.stamp.change();
            self.close_holes();
        }
    }

    fn entry(&self, at: usize) -> Option<&Entry<V>> {
        self.entries.get(at)?.as_ref()
    }

    fn position(&self, key: &Key) -> Option<usize> {
        let hash = self.hasher.hash_one(key);
        let same = |&at: &usize| self.entry(at).is_some_and(|entry| entry.hash == hash && entry.key == *key);
        self.positions.find(hash, same).copied()
    }

    fn remove_at(&mut self, at: usize) -> Option<(Key, V)> {
        let Entry { hash, key, value } = self.entries.get_mut(at)?.take()?;
        self.stamp.change();
        if let Ok(found) = self.positions.find_entry(hash, |&other| other == at) {
            found.remove();
        }
        while matches!(self.entries.last(), Some(None)) {
            self.entries.pop();
        }
        if at == self.first {
            self.first += 1;
        }
        self.first = self.first.min(self.entries.len());
        if self.entries.len() > 2 * self.len() + 8 {
            self.close_holes();
        }
        Some((key, value))
    }

    fn close_holes(&mut self) {
        self.entries.retain(Option::is_some);
        self.entries.shrink_to(self.entries.len() * 2);
        self.first = 0;
        self.positions.clear();
        let entries = &self.entries;
        for (at, entry) in entries.iter().enumerate() {
            if let Some(entry) = entry {
                self.positions.insert_unique(entry.hash, at, |&at| hash_at(entries, at));
            }
        }
        self.positions.shrink_to(self.entries.len() * 2, |&at| hash_at(entries, at));
    }
}

fn hash_at<V>(entries: &[Option<Entry<V>>], at: usize) -> u64 {
    entries.get(at).and_then(Option::as_ref).map_or(0, |entry| entry.hash)
}

impl Table<Value> {
    /// Returns the keys and values as a map.
    pub fn into_value(self) -> Value {
        Value::Map(self.into_entries().map(|(key, value)| (key.into_value(), value)).collect())
    }
}

impl Table<()> {
    /// Returns the keys as a set.
    pub fn into_value(self) -> Value {
        Value::Set(self.into_entries().map(|(key, ())| key.into_value()).collect())
    }

    /// Makes a set of these elements.
    ///
    /// # Errors
    /// `TypeError` if one of them cannot be an element of a set.
    pub(crate) fn of_elements(items: &[Value]) -> Result<Self, Exception> {
        items.iter().map(|item| Ok((Key::new(item.clone())?, ()))).collect()
    }

    /// Returns whether every key is one of `other`.
    pub(crate) fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.keys().all(|key| other.contains(key))
    }
}

impl<V> Extend<(Key, V)> for Table<V> {
    fn extend<I: IntoIterator<Item = (Key, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<V> FromIterator<(Key, V)> for Table<V> {
    fn from_iter<I: IntoIterator<Item = (Key, V)>>(entries: I) -> Self {
        let mut table = Table::new();
        table.extend(entries);
        table
    }
}

impl<V: fmt::Debug> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, value)| (key.value(), value))).finish()
    }
}

/// Equal as Python's dicts are: in any order.
impl PartialEq for Table<Value> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().all(|(key, value)| other.get(key).is_some_and(|other| equal(value, other)))
    }
}

/// Equal as Python's sets are: in any order.
impl PartialEq for Table<()> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.keys().all(|key| other.contains(key))
    }
}
