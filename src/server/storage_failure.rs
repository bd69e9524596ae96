//! What a service does when its storage has failed: it ends, or answers only what needs no storage.

use super::exec::engine::Engine;
use super::{RunningService, Service};
use std::sync::{Arc, Weak};
use tarmem_remote::error::Error;
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

impl Service {
    /// Sets what the service does when its [storage](Self::storage) has failed. Default: it
    /// [ends](OnStorageFailure::End).
    ///
    /// ```
    /// use tarmem::{OnStorageFailure, Service};
    ///
    /// let service = Service::new("127.0.0.1", 0).on_storage_failure(OnStorageFailure::End);
    /// ```
    pub fn on_storage_failure(mut self, does: OnStorageFailure) -> Self {
        self.seams.stays_without_storage = does == OnStorageFailure::Refuse;
        self
    }
}

impl RunningService {
    /// Completes when the service's [storage](Service::storage) has failed. Returns the reason, as
    /// [`Error::StorageFailed`].
    ///
    /// The service ends then, unless it was told to [refuse](OnStorageFailure::Refuse): a program that hosts it may end,
    /// too, or start another one on what the storage has.
    ///
    /// ```
    /// use tarmem::{Error, RunningService};
    ///
    /// async fn watch(service: &RunningService) {
    ///     let error = service.storage_failure().await;
    ///     assert!(matches!(error, Error::StorageFailed { .. }));
    ///     eprintln!("{error}");
    /// }
    /// ```
    pub fn storage_failure(&self) -> impl Future<Output = Error> + Send + use<> {
        let journal = self.engine.state.journal().map(Arc::clone);
        async move {
            match journal {
                Some(journal) => Error::StorageFailed { reason: journal.failed().await.to_string() },
                None => std::future::pending().await,
            }
        }
    }
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
