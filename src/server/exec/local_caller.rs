//! Calls from within the service's process: a session without a socket, and the calls that methods and generators make
//! to their own service.

use super::engine::Engine;
use super::held_by_caller::HeldByCaller;
use super::large_calls;
use super::request::Request;
use super::step::{Later, Step, drive, entering};
use crate::journal::Entered;
use crate::server::session::ServerSession;
use crate::server::state::cancellation::Cancellation;
use crate::server::state::deadline::Deadline;
use crate::store::Flight;
use futures::FutureExt;
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms, Timeout};
use tarmem_remote::context::{Context as CallContext, Host, Owner, SessionEnded, Undo};
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};
use tarmem_remote::payload::Payload;
use tarmem_remote::value::{ObjectRef, Value};
use tokio::sync::oneshot;
use tokio::task::unconstrained;
use uuid::Uuid;

/// A call with its own timeout, or with a default of less than this, does not run on its caller's thread, so that the
/// caller is told when its time is up, whatever the method does. Other calls run on the caller's thread, which is many
/// times as fast.
const LONG: Duration = Duration::from_secs(1);

/// Carries operations straight to the engine.
pub(crate) struct LocalCaller {
    shared: Arc<CallerState>,
}

/// What a call that is not over yet keeps alive.
struct CallerState {
    engine: Arc<Engine>,
    session: Holder,
    /// The generator on whose behalf it calls.
    within: Option<Arc<Flight>>,
    /// What the caller holds while it calls.
    holding: Option<Arc<HeldByCaller>>,
    /// How long a call may take that does not say. A call that comes to wait for what its own caller holds ends after
    /// this, and the object is free again.
    call_time: Duration,
    calls: Mutex<HashMap<u64, LocalCall>>,
    /// Whether a result is handed over only once what it tells of is on disk. That is so for the sessions of the
    /// program that hosts the service, which may pass it on. It is not for what methods and generators call: what
    /// *they* return is a result itself, and waits for everything that was changed before they ended.
    gates: bool,
}

/// A call whose reply has not been taken.
struct LocalCall {
    reply: oneshot::Receiver<Reply>,
    /// The operation's name, for error messages.
    operation: Option<Box<Payload>>,
    /// `Some` until it is answered.
    cancellation: Option<Arc<Cancellation>>,
}

/// A session's own caller must not keep the session alive; a generator's must.
enum Holder {
    Weak(Weak<ServerSession>),
    Strong(Arc<ServerSession>),
    /// Like `Strong`, and the session ends with it.
    Owned(Arc<ServerSession>),
}

impl LocalCaller {
    /// A caller for the methods that run for a session.
    pub(crate) fn of_methods(engine: &Arc<Engine>, session: Weak<ServerSession>) -> Self {
        Self::new(engine, Holder::Weak(session), None, None)
    }

    /// A caller for what a request runs. The generator of flight `within` has its own session: the client that asked
    /// for it first may leave, and others still wait for it.
    pub(crate) fn within(engine: &Arc<Engine>, request: &Request<'_>, within: Option<&Arc<Flight>>) -> Self {
        match within {
            Some(flight) => {
                // It may do what the client may do that asked for it.
                let session = engine.open_local_session(request.session.credential().cloned());
                Self::new(engine, Holder::Owned(session), Some(Arc::clone(flight)), request.holding.cloned())
            }
            None => {
                let flight = request.within.cloned();
                Self::new(engine, Holder::Strong(Arc::clone(request.session)), flight, request.holding.cloned())
            }
        }
    }

    /// A caller for a session in process, which ends with it.
    pub(super) fn session(engine: &Arc<Engine>, session: Arc<ServerSession>) -> Self {
        Self::made(engine, Holder::Owned(session), None, None, true)
    }

    /// A caller for a method that may wait while it holds its object.
    pub(crate) fn holding(engine: &Arc<Engine>, request: &Request<'_>, holding: Arc<HeldByCaller>) -> Self {
        // If an object keeps its context, that must not keep the session alive.
        let session = Holder::Weak(Arc::downgrade(request.session));
        Self::new(engine, session, request.within.cloned(), Some(holding))
    }

