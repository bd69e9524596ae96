//! The service: hosts objects, and serves the clients that connect.
//!
//! Its modules from the top down; each refers only to those below it:
//!
//! - [`net`]: connections, from the socket to the session that they carry.
//! - [`exec`]: runs operations.
//! - [`loading`]: makes the engine, and reads what an earlier run has left, which [`recovery`] puts in its place.
//! - [`refs`]: references between objects: in arguments and results, in snapshots, in cycles.
//! - [`session`]: one client's handles, calls in flight, and results that it has not received; the table of all
//!   sessions.
//! - [`storage_failure`]: what becomes of a service whose storage has failed.
//! - [`state`]: the state that sessions and the engine share: the store, limits, counts.

pub(crate) mod exec;
mod loading;
pub(crate) mod net;
mod owned_runtime;
mod recovery;
pub(crate) mod refs;
mod serve_error;
pub(crate) mod session;
pub(crate) mod state;
mod storage_failure;

pub use net::listener::{Accepted, Listener, MemoryConnector, MemoryListener, Stream, memory};

use crate::config::Limits;
use crate::journal::Committing;
use crate::security::{AccessControl, ServerSide, ServerTls, Tokens};
use exec::engine::Engine;
use loading::{Empty, Kept};
use net::binding::{Bindable, Unbound, v4_ports};
use net::connections::Connections;
use net::workers::{WorkerMessage, accept, at_rest, worker};
use owned_runtime::OwnedRuntime;
pub use recovery::RecoveryError;
use refs::cycle_gc;
pub use serve_error::ServeError;
use session::table::SessionTable;
use state::Seams;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub use storage_failure::OnStorageFailure;
use storage_failure::end_when_failed;
use tarmem_remote::error::Error;
use tarmem_remote::registry::Registry;
use tarmem_storage::Storage;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Configures a service: where it listens, what it offers, and its limits.
///
/// [`start`](Self::start) runs it in the background, [`run`](Self::run) for ever, and [`bind`](Self::bind) only takes
/// its addresses.
///
/// ```
/// use tarmem::{Service, Session};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let service = Service::new("localhost", 0).workers(2).start().await?;
/// let session = Session::connect(service.address()).await?;
/// assert!(!session.is_memoized("alice").await?);
/// service.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[must_use = "a service does nothing until it is bound and run"]
pub struct Service {
    listeners: Vec<Bindable>,
    limits: Limits,
    modules: Option<Vec<String>>,
    workers: usize,
    protected: bool,
    tokens: Option<Tokens>,
    tls: Option<ServerTls>,
    seams: Seams,
    kept: Option<Kept>,
}

