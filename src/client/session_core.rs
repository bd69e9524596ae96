//! A session over connections: what its callers and the task that carries their calls share.

use super::connection::{Identity, Opened};
use super::home_runtime::{HomeRuntime, LATE};
use super::hook_queue::HookQueue;
use super::outbox::{Outbox, Pushed, SharedOutbox};
use super::wakeup::{Wakeup, wake};
use super::{Reconnected, SessionBuilder, SessionState, fork, reconnect};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms, Timeout, current_task};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tarmem_remote::signature::{self, Changes};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

/// Why a session has ended that was closed.
const CLOSED_HERE: &str = "it was closed here";

/// A session over one connection after the other.
pub(crate) struct SessionHandle {
    core: Arc<SessionCore>,
    call_timeout: Option<Duration>,
}

pub(super) struct SessionCore {
    pub(super) options: SessionBuilder,
    pub(super) outbox: SharedOutbox,
    pub(super) identity: Mutex<Identity>,
    /// Methods that the service was built with other signatures of.
    pub(super) changes: Changes,
    pub(super) state: watch::Sender<SessionState>,
    /// There is something in the outbox, or the session is to end, or to be connected again.
    pub(super) wakeup: Wakeup,
    /// Where its connections are carried.
    pub(super) home: HomeRuntime,
    /// It is to be closed, or was, and nobody has wanted it again since. Changes while `revivals` is locked.
    closed: AtomicBool,
    /// Nobody uses the session any more.
    pub(super) unused: AtomicBool,
    /// One of these two has just turned true.
    closing: Notify,
    /// Who wants it to connect again.
    reconnect_requests: Mutex<Vec<oneshot::Sender<Result<(), Error>>>>,
    /// What the hook is to be told.
    hook_queue: Mutex<HookQueue>,
    /// In which process it was made.
    forks: u64,
    /// Turns true when the task has ended.
    ended: watch::Sender<bool>,
}

impl SessionHandle {
    /// Begins to carry the calls of a session that is open, and lives in the `background`.
    pub(super) fn begin(opened: Opened, options: SessionBuilder, background: &Handle) -> Self {
        let Opened { connection, identity, limits, .. } = opened;
        let call_timeout = options.call_timeout;
        let core = Arc::new(SessionCore {
            options,
            outbox: SharedOutbox::new(Outbox::new(limits)),
            identity: Mutex::new(identity),
            changes: Changes::default(),
            state: watch::Sender::new(SessionState::Connected),
            wakeup: Wakeup::default(),
            home: HomeRuntime::here(),
            closed: AtomicBool::new(false),
            unused: AtomicBool::new(false),
            closing: Notify::new(),
            reconnect_requests: Mutex::default(),
            hook_queue: Mutex::default(),
            forks: fork::count(),
            ended: watch::Sender::new(false),
        });
        let pumping = core.home.start_pump(connection, &core);
        background.spawn(reconnect::run(pumping, Arc::clone(&core), EndOnDrop(Arc::clone(&core))));
        SessionHandle { core, call_timeout }
    }

    pub(super) fn session(&self) -> Uuid {
        self.core.identity.lock().session
    }

    pub(super) fn address(&self) -> &str {
        &self.core.options.address
    }

    pub(super) fn ended(&self) -> Option<Error> {
        self.core.forked().or_else(|| self.core.outbox.lock().ended().cloned())
    }

    pub(super) fn states(&self) -> watch::Receiver<SessionState> {
        self.core.state.subscribe()
    }

    pub(super) async fn close(&self) {
        let core = &self.core;
        if core.forked().is_some() {
            return;
        }
        let reconnect_requests = {
            let mut reconnect_requests = core.reconnect_requests.lock();
            core.closed.store(true, Ordering::Release);
            std::mem::take(&mut *reconnect_requests)
        };
        reconnect_requests.into_iter().for_each(|request| drop(request.send(Err(core.closed_here()))));
        core.end_here();
        core.closing.notify_waiters();
        core.wakeup.alert();
        let is_over = |state: &SessionState| {
            // Or somebody wants it again already.
            *state == SessionState::Closed || !core.closed.load(Ordering::Acquire)
        };
        let _ = core.state.subscribe().wait_for(is_over).await;
    }

