//! The service: hosts objects, and answers whoever connects.
//!
//! From the top down; each knows those below it, and none above:
//!
//! - [`net`]: connections, from the socket to the session that they carry.
//! - [`exec`]: runs operations.
//! - [`refs`]: references between objects: in arguments and results, in snapshots, in circles.
//! - [`session`]: one client's handles, calls in flight, and results that it has not received; the table of all
//!   sessions.
//! - [`state`]: what sessions and the engine share: the store, limits, counts.

pub(crate) mod exec;
pub(crate) mod net;
pub(crate) mod refs;
pub(crate) mod session;
pub(crate) mod state;

pub use net::listener::{Accepted, Listener, MemoryConnector, MemoryListener, Stream, memory};

use crate::config::{LimitError, Limits};
use crate::security::{AccessControl, ServerSide, ServerTls, TlsError, Tokens};
use exec::engine::Engine;
use net::binding::{Bindable, Unbound, v4_ports};
use net::connections::Connections;
use net::workers::{WorkerMessage, accept, at_rest, worker};
use refs::cycle_gc;
use session::table::SessionTable;
use state::Seams;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tarmem_remote::registry::{Registry, RegistryError};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// A service to be: where it listens, what it offers, its limits.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// tarmem::Service::new("localhost", 18813).run().await?;
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
}

impl Service {
    /// A service on `host` and `port`. If `host` is a name, it listens on all addresses of the name that this machine
    /// has (`localhost` is `127.0.0.1` and `::1`). Port 0 takes any free one, the same on all of them if there is one;
    /// [`BoundService::addresses`] tells which.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Service::without_listener().tcp(host, port)
    }

    /// A service that nobody can connect to, for [`RunningService::session`]; or to add listeners to.
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
        }
    }

    /// Listens on one more host and port, as [`new`](Self::new) does.
    pub fn tcp(mut self, host: impl Into<String>, port: u16) -> Self {
        self.listeners.push(Bindable::Tcp { host: host.into(), port });
        self
    }

    /// Listens on a Unix socket too. A socket left behind by a service that is gone is replaced; the socket is removed
    /// at the end.
    pub fn unix(mut self, path: impl Into<PathBuf>) -> Self {
        self.listeners.push(Bindable::Unix(path.into()));
        self
    }

    /// Takes connections from `listener` too.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        self.listeners.push(Bindable::Other(Box::new(listener)));
        self
    }

    /// With these limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Offers only these modules and those inside them, of all that is linked into the program.
    pub fn modules<S: Into<String>>(mut self, modules: impl IntoIterator<Item = S>) -> Self {
        self.modules = Some(modules.into_iter().map(Into::into).collect());
        self
    }

    /// Serves connections on so many threads, each with an event loop of its own. Default: one per core.
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads.max(1);
        self
    }

    /// Asks everybody for one of these tokens.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Speaks TLS on its TCP listeners, and nothing else there. Its Unix sockets, which belong to this host, stay
    /// plain.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// With these listeners.
    #[cfg(test)]
    pub(crate) fn seams(mut self, seams: Seams) -> Self {
        self.seams = seams;
        self
    }

    /// Answers peers on other hosts too, although nobody is asked who they are.
    pub fn unprotected(mut self) -> Self {
        self.protected = false;
        self
    }

    /// Checks what was registered, and takes the addresses. Nothing is served before it is run.
    ///
    /// # Errors
    /// [`ServeError::Registry`] if names clash or a module to be offered does not exist; [`ServeError::Limit`] if a
    /// limit is out of its range; [`ServeError::Tls`] if a certificate or key cannot be used; [`ServeError::Listen`] if
    /// an address cannot be had.
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
            // A listener belongs to the runtime that it is made in.
            let bound = runtime.handle().spawn({
                let v4 = Arc::clone(&v4);
                async move { bindable.bind(backlog, &v4).await }
            });
            let bound = bound.await;
            let bound = bound.unwrap_or_else(|e| Err(Unbound { address, cause: io::Error::other(e) }));
            listeners.extend(bound.map_err(|Unbound { address, cause }| ServeError::Listen { address, cause })?);
        }
        tracing::info!("offering {registry}");
        let engine = Engine::new(registry, self.limits, runtime.handle().clone(), self.seams);
        let (heartbeat, lease) = (Arc::clone(&engine.state.heartbeat), engine.state.limits.lease);
        runtime.handle().spawn(cycle_gc::run(Arc::downgrade(&engine.state)));
        runtime.handle().spawn(SessionTable::look_after(Arc::downgrade(&engine.sessions), lease));
        runtime.handle().spawn(async move { heartbeat.beat(lease).await });
        let connections = Connections::new(runtime.handle());
        Ok(BoundService { listeners, engine, connections, runtime, workers: self.workers, access })
    }

    /// Binds and runs, for ever.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub async fn run(self) -> Result<(), ServeError> {
        self.bind().await?.run_until(std::future::pending()).await;
        Ok(())
    }

    /// Binds, and runs in the background.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
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

