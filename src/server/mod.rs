//! The service: hosts objects, and serves the clients that connect.
//!
//! Its modules from the top down; each refers only to those below it:
//!
//! - [`net`]: connections, from the socket to the session that they carry.
//! - [`exec`]: runs operations.
//! - [`running`]: the service once it is bound, and while it runs.
//! - [`loading`]: makes the engine, and reads what an earlier run has left, which [`recovery`] puts in its place.
//! - [`refs`]: references between objects: in arguments and results, in snapshots, in cycles.
//! - [`session`]: one client's handles, calls in flight, and results that it has not received; the table of all
//!   sessions.
//! - [`storage_failure`]: what becomes of a service whose storage has failed.
//! - [`state`]: the state that sessions and the engine share: the store, limits, counts.
//! - [`history`]: the runs of services on what is kept, and whether it has what a client has seen.

pub(crate) mod exec;
mod history;
mod loading;
pub(crate) mod net;
mod owned_runtime;
pub(crate) mod recovery;
pub(crate) mod refs;
mod running;
mod serve_error;
pub(crate) mod session;
pub(crate) mod state;
mod storage_failure;

pub use net::listener::{Accepted, Listener, MemoryConnector, MemoryListener, Stream, memory};

use crate::config::Limits;
pub use crate::config::{Durability, OnStorageFailure};
use crate::security::{AccessControl, ServerSide, ServerTls, Tokens};
use loading::{Empty, Kept};
use net::binding::{Bindable, Unbound, v4_ports};
use net::connections::Connections;
use net::while_loading::{LoadingEnv, WhileLoading};
use owned_runtime::OwnedRuntime;
use recovery::Progress;
pub use recovery::{NotReplayed, RecoveryError, ReplayProblem, Unreadable, UnreadableList};
use refs::cycle_gc;
pub use running::{BoundService, RunningService};
pub use serve_error::ServeError;
use session::table::SessionTable;
use state::Seams;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tarmem_remote::registry::Registry;
use tarmem_storage::Storage;

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
    /// Objects of resident classes without [`Keep`](crate::object::Keep) are not kept, nor are those of classes that
    /// are marked `volatile`.
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
    /// It is read after the service has begun to listen: clients that connect meanwhile are told how far that is, and
    /// wait.
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

    /// Sets whether the service starts without what it cannot read in its [storage](Self::storage), because a class is
    /// not there any more, for example, or has changed. Default: it does [not start](RecoveryError::Unreadable).
    ///
    /// What cannot be read is moved aside: into a file in the folder `unreadable` of the directory, or, if the storage
    /// is no directory, into a table of it. With it goes what only it refers to. The log names all of that, and what it
    /// breaks: keys that are not mapped any more, objects that refer to what is gone, and sessions that had proxies of
    /// it. References to what is gone lead nowhere: whoever uses one gets
    /// [`Error::NoSuchObject`](crate::Error::NoSuchObject).
    ///
    /// ```
    /// use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage};
    /// use tarmem::{RecoveryError, ServeError, Service};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let disk = MemoryDisk::default();
    /// let mut batch = Batch::default();
    /// batch.put(2, &7_u64.to_be_bytes(), b"not an object");
    /// MemoryStorage::open(&disk).commit(0, &batch)?;
    /// let service = || Service::without_listener().storage(MemoryStorage::open(&disk));
    /// let Err(ServeError::Recovery(RecoveryError::Unreadable(list))) = service().start().await else { panic!() };
    /// assert_eq!(list.named()[0].what, "object 7, which has no key");
    ///
    /// service().skip_unreadable(true).start().await?.shutdown().await;
    /// service().start().await?.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn skip_unreadable(mut self, skips: bool) -> Self {
        self.seams.skips_unreadable = skips;
        self
    }

    /// Sets when changes are on disk. Default: [before](Durability::Always) the replies leave that tell of them.
    ///
    /// A storage that syncs each batch by itself, as [`LocalStorage`](crate::storage::LocalStorage) does by default,
    /// does so all the same.
    ///
    /// ```
    /// use tarmem::{Durability, Service};
    ///
    /// let service = Service::new("127.0.0.1", 0).durability(Durability::Always);
    /// ```
    pub fn durability(mut self, durability: Durability) -> Self {
        self.seams.durability = durability;
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
    /// Clients are served once the returned service is started. While it loads, they are told so, and come again.
    ///
    /// # Errors
    /// [`ServeError::Recovery`] if what is kept cannot be loaded; [`ServeError::Registry`] if names clash or a module
    /// to be offered does not exist; [`ServeError::Limit`] if a limit is out of its range; [`ServeError::Tls`] if a
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
        let connections = Connections::new(runtime.handle());
        let empty = Empty { registry, limits: self.limits, runtime: runtime.handle().clone(), seams: self.seams };
        let (engine, committing) = match self.kept {
            None => (empty.engine(None), None),
            Some(kept) => {
                let progress = Arc::new(Progress::default());
                let env = LoadingEnv::new(&empty.limits, &access, &connections, &progress);
                let answering = WhileLoading::begin(std::mem::take(&mut listeners), env, runtime.handle());
                let loaded = loading::load(kept, empty, Arc::clone(&access), progress).await;
                listeners = answering.end().await;
                let (engine, committing) = loaded?;
                (engine, Some(committing))
            }
        };
        let (heartbeat, lease) = (Arc::clone(&engine.state.heartbeat), engine.state.limits.lease);
        runtime.handle().spawn(cycle_gc::run(Arc::downgrade(&engine.state)));
        runtime.handle().spawn(SessionTable::look_after(Arc::downgrade(&engine.sessions), lease));
        runtime.handle().spawn(async move { heartbeat.beat(lease).await });
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

#[cfg(all(test, feature = "client"))]
mod tests;