    pub(super) async fn reconnect(&self) -> Result<(), Error> {
        if let Some(forked) = self.core.forked() {
            return Err(forked);
        }
        let reconnected = {
            let mut reconnect_requests = self.core.reconnect_requests.lock();
            let is_closed = self.core.closed.load(Ordering::Acquire);
            if !is_closed && *self.core.state.borrow() == SessionState::Connected {
                return Ok(());
            }
            let (sender, reconnected) = oneshot::channel();
            // Those of whom nobody hears any more make room.
            reconnect_requests.retain(|request| !request.is_closed());
            reconnect_requests.push(sender);
            reconnected
        };
        self.core.wakeup.alert();
        reconnected.await.unwrap_or_else(|_| Err(self.ended().unwrap_or(Error::Cancelled)))
    }

    /// Ready once the task that carries its calls has ended; does not keep it alive.
    pub(super) fn task_ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.core.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        // In a forked child there is no task to hear of it.
        if self.core.forked().is_none() {
            self.core.unused.store(true, Ordering::Release);
            self.core.closing.notify_waiters();
            self.core.wakeup.alert();
        }
    }
}

impl Caller for SessionHandle {
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Payload, terms: Terms) -> Poll<Submitted> {
        if let Some(forked) = self.core.forked() {
            return Poll::Ready(Submitted::Answered(Reply::failed(forked)));
        }
        let timeout = match terms.timeout {
            Timeout::Default => self.call_timeout,
            Timeout::After(timeout) => Some(timeout),
            Timeout::Never => None,
        };
        let pushed = self.core.outbox.lock().push(operation, timeout, terms, cx.waker());
        match pushed {
            Pushed::NoRoom => {
                // Whoever looks after the deadlines has to hear of one more.
                self.core.wakeup.raise();
                Poll::Pending
            }
            Pushed::Refused(error) => Poll::Ready(Submitted::Answered(Reply::failed(error))),
            Pushed::Queued { sequence, first } => {
                if first {
                    self.core.wakeup.raise();
                }
                Poll::Ready(Submitted::Waiting(sequence))
            }
        }
    }

    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Payload>>) -> Poll<Reply> {
        if let Some(forked) = self.core.forked() {
            return Poll::Ready(Reply::failed(forked));
        }
        self.core.outbox.lock().poll_reply(cx, sequence, operation)
    }

    fn settle(&self, sequence: u64, received: bool) {
        self.core.outbox.lock().settle(sequence, received);
        self.core.wakeup.raise();
    }

    fn cancel(&self, sequence: u64) {
        if self.core.forked().is_none() {
            self.core.outbox.lock().cancel(sequence);
            self.core.wakeup.raise();
        }
    }

    fn forget(&self, sequence: u64) {
        if self.core.forked().is_none() {
            self.core.outbox.lock().forget(sequence);
            self.core.wakeup.raise();
        }
    }

    fn release(&self, id: Uuid) {
        if self.core.forked().is_none() {
            self.core.outbox.lock().release(id);
            self.core.wakeup.raise();
        }
    }

    fn send(&self, operation: Payload, owner: Option<OwnerId>) {
        if self.core.forked().is_none() {
            let task = owner.map_or_else(current_task, OwnerId::task);
            self.core.outbox.lock().send(operation, task);
            self.core.wakeup.raise();
        }
    }

    fn changes(&self) -> Option<&Changes> {
        Some(&self.core.changes)
    }
}

impl SessionCore {
    /// The session ends: new calls get `closed`.
    pub(super) fn end(&self, closed: Error, cause: &str, goodbye: bool) {
        let unknown = Error::OutcomeUnknown { address: self.options.address.clone(), cause: cause.to_owned() };
        let waiting = self.outbox.lock().end(closed, &unknown, goodbye);
        waiting.into_iter().for_each(wake);
    }

    /// The session ends since it was closed here, or nobody uses it any more.
    pub(super) fn end_here(&self) {
        self.end(self.closed_here(), CLOSED_HERE, true);
    }

    fn closed_here(&self) -> Error {
        Error::Closed { address: self.options.address.clone(), cause: CLOSED_HERE.to_owned() }
    }

    /// The session is to end.
    pub(super) fn is_closing(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.unused.load(Ordering::Acquire)
    }

    /// Returns once the session is to end.
    pub(super) async fn closing(&self) {
        loop {
            let closing = self.closing.notified();
            if self.is_closing() {
                return;
            }
            closing.await;
        }
    }

