//! What a service does when its storage has failed: it ends, or answers only what needs no storage.

use super::exec::engine::Engine;
use std::sync::{Arc, Weak};
use tokio_util::task::AbortOnDropHandle;

/// What a service does when its [storage](crate::Service::storage) has failed, since the disk is full, for example.
///
/// After that its memory is ahead of the disk, and stays so: nothing more is written until the next service is started
/// from what the disk has. No reply leaves in either case that tells of anything that is not on disk.
///
/// ```
/// use tarmem::storage::{MemoryDisk, MemoryStorage};
/// use tarmem::{OnStorageFailure, Service};
///
/// let storage = MemoryStorage::open(&MemoryDisk::default());
/// let service = Service::new("127.0.0.1", 0).storage(storage).on_storage_failure(OnStorageFailure::Refuse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStorageFailure {
    /// The service ends: its connections break, and it does not listen any more. Clients connect again until there is a
    /// next service, and go on with that one as after any broken connection: each call is made once.
    #[default]
    End,
    /// The service stays. Calls on objects whose last change is on disk go on. Those that change anything, or see a
    /// change that is not on disk, get [`Error::StorageFailed`](crate::Error::StorageFailed). Replies that were on
    /// their way when the storage failed wait for the next service.
    Refuse,
}

/// Ends the service when its storage has failed. `accepting` are the tasks that accept its connections.
pub(super) async fn end_when_failed(engine: Weak<Engine>, accepting: Vec<AbortOnDropHandle<()>>) {
    let failed = engine.upgrade().and_then(|engine| engine.state.journal().map(Arc::clone));
    let Some(journal) = failed else { return std::future::pending().await };
    journal.failed().await;
    drop(accepting);
    if let Some(engine) = engine.upgrade() {
        engine.state.end();
    }
}
