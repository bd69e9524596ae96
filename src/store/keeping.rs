//! How objects and keys are kept: what is noted in the journal when they change.
//!
//! The state of an object is encoded once for each batch in which it has changed. Normally the thread that commits does
//! it, after the batch was closed. Whoever is about to change such an object in a later batch, or will hold its lock
//! for a longer time, encodes it before: so what is written is always the state that the object had when the batch was
//! closed.

use super::cell::Cell;
use super::hooks;
use super::shard::Mapping;
use super::state;
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::rows::{self, POISONED};
use crate::journal::{Entry, Journal};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tarmem_remote::object::{Kept, Object};
use tarmem_remote::registry::ClassInfo;
use tarmem_storage::Batch;

/// More parts than there will be threads that look for changed objects at one time.
const PARTS: usize = 64;

/// How many numbers are reserved at once.
const RESERVED: u64 = 1 << 20;

/// How long the thread that commits sleeps when it finds an object in use.
const PAUSE: Duration = Duration::from_micros(20);

/// Changed objects, by number.
type Part = Mutex<HashMap<u64, Arc<Changed>>>;
type Parts = [Part; PARTS];

/// Notes in the journal what changes in a store.
pub(crate) struct Keeping {
    journal: Arc<Journal>,
    /// The objects whose last change is not on disk yet, by number.
    changed: Arc<Parts>,
    /// Numbers from here on are not reserved yet: for objects, for generations, and outside the store.
    unreserved: [AtomicU64; 3],
    /// Numbers that are given outside the store begin here.
    unused: u64,
    /// What is kept of the objects that change by themselves.
    hooked: [Mutex<HashMap<u64, Weak<dyn Kept>>>; PARTS],
    /// The faults planted in the service.
    faults: PlantedFaults,
}

/// What numbers are reserved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    Objects,
    Generations,
    /// Those that are given outside the store, of which each is given once: to grants of locks, for example.
    Tokens,
}

/// An object that has changed in a batch that is not on disk yet.
struct Changed {
    cell: Cell,
    batch: u64,
    /// What is kept of it, if it changes by itself.
    kept: Option<Arc<dyn Kept>>,
    state: Mutex<State>,
    all: Arc<Parts>,
}

/// The state of an object after its last change in a batch.
#[derive(Default)]
enum State {
    #[default]
    InObject,
    Encoded(Vec<u8>),
    Written,
}