    /// Somebody waits for it to be connected again; from then on it is no longer closed.
    pub(super) fn is_reconnect_wanted(&self) -> bool {
        let mut reconnect_requests = self.reconnect_requests.lock();
        reconnect_requests.retain(|request| !request.is_closed());
        let is_reconnect_wanted = !reconnect_requests.is_empty();
        if is_reconnect_wanted {
            self.closed.store(false, Ordering::Release);
        }
        is_reconnect_wanted
    }

    /// Tells those who want it to be connected again what came of it.
    pub(super) fn answer_reconnect_requests(&self, answer: impl Fn() -> Result<(), Error>) {
        for request in std::mem::take(&mut *self.reconnect_requests.lock()) {
            let _ = request.send(answer());
        }
    }

    /// It is how the session is connected now.
    pub(super) fn set_state(&self, state: SessionState) {
        self.state.send_if_modified(|before| std::mem::replace(before, state) != state);
    }

    /// This process is not the one that the session was made in: nothing of it may be touched, since its locks may be held by
    /// threads that are not there.
    pub(super) fn forked(&self) -> Option<Error> {
        if fork::count() == self.forks {
            return None;
        }
        Some(Error::Forked { address: self.options.address.clone() })
    }

    /// Tells the hook that the session is connected again: beside this thread, and in the order in which it was.
    pub(super) fn notify_hook(self: &Arc<Self>, reconnected: Reconnected) {
        let Some(hook) = self.options.on_reconnect.clone() else { return };
        if !self.hook_queue.lock().push(reconnected) {
            return;
        }
        let core = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let home = core.home.runtime();
            // Tasks that the hook starts run there.
            let _entered = home.as_ref().map(Handle::enter);
            while let Some(next) = { core.hook_queue.lock().pop() } {
                let told = catch_unwind(AssertUnwindSafe(|| hook(next)));
                if told.is_err() {
                    tracing::error!(
                        "`on_reconnect` of the session with {} panicked; the session goes on",
                        core.options.address
                    );
                }
            }
        });
    }

    /// This is the session from now on, and the service that has it.
    pub(super) fn set_identity(&self, identity: Identity) {
        let before = std::mem::replace(&mut *self.identity.lock(), identity);
        if before.service != identity.service {
            // It may have been built with other signatures.
            self.changes.clear();
        }
    }

    /// How long a session is kept of whose client, or of whose service, nothing is heard.
    pub(super) fn lease(&self) -> Duration {
        self.identity.lock().lease
    }

    /// Answers the calls whose time is up.
    pub(super) fn expire(&self) {
        let overdue = self.outbox.lock().expire(Instant::now());
        overdue.into_iter().for_each(wake);
    }

    /// As [`expire`](Self::expire), of calls that should have been answered a while ago: whoever does that does not run.
    pub(super) fn expire_late(&self) {
        let is_late = |at: Instant| at.elapsed() > LATE;
        if self.outbox.lock().next_deadline().is_some_and(is_late) {
            self.expire();
        }
    }

    /// Hands out the first `most` of the replies that have arrived; whether there are more. `woken` is empty, before and after.
    pub(super) fn deliver(&self, most: usize, woken: &mut Vec<Waker>) -> Result<bool, String> {
        let (more, unknown, more_work) = {
            let mut outbox = self.outbox.lock();
            let more = outbox.deliver(most, woken);
            (more, outbox.take_unknown(), outbox.has_work())
        };
        // Under no lock: they look for their replies at once. Those whose replies made sense, whatever comes after them.
        woken.drain(..).for_each(wake);
        for (operation, task) in &unknown {
            if let Some(renamed) = signature::by_names(operation) {
                self.outbox.lock().send(renamed, *task);
            }
        }
        if more_work || !unknown.is_empty() {
            self.wakeup.raise();
        }
        more.map_err(|error| error.to_string())
    }
}

/// However the task that carries calls ends, even by a panic or with its runtime: nobody waits for it in vain.
pub(super) struct EndOnDrop(Arc<SessionCore>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let cause = "the task that it lived in has ended; see what it said";
        let closed = Error::Closed { address: self.0.options.address.clone(), cause: cause.to_owned() };
        // It may be a panic that ends the task: a second one, of a waker say, would abort the process.
        if catch_unwind(AssertUnwindSafe(|| self.0.end(closed, cause, false))).is_err() {
            tracing::error!(
                "the end of the session with {} was not told to all of its callers",
                self.0.options.address
            );
        }
        self.0.reconnect_requests.lock().clear();
        self.0.state.send_replace(SessionState::Closed);
        self.0.ended.send_replace(true);
    }
}
