//! Where objects live: keys, the objects they are mapped to, and the generators that are making some.
//!
//! - [`cell`]: one object, its guards, whether it is poisoned.
//! - [`lock`]: many readers or one writer.
//! - [`bury`]: how objects are dropped.
//! - [`flight`]: single flight per key, and the search for circles.
//!
//! No lock of the store is held while user code runs.

mod bury;
mod cell;
mod flight;
mod lock;

pub(crate) use bury::bury;
pub(crate) use cell::{Cell, ReadGuard, WriteGuard};
pub(crate) use flight::{Flight, FlightError, Flights, Joined};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tarmem_remote::describe::NewObject;
use tarmem_remote::error::Error;
use tarmem_remote::operation::ObjectInfo;
use tarmem_remote::registry::ClassInfo;
use uuid::Uuid;

/// More shards than threads that will ever meet in one.
const SHARDS: usize = 64;

/// The keys of a service, and their objects.
pub(crate) struct Store {
    shards: Box<[RwLock<Shard>]>,
    hasher: hashbrown::DefaultHashBuilder,
    keys: AtomicUsize,
    max_keys: usize,
    generations: AtomicU64,
    ids: Ids,
    living: Arc<AtomicUsize>,
    /// A fault that a test has planted.
    #[cfg(test)]
    pub(crate) planted: std::sync::atomic::AtomicU8,
}

/// Faults that a test may plant in a service of its own, to see that they are found.
#[cfg(test)]
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Planted {
    Nothing,
    /// A call that is sent again is made again.
    Twice,
    /// `memoize` maps its key to what it has made, whatever came there meanwhile.
    Overwrites,
    /// `update_if` looks at the generation only before it makes the object.
    DoesNotLookAgain,
}

/// One object, counted for as long as this lives.
pub(crate) struct Living(Arc<AtomicUsize>);

impl Living {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Living(Arc::clone(count))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The hash chooses the shard and then the bucket: it is computed once.
type Shard = HashTable<(Box<str>, Mapping)>;

/// What a key is mapped to.
#[derive(Clone)]
pub(crate) struct Mapping {
    pub(crate) cell: Arc<Cell>,
    /// Grows with every mapping, over all keys of the service, so a key never has one generation twice: not even if it was
    /// deleted in between.
    pub(crate) generation: u64,
}

impl Mapping {
    pub(crate) fn info(&self) -> ObjectInfo {
        ObjectInfo {
            id: self.cell.id(),
            class: self.cell.class().entry().path.to_owned(),
            generation: self.generation,
            made: false,
        }
    }
}

/// Makes ids that no other object of any service has: random bits for the service, then a count.
struct Ids {
    service: u64,
    next: AtomicU64,
}

impl Store {
    pub(crate) fn new(max_keys: usize) -> Self {
        let (service, _) = Uuid::new_v4().as_u64_pair();
        Store {
            shards: (0..SHARDS).map(|_| RwLock::new(HashTable::new())).collect(),
            hasher: hashbrown::DefaultHashBuilder::default(),
            keys: AtomicUsize::new(0),
            max_keys,
            generations: AtomicU64::new(1),
            ids: Ids { service, next: AtomicU64::new(1) },
            living: Arc::default(),
            #[cfg(test)]
            planted: std::sync::atomic::AtomicU8::new(Planted::Nothing as u8),
        }
    }

    #[cfg(test)]
    pub(crate) fn has(&self, fault: Planted) -> bool {
        self.planted.load(Ordering::Relaxed) == fault as u8
    }

    /// Gives a new object a place to live. It is mapped to no key yet.
    pub(crate) fn host(&self, object: NewObject, class: Arc<ClassInfo>) -> Arc<Cell> {
        let count = self.ids.next.fetch_add(1, Ordering::Relaxed);
        let id = Uuid::new_v8(id_bytes(self.ids.service, count));
        Arc::new(Cell::new(id, object, class, Living::new(&self.living)))
    }

    pub(crate) fn get(&self, key: &str) -> Option<Mapping> {
        let hash = self.hash(key);
        self.shard(hash).read().find(hash, is(key)).map(|(_, mapping)| mapping.clone())
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        let hash = self.hash(key);
        self.shard(hash).read().find(hash, is(key)).is_some()
    }

