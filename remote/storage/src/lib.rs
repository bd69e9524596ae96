//! Where a tarmem service keeps what has to outlive it.
//!
//! A [`Storage`] commits numbered [batches](Batch) of changes to keys, each wholly or not at all, and reads back what
//! was committed. It knows nothing of objects or sessions.
//!
//! [`LocalStorage`] keeps it in a directory, [`MemoryStorage`] in memory.
//!
//! ```
//! use std::sync::Arc;
//! use tarmem_storage::{Batch, LocalOptions, LocalStorage, RealDisk, Storage};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let open = || LocalStorage::open(Arc::new(RealDisk::new(directory.path())), LocalOptions::default());
//! let mut storage = open()?;
//! let mut batch = Batch::default();
//! batch.put(1, b"alice", b"120");
//! let number = storage.commit(0, &batch)?; // on disk from here on
//! drop(storage);
//!
//! let mut storage = open()?;
//! assert_eq!(storage.last(), number);
//! storage.load(&mut |table, key, value| {
//!     assert_eq!((table, key, value), (1, &b"alice"[..], &b"120"[..]));
//!     Ok(())
//! })?;
//! # Ok(())
//! # }
//! ```

mod batch;
mod directory;
mod disk;
mod error;
#[cfg(feature = "sim")]
mod hooked;
mod keeper;
mod local;
mod lock;
mod log;
mod memory;
mod options;
mod overlay;
mod priority;
mod reader;
mod real;
mod scratch;
mod segment;
#[cfg(feature = "sim")]
pub mod sim;
mod snapshot;
mod snapshots;
mod space;
mod states;

pub use batch::{Batch, Change, Changes, Malformed, SHORT_LIVED, Table};
pub use directory::LOCK;
pub use disk::{Disk, DiskFile};
pub use error::StorageError;
#[cfg(feature = "sim")]
pub use hooked::Hooked;
pub use local::LocalStorage;
pub use memory::{MemoryDisk, MemoryStorage};
pub use options::LocalOptions;
pub use priority::yield_to_others;
pub use reader::LocalReader;
pub use real::RealDisk;
pub use snapshot::{Snapshot, Taken, VisitSome};
use uuid::Uuid;

/// What is called with the table, key and value of everything that is loaded.
pub type Visit<'a> = dyn FnMut(Table, &[u8], &[u8]) -> Result<(), StorageError> + 'a;

/// Commits batches, and reads back what was committed.
pub trait Storage: Send {
    /// The id of what is stored there. It never changes.
    fn id(&self) -> Uuid;

    /// The number of the last batch that was committed; 0 if there was none. Batches are numbered from 1 on, without
    /// gaps.
    fn last(&self) -> u64;

    /// Calls `each` with the table, key and value of everything that was committed when the storage was opened, in the
    /// order of tables and keys. Can be called once, before the first commit.
    ///
    /// # Errors
    /// If something cannot be read, or is not what was written; and the errors of `each`.
    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError>;

    /// Commits a batch for the owner of `epoch`, and returns its number. Depending on the options it is on disk then,
    /// or when [`sync`](Self::sync) returns.
    ///
    /// # Errors
    /// If it cannot be written: then it is unknown whether it was, until the storage is opened anew, and no other
    /// commit succeeds. [`StorageError::Fenced`] if there is an owner with a later epoch.
    fn commit(&mut self, epoch: u64, batch: &Batch) -> Result<u64, StorageError>;

    /// Makes sure that all batches that were committed are on disk.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit).
    fn sync(&mut self) -> Result<(), StorageError>;

    /// Sees to it that what was removed soon takes no more room. May end snapshots, and may do nothing.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit).
    fn settle(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    /// Takes a snapshot of what was committed so far, and passes it to `taken`: at once, or on another thread when it
    /// is there. Everything in it is on disk. By default `taken` gets an error: not every storage can do it.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit).
    fn snapshot(&mut self, taken: Taken) -> Result<(), StorageError> {
        taken(Err(StorageError::Refused("this storage takes no snapshots".to_owned())));
        Ok(())
    }

    /// What it takes at the moment.
    fn usage(&self) -> Usage;
}

/// What a storage takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// The bytes of the log that are not in the states yet.
    pub log_bytes: u64,
    /// The bytes of the disk that the log takes, with what is prepared to be written.
    pub log_file_bytes: u64,
    /// The bytes of the states: of their keys and values.
    pub value_bytes: u64,
    /// The bytes of the disk that the states' file takes, with what is free in it.
    pub state_bytes: u64,
    /// The bytes of the disk that are held in reserve.
    pub reserve_bytes: u64,
    /// The bytes that the disk has left, if that is known.
    pub free_bytes: Option<u64>,
}

impl Usage {
    /// The bytes of what is kept, with changes that are only in the log.
    pub fn used_bytes(&self) -> u64 {
        self.log_bytes + self.value_bytes
    }

    /// The bytes of the files.
    pub fn file_bytes(&self) -> u64 {
        self.log_file_bytes + self.state_bytes
    }
}
