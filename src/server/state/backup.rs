//! A backup that is being read. There is one at a time, since the disk holds back for it what is replaced meanwhile.

use std::sync::Arc;
use tarmem_storage::Snapshot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permit for a backup.
pub(crate) struct Backups(Arc<Semaphore>);

impl Default for Backups {
    fn default() -> Self {
        Backups(Arc::new(Semaphore::new(1)))
    }
}

impl Backups {
    /// The permit, unless somebody has it.
    pub(crate) fn try_begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// A backup that is being read. What is held back for it is released when this is dropped.
pub(crate) struct Backup {
    pub(crate) snapshot: Box<dyn Snapshot>,
    pub(crate) _permit: OwnedSemaphorePermit,
}
