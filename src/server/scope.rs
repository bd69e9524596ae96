//! Object references in arguments and results: live objects on the service, counted handles at its clients.

use super::session::ServerSession;
use crate::store::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::value::{ObjectRef, RefScope};

/// Looks after the references of one call.
pub(crate) struct SessionScope {
    pub(super) session: Arc<ServerSession>,
    pub(super) sequence: u64,
    /// The object whose method runs: given a reference, it may become part of a circle.
    of: Option<Arc<Cell>>,
    resolved: AtomicBool,
}

impl SessionScope {
    /// For call `sequence` of `session`, to a method of the object `of` if it is one.
    pub(super) fn new(session: &Arc<ServerSession>, sequence: u64, of: Option<&Arc<Cell>>) -> Arc<Self> {
        let (session, of, resolved) = (Arc::clone(session), of.cloned(), AtomicBool::new(false));
        Arc::new(SessionScope { session, sequence, of, resolved })
    }

    /// Whether there was a reference in its arguments.
    pub(super) fn has_resolved(&self) -> bool {
        self.resolved.load(Ordering::Relaxed)
    }
}

impl RefScope for SessionScope {
    /// A client can refer to what it has a handle to, and to nothing else.
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let cell = self.session.held(reference.id()).map_err(|error| error.to_string())?;
        let class = cell.class().entry().path;
        self.resolved.store(true, Ordering::Relaxed);
        if let Some(of) = &self.of {
            self.session.engine().collector.suspect(of);
        }
        Ok(ObjectRef::with_live(cell.id(), class, cell))
    }

    /// Its client gets a handle to what it hears of.
    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        let live = reference.live().and_then(|live| Arc::clone(live).downcast::<Cell>().ok());
        let cell = live.ok_or_else(|| format!("{reference} is not an object of this service"))?;
        self.session.hold_for(self.sequence, &cell).map_err(|error| error.to_string())
    }
}
