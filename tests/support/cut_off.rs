//! A disk in memory that can be cut off, as if the process was killed, and counts what is written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage, StorageError};
use tarmem_storage::Hooked;

/// A disk in memory that can be cut off.
#[derive(Clone, Default)]
pub struct CutOff {
    pub there: MemoryDisk,
    is_off: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
}

impl CutOff {
    /// The storage of a service that starts on it.
    pub fn storage(&self) -> impl Storage + use<> {
        self.is_off.store(false, Ordering::SeqCst);
        let disk = self.clone();
        Hooked::new(MemoryStorage::open(&self.there), move |batch: &Batch| {
            if disk.is_off.load(Ordering::SeqCst) {
                return Err(StorageError::Refused("it is off".to_owned()));
            }
            disk.written.fetch_add(batch.len(), Ordering::SeqCst);
            Ok(())
        })
    }

    /// A disk with what is there now.
    pub fn copy(&self) -> Self {
        CutOff { there: self.there.copy(), ..CutOff::default() }
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
