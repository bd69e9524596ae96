//! Object references in arguments and results: live objects on the service, counted handles at its clients.

use crate::server::session::ServerSession;
use crate::store::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tarmem_remote::value::{ObjectRef, RefScope};

/// Handles the references in the arguments and the result of a call of a function or generator.
pub(crate) struct SessionScope {
    pub(in crate::server) session: Arc<ServerSession>,
    pub(in crate::server) sequence: u64,
    resolved: AtomicBool,
}

impl SessionScope {
    /// A scope for call `sequence` of `session`.
    pub(in crate::server) fn new(session: &Arc<ServerSession>, sequence: u64) -> Self {
        SessionScope { session: Arc::clone(session), sequence, resolved: AtomicBool::new(false) }
    }

    /// Whether there was a reference in the arguments.
    pub(in crate::server) fn has_resolved(&self) -> bool {
        self.resolved.load(Ordering::Relaxed)
    }
}

impl RefScope for SessionScope {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let resolved = resolve(&self.session, &reference)?;
        self.resolved.store(true, Ordering::Relaxed);
        Ok(resolved)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        export(&self.session, self.sequence, reference)
    }
}

/// Handles the references in a call of a method. It costs nothing if there are none.
#[derive(Clone, Copy)]
pub(in crate::server) struct MethodScope<'a> {
    pub(in crate::server) session: &'a Arc<ServerSession>,
    pub(in crate::server) sequence: u64,
    /// The object whose method runs. If the method is given a reference, the object may become part of a cycle.
    pub(in crate::server) of: &'a Cell,
}

impl RefScope for MethodScope<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let resolved = resolve(self.session, &reference)?;
        self.session.state().suspects.add(self.of);
        Ok(resolved)
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        export(self.session, self.sequence, reference)
    }

    fn this(&self) -> Option<ObjectRef> {
        Some(reference_to(self.of.clone()))
    }
}

/// Resolves a reference from a client, which can refer to objects that it has handles to and to no others.
fn resolve(session: &ServerSession, reference: &ObjectRef) -> Result<ObjectRef, String> {
    let cell = session.held(reference.id()).map_err(|error| error.to_string())?;
    Ok(reference_to(cell))
}

/// The object behind a reference of this service.
pub(super) fn live(reference: &ObjectRef) -> Option<Cell> {
    reference.live()?.downcast_ref::<Cell>().cloned()
}

fn reference_to(cell: Cell) -> ObjectRef {
    let class = cell.class().entry().path;
    ObjectRef::with_live(cell.id(), class, Arc::new(cell))
}

/// In a reference in place of an object that a service has not kept, or could not read, when it was started again.
struct Gone;

/// A reference to an object that is not there any more. It can be passed on and stored like any other; whoever uses it
/// learns that there is no such object.
pub(in crate::server) fn gone(reference: &ObjectRef) -> ObjectRef {
    ObjectRef::with_live(reference.id(), reference.class(), Arc::new(Gone))
}

/// Gives the client a handle to an object in a result.
fn export(session: &Arc<ServerSession>, sequence: u64, reference: &ObjectRef) -> Result<(), String> {
    let live = reference.live();
    if live.is_some_and(|live| live.is::<Gone>()) {
        // There is nothing to have a handle to.
        return Ok(());
    }
    let cell = live.and_then(|live| live.downcast_ref::<Cell>());
    let cell = cell.ok_or_else(|| format!("{reference} is not an object of this service"))?;
    session.hold_for(sequence, cell).map_err(|error| error.to_string())
}
