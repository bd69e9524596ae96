//! The snapshots of a directory.
//!
//! The states are what was there after some batch, once everything up to it is folded into them and nothing else is.
//! So whoever takes a snapshot seals the segment of the log, waits until that is folded, and then freezes the states,
//! which takes a moment. Only pages of their file that were replaced since are held back; and these no longer, once the
//! disk has little room.

use crate::batch::Table;
use crate::error::StorageError;
use crate::overlay::keyed;
use crate::snapshot::{Snapshot, Taken, VisitSome};
use crate::states::Frozen;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use uuid::Uuid;

/// The snapshots of a directory: those that are not there yet, and those that are.
#[derive(Default)]
pub(crate) struct Snapshots {
    /// With the batches up to which everything has to be folded first.
    waiting: Vec<(u64, Taken)>,
    there: Vec<Weak<Held>>,
}

/// What is held back for a snapshot: nothing any more, once it was ended.
type Held = Mutex<Option<Frozen>>;

impl Snapshots {
    /// A snapshot of the states as they are `frozen`, after batch `last`.
    pub(crate) fn begin(&mut self, id: Uuid, last: u64, frozen: Frozen) -> impl Snapshot + use<> {
        let held = Arc::new(Mutex::new(Some(frozen)));
        self.there.retain(|snapshot| snapshot.strong_count() > 0);
        self.there.push(Arc::downgrade(&held));
        LocalSnapshot { id, last, held }
    }

    /// Takes all out that are there. They end when [`end`](Self::end) is called for them.
    pub(crate) fn take_there(&mut self) -> Vec<Weak<Held>> {
        std::mem::take(&mut self.there)
    }

    /// Ends a snapshot. Waits for whoever is reading it.
    pub(crate) fn end(snapshot: &Weak<Held>) {
        if let Some(held) = snapshot.upgrade() {
            held.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// `taken` waits until everything up to this batch is folded.
    pub(crate) fn wait(&mut self, last: u64, taken: Taken) {
        self.waiting.push((last, taken));
    }

    /// Whether anybody waits.
    pub(crate) fn are_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes those out that have waited for this batch.
    pub(crate) fn waiting_for(&mut self, folded: u64) -> Vec<Taken> {
        let (ready, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(last, _)| *last <= folded);
        self.waiting = waiting;
        ready.into_iter().map(|(_, taken): (u64, Taken)| taken).collect()
    }

    /// Takes all out that wait.
    pub(crate) fn no_longer_wait(&mut self) -> Vec<Taken> {
        self.waiting_for(u64::MAX)
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").field("waiting", &self.waiting.len()).field("there", &self.there.len()).finish()
    }
}

/// Why there is no snapshot any more.
pub(crate) fn no_room() -> StorageError {
    StorageError::Refused("the disk has little room, so nothing is held back for a snapshot; make room".to_owned())
}

/// A snapshot of a directory.
struct LocalSnapshot {
    id: Uuid,
    last: u64,
    held: Arc<Held>,
}

impl Snapshot for LocalSnapshot {
    fn id(&self) -> Uuid {
        self.id
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn each_from(&self, table: Table, key: &[u8], each: &mut VisitSome<'_>) -> Result<(), StorageError> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().ok_or_else(no_room)?.each_from(&keyed(table, key), each)
    }
}
