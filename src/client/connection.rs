//! A session over connections: what its callers and the task that carries their calls share.

use super::link::{Identity, Opened};
use super::outbox::{Outbox, Pushed};
use super::signal::{Signal, wake};
use super::{SessionBuilder, SessionState, life};
use crate::wire::batch::Answered;
use bytes::Bytes;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tarmem_remote::body::Body;
use tarmem_remote::call::{Caller, Submitted, Terms, Timeout};
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

/// A session over one connection after the other.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    call_timeout: Option<Duration>,
}

pub(super) struct Shared {
    pub(super) options: SessionBuilder,
    pub(super) outbox: Mutex<Outbox>,
    pub(super) identity: Mutex<Identity>,
    pub(super) state: watch::Sender<SessionState>,
    /// There is something in the outbox.
    pub(super) work: Signal,
    /// The session is to end.
    pub(super) close: Notify,
    /// Nobody uses the session any more.
    pub(super) unused: AtomicBool,
    /// Who wants it to connect again.
    pub(super) revivals: Mutex<Vec<oneshot::Sender<Result<(), Error>>>>,
    pub(super) revive: Notify,
    /// Turns true when the task has ended.
    ended: watch::Sender<bool>,
}

impl Connection {
    /// Begins to carry the calls of a session that is open.
    pub(super) fn begin(opened: Opened, options: SessionBuilder) -> Self {
        let Opened { link, identity, bounds, .. } = opened;
        let call_timeout = options.call_timeout;
        let shared = Arc::new(Shared {
            options,
            outbox: Mutex::new(Outbox::new(bounds)),
            identity: Mutex::new(identity),
            state: watch::Sender::new(SessionState::Connected),
            work: Signal::default(),
            close: Notify::new(),
            unused: AtomicBool::new(false),
            revivals: Mutex::default(),
            revive: Notify::new(),
            ended: watch::Sender::new(false),
        });
        tokio::spawn(life::live(link, Arc::clone(&shared), Ending(Arc::clone(&shared))));
        Connection { shared, call_timeout }
    }

    pub(super) fn session(&self) -> Uuid {
        self.shared.identity.lock().session
    }

    pub(super) fn address(&self) -> &str {
        &self.shared.options.address
    }

    pub(super) fn ended(&self) -> Option<Error> {
        self.shared.outbox.lock().ended().cloned()
    }

    pub(super) fn states(&self) -> watch::Receiver<SessionState> {
        self.shared.state.subscribe()
    }

    pub(super) async fn close(&self) {
        let closed = Error::Closed { address: self.address().to_owned(), cause: "it was closed here".to_owned() };
        self.shared.end(closed, "it was closed here", true);
        self.shared.close.notify_one();
        let _ = self.shared.state.subscribe().wait_for(|state| *state == SessionState::Closed).await;
    }

    pub(super) async fn reconnect(&self) -> Result<(), Error> {
        let (sender, revived) = oneshot::channel();
        self.shared.revivals.lock().push(sender);
        self.shared.revive.notify_one();
        revived.await.unwrap_or_else(|_| Err(self.ended().unwrap_or(Error::Cancelled)))
    }

    /// Ready once the task that carries its calls has ended; does not keep it alive.
    pub(super) fn carried(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut ended = self.shared.ended.subscribe();
        async move {
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.unused.store(true, Ordering::Release);
        self.shared.close.notify_one();
        self.shared.revive.notify_one();
    }
}

impl Caller for Connection {
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Body, terms: Terms) -> Poll<Submitted> {
        let timeout = match terms.timeout {
            Timeout::Default => self.call_timeout,
            Timeout::After(timeout) => Some(timeout),
            Timeout::Never => None,
        };
        let pushed = self.shared.outbox.lock().push(operation, timeout, terms, cx.waker());
        match pushed {
            Pushed::Crowded => {
                // Whoever looks after the deadlines has to hear of one more.
                self.shared.work.raise();
                Poll::Pending
            }
            Pushed::Refused(error) => Poll::Ready(Submitted::Answered(Reply::failed(error))),
            Pushed::Waiting { sequence, first } => {
                if first {
                    self.shared.work.raise();
                }
                Poll::Ready(Submitted::Waiting(sequence))
            }
        }
    }

    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Body>>) -> Poll<Reply> {
        let reply = self.shared.outbox.lock().poll_reply(cx, sequence, operation);
        if let Poll::Ready(Reply::Provisional(_)) = reply {
            self.shared.work.raise();
        }
        reply
    }

    fn cancel(&self, sequence: u64) {
        self.shared.outbox.lock().cancel(sequence);
        self.shared.work.raise();
    }

    fn forget(&self, sequence: u64) {
        self.shared.outbox.lock().forget(sequence);
        self.shared.work.raise();
    }

    fn release(&self, id: Uuid) {
        self.shared.outbox.lock().release(id);
        self.shared.work.raise();
    }

    fn send(&self, operation: Body) {
        self.shared.outbox.lock().send(operation);
        self.shared.work.raise();
    }
}

impl Shared {
    /// The session ends: new calls get `closed`.
    pub(super) fn end(&self, closed: Error, cause: &str, goodbye: bool) {
        let unknown = Error::OutcomeUnknown { address: self.options.address.clone(), cause: cause.to_owned() };
        let waiting = self.outbox.lock().end(closed, &unknown, goodbye);
        waiting.into_iter().for_each(wake);
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

    /// Hands out the first `most` of `replies`; the rest of them. `woken` is empty, before and after.
    pub(super) fn deliver(&self, replies: &Bytes, most: usize, woken: &mut Vec<Waker>) -> Result<Bytes, String> {
        let mut rest: &[u8] = replies;
        let (taken, more_work) = {
            let mut outbox = self.outbox.lock();
            let mut take_one = || {
                let (reply, more) = Answered::take(rest)?;
                rest = more;
                // One that is pending stays in the outbox.
                if let Some(outcome) = reply.outcome.into_reply(replies) {
                    woken.extend(outbox.answered(reply.sequence, outcome));
                }
                Ok(!more.is_empty())
            };
            let mut taken = Ok(!replies.is_empty());
            for _ in 0..most {
                if !matches!(taken, Ok(true)) {
                    break;
                }
                taken = take_one();
            }
            (taken, outbox.has_work())
        };
        // Under no lock: they look for their replies at once. Those whose replies made sense, whatever comes after them.
        woken.drain(..).for_each(wake);
        if more_work {
            self.work.raise();
        }
        taken.map(|_more| replies.slice_ref(rest)).map_err(|error: Error| error.to_string())
    }
}

/// However the task that carries calls ends, even by a panic or with its runtime: nobody waits for it in vain.
pub(super) struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let cause = "the task that carried it has ended, with its runtime perhaps";
        let closed = Error::Closed { address: self.0.options.address.clone(), cause: cause.to_owned() };
        // It may be a panic that ends the task: a second one, of a waker say, would abort the process.
        if catch_unwind(AssertUnwindSafe(|| self.0.end(closed, cause, false))).is_err() {
            tracing::error!(
                "the end of the session with {} was not told to all of its callers",
                self.0.options.address
            );
        }
        self.0.revivals.lock().clear();
        self.0.state.send_replace(SessionState::Closed);
        self.0.ended.send_replace(true);
    }
}
