//! Who calls a method, and of which object; and the outcome of an attempt to run it.

use crate::server::exec::held_by_caller::HeldByCaller;
use crate::server::exec::large_calls::Load;
use crate::server::exec::looking::{Asked, LookingScope, Looks, Own};
use crate::server::refs::references::MethodScope;
use crate::server::session::ServerSession;
use crate::store::{Cell, ChangedBy};
use std::sync::Arc;
use tarmem_remote::context::Context;
use tarmem_remote::describe::Place;
use tarmem_remote::operation::Reply;

/// The caller, and the scope that handles the object references in the call.
pub(super) struct CallSite<'a> {
    pub(super) context: &'a Context,
    pub(super) scope: MethodScope<'a>,
    /// The quota for large arguments, if the method may wait while it runs.
    pub(super) load: Option<&'a Load>,
}

/// The same for a call that waits, or goes to another thread.
pub(super) struct OwnedSite {
    pub(super) context: Context,
    pub(super) session: Arc<ServerSession>,
    pub(super) cell: Cell,
    /// What the call on whose behalf this one is made holds.
    pub(super) holding: Option<Arc<HeldByCaller>>,
    pub(super) load: Option<Arc<Load>>,
}

impl OwnedSite {
    pub(super) fn as_site(&self) -> CallSite<'_> {
        let scope = MethodScope { session: &self.session, sequence: self.context.sequence(), of: &self.cell };
        CallSite { context: &self.context, scope, load: self.load.as_deref() }
    }
}

impl CallSite<'_> {
    /// Who makes the changes of this call.
    pub(super) fn by(&self) -> ChangedBy {
        ChangedBy { session: self.scope.session.id(), sequence: self.scope.sequence }
    }

    pub(super) fn looking<'a>(&'a self, looks: &'a Looks, own: &'a [Own<'a>], code: Place) -> LookingScope<'a> {
        LookingScope { scope: &self.scope, looks, own, code }
    }
}

/// The outcome of one attempt to run a method.
pub(super) enum Attempt {
    Over(Reply),
    /// It could not look into these objects, and has to run again once all of them are locked.
    Asks(Asked),
}
