//! An object that has changed in a batch of the journal that is not on disk yet, and what is written of it.

use super::calls::{Calls, LoggedCall, Logs, PARTS};
use super::cell::Cell;
use super::large::InPieces;
use super::sizes::Sizes;
use super::state;
use crate::faults::{PlantedFault, PlantedFaults};
use crate::journal::Entry;
use crate::journal::rows::{self, POISONED};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::object::{Kept, Object};
use tarmem_storage::Batch;

/// How long the thread that commits sleeps when it finds an object in use.
const PAUSE: Duration = Duration::from_micros(20);

/// The last changes of objects, by their numbers.
pub(super) type Part = Mutex<HashMap<u64, Arc<Changed>>>;

/// What is known of all objects that have changed.
pub(super) struct AllChanged {
    /// Those whose last change is not on disk yet.
    pub(super) parts: [Part; PARTS],
    pub(super) logs: Logs,
    pub(super) in_pieces: InPieces,
    /// The faults planted in the service.
    pub(super) faults: PlantedFaults,
}

/// How an object has changed.
#[derive(Clone, Copy)]
pub(super) enum Change<'a> {
    /// In a way that only its state shows.
    State,
    /// By a call that can be made again.
    Call(&'a LoggedCall<'a>),
    /// Not itself: a key leads to it.
    Mapped,
}

/// An object that has changed in a batch that is not on disk yet.
pub(super) struct Changed {
    cell: Cell,
    pub(super) batch: u64,
    /// What is kept of it, if it changes by itself.
    kept: Option<Arc<dyn Kept>>,
    content: Mutex<Content>,
    /// An earlier change of it whose state may not be encoded yet.
    older: Option<Arc<Changed>>,
    all: Arc<AllChanged>,
}

/// What is written of an object.
struct Content {
    what: What,
    /// The state takes the place of calls that may be on disk.
    replaces_calls: bool,
}

enum What {
    Nothing,
    /// The state that it has at the end of the batch, and has not left yet.
    InObject,
    Encoded(Vec<u8>),
    Calls(Calls),
    Written,
}

impl AllChanged {
    pub(super) fn new(faults: PlantedFaults, sizes: Sizes) -> Arc<Self> {
        let parts = std::array::from_fn(|_| Mutex::default());
        Arc::new(AllChanged { parts, logs: Logs::new(sizes), in_pieces: InPieces::new(sizes), faults })
    }

    pub(super) fn part(&self, cell: &Cell) -> &Part {
        &self.parts[cell.count() as usize % PARTS]
    }

    /// What is to be written after a change.
    fn after(&self, cell: &Cell, before: What, change: Change<'_>) -> What {
        let (mut calls, call) = match (before, change) {
            (before, Change::Mapped) => return before,
            (What::Nothing, Change::Call(call)) => (Calls::default(), call),
            (What::Calls(calls), Change::Call(call)) => (calls, call),
            (What::InObject, _) => return What::InObject,
            _ => {
                // From here on, and not only once it is encoded.
                if cell.replays() {
                    self.logs.outdate(cell.count());
                }
                return What::InObject;
            }
        };
        if self.logs.add(cell.count(), call, &mut calls) { What::Calls(calls) } else { What::InObject }
    }
}

impl Changed {
    /// The first change in a batch. `last`: the last one before it.
    pub(super) fn new(
        all: &Arc<AllChanged>,
        cell: &Cell,
        batch: u64,
        kept: Option<Arc<dyn Kept>>,
        change: Change<'_>,
        last: Option<&Arc<Changed>>,
    ) -> Arc<Self> {
        // Whoever changes the object has encoded what was to be encoded before.
        let older = last.filter(|_| matches!(change, Change::Mapped)).and_then(Self::not_encoded);
        let content = Content { what: all.after(cell, What::Nothing, change), replaces_calls: false };
        Arc::new(Changed { cell: cell.clone(), batch, kept, content: Mutex::new(content), older, all: Arc::clone(all) })
    }

    /// The object has changed once more in the batch.
    pub(super) fn again(&self, change: Change<'_>) {
        let mut content = self.content.lock();
        // Nobody has asked for the state of an object that changes by itself, since the batch is open.
        if self.kept.is_none() || matches!(content.what, What::Nothing) {
            let before = std::mem::replace(&mut content.what, What::InObject);
            content.what = self.all.after(&self.cell, before, change);
        }
    }

    /// This change or an earlier one, whose state is not encoded yet.
    fn not_encoded(this: &Arc<Self>) -> Option<Arc<Changed>> {
        let is_waiting = |changed: &Arc<Changed>| matches!(changed.content.lock().what, What::InObject);
        let candidates = std::iter::once(this).chain(&this.older);
        candidates.into_iter().find(|changed| is_waiting(changed)).map(Arc::clone)
    }

    /// Encodes the object as it was at the end of each batch before this one. If it does not change by itself, the
    /// caller has locked it, and passes it.
    pub(super) fn encode_before(&self, batch: u64, object: Option<&dyn Object>) {
        for changed in self.older.as_deref().into_iter().chain([self]) {
            if changed.batch < batch {
                changed.encode(object);
            }
        }
    }

    /// Encodes the object, if that is to be done and was not done since it changed.
    fn encode(&self, object: Option<&dyn Object>) {
        let mut content = self.content.lock();
        if !matches!(content.what, What::InObject) {
            return;
        }
        let flags = if self.cell.is_poisoned() { POISONED } else { 0 };
        let bytes = match (&self.kept, object) {
            (Some(kept), _) => state::encode_kept(self.cell.class().entry().path, &**kept, flags),
            (None, Some(object)) => {
                let (bytes, refers) = state::encode(object, flags);
                if self.cell.replays() {
                    let may_log = !refers && flags == 0 && !bytes.is_empty();
                    content.replaces_calls |= self.all.logs.encoded(&self.cell, bytes.len(), may_log);
                }
                bytes
            }
            (None, None) => return,
        };
        content.what = What::Encoded(bytes);
    }

    /// Writes what is to be written, if that is known.
    fn put(&self, batch: &mut Batch) -> bool {
        let mut content = self.content.lock();
        match &content.what {
            What::InObject => return false,
            What::Encoded(bytes) => {
                self.all.in_pieces.put(batch, self.cell.count(), bytes);
                if content.replaces_calls && !self.all.faults.has(PlantedFault::KeepsCalls) {
                    rows::calls::remove_all(batch, self.cell.count());
                }
            }
            What::Calls(calls) => calls.put(batch, self.cell.count()),
            What::Nothing | What::Written => {}
        }
        content.what = What::Written;
        true
    }

    /// The object is not there any more.
    fn put_removal(&self, batch: &mut Batch) {
        rows::remove_object(batch, self.cell.count(), self.all.in_pieces.take(self.cell.count()));
        if self.all.logs.forget(self.cell.count()) || self.content.lock().replaces_calls {
            rows::calls::remove_all(batch, self.cell.count());
        }
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
                    return self.put_removal(batch);
                }
                self.encode(None);
                continue;
            }
            match self.cell.try_read_even_poisoned() {
                Some(Ok(object)) => self.encode(Some(&*object)),
                Some(Err(_)) => return self.put_removal(batch),
                None => std::thread::sleep(PAUSE),
            }
        }
    }

    fn committed(&self) {
        let mut part = self.all.part(&self.cell).lock();
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
