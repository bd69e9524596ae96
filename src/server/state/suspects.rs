//! Objects that may be part of a circle of references: those that were given a reference once.

use crate::store::{Cell, WeakCell};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use uuid::Uuid;

/// The objects that a collection looks at.
#[derive(Default)]
pub(crate) struct Suspects {
    cells: Mutex<HashMap<Uuid, WeakCell>>,
    /// How many those are: asked for with each call.
    count: AtomicUsize,
    /// Something that a suspect may have been kept by has gone.
    loosened: Notify,
}

impl Suspects {
    /// `cell` was given a reference.
    pub(crate) fn add(&self, cell: &Cell) {
        let mut cells = self.cells.lock();
        cells.insert(cell.id(), cell.downgrade());
        self.count.store(cells.len(), Ordering::Relaxed);
    }

    /// Whether `cell` was given a reference once.
    pub(crate) fn contains(&self, cell: &Cell) -> bool {
        self.cells.lock().contains_key(&cell.id())
    }

    /// A key, a handle or a reference has gone: an object that only a circle keeps alive may be garbage now.
    pub(crate) fn loosen(&self) {
        if self.count.load(Ordering::Relaxed) > 0 {
            self.loosened.notify_one();
        }
    }

    /// Ready once something has gone since the last time.
    pub(crate) async fn loosened(&self) {
        self.loosened.notified().await;
    }

    /// Those that are still alive; the others are forgotten.
    pub(crate) fn living(&self) -> Vec<Cell> {
        let mut cells = self.cells.lock();
        cells.retain(|_, cell| cell.is_alive());
        self.count.store(cells.len(), Ordering::Relaxed);
        cells.values().filter_map(WeakCell::upgrade).collect()
    }
}
