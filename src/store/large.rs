//! Large states, which are kept in pieces.

use super::calls::PARTS;
use super::sizes::Sizes;
use crate::journal::rows;
use hashbrown::HashSet;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_storage::Batch;

/// The objects of which there may be pieces.
pub(super) struct InPieces {
    pub(super) sizes: Sizes,
    /// How many they are: mostly there are none.
    count: AtomicUsize,
    parts: [Mutex<HashSet<u64>>; PARTS],
}

impl InPieces {
    pub(super) fn new(sizes: Sizes) -> Self {
        InPieces { sizes, count: AtomicUsize::new(0), parts: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Pieces of the object are noted.
    pub(super) fn add(&self, object: u64) {
        if self.parts[object as usize % PARTS].lock().insert(object) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All pieces of the object are to be removed. Returns whether there may be any.
    pub(super) fn take(&self, object: u64) -> bool {
        // What was added to the batch that is written now was added before that was closed.
        let had = self.count.load(Ordering::Relaxed) > 0 && self.parts[object as usize % PARTS].lock().remove(&object);
        if had {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        had
    }

    /// Puts the state of an object, in pieces if it is large.
    pub(super) fn put(&self, batch: &mut Batch, object: u64, state: &[u8]) {
        if rows::put_object(batch, object, state, self.take(object), self.sizes.piece) {
            self.add(object);
        }
    }
}
