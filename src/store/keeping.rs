//! How objects and keys are kept: what is noted in the journal when they change.
//!
//! The state of an object is encoded once for each batch in which it has changed, unless [calls](super::calls) are kept
//! in its place. Normally the thread that commits does it, after the batch was closed. Whoever is about to change such
//! an object in a later batch, or will hold its lock for a longer time, encodes it before: so what is written is always
//! the state that the object had when the batch was closed.

use super::calls::PARTS;
use super::cell::Cell;
use super::changed::{AllChanged, Change, Changed};
use super::shard::Mapping;
use super::sizes::Sizes;
use super::state;
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::rows;
use crate::journal::rows::pieces::{self, Head};
use crate::journal::{AtEnd, Journal};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tarmem_remote::object::{Kept, Object};
use tarmem_remote::registry::ClassInfo;
use tarmem_storage::Batch;

/// How long the states of objects that are in use are waited for, when the service ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to sleep when an object is in use.
const PAUSE: Duration = Duration::from_millis(1);

/// How many bytes of states are written in one batch when the service ends.
const AT_ONCE: usize = 4 << 20;

/// How many numbers are reserved at once.
const RESERVED: u64 = 1 << 20;

/// Notes in the journal what changes in a store.
pub(crate) struct Keeping {
    pub(super) journal: Arc<Journal>,
    pub(super) changed: Arc<AllChanged>,
    /// Numbers from here on are not reserved yet: for objects, for generations, and outside the store.
    unreserved: [AtomicU64; 3],
    /// Numbers that are given outside the store begin here.
    unused: u64,
    /// What is kept of the objects that change by themselves.
    hooked: [Mutex<HashMap<u64, Weak<dyn Kept>>>; PARTS],
    /// The faults planted in the service.
    pub(super) faults: PlantedFaults,
}

/// What an earlier run has left of an object.
pub(crate) struct Restored<'a> {
    /// How many bytes its state has.
    pub(crate) state: usize,
    pub(crate) in_pieces: bool,
    /// It refers to other objects.
    pub(crate) refers: bool,
    /// The number of the first call after the state.
    pub(crate) first_call: u64,
    pub(crate) calls: &'a [(u64, Vec<u8>)],
}

/// What numbers are reserved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Objects,
    Generations,
    /// Those that are given outside the store, of which each is given once: to grants of locks, for example.
    Tokens,
}

