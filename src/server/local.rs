//! Calls from within the service's process: a session without a socket, and what methods and generators ask of their
//! own service.

use super::engine::{Deadline, Engine, Later, Request, Step};
use super::gate::Gate;
use super::session::{ServerSession, drive};
use crate::store::Flight;
use futures::FutureExt;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;
use tarmem_remote::call::{Caller, Ticket, Timeout};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Carries operations straight to the engine.
pub(crate) struct LocalCaller {
    engine: Arc<Engine>,
    session: Holder,
    /// The generator on whose behalf it calls.
    within: Option<Arc<Flight>>,
    call_time: Option<Duration>,
    next: AtomicU64,
    pending: Mutex<HashMap<u64, Arc<Gate>>>,
}

/// A session's own caller must not keep the session alive; a generator's must.
enum Holder {
    Weak(Weak<ServerSession>),
    Strong(Arc<ServerSession>),
    /// As `Strong`, and the session ends with it.
    Owned(Arc<ServerSession>),
}

impl LocalCaller {
    /// For the methods that run for a session.
    pub(crate) fn of_methods(engine: &Arc<Engine>, session: Weak<ServerSession>) -> Self {
        Self::new(engine, Holder::Weak(session), None, None)
    }

    /// For a generator.
    pub(crate) fn of_generator(session: &Arc<ServerSession>, flight: &Arc<Flight>) -> Self {
        Self::new(session.engine(), Holder::Strong(Arc::clone(session)), Some(Arc::clone(flight)), None)
    }

    /// For what a request runs: on behalf of the flight `within`, or of that which the request itself is part of.
    pub(crate) fn within(engine: &Arc<Engine>, request: &Request<'_>, within: Option<&Arc<Flight>>) -> Self {
        let flight = within.or(request.within).cloned();
        Self::new(engine, Holder::Strong(Arc::clone(request.session)), flight, None)
    }

    /// A session of its own, which ends with it.
    pub(crate) fn session(engine: &Arc<Engine>, call_time: Option<Duration>) -> Self {
        Self::new(engine, Holder::Owned(ServerSession::new(engine)), None, call_time)
    }

    fn new(engine: &Arc<Engine>, session: Holder, within: Option<Arc<Flight>>, call_time: Option<Duration>) -> Self {
        LocalCaller {
            engine: Arc::clone(engine),
            session,
            within,
            call_time,
            next: AtomicU64::new(1),
            pending: Mutex::default(),
        }
    }

    fn submit(self: Arc<Self>, operation: &[u8], timeout: Timeout) -> Result<Ticket, Error> {
        let session = match &self.session {
            Holder::Strong(session) | Holder::Owned(session) => Arc::clone(session),
            Holder::Weak(session) => session.upgrade().ok_or(Error::Cancelled)?,
        };
        if self.engine.is_closing() && self.within.is_none() {
            return Err(Error::ShuttingDown);
        }
        let deadline = match timeout {
            Timeout::Default => self.call_time.map_or(Deadline::NEVER, Deadline::after),
            Timeout::After(after) => Deadline::after(after),
            Timeout::Never => Deadline::NEVER,
        };
        let request =
            Request { session: &session, within: self.within.as_ref(), deadline, result_bytes: session.result_bytes() };
        let mut out = Vec::new();
        let step = self.engine.execute(&request, Operation::decode(operation)?, &mut out)?;
        let mut later = match step {
            Step::Done => return Ok(Ticket::ready(Reply::Done(out.into()))),
            Step::Raised(message) => return Ok(Ticket::ready(Reply::Raised { message, body: out.into() })),
            Step::Later(later) => later,
        };
        // Many async methods need no waiting. A timer needs a runtime to be made in, and the caller may have none.
        let _runtime = self.engine.runtime.enter();
        if let Some(reply) = (&mut later.run).now_or_never() {
            return Ok(Ticket::ready(reply));
        }
        Ok(self.finish_later(later, deadline))
    }

    fn finish_later(self: Arc<Self>, later: Later, deadline: Deadline) -> Ticket {
        let sequence = self.next.fetch_add(1, Ordering::Relaxed);
        self.pending.lock().insert(sequence, Arc::clone(&later.gate));
        let (sender, receiver) = oneshot::channel();
        let caller = Arc::clone(&self);
        let finish = drive(later, deadline, move |reply| {
            caller.pending.lock().remove(&sequence);
            let _ = sender.send(reply);
        });
        self.engine.runtime.spawn(self.engine.running.track_future(finish));
        Ticket::waiting(receiver, self, sequence)
    }
}

impl Caller for LocalCaller {
    fn poll_submit(self: Arc<Self>, _cx: &mut Context<'_>, operation: &[u8], timeout: Timeout) -> Poll<Ticket> {
        Poll::Ready(self.submit(operation, timeout).unwrap_or_else(|error| Ticket::ready(Reply::Failed(error))))
    }

    fn cancel(&self, sequence: u64) {
        let gate = self.pending.lock().remove(&sequence);
        if let Some(gate) = gate {
            gate.stop();
        }
    }

    fn release(&self, id: Uuid) {
        let session = match &self.session {
            Holder::Strong(session) | Holder::Owned(session) => Some(Arc::clone(session)),
            Holder::Weak(session) => session.upgrade(),
        };
        if let Some(session) = session {
            // A handle is released once for each time it was counted.
            let _ = session.release(id, 1);
        }
    }
}

impl Drop for LocalCaller {
    fn drop(&mut self) {
        if let Holder::Owned(session) = &self.session {
            session.end();
        }
    }
}
