//! The service: hosts objects, and answers whoever connects.
//!
//! - [`listener`]: where connections come from: TCP, a Unix socket, memory.
//! - [`connection`]: one connection, on one task.
//! - [`session`]: one client's handles, calls in flight, results not collected.
//! - [`engine`]: runs one operation; [`obtain`] for `memoize` and `update`, [`evaluate`] for sources and functions, [`call`]
//!   for methods.
//! - [`local`]: calls from within the process.
//! - [`scope`]: object references in arguments and results; [`snapshot`]: plain copies of what they lead to; [`collect`]:
//!   circles of them that are garbage.
//! - [`gate`], [`panics`]: what begins and what is stopped; a panic is an error of its call.

mod call;
mod collect;
mod connection;
mod engine;
mod evaluate;
mod gate;
pub(crate) mod listener;
mod local;
mod objects;
mod obtain;
mod panics;
mod pulse;
mod scope;
mod session;
mod sessions;
mod snapshot;
mod throttle;

pub use listener::{Accepted, Listener, MemoryConnector, MemoryListener, Stream, memory};

use crate::client::Session;
use crate::config::Limits;
use collect::Collector;
use connection::{House, Peer};
use engine::Engine;
use listener::Bindable;
use local::LocalCaller;
use pulse::Pulse;
use session::ServerSession;
use sessions::Sessions;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tarmem_remote::registry::{Registry, RegistryError};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Connections over the limit that are still told so, rather than just dropped.
const TOLD: usize = 128;

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
}

impl Service {
    /// A service on `host` and `port`; port 0 takes any free one, which [`BoundService::local_addr`] tells.
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
        }
    }

    /// Listens on one more host and port.
    pub fn tcp(mut self, host: impl Into<String>, port: u16) -> Self {
        self.listeners.push(Bindable::Tcp { host: host.into(), port });
        self
    }

    /// Listens on a Unix socket too. A socket left behind by a service that is gone is replaced; the socket is removed at
    /// the end.
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

    /// Answers peers on other hosts too, although nobody is asked who they are.
    pub fn unprotected(mut self) -> Self {
        self.protected = false;
        self
    }

    /// Checks what was registered, and takes the addresses. Nothing is served before it is run.
    ///
    /// # Errors
    /// [`ServeError::Registry`] if names clash or a module to be offered does not exist; [`ServeError::Listen`] if an
    /// address cannot be had.
    pub async fn bind(self) -> Result<BoundService, ServeError> {
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
        for bindable in self.listeners {
            let address = bindable.to_string();
            // A listener belongs to the runtime that it is made in.
            let bound = runtime.handle().spawn(bindable.bind()).await;
            let bound = bound.unwrap_or_else(|e| Err(io::Error::other(e)));
            listeners.push(bound.map_err(|cause| ServeError::Listen { address, cause })?);
        }
        tracing::info!("offering {registry}");
        let engine = Engine::new(registry, self.limits, runtime.handle().clone());
        runtime.handle().spawn(Collector::run(Arc::downgrade(&engine)));
        runtime.handle().spawn(Sessions::look_after(Arc::downgrade(&engine), engine.limits.lease));
        let (pulse, lease) = (Arc::clone(&engine.pulse), engine.limits.lease);
        runtime.handle().spawn(async move { pulse.beat(lease).await });
        Ok(BoundService { listeners, engine, runtime, workers: self.workers, protected: self.protected })
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
    runtime: OwnedRuntime,
    workers: usize,
    protected: bool,
}

impl BoundService {
    /// The address of its first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listeners.iter().find_map(|listener| listener.local_addr())
    }

    /// Runs until `shutdown` is ready, then shuts down as [`RunningService::shutdown`] does.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let running = self.start();
        shutdown.await;
        running.shutdown().await;
    }

    /// Runs in the background, on threads of its own.
    pub fn start(self) -> RunningService {
        let local_addr = self.local_addr();
        let address = self.listeners.iter().find_map(|listener| listener.address()).unwrap_or_default();
        let workers: Vec<mpsc::Sender<Arrival>> =
            (0..self.workers).map(|index| worker(index, &self.engine, self.protected)).collect();
        let accepting = self
            .listeners
            .into_iter()
            .map(|listener| {
                let accept = accept(listener, workers.clone(), Arc::clone(&self.engine));
                AbortOnDropHandle::new(self.runtime.handle().spawn(accept))
            })
            .collect();
        RunningService { engine: self.engine, accepting, local_addr, address, _runtime: self.runtime }
    }
}

impl fmt::Debug for BoundService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundService").field("local_addr", &self.local_addr()).finish()
    }
}

/// A service that is running, on threads of its own: whoever started it may block. Dropped without [`shutdown`](Self::shutdown), it ends at once, and connections break.
pub struct RunningService {
    engine: Arc<Engine>,
    accepting: Vec<AbortOnDropHandle<()>>,
    local_addr: Option<SocketAddr>,
    address: String,
    /// Kept: what it runs ends with it.
    _runtime: OwnedRuntime,
}

