//! The service without its sockets: what it offers, what it stores, who has a session, and what is running.
//!
//! What is done with that is beside it, each in an `impl Engine` of its own; [`dispatch`](super::dispatch) is where an operation
//! comes in.

use super::large_calls::Large;
use super::local_caller::LocalCalls;
use crate::config::Limits;
use crate::server::refs::cycle_gc::CycleCollector;
use crate::server::refs::snapshot::LARGE_SNAPSHOTS;
use crate::server::session::heartbeat::Heartbeat;
use crate::server::session::table::SessionTable;
use crate::store::{Flights, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use tarmem_remote::registry::Registry;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use uuid::Uuid;

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
    pub(crate) local_calls: LocalCalls,
    local_sessions: AtomicU64,
    pub(super) closing: AtomicBool,
    /// Turns true when connections are to end.
    pub(super) ended: watch::Sender<bool>,
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

impl Engine {
    pub(crate) fn new(registry: Registry, limits: Limits, runtime: tokio::runtime::Handle) -> Arc<Self> {
        let large = Large::of_service(limits.running_bytes);
        Arc::new(Engine {
            registry,
            store: Store::new(limits.keys),
            flights: Flights::default(),
            collector: CycleCollector::default(),
            limits,
            runtime,
            running: TaskTracker::new(),
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

    /// A key or a handle has gone: an object that only a circle keeps alive may be garbage now.
    pub(in crate::server) fn loosen(&self) {
        if self.collector.suspects() > 0 {
            self.collector.loosen();
        }
    }

    /// A number for a session within the process.
    pub(crate) fn local_session(&self) -> u64 {
        self.local_sessions.fetch_add(1, Ordering::Relaxed)
    }
}