    fn new(
        engine: &Arc<Engine>,
        session: Holder,
        within: Option<Arc<Flight>>,
        holding: Option<Arc<HeldByCaller>>,
    ) -> Self {
        Self::made(engine, session, within, holding, false)
    }

    fn made(
        engine: &Arc<Engine>,
        session: Holder,
        within: Option<Arc<Flight>>,
        holding: Option<Arc<HeldByCaller>>,
        gates: bool,
    ) -> Self {
        let (calls, call_time) = (Mutex::default(), engine.state.limits.call_time);
        LocalCaller {
            shared: Arc::new(CallerState {
                engine: Arc::clone(engine),
                session,
                within,
                holding,
                call_time,
                calls,
                gates,
            }),
        }
    }
}

impl CallerState {
    fn holder(&self) -> Option<Arc<ServerSession>> {
        match &self.session {
            Holder::Strong(session) | Holder::Owned(session) => Some(Arc::clone(session)),
            Holder::Weak(session) => session.upgrade(),
        }
    }

    /// What the code that this calls may ask of the service.
    fn host(&self, session: &Arc<ServerSession>) -> Arc<dyn Host> {
        match &self.within {
            None => Arc::clone(session.host()),
            Some(flight) => {
                let session = Holder::Strong(Arc::clone(session));
                Arc::new(LocalCaller::new(&self.engine, session, Some(Arc::clone(flight)), None))
            }
        }
    }

    fn submit(self: &Arc<Self>, cx: &mut Context<'_>, operation: &[u8], terms: Terms) -> Result<Submitted, Error> {
        let session = self.holder().ok_or_else(|| Error::Cancelled)?;
        // Counted before the check whether the service shuts down: then the shutdown waits for this call.
        let call = self.engine.state.local_calls.begin();
        if self.engine.state.is_closing() && self.within.is_none() {
            return Err(Error::ShuttingDown);
        }
        let (deadline, elsewhere) = match terms.timeout {
            Timeout::Default => (Deadline::after(self.call_time), self.call_time < LONG),
            Timeout::After(after) => (Deadline::after(after), true),
            Timeout::Never => (Deadline::NEVER, false),
        };
        if deadline.after.is_zero() {
            return Ok(Submitted::Answered(Reply::failed(deadline.late())));
        }
        let sequence = call.sequence;
        let owner = Owner { session: session.id(), task: terms.task() };
        let host = self.host(&session);
        let request = Request {
            session: &session,
            context: &CallContext::new(owner, sequence, deadline.at, host),
            within: self.within.as_ref(),
            holding: self.holding.as_ref(),
            deadline,
            result_bytes: session.result_bytes(),
            elsewhere,
        };
        let beats = self.engine.state.heartbeat.beats();
        let mut out = Vec::new();
        // What it changes at once is in one batch.
        let entered = self.engine.state.enter();
        let step = Operation::decode(operation)
            .map_err(Box::new)
            .and_then(|operation| self.engine.execute(&request, operation, &mut out));
        let reply = match step {
            Ok(Step::Later(mut later)) => {
                // Many async methods need not wait. To make a timer, a runtime is needed, and the caller may have none.
                let _runtime = self.engine.state.runtime.enter();
                match unconstrained(&mut later.run).now_or_never() {
                    Some(reply) => reply,
                    None => match large_calls::may_wait() {
                        Ok(()) => return Ok(self.finish_later(cx, later, deadline, session, sequence)),
                        Err(error) => {
                            self.leave(later, &session, sequence);
                            Reply::failed(error)
                        }
                    },
                }
            }
            Ok(Step::Over(written)) => written.into_reply(out),
            Err(error) => Reply::failed(*error),
        };
        let gate = self.gate(entered.as_ref(), operation);
        drop(entered);
        // Only calls that may be late read the clock, which takes a tenth of a call.
        let may_be_late = elsewhere || self.engine.state.heartbeat.beats() != beats;
        let reply = if may_be_late && deadline.has_passed() {
            session.undo(sequence);
            Reply::failed(deadline.late())
        } else {
            session.settle(sequence, reply)
        };
        let is_open = self.is_open_for(gate);
        if is_open && !matches!(reply, Reply::Provisional(_)) {
            return Ok(Submitted::Answered(reply));
        }
        // The result is there, but may be dropped unread.
        let (sender, mut receiver) = oneshot::channel();
        if is_open {
            let _ = sender.send(reply);
        } else {
            // This only sets who will be woken.
            let _ = receiver.poll_unpin(cx);
            self.when_open(gate, reply, move |reply| {
                if sender.send(reply).is_err() {
                    session.cancel(sequence);
                }
            });
        }
        self.calls.lock().insert(sequence, LocalCall { reply: receiver, cancellation: None, operation: None });
        cx.waker().wake_by_ref();
        Ok(Submitted::Waiting(sequence))
    }