/// A service that has its addresses, and serves nobody yet.
pub struct BoundService {
    listeners: Vec<Box<dyn Listener>>,
    engine: Arc<Engine>,
    connections: Arc<Connections>,
    runtime: OwnedRuntime,
    workers: usize,
    access: Arc<AccessControl>,
}

impl BoundService {
    /// The address of its first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|listener| listener.local_addr())
    }

    /// Where it listens, all of it: `127.0.0.1:18813`, `[::1]:18813`, `unix:/path`, with the real ports. Listeners that
    /// have no address are left out.
    pub fn addresses(&self) -> Vec<String> {
        let address = |listener: &dyn Listener| match listener.local_addr() {
            Some(address) => Some(address.to_string()),
            None => listener.address(),
        };
        self.listeners.iter().filter_map(|listener| address(&**listener)).collect()
    }

    /// Runs until `shutdown` is ready, then shuts down as [`RunningService::shutdown`] does.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let running = self.start();
        shutdown.await;
        running.shutdown().await;
    }

    /// Runs in the background, on threads of its own.
    pub fn start(mut self) -> RunningService {
        let (local_addr, addresses) = (self.local_addr(), self.addresses());
        let address = self.listeners.iter().find_map(|listener| listener.address()).unwrap_or_default();
        let workers: Vec<_> =
            (0..self.workers).map(|index| worker(index, &self.engine, &self.access, &self.connections)).collect();
        let limit = self.engine.state.limits.connections;
        let accepting = std::mem::take(&mut self.listeners)
            .into_iter()
            .map(|listener| {
                let accept = accept(listener, workers.clone(), Arc::clone(&self.connections), limit);
                AbortOnDropHandle::new(self.runtime.handle().spawn(accept))
            })
            .collect();
        let BoundService { engine, connections, access, runtime, .. } = self;
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
        }
    }
}

impl fmt::Debug for BoundService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundService").field("addresses", &self.addresses()).finish()
    }
}

/// A service that is running, on threads of its own: whoever started it may block. Dropped without
/// [`shutdown`](Self::shutdown), it ends at once, and connections break.
pub struct RunningService {
    pub(crate) engine: Arc<Engine>,
    connections: Arc<Connections>,
    access: Arc<AccessControl>,
    accepting: Vec<AbortOnDropHandle<()>>,
    workers: Vec<mpsc::Sender<WorkerMessage>>,
    local_addr: Option<SocketAddr>,
    addresses: Vec<String>,
    address: String,
    /// Kept: what it runs ends with it.
    _runtime: OwnedRuntime,
}

impl RunningService {
    /// The address of its first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// Where it listens, all of it: `127.0.0.1:18813`, `[::1]:18813`, `unix:/path`, with the real ports. Listeners that
    /// have no address are left out.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// What [`Session::connect`](crate::Session::connect) takes to get here from this host: where the first of its
    /// listeners is that has an address, `127.0.0.1:18813` or `unix:/path`. Empty if none has.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Asks for these tokens from now on, and for no others. Sessions end whose token is not among them any more, or
    /// has other permissions now; if nobody was asked before, all do but those in process.
    pub fn set_tokens(&self, tokens: Tokens) {
        let (count, gone) = (tokens.len(), self.access.set_tokens(tokens));
        self.engine.sessions.end_revoked();
        tracing::info!("{count} tokens; {gone} of those before are revoked");
    }

    /// How many keys are mapped.
    pub fn key_count(&self) -> usize {
        self.engine.state.store.len()
    }

    /// How many objects there are, named or not.
    pub fn object_count(&self) -> usize {
        self.engine.state.store.objects()
    }

    /// Opens no more sessions, tells the clients, lets what runs finish ([`Limits::shutdown_time`] at most), on
    /// whichever thread it does, and ends the connections once its results have been sent. Until then it listens, for
    /// clients that come back for their results: the thread that their connection was on may be busy with what runs.
    pub async fn shutdown(mut self) {
        tracing::info!("shutting down");
        self.engine.close(at_rest(&self.workers)).await;
        self.accepting.clear();
        self.engine.state.end();
        // Connections flush what they have answered, and go.
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

/// A runtime that may be dropped anywhere: tokio's own panics if that is in an async context.
struct OwnedRuntime(Option<Runtime>);

impl OwnedRuntime {
    fn handle(&self) -> &tokio::runtime::Handle {
        match &self.0 {
            Some(runtime) => runtime.handle(),
            None => unreachable!("it is taken in `drop` only"),
        }
    }
}

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Why a service cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What was registered does not fit together.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// A limit is out of its range.
    #[error("{0}")]
    Limit(#[from] LimitError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// An address cannot be had.
    #[error("cannot listen on {address}: {}", net::unbound::why(address, cause))]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

#[cfg(all(test, feature = "client"))]
mod tests;
