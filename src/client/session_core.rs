//! The state of a session, which outlives its connections: what its callers, who have a [`SessionHandle`], share with
//! the task that keeps it connected.
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

/// Why a session has ended that was closed.
const CLOSED_HERE: &str = "it was closed here";

/// How much later than its time a call is told of it by the background, if nobody else has.
pub(super) const LATE: Duration = Duration::from_millis(100);

/// The state of a session, which outlives its connections.
pub(super) struct SessionCore {
    pub(super) options: SessionOptions,
    pub(super) outbox: SharedOutbox,
    pub(super) identity: Mutex<Identity>,
    /// Methods that the service was built with other signatures of.
    pub(super) changes: Changes,
    pub(super) state: watch::Sender<SessionState>,
    /// There is something in the outbox, or the session is to end, or to be connected again.
    pub(super) wakeup: Wakeup,
    /// Where its connections are pumped.
    pub(super) home: HomeRuntime,
    /// It is to be closed, or was, and nobody has wanted it again since. Changes while `reconnect_requests` is locked.
    pub(super) closed: AtomicBool,
    /// Nobody uses the session any more.
    pub(super) unused: AtomicBool,
    /// One of these two has just turned true.
    pub(super) closing: Notify,
    /// Who wants it to connect again.
    pub(super) reconnect_requests: Mutex<Vec<oneshot::Sender<Result<(), Error>>>>,
    /// What the hook is to be told.
    hook_queue: Mutex<HookQueue>,
    /// In which process it was made.
    forks: u64,
    /// Turns true when the task has ended.
    pub(super) ended: watch::Sender<bool>,
}

impl SessionCore {
    /// The session that was opened as `identity`, within the service's `limits`; its home is the runtime that runs
    /// this.
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

    pub(super) fn closed_here(&self) -> Error {
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

    /// This process is not the one that the session was made in: nothing of it may be touched, since its locks may be
    /// held by threads that are not there.
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

    /// As [`expire`](Self::expire), of calls that should have been answered a while ago: whoever does that does not
    /// run.
    pub(super) fn expire_late(&self) {
        let is_late = |at: Instant| at.elapsed() > LATE;
        if self.outbox.lock().next_deadline().is_some_and(is_late) {
            self.expire();
        }
    }

    /// Hands out the first `most` of the replies that have arrived; whether there are more. `woken` is empty, before
    /// and after.
    pub(super) fn deliver(&self, most: usize, woken: &mut Vec<Waker>) -> Result<bool, String> {
        let (more, unknown, more_work) = {
            let mut outbox = self.outbox.lock();
            let more = outbox.deliver(most, woken);
            (more, outbox.take_unknown(), outbox.has_work())
        };
        // Under no lock: they look for their replies at once. Those whose replies made sense, whatever comes after
        // them.
        woken.drain(..).for_each(wake);
        for (operation, task) in &unknown {
            if let Some(renamed) = by_names(operation) {
                self.outbox.lock().send(renamed, *task);
            }
        }
        if more_work || !unknown.is_empty() {
            self.wakeup.raise();
        }
        more.map_err(|error| error.to_string())
    }
}

/// However the task that keeps the session connected ends, even by a panic or with its runtime: nobody waits for it in
/// vain.
pub(super) struct EndOnDrop(pub(super) Arc<SessionCore>);

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
