//! A storage that asks before each commit, for tests of what uses a storage.

use crate::{Batch, Storage, StorageError, Taken, Usage, Visit};
use uuid::Uuid;

/// A storage that asks before each commit.
///
/// ```
/// use tarmem_storage::{Batch, Hooked, MemoryDisk, MemoryStorage, Storage, StorageError};
///
/// let mut batches = 0;
/// let refuse_third = move |_: &Batch| {
///     batches += 1;
///     if batches < 3 { Ok(()) } else { Err(StorageError::Refused("planted".to_owned())) }
/// };
/// let mut storage = Hooked::new(MemoryStorage::open(&MemoryDisk::default()), refuse_third);
/// assert_eq!(storage.commit(0, &Batch::default()).unwrap(), 1);
/// assert_eq!(storage.commit(0, &Batch::default()).unwrap(), 2);
/// assert!(storage.commit(0, &Batch::default()).is_err());
/// ```
pub struct Hooked<S, F> {
    storage: S,
    before_commit: F,
}

impl<S: Storage, F: FnMut(&Batch) -> Result<(), StorageError> + Send> Hooked<S, F> {
    /// A storage like `storage`. `before_commit` gets each batch that is to be committed, which it may make wait; an
    /// error is that of the commit, and the batch is not committed.
    pub fn new(storage: S, before_commit: F) -> Self {
        Hooked { storage, before_commit }
    }
}

impl<S: Storage, F: FnMut(&Batch) -> Result<(), StorageError> + Send> Storage for Hooked<S, F> {
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
        (self.before_commit)(batch)?;
        self.storage.commit(epoch, batch)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.storage.sync()
    }

    fn settle(&mut self) -> Result<(), StorageError> {
        self.storage.settle()
    }

    fn snapshot(&mut self, taken: Taken) -> Result<(), StorageError> {
        self.storage.snapshot(taken)
    }

    fn usage(&self) -> Usage {
        self.storage.usage()
    }
}
