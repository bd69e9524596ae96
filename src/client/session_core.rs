//! The state of a session, which outlives its connections. The session's callers, which hold a [`SessionHandle`], share
//! it with the task that keeps the session connected.
//!
//! [`SessionHandle`]: super::session_handle::SessionHandle

use super::connection::Identity;
use super::fork;
use super::home_runtime::HomeRuntime;
use super::hook_queue::HookQueue;
use super::options::SessionOptions;
use super::outbox::{Outbox, SendLimits, SharedOutbox};
use super::session_state::{Reconnected, SessionState};
use super::wakeup::{Wakeup, wake};
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};
use tarmem_remote::call::by_names;
use tarmem_remote::error::Error;
use tarmem_remote::signature::Changes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot, watch};

/// The cause for the end of a session that the client closed.
const CLOSED_HERE: &str = "it was closed here";

/// How long after its deadline the background times out a call, if the pump has not done so.
pub(super) const LATE: Duration = Duration::from_millis(100);

/// The state of a session, which outlives its connections.
pub(super) struct SessionCore {
    pub(super) options: SessionOptions,
    pub(super) outbox: SharedOutbox,
    pub(super) identity: Mutex<Identity>,
    /// The methods whose signatures differ in the service.
    pub(super) changes: Changes,
    pub(super) state: watch::Sender<SessionState>,
    /// Raised when there is something in the outbox, or the session is to end or to reconnect.
    pub(super) wakeup: Wakeup,
    /// The runtime on which its connections are pumped.
    pub(super) home: HomeRuntime,
    /// Whether the session was closed, and no caller has asked for a reconnection since. Changes only while
    /// `reconnect_requests` is locked.
    pub(super) closed: AtomicBool,
    /// Whether the session is no longer used.
    pub(super) unused: AtomicBool,
    /// Notified when `closed` or `unused` turns true.
    pub(super) closing: Notify,
    /// Callers that wait for a reconnection.
    pub(super) reconnect_requests: Mutex<Vec<oneshot::Sender<Result<(), Error>>>>,
    /// The reconnections for which the hook has not been called yet.
    hook_queue: Mutex<HookQueue>,
    /// The value of [`fork::count`] in the process that made the session.
    forks: u64,
    /// Turns true when the task that keeps the session connected has ended.
    pub(super) ended: watch::Sender<bool>,
}

impl SessionCore {
    /// Creates the state of the session `identity`, with the service's `limits`. Its home is the current runtime.
    pub(super) fn new(identity: Identity, limits: SendLimits, options: SessionOptions) -> Self {
        SessionCore {
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
        }
    }

    /// Ends the session. New calls get the error `closed`.
    pub(super) fn end(&self, closed: Error, cause: &str, goodbye: bool) {
        let unknown = Error::OutcomeUnknown { address: self.options.address.clone(), cause: cause.to_owned() };
        let waiting = self.outbox.lock().end(closed, &unknown, goodbye);
        waiting.into_iter().for_each(wake);
    }

    /// Ends the session because the service does not have what this client knows: all calls get this error, even those
    /// that were sent, and later ones too.
    pub(super) fn end_lost(&self, error: Error) {
        let unknown = error.clone();
        let waiting = self.outbox.lock().end(error, &unknown, false);
        waiting.into_iter().for_each(wake);
    }

    /// Ends the session because the client closed it or no longer uses it.
    pub(super) fn end_here(&self) {
        self.end(self.closed_here(), CLOSED_HERE, true);
    }

    pub(super) fn closed_here(&self) -> Error {
        Error::Closed { address: self.options.address.clone(), cause: CLOSED_HERE.to_owned() }
    }

    /// Whether the session is about to end.
    pub(super) fn is_closing(&self) -> bool {
        self.closed.load(Ordering::Acquire) || self.unused.load(Ordering::Acquire)
    }

    /// Waits until the session is about to end.
    pub(super) async fn closing(&self) {
        loop {
            let closing = self.closing.notified();
            if self.is_closing() {
                return;
            }
            closing.await;
        }
    }