    /// Maps `key` to `cell` unless it is mapped already; what it is mapped to then.
    pub(crate) fn insert_if_absent(&self, key: &str, cell: &Arc<Cell>) -> Result<Mapping, Error> {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        match shard.entry(hash, is(key), |(key, _)| self.hash(key)) {
            #[cfg(test)]
            Entry::Occupied(mut entry) if self.has(Planted::Overwrites) => {
                entry.get_mut().1 = Mapping { cell: Arc::clone(cell), generation: self.next_generation() };
                Ok(entry.get().1.clone())
            }
            Entry::Occupied(entry) => Ok(entry.get().1.clone()),
            Entry::Vacant(entry) => {
                let mapping = self.new_mapping(cell)?;
                entry.insert((key.into(), mapping.clone()));
                Ok(mapping)
            }
        }
    }

    /// Maps `key` to `cell`, if it is at the generation that is expected (0: not mapped).
    pub(crate) fn swap(&self, key: &str, cell: &Arc<Cell>, expected: Option<u64>) -> Result<Mapping, Error> {
        #[cfg(test)]
        let expected = expected.filter(|_| !self.has(Planted::DoesNotLookAgain));
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        let entry = shard.entry(hash, is(key), |(key, _)| self.hash(key));
        let found = match &entry {
            Entry::Occupied(entry) => entry.get().1.generation,
            Entry::Vacant(_) => 0,
        };
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(Error::WrongGeneration { key: key.to_owned(), expected, found });
        }
        let (mapping, replaced) = match entry {
            Entry::Occupied(mut entry) => {
                let mapping = Mapping { cell: Arc::clone(cell), generation: self.next_generation() };
                let replaced = std::mem::replace(&mut entry.get_mut().1, mapping.clone());
                (mapping, Some(replaced))
            }
            Entry::Vacant(entry) => {
                let mapping = self.new_mapping(cell)?;
                entry.insert((key.into(), mapping.clone()));
                (mapping, None)
            }
        };
        // The last hold on the old object may end here, and with it run user code: not under the shard's lock.
        drop(shard);
        drop(replaced);
        Ok(mapping)
    }

    /// A mapping of a key that had none, if there may be another.
    fn new_mapping(&self, cell: &Arc<Cell>) -> Result<Mapping, Error> {
        let one_more = |keys| (keys < self.max_keys).then_some(keys + 1);
        if let Err(keys) = self.keys.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            let remedy = "delete some, or raise the service's limit";
            return Err(Error::limit("the number of keys", keys as u64 + 1, self.max_keys as u64, remedy));
        }
        Ok(Mapping { cell: Arc::clone(cell), generation: self.next_generation() })
    }

    /// Removes the mapping of `key`; whether there was one.
    pub(crate) fn remove(&self, key: &str) -> bool {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        let removed = shard.find_entry(hash, is(key)).ok().map(|entry| entry.remove().0);
        drop(shard);
        if removed.is_some() {
            self.keys.fetch_sub(1, Ordering::Relaxed);
        }
        // As in `swap`: the object is dropped here, once the lock is free.
        removed.is_some()
    }

    /// The first `limit` keys, in order, that begin with `prefix`, come after `after` and are `visible`; and whether there are
    /// more.
    pub(crate) fn keys(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
        visible: impl Fn(&str) -> bool,
    ) -> (Vec<String>, bool) {
        // The largest is on top, so that it goes when a smaller one comes: memory for a page, not for all keys.
        let mut page: BinaryHeap<String> = BinaryHeap::new();
        let mut more = false;
        for shard in &self.shards {
            for (key, _) in shard.read().iter() {
                if !key.starts_with(prefix) || **key <= *after || !visible(key) {
                    continue;
                }
                if page.len() == limit {
                    more = true;
                    if page.peek().is_none_or(|largest| **key >= **largest) {
                        continue;
                    }
                    page.pop();
                }
                page.push(key.to_string());
            }
        }
        (page.into_sorted_vec(), more)
    }

    /// How many objects there are, mapped or not.
    pub(crate) fn objects(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }

    /// How many keys are mapped.
    pub(crate) fn len(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The low bits choose the bucket within the shard, and the uppermost seven tell its neighbours apart.
        &self.shards[(hash >> 48) as usize % SHARDS]
    }
}

/// Whether an entry is that of `key`.
fn is(key: &str) -> impl Fn(&(Box<str>, Mapping)) -> bool {
    move |(known, _)| **known == *key
}

fn id_bytes(service: u64, count: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&service.to_be_bytes());
    bytes[8..].copy_from_slice(&count.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_count() {
        let one = Uuid::new_v8(id_bytes(7, 1));
        let two = Uuid::new_v8(id_bytes(7, 2));
        assert_ne!(one, two);
    }
}