impl RunningService {
    /// The address of its first TCP listener, with the real port.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.local_addr
    }

    /// What [`Session::connect`] takes to get here from this host: where the first of its listeners is that has an address,
    /// `127.0.0.1:18813` or `unix:/path`. Empty if none has.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// A session with this service in its own process: the same calls, without a socket.
    pub fn session(&self) -> Session {
        let session = ServerSession::local(&self.engine);
        let id = session.id();
        Session::in_process(Arc::new(LocalCaller::session(session, Some(crate::client::CALL_TIMEOUT))), id)
    }

    /// How many keys are mapped.
    pub fn key_count(&self) -> usize {
        self.engine.store.len()
    }

    /// How many objects there are, named or not.
    pub fn object_count(&self) -> usize {
        self.engine.store.objects()
    }

    /// Stops accepting, tells the clients, lets what runs finish ([`Limits::shutdown_time`] at most), and ends the
    /// connections.
    pub async fn shutdown(mut self) {
        self.accepting.clear();
        tracing::info!("shutting down");
        self.engine.close().await;
        // Connections flush what they have answered, and go.
        let gone = async {
            while self.engine.connections.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(1), gone).await.is_err() {
            tracing::warn!("{} connections did not end", self.engine.connections.load(Ordering::Acquire));
        }
    }
}

impl Drop for RunningService {
    fn drop(&mut self) {
        self.engine.end();
    }
}

impl fmt::Debug for RunningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningService").field("address", &self.address).finish()
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

/// A connection on its way to a worker.
struct Arrival {
    stream: Stream,
    counted: Counted,
    crowded: bool,
}

/// One connection, counted for as long as this lives.
struct Counted(Arc<Engine>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Takes connections and hands them to the workers in turn.
async fn accept(mut listener: Box<dyn Listener>, workers: Vec<mpsc::Sender<Arrival>>, engine: Arc<Engine>) {
    for worker in workers.iter().cycle() {
        let accepted = loop {
            match std::future::poll_fn(|cx| listener.poll_accept(cx)).await {
                Ok(accepted) => break accepted,
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return,
                Err(error) => {
                    // Out of file descriptors, or the peer has gone already: others may have better luck.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        let count = engine.connections.fetch_add(1, Ordering::AcqRel);
        let counted = Counted(Arc::clone(&engine));
        let crowded = count >= engine.limits.connections;
        if count >= engine.limits.connections + TOLD {
            continue;
        }
        if worker.send(Arrival { stream: accepted.stream, counted, crowded }).await.is_err() {
            return;
        }
    }
}

/// A thread with an event loop of its own: a connection's work stays on it. It ends when nobody can send it connections
/// any more, and those it has are gone.
fn worker(index: usize, engine: &Arc<Engine>, protected: bool) -> mpsc::Sender<Arrival> {
    let (sender, mut arrivals) = mpsc::channel::<Arrival>(1024);
    let engine = Arc::clone(engine);
    let serve = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!("a worker cannot start: {error}"),
        };
        runtime.block_on(async {
            let pulse = Arc::new(Pulse::default());
            let (beating, lease) = (Arc::clone(&pulse), engine.limits.lease);
            tokio::spawn(async move { beating.beat(lease).await });
            let connections = tokio_util::task::TaskTracker::new();
            while let Some(Arrival { stream, counted, crowded }) = arrivals.recv().await {
                let house = House { engine: Arc::clone(&engine), pulse: Arc::clone(&pulse), protected, crowded };
                connections.spawn(async move {
                    let _counted = counted;
                    let served = match stream {
                        Stream::Tcp(stream) => serve_tcp(stream, house).await,
                        Stream::Unix(stream) => serve_unix(stream, house).await,
                        Stream::Other(stream) => {
                            connection::serve(stream, Peer::Local, house).await;
                            Ok(())
                        }
                    };
                    if let Err(error) = served {
                        tracing::debug!("a connection was gone before it was served: {error}");
                    }
                });
            }
            connections.close();
            connections.wait().await;
        });
    };
    if let Err(error) = std::thread::Builder::new().name(format!("tarmem-{index}")).spawn(serve) {
        tracing::error!("worker {index} cannot start: {error}");
    }
    sender
}

async fn serve_tcp(stream: std::net::TcpStream, house: House) -> io::Result<()> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    // tarpc does not set it, and without it a small reply waits for the peer's delayed acknowledgement.
    stream.set_nodelay(true)?;
    let peer = Peer::Ip(stream.peer_addr()?.ip());
    connection::serve(stream, peer, house).await;
    Ok(())
}

async fn serve_unix(stream: std::os::unix::net::UnixStream, house: House) -> io::Result<()> {
    let stream = tokio::net::UnixStream::from_std(stream)?;
    connection::serve(stream, Peer::Local, house).await;
    Ok(())
}

/// Why a service cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// What was registered does not fit together.
    #[error("{0}")]
    Registry(#[from] RegistryError),
    /// An address cannot be had.
    #[error("cannot listen on {address}: {cause}{}", remedy(cause))]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; stop what listens there, or use port 0 for any free port",
        io::ErrorKind::PermissionDenied => "; use a port of 1024 or more",
        _ => "; check the host name",
    }
}