impl Service {
    /// A service that listens on `host` and `port`.
    ///
    /// If `host` is a name, the service listens on all addresses of the name that this machine has (`localhost` is
    /// `127.0.0.1` and `::1`). Port 0 takes a free port, the same on all of these addresses if possible;
    /// [`BoundService::addresses`] returns the real one.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Service::without_listener().tcp(host, port)
    }

    /// A service that does not listen anywhere. Add listeners to it, or use it in process through
    /// [`RunningService::session`].
    pub fn without_listener() -> Self {
        Service {
            listeners: Vec::new(),
            limits: Limits::default(),
            modules: None,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            protected: true,
            tokens: None,
            tls: None,
            seams: Seams::default(),
            kept: None,
        }
    }

    /// Also listens on this host and port, as described at [`new`](Self::new).
    pub fn tcp(mut self, host: impl Into<String>, port: u16) -> Self {
        self.listeners.push(Bindable::Tcp { host: host.into(), port });
        self
    }

    /// Also listens on a Unix socket. A socket that a killed service left behind is replaced. The socket is removed
    /// when the service ends.
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.listeners.push(Bindable::Unix(path.into()));
        self
    }

    /// Also accepts connections from `listener`.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listeners.push(Bindable::Other(Box::new(listener)));
        self
    }

    /// Sets the limits.
    ///
    /// ```
    /// use tarmem::{Limits, Service};
    ///
    /// let mut limits = Limits::default();
    /// limits.connections = 100;
    /// let service = Service::new("127.0.0.1", 0).limits(limits);
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Offers only these modules and their submodules, instead of all that are linked into the program.
    pub fn modules<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.modules = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the number of threads that serve connections, each with its own event loop. Default: one per core.
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads.max(1);
        self
    }

    /// Requires one of these tokens from every client.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Requires TLS on TCP listeners. Unix sockets, which only this host can reach, stay without it.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Keeps its keys and objects in `storage`, from which a service that is started later goes on: as they were when
    /// the last reply left that could tell of them. Sessions go on, too, and each of their calls is made once.
    ///
    /// Objects of resident classes without [`Keep`](crate::object::Keep) are not kept, such as those of `Condition`.
    ///
    /// ```
    /// use tarmem::modules::builtins::ListProxy;
    /// use tarmem::storage::{MemoryDisk, MemoryStorage};
    /// use tarmem::{Proxy, Service, Session};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let disk = MemoryDisk::default();
    /// let start = || Service::new("127.0.0.1", 0).storage(MemoryStorage::open(&disk)).start();
    /// let service = start().await?;
    /// let session = Session::connect(service.address()).await?;
    /// session.memoize("numbers", ListProxy::new(None)).await?.append(7).await?;
    /// drop(service);
    ///
    /// let service = start().await?;
    /// let session = Session::connect(service.address()).await?;
    /// let numbers = session.memoize("numbers", ListProxy::new(None)).await?;
    /// assert_eq!(numbers.snapshot_as::<Vec<i64>>().await?, [7]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn storage(mut self, storage: impl Storage + 'static) -> Self {
        self.kept = Some(Kept::Storage(Box::new(storage)));
        self
    }

    /// Keeps its keys and objects in this directory, as [`storage`](Self::storage) describes. It is made if it is not
    /// there, and one service at a time can use it.
    ///
    /// It is read after the service has begun to listen: clients that connect meanwhile wait.
    ///
    /// ```
    /// use tarmem::storage::StorageError;
    /// use tarmem::{RecoveryError, ServeError, Service};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let scratch = std::env::temp_dir().join(format!("tarmem-doc-{}", std::process::id()));
    /// # let directory = scratch.join("data");
    /// let service = Service::new("127.0.0.1", 0).data(&directory).start().await?;
    /// let second = Service::new("127.0.0.1", 0).data(&directory).start().await;
    /// let Err(ServeError::Recovery(RecoveryError::Storage(refused))) = second else { panic!("{second:?}") };
    /// assert!(matches!(refused, StorageError::InUse { .. }));
    /// # drop(service);
    /// # std::fs::remove_dir_all(scratch)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.kept = Some(Kept::Directory(directory.into()));
        self
    }

    #[cfg(test)]
    pub(crate) fn seams(mut self, seams: Seams) -> Self {
        self.seams = seams;
        self
    }

    /// Also serves clients on other hosts although the service has no tokens, so that anybody who can reach it may use
    /// it.
    pub fn unprotected(mut self) -> Self {
        self.protected = false;
        self
    }

    /// Checks the limits and what was registered, listens on the addresses, and loads what is [kept](Self::data).
    /// Clients are served once the returned service is started.
    ///
    /// # Errors
    /// [`ServeError::Recovery`] if what is kept cannot be loaded; [`ServeError::Registry`] if names clash or a module to
    /// be offered does not exist; [`ServeError::Limit`] if a limit is out of its range; [`ServeError::Tls`] if a
    /// certificate or key cannot be used; [`ServeError::Listen`] if the service cannot listen on an address.
    pub async fn bind(self) -> Result<BoundService, ServeError> {
        self.limits.check()?;
        let tls = self.tls.as_ref().map(ServerSide::new).transpose()?;
        let access = AccessControl::new(self.protected, self.tokens, tls);
        let registry = match &self.modules {
            None => Registry::linked()?,
            Some(modules) => Registry::offering(modules)?,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.workers.max(2))
            .thread_name("tarmem-runner")
            .enable_all()
            .build()
            .map_err(|cause| ServeError::Listen { address: "a runtime".to_owned(), cause })?;
        let runtime = OwnedRuntime(Some(runtime));
        let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
        let v4: Arc<[u16]> = v4_ports(&self.listeners).into();
        for bindable in self.listeners {
            let address = bindable.to_string();
            let backlog = u32::try_from(self.limits.listen_backlog).unwrap_or(u32::MAX);
            // A listener belongs to the runtime in which it is made.
            let bound = runtime.handle().spawn({
                let v4 = Arc::clone(&v4);
                async move { bindable.bind(backlog, &v4).await }
            });
            let bound = bound.await;
            let bound = bound.unwrap_or_else(|e| Err(Unbound { address, cause: io::Error::other(e) }));
            listeners.extend(bound.map_err(|Unbound { address, cause }| ServeError::Listen { address, cause })?);
        }
        tracing::info!("offering {registry}");
        let empty = Empty { registry, limits: self.limits, runtime: runtime.handle().clone(), seams: self.seams };
        let (engine, committing) = match self.kept {
            None => (empty.engine(None), None),
            Some(kept) => {
                let (engine, committing) = loading::load(kept, empty, Arc::clone(&access)).await?;
                (engine, Some(committing))
            }
        };
        let (heartbeat, lease) = (Arc::clone(&engine.state.heartbeat), engine.state.limits.lease);
        runtime.handle().spawn(cycle_gc::run(Arc::downgrade(&engine.state)));
        runtime.handle().spawn(SessionTable::look_after(Arc::downgrade(&engine.sessions), lease));
        runtime.handle().spawn(async move { heartbeat.beat(lease).await });
        let connections = Connections::new(runtime.handle());
        Ok(BoundService { listeners, engine, connections, runtime, workers: self.workers, access, committing })
    }

    /// Binds the service and runs it for ever.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind), and [`ServeError::Storage`] if the storage fails.
    pub async fn run(self) -> Result<(), ServeError> {
        Ok(self.bind().await?.run_until(std::future::pending()).await?)
    }

    /// Binds the service and runs it in the background.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub async fn start(self) -> Result<RunningService, ServeError> {
        Ok(self.bind().await?.start())
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listeners: Vec<String> = self.listeners.iter().map(ToString::to_string).collect();
        f.debug_struct("Service").field("listeners", &listeners).field("modules", &self.modules).finish()
    }
}

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
    committing: Option<Committing>,
    listeners: Vec<Box<dyn Listener>>,
    engine: Arc<Engine>,
    connections: Arc<Connections>,
    runtime: OwnedRuntime,
    workers: usize,
    access: Arc<AccessControl>,
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

    /// Runs the service until `shutdown` completes, then shuts it down as [`RunningService::shutdown`] does.
    ///
    /// # Errors
    /// [`Error::StorageFailed`] if the service [ends](OnStorageFailure::End) because its storage has failed.
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
    /// It opens no more sessions, tells its clients that it shuts down, waits up to [`Limits::shutdown_time`] for
    /// running calls, and ends the connections after their results have been sent. Until then it goes on listening, for
    /// clients that reconnect to get their results: the thread of their previous connection may be busy with a running
    /// call.
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

#[cfg(all(test, feature = "client"))]
mod tests;
