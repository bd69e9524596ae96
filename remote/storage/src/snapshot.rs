//! One moment of a storage, read while the storage goes on.

use crate::batch::Table;
use crate::error::StorageError;
use std::ops::ControlFlow;
use uuid::Uuid;

/// What is called with the table, key and value of what a snapshot has, until it breaks.
pub type VisitSome<'a> = dyn FnMut(Table, &[u8], &[u8]) -> ControlFlow<()> + 'a;

/// What is called with a snapshot once it is there. It is dropped without being called if the storage is closed, or
/// fails, before that.
pub type Taken = Box<dyn FnOnce(Result<Box<dyn Snapshot>, StorageError>) + Send>;

/// What a storage had at one moment. Dropping it releases what the storage holds back for it.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::mpsc;
/// use tarmem_storage::{Batch, MemoryDisk, MemoryStorage, Snapshot, Storage};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut storage = MemoryStorage::open(&MemoryDisk::default());
/// let mut batch = Batch::default();
/// batch.put(1, b"alice", b"120");
/// storage.commit(0, &batch)?;
/// let (sender, taken) = mpsc::channel();
/// storage.snapshot(Box::new(move |snapshot| drop(sender.send(snapshot))))?;
/// let snapshot: Box<dyn Snapshot> = taken.recv()??;
///
/// batch.clear();
/// batch.put(1, b"alice", b"0");
/// storage.commit(0, &batch)?;
/// assert_eq!(snapshot.last(), 1);
/// snapshot.each_from(0, b"", &mut |table, key, value| {
///     assert_eq!((table, key, value), (1, &b"alice"[..], &b"120"[..]));
///     ControlFlow::Continue(())
/// })?;
/// # Ok(())
/// # }
/// ```
pub trait Snapshot: Send + Sync {
    /// The id of the storage.
    fn id(&self) -> Uuid;

    /// The number of the last batch that is in it: all before are, and none after.
    fn last(&self) -> u64;

    /// Calls `each` with what is there, in the order of tables and keys, from this table and key on, until it breaks.
    ///
    /// # Errors
    /// If something cannot be read, or is not what was written; [`StorageError::Refused`] if the storage has ended the
    /// snapshot because the disk has little room.
    fn each_from(&self, table: Table, key: &[u8], each: &mut VisitSome<'_>) -> Result<(), StorageError>;
}
