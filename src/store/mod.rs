//! Keys, the objects they are mapped to, and the generators that are making new ones.
//!
//! - [`shard`]: a part of the keys, and the objects they are mapped to.
//! - [`cell`]: one object, its guards, and whether it is poisoned.
//! - [`changes`]: where a change of an object or a key is made, and the listener that hears of it.
//! - [`block`]: the memory of one object; [`kind`]: what the objects of a class have in common.
//! - [`lock`]: the lock of an object, for many readers or one writer; [`queues`]: those who wait for it.
//! - [`bury`]: how objects are dropped.
//! - [`hash`]: how keys are hashed.
//! - [`keeping`]: what is noted in the journal when objects and keys change. [`state`]: how objects are encoded for it.
//!   [`changed`]: an object that has changed, and what is written of it. [`calls`]: the calls that are kept in place of
//!   its state. [`large`]: states that are kept in pieces. [`rewriting`]: those that are written anew while their
//!   objects go on; [`asked`]: which are to be. [`hooks`]: objects that change by themselves.
//! - [`flight`]: single flight per key, and the search for cycles.
//!
//! No lock of the store is held while user code runs, except the lock of an object while its methods run.
//!
//! Locks are taken in this order: the lock of an object, the table of flights, one shard. A method that runs with the
//! lock of its object may use any key; [`Flights::join`] looks a key up, in its shard, under the table's lock. No two
//! shards are locked at one time, and under a shard's lock nothing else is locked: a [`ChangeListener`] that is called
//! there may not use the store. The locks within [`kind`] and [`queues`] are held for a few instructions, and no other
//! is taken under them.

mod asked;
mod block;
mod bury;
mod calls;
mod cell;
mod changed;
mod changes;
mod flight;
mod hash;
mod hooks;
mod keeping;
mod kind;
mod large;
mod lock;
mod queues;
mod rewriting;
mod shard;
mod sizes;
pub(crate) mod state;

pub(crate) use bury::{Remains, bury};
pub(crate) use calls::LoggedCall;
pub(crate) use cell::{Cell, Poisoned, ReadGuard, Vacant, WeakCell, WriteGuard};
pub(crate) use changes::{ChangeListener, ChangedBy};
pub(crate) use flight::{Flight, FlightError, Flights, Joined, WaitError};
pub(crate) use hash::Seeded;
pub(crate) use keeping::{Keeping, Restored};
pub(crate) use rewriting::{Committed, Instead, NewState, Rewriting};
pub(crate) use shard::Mapping;
pub(crate) use sizes::Sizes;

use crate::faults::{PlantedFault, PlantedFaults};
use changed::Change;
use kind::Kinds;
use parking_lot::RwLock;
use shard::Shard;
use std::borrow::Borrow;
use std::collections::BinaryHeap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tarmem_remote::describe::NewObject;
use tarmem_remote::error::Error;
use tarmem_remote::object::{Kept, Object};
use tarmem_remote::registry::ClassInfo;
use tarmem_remote::results::ObjectInfo;
use uuid::Uuid;

/// More shards than there will be threads that use the keys at one time.
const SHARDS: usize = 64;

/// The keys of a service, and their objects.
pub(crate) struct Store {
    shards: Box<[RwLock<Shard>]>,
    hasher: Seeded,
    keys: AtomicUsize,
    max_keys: usize,
    generations: AtomicU64,
    /// The number of the next object.
    counts: AtomicU64,
    kinds: Kinds,
    changes: Option<Arc<dyn ChangeListener>>,
    /// Notes what is to outlive the service; `None` if nothing is.
    pub(crate) keeping: Option<Arc<Keeping>>,
    /// The faults planted in the service.
    pub(crate) faults: PlantedFaults,
}

/// Where a store begins to count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Next {
    /// The id of what is kept, whose first half begins the ids of objects.
    pub(crate) id: Uuid,
    /// The number of the next object.
    pub(crate) object: u64,
    /// The next generation.
    pub(crate) generation: u64,
    /// The next number that is given outside the store.
    pub(crate) token: u64,
}

impl Mapping {
    pub(crate) fn info(&self) -> ObjectInfo {
        let class = self.cell.class().entry().path;
        ObjectInfo::new(self.cell.id(), class, self.generation, self.cell.is_poisoned())
    }
}

impl Store {
    /// `changes` is called for each change, and `keeping` notes them; `faults` are those of the service.
    pub(crate) fn new(
        max_keys: usize,
        changes: Option<Arc<dyn ChangeListener>>,
        keeping: Option<(Arc<Keeping>, Next)>,
        faults: PlantedFaults,
    ) -> Self {
        let (keeping, next) = match keeping {
            Some((keeping, next)) => (Some(keeping), next),
            None => (None, Next { id: Uuid::new_v4(), object: 1, generation: 1, token: 0 }),
        };
        Self::beginning_at(next, max_keys, changes, keeping, faults)
    }

