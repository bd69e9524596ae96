//! A disk in memory that can be cut off, as if the process was killed, and counts what is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage, StorageError, Usage, Visit};
use uuid::Uuid;

/// A disk in memory that can be cut off.
#[derive(Clone, Default)]
pub struct CutOff {
    pub there: MemoryDisk,
    is_off: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
}

struct Counting {
    storage: MemoryStorage,
    disk: CutOff,
}

impl CutOff {
    /// The storage of a service that starts on it.
    pub fn storage(&self) -> impl Storage + use<> {
        self.is_off.store(false, Ordering::SeqCst);
        Counting { storage: MemoryStorage::open(&self.there), disk: self.clone() }
    }

    /// From now on nothing is written, until a service starts on it.
    pub fn cut(&self) {
        self.is_off.store(true, Ordering::SeqCst);
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

impl Storage for Counting {
    fn id(&self) -> Uuid {
        self.storage.id()
    }

    fn last(&self) -> u64 {
        self.storage.last()
    }

    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        self.storage.load(each)
    }

    fn commit(&mut self, epoch: u64, batch: &Batch) -> Result<u64, StorageError> {
        if self.disk.is_off.load(Ordering::SeqCst) {
            return Err(StorageError::Refused("it is off".to_owned()));
        }
        self.disk.written.fetch_add(batch.len(), Ordering::SeqCst);
        self.storage.commit(epoch, batch)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.storage.sync()
    }

    fn usage(&self) -> Usage {
        self.storage.usage()
    }
}
