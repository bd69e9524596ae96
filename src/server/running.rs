//! A service that is bound, and one that is running.

use super::exec::engine::Engine;
use super::net::connections::Connections;
use super::net::listener::Listener;
use super::net::workers::{WorkerMessage, accept, at_rest, worker};
use super::owned_runtime::OwnedRuntime;
use super::storage_failure::end_when_failed;
use crate::journal::Committing;
use crate::security::{AccessControl, Tokens};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::error::Error;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A service that listens on its addresses, but serves no clients yet.
///
/// Clients that connect wait until the service is [started](Self::start).
///
/// ```
/// use tarmem::Service;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bound = Service::new("127.0.0.1", 0).bind().await?;
/// let address = bound.local_addr().ok_or("it listens on TCP")?;
/// assert_ne!(address.port(), 0);
/// assert_eq!(bound.addresses(), [address.to_string()]);
/// bound.start().shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct BoundService {
    /// Before the engine, whose objects are kept when they are dropped with it.
    pub(super) committing: Option<Committing>,
    pub(super) listeners: Vec<Box<dyn Listener>>,
    pub(super) engine: Arc<Engine>,
    pub(super) connections: Arc<Connections>,
    pub(super) runtime: OwnedRuntime,
    pub(super) workers: usize,
    pub(super) access: Arc<AccessControl>,
}

impl BoundService {
    /// The address of the first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|listener| listener.local_addr())
    }

    /// All addresses that the service listens on, with the real ports: `127.0.0.1:18813`, `[::1]:18813`, `unix:/path`.
    /// Listeners without an address are left out.
    pub fn addresses(&self) -> Vec<String> {
        let address = |listener: &dyn Listener| match listener.local_addr() {
            Some(address) => Some(address.to_string()),
            None => listener.address(),
        };
        self.listeners.iter().filter_map(|listener| address(&**listener)).collect()
    }

    /// Whether the service ends by itself when its storage fails.
    #[cfg(feature = "cli")]
    pub(crate) fn ends_when_storage_fails(&self) -> bool {
        self.engine.state.ends_when_storage_fails()
    }

    /// Runs the service until `shutdown` completes, then shuts it down as [`RunningService::shutdown`] does.
    ///
    /// # Errors
    /// [`Error::StorageFailed`] if the service [ends](super::OnStorageFailure::End) because its storage has failed.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let ends = self.engine.state.ends_when_storage_fails();
        let running = self.start();
        tokio::select! {
            () = shutdown => running.shutdown().await,
            error = running.storage_failure(), if ends => return Err(error),
        }
        Ok(())
    }

    /// Runs the service in the background, on its own threads.
    pub fn start(mut self) -> RunningService {
        let (local_addr, addresses) = (self.local_addr(), self.addresses());
        let address = self.listeners.iter().find_map(|listener| listener.address()).unwrap_or_default();
        let workers: Vec<_> =
            (0..self.workers).map(|index| worker(index, &self.engine, &self.access, &self.connections)).collect();
        let limit = self.engine.state.limits.connections;
        let accepting: Vec<_> = std::mem::take(&mut self.listeners)
            .into_iter()
            .map(|listener| {
                let accept = accept(listener, workers.clone(), Arc::clone(&self.connections), limit);
                AbortOnDropHandle::new(self.runtime.handle().spawn(accept))
            })
            .collect();
        let accepting = match self.engine.state.ends_when_storage_fails() {
            true => {
                let end = end_when_failed(Arc::downgrade(&self.engine), accepting);
                vec![AbortOnDropHandle::new(self.runtime.handle().spawn(end))]
            }
            false => accepting,
        };
        let BoundService { engine, connections, access, runtime, committing, .. } = self;
        RunningService {
            engine,
            connections,
            access,
            accepting,
            workers,
            local_addr,
            addresses,
            address,
            _runtime: runtime,
            _committing: committing,
        }
    }
}

impl fmt::Debug for BoundService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundService").field("addresses", &self.addresses()).finish()
    }
}

/// A service that is running on its own threads, so that the thread that started it may block.
///
/// If this is dropped without [`shutdown`](Self::shutdown), the service ends at once and connections break.
///
/// ```
/// use tarmem::{Service, Session};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("127.0.0.1", 0).start().await?;
/// let session = Session::connect(service.address()).await?;
/// assert_eq!(service.address(), service.addresses()[0]);
/// assert_eq!((service.key_count(), service.object_count()), (0, 0));
/// session.close().await;
/// service.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct RunningService {
    /// Before the engine, whose objects are kept when they are dropped with it.
    _committing: Option<Committing>,
    pub(crate) engine: Arc<Engine>,
    connections: Arc<Connections>,
    access: Arc<AccessControl>,
    accepting: Vec<AbortOnDropHandle<()>>,
    workers: Vec<mpsc::Sender<WorkerMessage>>,
    local_addr: Option<SocketAddr>,
    addresses: Vec<String>,
    address: String,
    /// Dropped last: the tasks that it runs end with it.
    _runtime: OwnedRuntime,
}

impl RunningService {
    /// The address of the first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// All addresses that the service listens on, with the real ports: `127.0.0.1:18813`, `[::1]:18813`, `unix:/path`.
    /// Listeners without an address are left out.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// The address with which a client on this host can [connect](crate::Session::connect): that of the first listener
    /// that has one, `127.0.0.1:18813` or `unix:/path`. Empty if none has.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Requires one of these tokens from now on, in place of the previous ones.
    ///
    /// Sessions end if their token is not among the new ones, or has other permissions now. If the service had no
    /// tokens before, all sessions end except those in process.
    pub fn set_tokens(&self, tokens: Tokens) {
        let (count, gone) = (tokens.len(), self.access.set_tokens(tokens));
        self.engine.sessions.end_revoked();
        tracing::info!("{count} tokens; {gone} of those before are revoked");
    }

    /// Completes when the service's [storage](crate::Service::storage) has failed. Returns the reason, as
    /// [`Error::StorageFailed`].
    ///
    /// The service ends then, unless it was told to [refuse](super::OnStorageFailure::Refuse): a program that hosts it
    /// may end, too, or start another one on what the storage has.
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

    /// The number of keys that are mapped.
    pub fn key_count(&self) -> usize {
        self.engine.state.store.len()
    }

    /// The number of objects, with or without a key.
    pub fn object_count(&self) -> usize {
        self.engine.state.store.objects()
    }

    /// Shuts the service down in order.
    ///
    /// It opens no more sessions, tells its clients that it shuts down, waits up to
    /// [`Limits::shutdown_time`](crate::Limits::shutdown_time) for running calls, and ends the connections after their
    /// results have been sent. Until then it goes on listening, for clients that reconnect to get their results: the
    /// thread of their previous connection may be busy with a running call.
    ///
    /// If the service [keeps its objects](crate::Service::storage), callers that wait for a lock, an item or the like
    /// go on to wait: their clients connect to the next service by themselves, and each has its place there.
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.engine.close(at_rest(&self.workers)).await;
        self.accepting.clear();
        self.engine.state.end();
        // Connections send their last answers, and end.
        let gone = async {
            while self.connections.count() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(1), gone).await.is_err() {
            let connections = self.connections.count();
            tracing::warn!(
                "{connections} connections did not end: a method still runs on their threads, or their peers are slow"
            );
        }
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        self.engine.state.end();
    }
}

impl fmt::Debug for RunningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningService").field("addresses", &self.addresses).finish()
    }
}
