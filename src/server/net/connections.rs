//! The connections of a service: their number, those that have no session yet, and the limits of what is logged about
//! them.

use super::log_limit::Logs;
use super::pending_connections::PendingConnections;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::Handle;

/// The connections of a service.
pub(crate) struct Connections {
    count: AtomicUsize,
    pub(super) pending: Arc<PendingConnections>,
    pub(super) logs: Logs,
}

/// One connection, counted for as long as this lives.
pub(super) struct Counted(Arc<Connections>);

impl Connections {
    /// Delayed log messages are written on `runtime`.
    pub(crate) fn new(runtime: &Handle) -> Arc<Self> {
        Arc::new(Connections { count: AtomicUsize::new(0), pending: Arc::default(), logs: Logs::new(runtime) })
    }

    /// The number of connections.
    pub(in crate::server) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Adds a connection. Also returns how many there were before.
    pub(super) fn add(self: &Arc<Self>) -> (usize, Counted) {
        (self.count.fetch_add(1, Ordering::AcqRel), Counted(Arc::clone(self)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.pending.has_gone();
    }
}
