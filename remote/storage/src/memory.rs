//! Storage in memory, for tests: what was committed is there as long as the [`MemoryDisk`] is.

use crate::batch::{Batch, Change, Table};
use crate::error::StorageError;
use crate::overlay::keyed;
use crate::snapshot::{Snapshot, Taken, VisitSome};
use crate::{Storage, Usage, Visit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// What a [`MemoryStorage`] has committed: what a directory is for others. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    id: Uuid,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    last: u64,
    epoch: u64,
}

/// Storage in memory.
#[derive(Debug)]
pub struct MemoryStorage {
    disk: MemoryDisk,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        MemoryDisk { id: Uuid::new_v4(), state: Arc::default() }
    }
}

impl MemoryDisk {
    /// Copies what is there now, as a backup of a directory does. The copy has the same id, and from now on each goes
    /// its own way.
    ///
    /// ```
    /// use tarmem_storage::{Batch, MemoryDisk, MemoryStorage, Storage};
    ///
    /// # fn main() -> Result<(), tarmem_storage::StorageError> {
    /// let disk = MemoryDisk::default();
    /// let copy = disk.copy();
    /// MemoryStorage::open(&disk).commit(0, &Batch::default())?;
    /// let (disk, copy) = (MemoryStorage::open(&disk), MemoryStorage::open(&copy));
    /// assert_eq!((disk.last(), copy.last()), (1, 0));
    /// assert_eq!(disk.id(), copy.id());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn copy(&self) -> Self {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { values, last, epoch } = &*state;
        let copied = State { values: values.clone(), last: *last, epoch: *epoch };
        MemoryDisk { id: self.id, state: Arc::new(Mutex::new(copied)) }
    }
}

impl MemoryStorage {
    /// Opens what is there.
    pub fn open(disk: &MemoryDisk) -> Self {
        MemoryStorage { disk: disk.clone() }
    }
}

impl Storage for MemoryStorage {
    fn id(&self) -> Uuid {
        self.disk.id
    }

    fn last(&self) -> u64 {
        self.disk.state.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    fn load(&mut self, each: &mut Visit<'_>) -> Result<(), StorageError> {
        let state = self.disk.state.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in &state.values {
            if let Some((table, key)) = key.split_first() {
                each(*table, key, value)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, epoch: u64, batch: &Batch) -> Result<u64, StorageError> {
        let mut state = self.disk.state.lock().unwrap_or_else(PoisonError::into_inner);
        if epoch < state.epoch {
            return Err(StorageError::Fenced { epoch, now: state.epoch });
        }
        state.epoch = epoch;
        for change in batch.changes() {
            let malformed = |at| StorageError::Refused(format!("the batch is malformed at its byte {at}"));
            match change.map_err(|error| malformed(error.at))? {
                Change::Put { table, key, value } => {
                    state.values.insert(keyed(table, key), value.to_vec());
                }
                Change::Remove { table, key } => {
                    state.values.remove(&keyed(table, key));
                }
                Change::RemoveRange { table, from, to } => {
                    let (from, to) = (keyed(table, from), keyed(table, to));
                    state.values.retain(|key, _| !(*key >= from && *key < to));
                }
            }
        }
        state.last += 1;
        Ok(state.last)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn snapshot(&mut self, taken: Taken) -> Result<(), StorageError> {
        let (values, last) = {
            let state = self.disk.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.values.clone(), state.last)
        };
        taken(Ok(Box::new(Copied { id: self.disk.id, values, last })));
        Ok(())
    }

    fn usage(&self) -> Usage {
        let state = self.disk.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = state.values.iter().map(|(key, value)| key.len() + value.len()).sum();
        Usage { value_bytes: bytes as u64, state_bytes: bytes as u64, ..Usage::default() }
    }
}

/// A copy of what was there.
struct Copied {
    id: Uuid,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    last: u64,
}

impl Snapshot for Copied {
    fn id(&self) -> Uuid {
        self.id
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn each_from(&self, table: Table, key: &[u8], each: &mut VisitSome<'_>) -> Result<(), StorageError> {
        for (key, value) in self.values.range(keyed(table, key)..) {
            if let Some((table, key)) = key.split_first()
                && each(*table, key, value).is_break()
            {
                break;
            }
        }
        Ok(())
    }
}
