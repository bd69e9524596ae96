//! Objects that may be part of a cycle of references: those that were ever given a reference.

use crate::store::{Cell, WeakCell};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// The objects that a collection of garbage looks at.
#[derive(Default)]
pub(crate) struct Suspects {
    cells: Mutex<HashMap<Uuid, WeakCell>>,
    /// How many suspects there are, for a quick look in each call.
    count: AtomicUsize,
    /// Notified when something that may have kept a suspect alive has been removed.
    loosened: Notify,
}

impl Suspects {
    /// Adds `cell`, which was given a reference.
    pub(crate) fn add(&self, cell: &Cell) {
        let mut cells = self.cells.lock();
        cells.insert(cell.id(), cell.downgrade());
        self.count.store(cells.len(), Ordering::Relaxed);
    }

    /// Whether `cell` was ever given a reference.
    pub(crate) fn contains(&self, cell: &Cell) -> bool {
        self.cells.lock().contains_key(&cell.id())
    }

    /// Notes that a key, a handle or a reference was removed: an object that only a cycle keeps alive may be garbage
    /// now.
    pub(crate) fn loosen(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.loosened.notify_one();
        }
    }

    /// Completes once something has been removed since the last call.
    pub(crate) async fn loosened(&self) {
        self.loosened.notified().await;
    }

    /// The suspects that are still alive; forgets the others.
    pub(crate) fn living(&self) -> Vec<Cell> {
        let mut cells = self.cells.lock();
        cells.retain(|_, cell| cell.is_alive());
        self.count.store(cells.len(), Ordering::Relaxed);
        cells.values().filter_map(WeakCell::upgrade).collect()
    }
}
