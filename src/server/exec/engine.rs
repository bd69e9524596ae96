//! The service without its sockets: what it offers, what it stores, and how it runs an operation.
//!
//! [`Engine::execute`] either finishes an operation at once, on the thread that asked, or hands back a future for the
//! rest of it: a contended object, an async method, a generator.

use super::cancellation::Cancellation;
use super::large_calls::Large;
use super::local_caller::LocalCalls;
use super::request::Request;
use crate::config::Limits;
use crate::server::net::log_limit::Logs;
use crate::server::net::pending_connections::PendingConnections;
use crate::server::refs::cycle_gc::CycleCollector;
use crate::server::refs::snapshot::LARGE_SNAPSHOTS;
use crate::server::session::heartbeat::Heartbeat;
use crate::server::session::table::SessionTable;
use crate::store::{Cell, Flights, Mapping, Store};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, PROTOCOL_VERSION, Reply, Target};
use tarmem_remote::registry::Registry;
use tarmem_remote::results::{KeysPage, ObjectDescription, ObjectInfo, VersionInfo};
use tarmem_remote::signature::SignatureRef;
use tarmem_remote::{codec, import};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// What the last results are given to arrive before the connections end.
const ARRIVAL_TIME: Duration = Duration::from_millis(30);

/// How long clients may take to collect the last results of a service that shuts down.
const COLLECT_TIME: Duration = Duration::from_millis(500);

/// The service without its sockets.
pub(crate) struct Engine {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) flights: Flights,
    pub(crate) collector: CycleCollector,
    pub(crate) limits: Limits,
    /// Where generators run, and whatever must not hold up a connection.
    pub(crate) runtime: tokio::runtime::Handle,
    /// What is running; a shutdown waits for it.
    pub(crate) running: TaskTracker,
    pub(crate) connections: AtomicUsize,
    pub(crate) pending_connections: Arc<PendingConnections>,
    pub(crate) logs: Logs,
    pub(crate) local_calls: LocalCalls,
    local_sessions: AtomicU64,
    closing: AtomicBool,
    /// Turns true when connections are to end.
    ended: watch::Sender<bool>,
    pub(crate) sessions: SessionTable,
    /// Of the threads that serve no connection.
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// Bytes of results that were not received, and of arguments of calls that wait.
    pub(crate) held_bytes: AtomicUsize,
    /// For snapshots that take more than a turn, of all sessions: each holds what it has copied so far.
    pub(in crate::server) snapshots: Arc<Semaphore>,
    /// For calls that take longer than a turn, of all sessions.
    pub(in crate::server) large: Large,
    /// This service, and no other one: not even the same one when it is started again.
    pub(crate) id: Uuid,
}

/// How far an operation came at once.
pub(crate) enum Step {
    /// To its end; the result is in the buffer that was given.
    Done,
    /// To its end, with an error of the method's own, which is in the buffer.
    Raised(String),
    /// Here is the rest of it.
    Later(Later),
}

/// The rest of an operation.
pub(crate) struct Later {
    pub(crate) run: BoxFuture<'static, Reply>,
    pub(crate) cancellation: Arc<Cancellation>,
    /// Ready once what its caller sends after it may begin: until then it is not in line for what it waits for.
    pub(crate) ahead: Option<oneshot::Receiver<()>>,
}

impl Later {
    pub(crate) fn new(run: impl Future<Output = Reply> + Send + 'static) -> Self {
        Later { run: Box::pin(run), cancellation: Arc::default(), ahead: None }
    }

    /// What comes after it begins only once what this gives is dropped.
    pub(super) fn goes_ahead(&mut self) -> oneshot::Sender<()> {
        let (sender, receiver) = oneshot::channel();
        self.ahead = Some(receiver);
        sender
    }
}

/// Waits for `wait`; and what comes after the call may begin once that has been asked for.
pub(super) async fn in_line<T>(wait: impl Future<Output = T>, behind: &mut Option<oneshot::Sender<()>>) -> T {
    let mut wait = std::pin::pin!(wait);
    let first = futures::poll!(wait.as_mut());
    behind.take();
    match first {
        Poll::Ready(ready) => ready,
        Poll::Pending => wait.await,
    }
}

