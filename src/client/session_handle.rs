//! The handle that a session's callers hold: it makes calls, and closes and reconnects the session. The session ends
//! when the handle is dropped.

use super::connection::Opened;
use super::options::SessionOptions;
use super::outbox::Pushed;
use super::pump_task::PumpTask;
use super::reconnect;
use super::session_core::{EndOnDrop, SessionCore};
use super::session_state::SessionState;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tarmem_remote::call::{Caller, OwnerId, Submitted, Terms, Timeout, current_task};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tarmem_remote::signature::Changes;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

/// A session, as its callers hold it.
pub(crate) struct SessionHandle {
    core: Arc<SessionCore>,
    call_timeout: Option<Duration>,
}

impl SessionHandle {
    /// Starts to pump the calls of an open session, and starts the task in the `background` that keeps it connected.
    pub(super) fn begin(opened: Opened, options: SessionOptions, background: &Handle) -> Self {
        let Opened { connection, identity, limits, .. } = opened;
        let call_timeout = options.call_timeout;
        let core = Arc::new(SessionCore::new(identity, limits, options));
        let pumping = PumpTask::start(connection, &core);
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
            // If it is not closed any more, a caller has already asked for a reconnection.
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
            // Remove the requests of callers that no longer wait.
            reconnect_requests.retain(|request| !request.is_closed());
            reconnect_requests.push(sender);
            reconnected
        };
        self.core.wakeup.alert();
        reconnected.await.unwrap_or_else(|_| Err(self.ended().unwrap_or(Error::Cancelled)))
    }

    /// Waits until the task that keeps the session connected has ended, without keeping the session alive.
    pub(super) fn task_ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.core.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

impl Drop for SessionHandle {
    fn drop(&mut self) {
        // A forked child does not have the task.
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
                // The pump has to take the new deadline into account.
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