    /// A store for the objects of an earlier run, of which nothing is kept: to see what can be made of them.
    pub(crate) fn to_try(next: Next) -> Self {
        Self::beginning_at(next, usize::MAX, None, None, PlantedFaults::default())
    }

    fn beginning_at(
        next: Next,
        max_keys: usize,
        changes: Option<Arc<dyn ChangeListener>>,
        keeping: Option<Arc<Keeping>>,
        faults: PlantedFaults,
    ) -> Self {
        Store {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            hasher: Seeded::default(),
            keys: AtomicUsize::new(0),
            max_keys,
            generations: AtomicU64::new(next.generation),
            counts: AtomicU64::new(next.object),
            kinds: Kinds::new(next.id.as_u64_pair().0, keeping.clone()),
            changes,
            keeping,
            faults,
        }
    }

    /// Gives a new object its place in memory, without mapping a key to it. `name` is the key that it is made for, or
    /// empty: mapping the object to that key takes no further memory.
    pub(crate) fn host(&self, object: NewObject, class: &Arc<ClassInfo>, name: &str) -> Cell {
        let count = self.counts.fetch_add(1, Ordering::Relaxed);
        let kind = self.kinds.of(&*object, class);
        let Some(keeping) = &self.keeping else { return Cell::new(object, kind, name, count) };
        let kept = class.entry().resident().and_then(|resident| (resident.kept)(&*object));
        let cell = Cell::new(object, kind, name, count);
        if let Some(kept) = kept {
            hooks::attach(keeping, &cell, &kept);
        }
        keeping.hosted(&cell);
        cell
    }

    /// Makes a place for object number `count` of an earlier run, which is mapped to the key `name`, unless that is
    /// empty. `None` if the class has no objects.
    pub(crate) fn vacant(&self, class: &Arc<ClassInfo>, name: &str, count: u64) -> Option<Vacant> {
        Some(Vacant::new(self.kinds.of_class(class)?, name, count))
    }

    /// Lets an object of an earlier run note its changes, if it makes them by itself.
    pub(crate) fn attach(&self, cell: &Cell, kept: &Arc<dyn Kept>) {
        if let Some(keeping) = &self.keeping {
            hooks::attach(keeping, cell, kept);
        }
    }