impl Engine {
    pub(crate) fn new(registry: Registry, limits: Limits, runtime: tokio::runtime::Handle) -> Arc<Self> {
        let large = Large::of_service(limits.running_bytes);
        Arc::new(Engine {
            registry,
            store: Store::new(limits.keys),
            flights: Flights::default(),
            collector: CycleCollector::default(),
            limits,
            pending_connections: Arc::default(),
            logs: Logs::new(&runtime),
            runtime,
            running: TaskTracker::new(),
            connections: AtomicUsize::new(0),
            local_calls: LocalCalls::default(),
            local_sessions: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            ended: watch::Sender::new(false),
            sessions: SessionTable::default(),
            heartbeat: Arc::default(),
            held_bytes: AtomicUsize::new(0),
            snapshots: Arc::new(Semaphore::new(LARGE_SNAPSHOTS)),
            large,
            id: Uuid::new_v4(),
        })
    }

    /// Runs one operation as far as that goes at once, if its session may have that done. A result goes to the end of
    /// `out`.
    pub(crate) fn execute(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        match request.session.permissions() {
            None => self.perform(request, operation, out),
            Some(permissions) => self.perform_authorized(permissions, request, operation, out),
        }
    }

    /// As [`execute`](Self::execute), without asking.
    pub(super) fn perform(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Box<Error>> {
        match operation {
            Operation::Call { target, method, encoding, args } => {
                self.call(request, target, method, encoding, args, out)
            }
            other => Ok(self.perform_other(request, other, out)?),
        }
    }

    /// Whatever is no call.
    fn perform_other(
        self: &Arc<Self>,
        request: &Request<'_>,
        operation: Operation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Step, Error> {
        match operation {
            Operation::Call { target, method, encoding, args } => {
                self.call(request, target, method, encoding, args, out).map_err(|error| *error)
            }
            Operation::Run { function, encoding, args } => self.run(request, function, encoding, args, out),
            Operation::Memoize { key, source, expect } => self.memoize(request, key, source, expect, out),
            Operation::Update { key, source, generation, expect } => {
                self.update(request, key, source, generation, expect, out)
            }
            Operation::Create { source, expect } => self.create(request, source, expect, out),
            Operation::Get { key, expect } => {
                let mapping = self.mapping(key)?;
                put(out, &checked(|| quoted(key), &mapping, expect).map_err(|error| self.or_unknown(error))?)
            }
            Operation::Delete { key } => {
                self.check_key(key)?;
                if !self.store.remove(key) {
                    return Err(Error::NoSuchKey { key: key.to_owned() });
                }
                self.loosen();
                put(out, &())
            }
            Operation::IsMemoized { key } => {
                self.check_key(key)?;
                put(out, &self.store.contains(key))
            }
            Operation::Keys { prefix, after, limit } => put(out, &self.keys(request, prefix, after, limit)),
            Operation::Describe { target } => put(out, &self.describe(request, target)?),
            Operation::Import { module, package } => {
                self.check_name("module", module)?;
                self.check_name("package", package.unwrap_or_default())?;
                let name = import::resolve(module, package)?;
                put(out, &self.registry.describe_module(&name)?)
            }
            Operation::Version => {
                put(out, &VersionInfo { service: env!("CARGO_PKG_VERSION").to_owned(), protocol: PROTOCOL_VERSION })
            }
            Operation::Hold { target, expect } => {
                let mapping = self.target(request, target)?;
                let info = checked(|| label(target), &mapping, expect).map_err(|error| self.or_unknown(error))?;
                request.hold(&mapping.cell)?;
                put(out, &info)
            }
            Operation::Release { id, count } => {
                request.session.release(id, count)?;
                put(out, &())
            }
            Operation::Snapshot { target } => self.snapshot(request, target, false),
            Operation::SnapshotWithInfo { target } => self.snapshot(request, target, true),
            Operation::Cancel { sequence } => {
                request.session.cancel(sequence);
                put(out, &())
            }
            Operation::Acknowledge { sequence } => {
                request.session.acknowledge(sequence);
                put(out, &())
            }
            Operation::IsPoisoned { target } => put(out, &self.target(request, target)?.cell.is_poisoned()),
            Operation::ClearPoison { target } => {
                self.target(request, target)?.cell.clear_poison();
                put(out, &())
            }
            Operation::Goodbye => {
                request.session.leave();
                put(out, &())
            }
            Operation::Signature { of } => {
                let (SignatureRef::Method { interface: name, .. }
                | SignatureRef::Function { module: name, .. }
                | SignatureRef::Class { path: name }) = of;
                self.check_name("module, class or interface", name)?;
                put(out, &self.registry.signature(of)?.describe())
            }
        }
    }

    fn keys(&self, request: &Request<'_>, prefix: &str, after: &str, limit: u32) -> KeysPage {
        let most = self.limits.page_keys;
        let limit = if limit == 0 { most } else { most.min(limit as usize) };
        let permissions = request.session.permissions();
        let visible = |key: &str| permissions.is_none_or(|permissions| permissions.has_key(key));
        let (keys, more) = self.store.keys(prefix, after, limit, visible);
        KeysPage { next: if more { keys.last().cloned() } else { None }, keys }
    }

    fn describe(&self, request: &Request<'_>, target: Target<'_>) -> Result<ObjectDescription, Error> {
        let mapping = self.target(request, target)?;
        let class = mapping.cell.class();
        let ObjectInfo { id, class: path, generation, .. } = mapping.info();
        Ok(ObjectDescription {
            id,
            class: path,
            generation,
            poisoned: mapping.cell.is_poisoned(),
            docs: class.entry().docs.to_owned(),
            interfaces: class.interfaces().iter().map(|path| (*path).to_owned()).collect(),
            methods: class.describe_methods(),
        })
    }

    /// A key or a handle has gone: an object that only a circle keeps alive may be garbage now.
    pub(in crate::server) fn loosen(&self) {
        if self.collector.suspects() > 0 {
            self.collector.loosen();
        }
    }

    pub(super) fn check_key(&self, key: &str) -> Result<(), Error> {
        let limit = self.limits.key_bytes;
        if key.is_empty() {
            return Err(Error::BadKey { reason: format!("a key cannot be empty; use 1 to {limit} bytes") });
        }
        if key.len() > limit {
            let remedy = "use a shorter key, or a digest of it";
            return Err(Error::limit("the key's length in bytes", key.len() as u64, limit as u64, remedy));
        }
        Ok(())
    }

    pub(super) fn check_name(&self, what: &str, name: &str) -> Result<(), Error> {
        let limit = self.limits.name_bytes;
        if name.len() <= limit {
            return Ok(());
        }
        let what = format!("the {what} name's length in bytes");
        Err(Error::limit(what, name.len() as u64, limit as u64, "there is none so long"))
    }

    /// A number for a session within the process.
    pub(crate) fn local_session(&self) -> u64 {
        self.local_sessions.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Takes no new operations, tells the sessions, and waits for what runs, for `shutdown_time` at most: what goes on by
    /// itself, what runs on the threads of connections, which is over when these are `at_rest`, and what runs on threads that
    /// are not the service's.
    pub(crate) async fn close(&self, at_rest: impl Future<Output = ()>) {
        self.closing.store(true, Ordering::SeqCst);
        let sessions = self.sessions.all();
        for session in &sessions {
            session.stop_waiting();
            session.wake();
        }
        self.running.close();
        let in_process = async {
            while self.local_calls.are_running() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let finished = async { tokio::join!(at_rest, in_process, self.running.wait()) };
        if tokio::time::timeout(self.limits.shutdown_time, finished).await.is_err() {
            tracing::warn!(
                "calls were still running after {:?}, {} of them apart from their connections; they are abandoned",
                self.limits.shutdown_time,
                self.running.len()
            );
        }
        // What has just finished is still to be collected, by clients that poll every few milliseconds now.
        let collected = async {
            while !sessions.iter().all(|session| session.is_collected()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(COLLECT_TIME, collected).await;
        // And to arrive: a client that reads a result and the end of its connection in one turn may lose the result.
        tokio::time::sleep(ARRIVAL_TIME).await;
    }

    /// Ends the connections at once.
    pub(crate) fn end(&self) {
        self.closing.store(true, Ordering::Release);
        self.ended.send_replace(true);
    }

    /// Connections are to end.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Ready once connections are to end.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ended = self.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

impl Engine {
    /// No object can be what this program does not know: that is the error then.
    fn or_unknown(&self, error: Error) -> Error {
        match &error {
            Error::WrongClass { expected, .. } if !self.registry.has_scope(expected) => {
                self.registry.class(expected).err().unwrap_or(error)
            }
            _ => error,
        }
    }
}

pub(super) fn check_fits(target: impl FnOnce() -> String, cell: &Cell, expect: &str) -> Result<(), Error> {
    if cell.class().fits(expect) {
        return Ok(());
    }
    Err(Error::WrongClass {
        target: target(),
        expected: expect.to_owned(),
        found: cell.class().entry().path.to_owned(),
    })
}

pub(super) fn checked(target: impl FnOnce() -> String, mapping: &Mapping, expect: &str) -> Result<ObjectInfo, Error> {
    check_fits(target, &mapping.cell, expect)?;
    Ok(mapping.info())
}

pub(super) fn quoted(key: &str) -> String {
    format!("{key:?}")
}

pub(super) fn label(target: Target<'_>) -> String {
    target.to_string()
}

pub(super) fn put(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<Step, Error> {
    codec::encode_into(value, out, usize::MAX).map_err(|e| Error::malformed("result", e))?;
    Ok(Step::Done)
}