    /// The batch of the journal that has to be on disk before the result of this operation is handed over.
    #[inline]
    fn gate(&self, entered: Option<&Entered<'_>>, operation: &[u8]) -> u64 {
        let Some(entered) = entered.filter(|_| self.gates) else { return 0 };
        if !matches!(Operation::decode(operation), Ok(Operation::Call { .. })) {
            // (A call says which objects it has seen.)
            entered.saw_anything();
        }
        entered.gate()
    }

    #[inline]
    fn is_open_for(&self, gate: u64) -> bool {
        gate == 0 || self.engine.state.journal().is_none_or(|journal| journal.is_open_for(gate))
    }

    /// Hands over a result once batch `gate` of the journal is on disk; if it never will be, an error.
    fn when_open(&self, gate: u64, reply: Reply, hand_over: impl FnOnce(Reply) + Send + 'static) {
        let state = Arc::clone(&self.engine.state);
        let handed_over = async move {
            hand_over(match state.told(gate).await {
                Ok(()) => reply,
                Err(error) => Reply::failed(error),
            });
        };
        self.engine.state.runtime.spawn(self.engine.state.running.track_future(handed_over));
    }

    /// Nobody waits for the call: it is stopped or, if it has begun, runs to its end and is undone.
    fn leave(&self, later: Later, session: &Arc<ServerSession>, sequence: u64) {
        if later.cancellation.stop() {
            return;
        }
        let session = Arc::clone(session);
        let left = async move {
            later.run.await;
            session.undo(sequence);
        };
        let left = entering(Arc::clone(&self.engine.state), left);
        self.engine.state.runtime.spawn(self.engine.state.running.track_future(left));
    }

    fn finish_later(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        later: Later,
        deadline: Deadline,
        session: Arc<ServerSession>,
        sequence: u64,
    ) -> Submitted {
        let (sender, mut reply) = oneshot::channel();
        // There is no reply yet: this only sets who will be woken.
        let _ = reply.poll_unpin(cx);
        self.calls.lock().insert(
            sequence,
            LocalCall { reply, cancellation: Some(Arc::clone(&later.cancellation)), operation: None },
        );
        session.pending(sequence, &later.cancellation, 0);
        let (caller, late) = (Arc::clone(self), Arc::clone(&session));
        let hand_over = move |reply| {
            if let Some(call) = caller.calls.lock().get_mut(&sequence) {
                call.cancellation = None;
            }
            session.finished(sequence);
            // Perhaps nobody is left to take the reply, or even to cancel the call.
            if sender.send(session.settle(sequence, reply)).is_err() {
                session.cancel(sequence);
            }
        };
        let gated = Arc::clone(self);
        let deliver = move |reply| {
            // It may have seen anything that was changed so far.
            let gate = if gated.gates { gated.engine.state.gate() } else { 0 };
            match gated.is_open_for(gate) {
                true => hand_over(reply),
                false => gated.when_open(gate, reply, hand_over),
            }
        };
        let finish = drive(later, deadline, deliver, move || late.undo(sequence));
        let finish = entering(Arc::clone(&self.engine.state), finish);
        self.engine.state.runtime.spawn(self.engine.state.running.track_future(finish));
        Submitted::Waiting(sequence)
    }
}

