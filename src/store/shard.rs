//! A shard: a part of the keys, and the objects they are mapped to.

use super::cell::Cell;
use super::hash::Seeded;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// What a key is mapped to.
#[derive(Clone)]
pub(crate) struct Mapping {
    pub(crate) cell: Cell,
    /// Grows with every mapping of any key of the service. So a key never has the same generation twice, not even if it
    /// is deleted in between.
    pub(crate) generation: u64,
}

/// Nearly every object is mapped to the key it was made for, and to no other. That key and the generation of its
/// mapping are in the object's own allocation, so the table of these objects only needs one pointer for each.
#[derive(Default)]
pub(super) struct Shard {
    /// Objects under the keys they were made for.
    named: HashTable<Cell>,
    /// Objects under other keys. No key is in both tables.
    others: HashTable<(Box<str>, Mapping)>,
}

impl Shard {
    pub(super) fn get(&self, hash: u64, key: &str) -> Option<Mapping> {
        if let Some(cell) = self.named.find(hash, |cell| cell.name() == key) {
            return Some(Mapping { cell: cell.clone(), generation: cell.generation() });
        }
        if self.others.is_empty() {
            return None;
        }
        self.others.find(hash, |(other, _)| **other == *key).map(|(_, mapping)| mapping.clone())
    }

    /// The generation of `key`'s mapping; 0 if there is none.
    pub(super) fn generation(&self, hash: u64, key: &str) -> u64 {
        if let Some(cell) = self.named.find(hash, |cell| cell.name() == key) {
            return cell.generation();
        }
        self.others.find(hash, |(other, _)| **other == *key).map_or(0, |(_, mapping)| mapping.generation)
    }

    /// Maps `key`. Returns the object that it was mapped to.
    pub(super) fn put(&mut self, hash: u64, key: &str, mapping: Mapping, by: &Seeded) -> Option<Cell> {
        let Mapping { cell, generation } = &mapping;
        if cell.name() != key {
            let replaced = self.named.find_entry(hash, |cell| cell.name() == key).ok().map(|entry| entry.remove().0);
            return match self.others.entry(hash, |(other, _)| **other == *key, |(other, _)| by.hash_one(&**other)) {
                Entry::Occupied(mut entry) => Some(std::mem::replace(&mut entry.get_mut().1, mapping).cell),
                Entry::Vacant(entry) => {
                    entry.insert((key.into(), mapping));
                    replaced
                }
            };
        }
        cell.set_generation(*generation);
        match self.named.entry(hash, |cell| cell.name() == key, |cell| by.hash_one(cell.name())) {
            Entry::Occupied(mut entry) => Some(std::mem::replace(entry.get_mut(), mapping.cell)),
            Entry::Vacant(entry) => {
                entry.insert(mapping.cell);
                self.remove_other(hash, key)
            }
        }
    }

    /// Removes the mapping of `key`. Returns the object that it was mapped to.
    pub(super) fn remove(&mut self, hash: u64, key: &str) -> Option<Cell> {
        match self.named.find_entry(hash, |cell| cell.name() == key) {
            Ok(entry) => Some(entry.remove().0),
            Err(_) => self.remove_other(hash, key),
        }
    }

    fn remove_other(&mut self, hash: u64, key: &str) -> Option<Cell> {
        let entry = self.others.find_entry(hash, |(other, _)| **other == *key).ok()?;
        let (_, mapping) = entry.remove().0;
        Some(mapping.cell)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(Cell::name).chain(self.others.iter().map(|(key, _)| &**key))
    }
}