    /// Whether a caller waits for a reconnection. If so, the session no longer counts as closed.
    pub(super) fn is_reconnect_wanted(&self) -> bool {
        let mut reconnect_requests = self.reconnect_requests.lock();
        reconnect_requests.retain(|request| !request.is_closed());
        let is_reconnect_wanted = !reconnect_requests.is_empty();
        if is_reconnect_wanted {
            self.closed.store(false, Ordering::Release);
        }
        is_reconnect_wanted
    }

    /// Gives the outcome of a reconnection to the callers that wait for it.
    pub(super) fn answer_reconnect_requests(&self, answer: impl Fn() -> Result<(), Error>) {
        for request in std::mem::take(&mut *self.reconnect_requests.lock()) {
            let _ = request.send(answer());
        }
    }

    /// Publishes the state of the session.
    pub(super) fn set_state(&self, state: SessionState) {
        self.state.send_if_modified(|before| std::mem::replace(before, state) != state);
    }

    /// The error for calls if this process was forked from the one that made the session. Then nothing else of the
    /// session may be used, since its locks may be held by threads that do not exist here.
    pub(super) fn forked(&self) -> Option<Error> {
        if fork::count() == self.forks {
            return None;
        }
        Some(Error::Forked { address: self.options.address.clone() })
    }

    /// Has the hook called for a reconnection, on another thread, and in the order of the reconnections.
    pub(super) fn notify_hook(self: &Arc<Self>, reconnected: Reconnected) {
        let Some(hook) = self.options.on_reconnect.clone() else { return };
        if !self.hook_queue.lock().push(reconnected) {
            return;
        }
        let core = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let home = core.home.runtime();
            // Tasks that the hook spawns run on the home.
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

    /// Replaces the session by another one, perhaps of another service.
    pub(super) fn set_identity(&self, identity: Identity) {
        let before = std::mem::replace(&mut *self.identity.lock(), identity);
        if before.run != identity.run {
            // The new service may have been built with other signatures.
            self.changes.clear();
        }
    }

    /// How long client and service keep the session when the other side is silent.
    pub(super) fn lease(&self) -> Duration {
        self.identity.lock().lease
    }

    /// Times out the calls whose deadline has passed.
    pub(super) fn expire(&self) {
        let overdue = self.outbox.lock().expire(Instant::now());
        overdue.into_iter().for_each(wake);
    }

    /// As [`expire`](Self::expire), but only if a deadline passed a while ago, because the pump does not run.
    pub(super) fn expire_late(&self) {
        let is_late = |at: Instant| at.elapsed() > LATE;
        if self.outbox.lock().next_deadline().is_some_and(is_late) {
            self.expire();
        }
    }

    /// Delivers at most `most` of the replies that have arrived. Returns whether there are more. `woken` is empty
    /// before and after; passing it in saves an allocation.
    pub(super) fn deliver(&self, most: usize, woken: &mut Vec<Waker>) -> Result<bool, String> {
        let (more, unknown, more_work) = {
            let mut outbox = self.outbox.lock();
            let more = outbox.deliver(most, woken);
            (more, outbox.take_unknown(), outbox.has_work())
        };
        // Callers are woken after the lock has been released, since they take their replies at once. Even if a reply is
        // invalid, the callers of those before it are woken.
        woken.drain(..).for_each(wake);
        for (operation, task) in &unknown {
            if let Some(converted) = by_names(operation) {
                self.outbox.lock().send(converted, *task);
            }
        }
        if more_work || !unknown.is_empty() {
            self.wakeup.raise();
        }
        more.map_err(|error| error.to_string())
    }
}

/// Ends the session when the task that keeps it connected ends, even if by a panic, so that no caller waits in vain.
pub(super) struct EndOnDrop(pub(super) Arc<SessionCore>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        let cause = "the task that kept it connected has ended; see what it printed";
        let closed = Error::Closed { address: self.0.options.address.clone(), cause: cause.to_owned() };
        // The task may end by a panic. A second one, for example of a waker, would abort the process.
        if catch_unwind(AssertUnwindSafe(|| self.0.end(closed, cause, false))).is_err() {
            tracing::error!(
                "not all callers of the session with {} were told that it has ended",
                self.0.options.address
            );
        }
        self.0.reconnect_requests.lock().clear();
        self.0.state.send_replace(SessionState::Closed);
        self.0.ended.send_replace(true);
    }
}
