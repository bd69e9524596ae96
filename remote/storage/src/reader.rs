//! Reads a directory without changing it.

use crate::directory::{self, Found, STATES};
use crate::disk::Disk;
use crate::error::StorageError;
use crate::log;
use crate::overlay::Overlay;
use crate::scratch::Scratch;
use crate::states::States;
use crate::{Batch, Storage, Usage, Visit};
use std::sync::Arc;
use uuid::Uuid;

/// What is in a directory, read without changing it.
///
/// ```
/// use std::sync::Arc;
/// use tarmem_storage::{Batch, LocalOptions, LocalReader, LocalStorage, RealDisk, Storage};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// let disk = RealDisk::exclusive(directory.path())?;
/// let mut storage = LocalStorage::open(Arc::new(disk), LocalOptions::default())?;
/// let mut batch = Batch::default();
/// batch.put(1, b"alice", b"120");
/// storage.commit(0, &batch)?;
/// drop(storage);
///
/// let reader = LocalReader::open(&RealDisk::read_only(directory.path())?)?;
/// assert_eq!(reader.last(), 1);
/// reader.each(&mut |table, key, value| {
///     assert_eq!((table, key, value), (1, &b"alice"[..], &b"120"[..]));
///     Ok(())
/// })?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalReader {
    place: String,
    id: Uuid,
    last: u64,
    states: States,
    /// What is in the log and not in the states.
    unfolded: Overlay,
    usage: Usage,
    torn: bool,
}

impl LocalReader {
    /// Reads all files of the directory, and verifies their checksums. What the log has beyond the states is kept in
    /// memory.
    ///
    /// # Errors
    /// Those of [`LocalStorage::open`](crate::LocalStorage::open); [`StorageError::Refused`] if there is no directory.
    pub fn open(disk: &dyn Disk) -> Result<Self, StorageError> {
        let place = disk.place();
        Self::read(disk).map_err(|error| error.within(&place))
    }

    fn read(disk: &dyn Disk) -> Result<Self, StorageError> {
        let (id, files) = match directory::find(disk)? {
            Found::Directory(id, files) => (id, files),
            Found::Nothing(_) => {
                return Err(StorageError::Refused(format!("{} is no data directory: nothing is in it", disk.place())));
            }
        };
        let file = Scratch::over(files.states(disk)?).map_err(StorageError::io(format!("reading {STATES}")))?;
        let states = States::open(Arc::new(file), STATES)?;
        let mark = states.mark()?;
        let recovered = log::recover(disk, id, &files.segments, mark)?;
        let mut unfolded = Overlay::default();
        let mut usage = Usage { value_bytes: states.value_bytes(), state_bytes: states.bytes(), ..Usage::default() };
        for (sealed, bytes, records) in recovered.segments.iter().rev() {
            log::backwards(sealed.number, bytes, records, mark.0, |batch| unfolded.precede(batch))?;
            usage.log_bytes += sealed.used;
            usage.log_file_bytes += sealed.bytes;
        }
        Ok(LocalReader { place: disk.place(), id, last: recovered.last, states, unfolded, usage, torn: recovered.torn })
    }

    /// The id of the directory.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The number of the last batch; 0 if there was none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether the log has an end that was never finished, and that does not count.
    pub fn was_torn(&self) -> bool {
        self.torn
    }

    /// What the directory takes.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Calls `each` with the table, key and value of everything that is there, in the order of tables and keys.
    ///
    /// # Errors
    /// If something cannot be read, or is not what was written; and the errors of `each`.
    pub fn each(&self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        let mut merge = self.unfolded.merge(each);
        let read = self.states.each(|table, key, value| merge.below(table, key, value));
        read.and_then(|()| merge.finish()).map_err(|error| error.within(&self.place))
    }
}

/// Nothing can be committed.
impl Storage for LocalReader {
    fn id(&self) -> Uuid {
        self.id
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        self.each(each)
    }

    fn commit(&mut self, _epoch: u64, _batch: &Batch) -> Result<u64, StorageError> {
        Err(StorageError::Refused(format!("{} was opened to be read", self.place)))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.usage
    }
}