impl Caller for LocalCaller {
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Payload, terms: Terms) -> Poll<Submitted> {
        let submitted = self.shared.submit(cx, operation, terms);
        if let Ok(Submitted::Waiting(sequence)) = submitted
            && let Some(call) = self.shared.calls.lock().get_mut(&sequence)
        {
            call.operation = Some(Box::new(std::mem::take(operation)));
        }
        Poll::Ready(submitted.unwrap_or_else(|error| Submitted::Answered(Reply::failed(error))))
    }

    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Payload>>) -> Poll<Reply> {
        let mut calls = self.shared.calls.lock();
        let Some(call) = calls.get_mut(&sequence) else { return Poll::Ready(Reply::failed(Error::Cancelled)) };
        let Poll::Ready(reply) = call.reply.poll_unpin(cx) else { return Poll::Pending };
        *operation = calls.remove(&sequence).and_then(|call| call.operation);
        drop(calls);
        // A runtime that has ended answers nothing any more.
        Poll::Ready(reply.unwrap_or_else(|_| Reply::failed(Error::Cancelled)))
    }

    fn settle(&self, sequence: u64, received: bool) {
        match self.shared.holder() {
            Some(session) if received => session.acknowledge(sequence),
            Some(session) => session.undo(sequence),
            None => {}
        }
    }

    fn cancel(&self, sequence: u64) {
        // The reply may come between this and the cancellation. Then nobody receives it, which undoes it.
        let call = self.shared.calls.lock().remove(&sequence);
        let cancellation = call.and_then(|call| call.cancellation);
        if cancellation.is_none_or(|cancellation| !cancellation.stop())
            && let Some(session) = self.shared.holder()
        {
            session.cancel(sequence);
        }
    }

    fn forget(&self, sequence: u64) {
        self.shared.calls.lock().remove(&sequence);
    }

    fn release(&self, id: Uuid) {
        if let Some(session) = self.shared.holder() {
            // A handle is released once for each time that it was counted.
            let _ = session.release(id, 1);
        }
    }

    fn send(&self, operation: Payload, owner: Option<OwnerId>) {
        // Nobody receives it if the session has ended, either.
        let mut unheard = Context::from_waker(Waker::noop());
        let terms = Terms { timeout: Timeout::Never, owner, ..Terms::default() };
        if let Ok(Submitted::Waiting(sequence)) = self.shared.submit(&mut unheard, &operation, terms) {
            self.forget(sequence);
        }
    }
}

impl Host for LocalCaller {
    fn watch(&self, watcher: Weak<dyn SessionEnded>) -> bool {
        self.shared.holder().is_some_and(|session| session.watch(watcher))
    }

    fn undo_unless_received(&self, sequence: u64, undo: Undo) {
        match self.shared.holder() {
            Some(session) => session.undo_unless_received(sequence, undo),
            None => undo(),
        }
    }

    fn undo_unless_received_as(&self, sequence: u64, object: u64, what: &Value, undo: Undo) {
        match self.shared.holder() {
            Some(session) => session.undo_unless_received_as(sequence, object, what, undo),
            None => undo(),
        }
    }

    fn waits(&self, sequence: u64) {
        if let Some(session) = self.shared.holder() {
            session.waits(sequence);
        }
    }

    fn result_bytes(&self) -> usize {
        self.shared.holder().map_or(usize::MAX, |session| session.result_bytes())
    }

    fn live(&self, id: Uuid) -> Option<ObjectRef> {
        let cell = self.shared.holder()?.held(id).ok()?;
        let class = cell.class().entry().path;
        Some(ObjectRef::with_live(id, class, Arc::new(cell)))
    }
}

impl Drop for CallerState {
    fn drop(&mut self) {
        if let Holder::Owned(session) = &self.session {
            session.end();
        }
    }
}