impl Keeping {
    /// Numbers that are given outside the store begin at `unused`.
    pub(crate) fn new(journal: Arc<Journal>, unused: u64, faults: PlantedFaults) -> Self {
        Keeping {
            journal,
            faults,
            changed: Arc::new(std::array::from_fn(|_| Mutex::default())),
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
            self.save(cell, Some(object), self.journal.open());
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
            self.save(cell, None, self.journal.open());
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

    /// Encodes the object if its last change was in a batch before this one.
    #[cold]
    fn save(&self, cell: &Cell, object: Option<&dyn Object>, before: u64) {
        let changed = self.part(cell).lock().get(&cell.count()).cloned();
        if let Some(changed) = changed.filter(|changed| changed.batch < before) {
            changed.encode(object);
        }
    }

    /// The object, which the caller has locked, has changed.
    pub(super) fn changed(&self, cell: &Cell) {
        if !is_kept(cell) {
            return;
        }
        let kept = if cell.class().entry().encodable {
            None
        } else {
            self.hooked[cell.count() as usize % PARTS].lock().get(&cell.count()).and_then(Weak::upgrade)
        };
        self.note(cell, kept.as_ref());
    }

    /// The object changes by itself, within the open batch: from now on, until the caller leaves that.
    pub(super) fn changes_by_itself(&self, cell: &Cell, kept: &Arc<dyn Kept>) {
        self.note(cell, Some(kept));
    }

    fn note(&self, cell: &Cell, kept: Option<&Arc<dyn Kept>>) {
        // While this thread is in the open batch, it stays open.
        let _entered = self.journal.enter();
        let open = self.journal.open();
        let mut part = self.part(cell).lock();
        if let Some(changed) = part.get(&cell.count())
            && changed.batch == open
        {
            // Nobody has asked for it if it changes by itself: the batch is open.
            if kept.is_none() {
                *changed.state.lock() = State::InObject;
            }
            drop(part);
            self.journal.note(|_| {});
            return;
        }
        let changed = Arc::new(Changed {
            cell: cell.clone(),
            batch: open,
            kept: kept.cloned(),
            state: Mutex::default(),
            all: Arc::clone(&self.changed),
        });
        part.insert(cell.count(), Arc::clone(&changed));
        cell.set_changed(true);
        drop(part);
        self.journal.note_entry(changed);
    }

    /// The running operation has seen the object.
    #[inline]
    pub(crate) fn saw(&self, cell: &Cell) {
        if cell.is_changed()
            && let Some(changed) = self.part(cell).lock().get(&cell.count())
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
        self.changed(&mapping.cell);
    }

    pub(super) fn key_removed(&self, key: &str) {
        self.journal.note(|batch| rows::remove_key(batch, key));
    }

    /// A new object has this place.
    pub(super) fn hosted(&self, cell: &Cell) {
        let _entered = self.journal.enter();
        self.reserve(Numbers::Objects, cell.count());
        if !self.faults.has(PlantedFault::KeyWithoutObject) {
            self.changed(cell);
        }
    }

    /// Nobody can reach the object any more.
    pub(super) fn dropped(&self, object: u64, class: &ClassInfo) {
        if class.entry().is_durable() {
            if !class.entry().encodable {
                self.hooked[object as usize % PARTS].lock().remove(&object);
            }
            self.journal.note(|batch| rows::remove_object(batch, object));
        }
    }

    fn part(&self, cell: &Cell) -> &Part {
        &self.changed[cell.count() as usize % PARTS]
    }
}

/// Whether objects of this class outlive the service.
fn is_kept(cell: &Cell) -> bool {
    cell.class().entry().is_durable()
}

impl Changed {
    /// Encodes the object, unless that was done since it changed. If it does not change by itself, the caller has
    /// locked it, and passes it.
    fn encode(&self, object: Option<&dyn Object>) {
        let mut state = self.state.lock();
        if !matches!(*state, State::InObject) {
            return;
        }
        let flags = if self.cell.is_poisoned() { POISONED } else { 0 };
        *state = State::Encoded(match (&self.kept, object) {
            (Some(kept), _) => hooks::encode(&self.cell, &**kept, flags),
            (None, Some(object)) => state::encode(object, flags),
            (None, None) => return,
        });
    }

    /// Writes the state, if it is encoded.
    fn put(&self, batch: &mut Batch) -> bool {
        let mut state = self.state.lock();
        let State::Encoded(bytes) = &*state else { return false };
        rows::put_object(batch, self.cell.count(), bytes);
        *state = State::Written;
        true
    }
}

impl Entry for Changed {
    fn write(&self, batch: &mut Batch) {
        loop {
            if self.put(batch) {
                return;
            }
            // Nobody changes it in a later batch without encoding it before, so this is what it was.
            if self.kept.is_some() {
                if self.cell.is_empty() {
                    return rows::remove_object(batch, self.cell.count());
                }
                self.encode(None);
                continue;
            }
            match self.cell.try_read_even_poisoned() {
                Some(Ok(object)) => self.encode(Some(&*object)),
                Some(Err(_)) => return rows::remove_object(batch, self.cell.count()),
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    fn committed(&self) {
        let mut part = self.all[self.cell.count() as usize % PARTS].lock();
        let is_last = part.get(&self.cell.count()).is_some_and(|changed| changed.batch == self.batch);
        let last = if is_last { part.remove(&self.cell.count()) } else { None };
        if last.is_some() {
            self.cell.set_changed(false);
        }
        drop(part);
        // This may drop the object, which runs user code: not under the lock.
        drop(last);
    }
}