    /// Maps `key` as it was in an earlier run.
    pub(crate) fn restore(&self, key: &str, mapping: Mapping) {
        let hash = self.hash(key);
        let replaced = self.shard(hash).write().put(hash, key, mapping, &self.hasher);
        if replaced.is_none() {
            self.keys.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// To be called before an object is changed, whose lock the caller holds.
    #[inline]
    pub(crate) fn before_change(&self, cell: &Cell, object: &dyn Object) {
        if let Some(keeping) = &self.keeping {
            keeping.before_change(cell, object);
        }
    }

    /// To be called when an operation has used an object: its result does not leave before the object's last change is
    /// on disk.
    #[inline]
    pub(crate) fn saw(&self, cell: &Cell) {
        if let Some(keeping) = &self.keeping {
            keeping.saw(cell);
        }
    }

    /// To be called before an object is used for longer than a batch of the journal is open.
    pub(crate) fn before_long_use(&self, cell: &Cell, object: &dyn Object) {
        if let Some(keeping) = &self.keeping {
            keeping.before_long_use(cell, object);
        }
    }

    /// Clears the poison of an object. Returns false if that has to wait for those who use the object.
    pub(crate) fn try_clear_poison(&self, cell: &Cell) -> bool {
        if self.keeping.is_none() {
            cell.clear_poison();
            return true;
        }
        match cell.try_read_even_poisoned() {
            Some(Ok(object)) => self.clear_poison(&object),
            // It was taken away.
            Some(Err(_)) => {}
            None => return false,
        }
        true
    }

    /// Clears the poison of an object, which the caller has locked.
    pub(crate) fn clear_poison<C: Borrow<Cell>>(&self, object: &ReadGuard<C>) {
        let cell = object.cell();
        if !cell.is_poisoned() {
            return;
        }
        self.before_change(cell, &**object);
        cell.clear_poison();
        if let Some(keeping) = &self.keeping {
            keeping.changed(cell, Change::State);
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Mapping> {
        let hash = self.hash(key);
        self.shard(hash).read().get(hash, key)
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        let hash = self.hash(key);
        self.shard(hash).read().generation(hash, key) != 0
    }

    /// Tells the listener, if there is one, that call `by` may have changed an object whose lock the caller still
    /// holds. `by` is called only if there is a listener, and returns `None` if nothing was changed. `call` returns the
    /// call if it can be made again.
    #[inline(always)]
    pub(crate) fn changed<'a>(
        &self,
        cell: &Cell,
        object: &dyn Object,
        by: impl FnOnce() -> Option<ChangedBy>,
        call: impl FnOnce() -> Option<LoggedCall<'a>>,
    ) {
        if self.changes.is_none() && self.keeping.is_none() {
            return;
        }
        let Some(by) = by() else { return };
        if let Some(keeping) = &self.keeping {
            let call = call();
            keeping.changed(cell, call.as_ref().map_or(Change::State, Change::Call));
        }
        if let Some(changes) = &self.changes {
            changes.object_changed(cell, object, by);
        }
    }

    /// Maps `key` to `cell` for call `by` unless `key` is mapped already. Returns the mapping that then holds.
    pub(crate) fn insert_if_absent(&self, key: &str, cell: &Cell, by: ChangedBy) -> Result<Mapping, Error> {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        if let Some(mapping) = shard.get(hash, key)
            && !self.faults.has(PlantedFault::Overwrites)
        {
            return Ok(mapping);
        }
        let (mapping, replaced) = self.put(&mut shard, hash, key, cell, by)?;
        drop(shard);
        drop(replaced);
        Ok(mapping)
    }

    /// Maps `key` to `cell` for call `by`. With `expected`, only if the key is at that generation (0: not mapped).
    pub(crate) fn swap(&self, key: &str, cell: &Cell, expected: Option<u64>, by: ChangedBy) -> Result<Mapping, Error> {
        let expected = expected.filter(|_| !self.faults.has(PlantedFault::DoesNotLookAgain));
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        if let Some(expected) = expected {
            let found = shard.generation(hash, key);
            if found != expected {
                return Err(Error::WrongGeneration { key: key.to_owned(), expected, found });
            }
        }
        let (mapping, replaced) = self.put(&mut shard, hash, key, cell, by)?;
        // This may drop the last share in the old object, which runs user code: not under the shard's lock.
        drop(shard);
        drop(replaced);
        Ok(mapping)
    }

    /// Maps `key`, which belongs to this shard, to `cell`. Returns the object that it was mapped to, which is to be
    /// dropped after the lock is released.
    fn put(
        &self,
        shard: &mut Shard,
        hash: u64,
        key: &str,
        cell: &Cell,
        by: ChangedBy,
    ) -> Result<(Mapping, Option<Cell>), Error> {
        let is_new = shard.generation(hash, key) == 0;
        if is_new {
            self.count_key()?;
        }
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let mapping = Mapping { cell: cell.clone(), generation };
        let replaced = shard.put(hash, key, mapping.clone(), &self.hasher);
        if let Some(keeping) = &self.keeping {
            keeping.key_mapped(key, &mapping);
        }
        if let Some(changes) = &self.changes {
            changes.key_mapped(key, &mapping, replaced.as_ref(), by);
        }
        Ok((mapping, replaced))
    }

    /// Counts one more key, if the limit permits it.
    fn count_key(&self) -> Result<(), Error> {
        let one_more = |keys| (keys < self.max_keys).then_some(keys + 1);
        if let Err(keys) = self.keys.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            let remedy = "delete some, or raise the service's limit";
            return Err(Error::limit("the number of keys", keys as u64 + 1, self.max_keys as u64, remedy));
        }
        Ok(())
    }

    /// Removes the mapping of `key` for call `by`. Returns whether there was one.
    pub(crate) fn remove(&self, key: &str, by: ChangedBy) -> bool {
        let hash = self.hash(key);
        let mut shard = self.shard(hash).write();
        let removed = shard.remove(hash, key);
        if let (Some(keeping), Some(_)) = (&self.keeping, &removed) {
            keeping.key_removed(key);
        }
        if let (Some(changes), Some(removed)) = (&self.changes, &removed) {
            changes.key_removed(key, removed, by);
        }
        drop(shard);
        if removed.is_some() {
            self.keys.fetch_sub(1, Ordering::Relaxed);
        }
        // As in `swap`, the object is dropped here, after the lock is released.
        removed.is_some()
    }

    /// The first `limit` keys, in order, that begin with `prefix`, come after `after` and are `visible`; and whether
    /// there are more.
    pub(crate) fn keys(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
        visible: impl Fn(&str) -> bool,
    ) -> (Vec<String>, bool) {
        // The largest key is on top and makes way for a smaller one: so this takes memory for one page, not for all
        // keys.
        let mut page: BinaryHeap<String> = BinaryHeap::new();
        let mut more = false;
        for shard in &self.shards {
            for key in shard.read().keys() {
                if !key.starts_with(prefix) || *key <= *after || !visible(key) {
                    continue;
                }
                if page.len() == limit {
                    more = true;
                    if page.peek().is_none_or(|largest| *key >= **largest) {
                        continue;
                    }
                    page.pop();
                }
                page.push(key.to_owned());
            }
        }
        (page.into_sorted_vec(), more)
    }

    /// How many objects there are, mapped or not.
    pub(crate) fn objects(&self) -> usize {
        self.kinds.living()
    }

    /// How many keys are mapped.
    pub(crate) fn len(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // The shard is chosen by other bits than the bucket in it (the lowest) and the tag of an entry (the highest
        // seven).
        &self.shards[(hash >> 48) as usize % SHARDS]
    }
}

#[cfg(test)]
mod tests;