impl Keeping {
    /// Numbers that are given outside the store begin at `unused`.
    pub(crate) fn new(journal: Arc<Journal>, unused: u64, faults: PlantedFaults, sizes: Sizes) -> Self {
        Keeping {
            journal,
            changed: AllChanged::new(faults.clone(), sizes),
            faults,
            unreserved: Default::default(),
            unused,
            hooked: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// Makes sure that `number` will not be given again after a restart.
    pub(super) fn reserve(&self, what: Numbers, number: u64) {
        let (unreserved, name) = match what {
            Numbers::Objects => (&self.unreserved[0], rows::NEXT_OBJECT),
            Numbers::Generations => (&self.unreserved[1], rows::NEXT_GENERATION),
            Numbers::Tokens => (&self.unreserved[2], rows::NEXT_TOKEN),
        };
        if number < unreserved.load(Ordering::Relaxed) {
            return;
        }
        self.journal.note(|batch| {
            // Noted under the journal's lock, so the higher number is noted later.
            if number >= unreserved.load(Ordering::Relaxed) {
                rows::put_meta(batch, name, number + RESERVED);
                unreserved.store(number + RESERVED, Ordering::Relaxed);
            }
        });
    }

    /// The caller has locked the object and is about to change it.
    #[inline]
    pub(super) fn before_change(&self, cell: &Cell, object: &dyn Object) {
        if cell.is_changed() && !self.faults.has(PlantedFault::EncodesLate) {
            self.save(cell, Some(object), self.journal.next_noted());
        }
    }

    /// The caller has locked the object, and will hold it longer than a batch is open.
    pub(super) fn before_long_use(&self, cell: &Cell, object: &dyn Object) {
        // An object that changes by itself has a lock of its own, which nobody holds for long.
        if cell.is_changed() && cell.class().entry().encodable {
            self.save(cell, Some(object), u64::MAX);
        }
    }

    /// The object is about to change by itself, within the open batch.
    pub(super) fn before_own_change(&self, cell: &Cell) {
        if cell.is_changed() {
            self.save(cell, None, self.journal.next_noted());
        }
    }

    /// The object has this part, which is kept.
    pub(super) fn hooked(&self, cell: &Cell, kept: &Arc<dyn Kept>) {
        self.hooked[cell.count() as usize % PARTS].lock().insert(cell.count(), Arc::downgrade(kept));
    }

    /// Numbers that are given outside the store begin here.
    pub(super) fn unused(&self) -> u64 {
        self.unused
    }

    /// Encodes the object if its state is kept that it had at the end of a batch before this one.
    #[cold]
    fn save(&self, cell: &Cell, object: Option<&dyn Object>, before: u64) {
        let changed = self.changed.part(cell).lock().get(&cell.count()).cloned();
        if let Some(changed) = changed {
            changed.encode_before(before, object);
        }
    }

    /// The object, which the caller has locked, has changed.
    pub(super) fn changed(&self, cell: &Cell, change: Change<'_>) {
        if !is_kept(cell) {
            return;
        }
        let kept = if cell.class().entry().encodable {
            None
        } else {
            self.hooked[cell.count() as usize % PARTS].lock().get(&cell.count()).and_then(Weak::upgrade)
        };
        self.note(cell, kept.as_ref(), change);
    }

    /// The object changes by itself, within the open batch: from now on, until the caller leaves that.
    pub(super) fn changes_by_itself(&self, cell: &Cell, kept: &Arc<dyn Kept>) {
        self.note(cell, Some(kept), Change::State);
    }

    fn note(&self, cell: &Cell, kept: Option<&Arc<dyn Kept>>, change: Change<'_>) {
        // While this thread is in the open batch, it stays open.
        let _entered = self.journal.enter();
        if self.journal.is_over() {
            return self.note_in_vain(cell, change);
        }
        let open = self.journal.open();
        let mut part = self.changed.part(cell).lock();
        let last = part.get(&cell.count());
        if let Some(changed) = last.filter(|changed| changed.batch == open) {
            changed.again(change);
            drop(part);
            return self.journal.note(|_| {});
        }
        let changed = Changed::new(&self.changed, cell, open, kept.cloned(), change, last);
        part.insert(cell.count(), Arc::clone(&changed));
        cell.set_changed(true);
        drop(part);
        self.journal.note_entry(changed);
    }

    /// The change will never be on disk, and whoever has seen it may not tell.
    #[cold]
    fn note_in_vain(&self, cell: &Cell, change: Change<'_>) {
        if !matches!(change, Change::Mapped) {
            // The object is not what it is on disk.
            self.changed.logs.forget(cell.count());
        }
        let mut part = self.changed.part(cell).lock();
        let last = part.get(&cell.count());
        let changed = Changed::new(&self.changed, cell, u64::MAX, None, Change::Mapped, last);
        part.insert(cell.count(), changed);
        cell.set_changed(true);
        drop(part);
        self.journal.note(|_| {});
    }

    /// The running operation has seen the object.
    #[inline]
    pub(crate) fn saw(&self, cell: &Cell) {
        if cell.is_changed()
            && let Some(changed) = self.changed.part(cell).lock().get(&cell.count())
        {
            self.journal.saw(changed.batch);
        }
    }

    pub(super) fn key_mapped(&self, key: &str, mapping: &Mapping) {
        if !is_kept(&mapping.cell) {
            // The key may have led to one that is.
            return self.key_removed(key);
        }
        // The key and its object are in one batch.
        let _entered = self.journal.enter();
        self.reserve(Numbers::Generations, mapping.generation);
        self.journal.note(|batch| rows::put_key(batch, key, mapping.cell.count(), mapping.generation));
        if self.faults.has(PlantedFault::KeyWithoutObject) {
            return;
        }
        // Who finds the object by this key sees that it is mapped.
        self.changed(&mapping.cell, Change::Mapped);
    }

    pub(super) fn key_removed(&self, key: &str) {
        self.journal.note(|batch| rows::remove_key(batch, key));
    }

    /// A new object has this place.
    pub(super) fn hosted(&self, cell: &Cell) {
        let _entered = self.journal.enter();
        self.reserve(Numbers::Objects, cell.count());
        if !self.faults.has(PlantedFault::KeyWithoutObject) {
            self.changed(cell, Change::State);
        }
    }

    /// The object goes on with the state and the calls of an earlier run.
    pub(crate) fn restored(&self, cell: &Cell, found: &Restored<'_>) {
        if found.in_pieces {
            self.changed.in_pieces.add(cell.count());
        }
        if cell.replays() {
            // The next change of an object that may have no calls is kept by its state, which removes those there are.
            let state = if cell.is_poisoned() || found.refers { 0 } else { found.state };
            self.changed.logs.restored(cell, state, found.first_call, found.calls);
        }
    }

    /// Nobody can reach the object any more.
    pub(super) fn dropped(&self, object: u64, class: &ClassInfo, replays: bool) {
        if class.entry().is_durable() {
            if !class.entry().encodable {
                self.hooked[object as usize % PARTS].lock().remove(&object);
            }
            let has_calls = replays && self.changed.logs.forget(object);
            let has_pieces = self.changed.in_pieces.take(object);
            self.journal.note(|batch| {
                rows::remove_object(batch, object, has_pieces);
                if has_calls {
                    rows::calls::remove_all(batch, object);
                }
            });
        }
    }
}

impl AtEnd for Keeping {
    /// Writes the states of the objects that have calls: a service that ends in order leaves states only. An object
    /// that a method still uses keeps its calls.
    fn write(&self, commit: &mut dyn FnMut(&Batch) -> Result<(), String>) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let mut batch = Batch::default();
        for cell in self.changed.logs.with_calls() {
            let object = loop {
                match cell.try_read_even_poisoned() {
                    Some(object) => break object.ok(),
                    None if Instant::now() < until => std::thread::sleep(PAUSE),
                    None => break None,
                }
            };
            // If it has changed since nothing is noted any more, it has been forgotten.
            let Some(object) = object.filter(|_| self.changed.logs.has_calls(cell.count())) else { continue };
            let (state, _) = state::encode(&*object, 0);
            if !state.is_empty() {
                self.write_at_end(cell.count(), &state, &mut batch, commit)?;
            }
        }
        if batch.is_empty() { Ok(()) } else { commit(&batch) }
    }
}

impl Keeping {
    /// Writes a state in place of calls: a large one over several batches, the last of which makes it count.
    fn write_at_end(
        &self,
        object: u64,
        state: &[u8],
        batch: &mut Batch,
        commit: &mut dyn FnMut(&Batch) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut write_if_large = |batch: &mut Batch| {
            if batch.len() >= AT_ONCE {
                commit(batch)?;
                batch.clear();
            }
            Ok::<_, String>(())
        };
        let (had_pieces, piece) = (self.changed.in_pieces.take(object), self.changed.in_pieces.sizes.piece);
        if state.len() <= piece {
            rows::put_object(batch, object, state, had_pieces, piece);
        } else {
            // No earlier state has the number of a batch that is not there yet.
            let version = self.journal.open();
            for (index, bytes) in pieces::cut(state, piece) {
                pieces::put(batch, object, version, index, bytes);
                write_if_large(batch)?;
            }
            Head::of(state, version, 0, piece).put(batch, object);
            pieces::remove_others(batch, object, version);
        }
        rows::calls::remove_all(batch, object);
        write_if_large(batch)
    }
}

/// Whether objects of this class outlive the service.
fn is_kept(cell: &Cell) -> bool {
    cell.class().entry().is_durable()
}
