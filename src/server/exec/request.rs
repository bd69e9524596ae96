//! Everything about one operation besides the operation itself: who asks, what for, and the deadline.

use super::held_by_caller::HeldByCaller;
use crate::server::refs::references::SessionScope;
use crate::server::session::ServerSession;
use crate::server::state::deadline::Deadline;
use crate::store::{Cell, ChangedBy, Flight};
use std::sync::Arc;
use tarmem_remote::context::{Context, Host};
use tarmem_remote::error::Error;

/// Who asks, and the deadline.
pub(crate) struct Request<'a> {
    pub(crate) session: &'a Arc<ServerSession>,
    /// What a method of this call may know about it: the client's task, its sequence number, its deadline.
    pub(crate) context: &'a Context,
    /// The generator that asks, if one does.
    pub(crate) within: Option<&'a Arc<Flight>>,
    /// What the call on whose behalf this one is made holds.
    pub(crate) holding: Option<&'a Arc<HeldByCaller>>,
    pub(crate) deadline: Deadline,
    /// The largest permitted result, in bytes.
    pub(crate) result_bytes: usize,
    /// It must not hold its thread: the caller would not be told in time that its deadline has passed, or it is so
    /// large that others would wait for it.
    pub(crate) elsewhere: bool,
}

impl Request<'_> {
    /// The number under which the call is undone; unique within the session.
    pub(in crate::server) fn sequence(&self) -> u64 {
        self.context.sequence()
    }

    /// Who makes the changes of this request.
    pub(in crate::server) fn by(&self) -> ChangedBy {
        ChangedBy { session: self.session.id(), sequence: self.sequence() }
    }

    /// Whether it comes from within the process, on the caller's thread.
    pub(in crate::server) fn is_local(&self) -> bool {
        self.sequence() >> 63 == 1
    }

    /// Counts a handle for the session, which is released if the client never gets the result.
    pub(in crate::server) fn hold(&self, cell: &Cell) -> Result<(), Error> {
        self.session.hold_for(self.sequence(), cell)
    }

    /// The scope for the object references in this call's arguments and result.
    pub(in crate::server) fn scope(&self) -> Arc<SessionScope> {
        Arc::new(SessionScope::new(self.session, self.sequence()))
    }

    /// Refuses to wait for an object that the call on whose behalf this one is made holds.
    pub(in crate::server) fn may_want(
        &self,
        cell: &Cell,
        exclusive: bool,
        target: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        match self.holding {
            Some(holding) if holding.would_wait_for_itself(cell, exclusive) => {
                Err(Error::HeldByCaller { target: target() })
            }
            _ => Ok(()),
        }
    }

    /// What a function of this request may know about it, if it asks the service through `host`.
    pub(in crate::server) fn context_of(&self, host: Arc<dyn Host>) -> Context {
        Context::new(self.context.owner(), self.sequence(), self.deadline.at, host)
    }
}

/// A [`Request`] for another thread.
pub(super) struct OwnedRequest {
    pub(super) session: Arc<ServerSession>,
    context: Context,
    within: Option<Arc<Flight>>,
    holding: Option<Arc<HeldByCaller>>,
    deadline: Deadline,
    result_bytes: usize,
    elsewhere: bool,
}

impl OwnedRequest {
    pub(in crate::server) fn of(request: &Request<'_>) -> Self {
        OwnedRequest {
            session: Arc::clone(request.session),
            context: request.context.clone(),
            within: request.within.cloned(),
            holding: request.holding.cloned(),
            deadline: request.deadline,
            result_bytes: request.result_bytes,
            elsewhere: request.elsewhere,
        }
    }

    pub(in crate::server) fn as_request(&self) -> Request<'_> {
        Request {
            session: &self.session,
            context: &self.context,
            within: self.within.as_ref(),
            holding: self.holding.as_ref(),
            deadline: self.deadline,
            result_bytes: self.result_bytes,
            elsewhere: self.elsewhere,
        }
    }
}
