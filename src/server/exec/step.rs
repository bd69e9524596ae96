//! How much of an operation is done at once, the rest of it, and its reply.

use crate::server::state::State;
use crate::server::state::cancellation::Cancellation;
use crate::server::state::deadline::Deadline;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::task::Poll;
use tarmem_remote::codec;
use tarmem_remote::dispatch::Output;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Reply;
use tarmem_remote::payload::Payload;
use tokio::sync::oneshot;

/// How much of an operation was done at once.
pub(crate) enum Step {
    /// All of it. The result is in the buffer that was passed in.
    Over(Written),
    /// A part of it. This is the rest.
    Later(Later),
}

/// What an operation that is over has written to its buffer.
pub(crate) enum Written {
    /// Its result.
    Result,
    /// An error that the method or function returned, with this message.
    Raised(String),
}

impl Written {
    /// The bytes that were written to `output`.
    #[inline]
    pub(super) fn to(output: Output<'_>) -> Self {
        output.into_raised().map_or(Written::Result, Written::Raised)
    }

    /// The reply with what was written, which is `body`.
    #[inline]
    pub(crate) fn into_reply(self, body: impl Into<Payload>) -> Reply {
        match self {
            Written::Result => Reply::Done(body.into()),
            Written::Raised(message) => Reply::raised(message, body.into()),
        }
    }
}

impl From<Written> for Step {
    #[inline]
    fn from(written: Written) -> Self {
        Step::Over(written)
    }
}

/// The rest of an operation.
pub(crate) struct Later {
    pub(crate) run: BoxFuture<'static, Reply>,
    pub(crate) cancellation: Arc<Cancellation>,
    /// Completes once the calls behind it may begin: when it is queued for what it waits for.
    pub(crate) ahead: Option<oneshot::Receiver<()>>,
}

impl Later {
    pub(crate) fn new(run: impl Future<Output = Reply> + Send + 'static) -> Self {
        Later { run: Box::pin(run), cancellation: Arc::default(), ahead: None }
    }

    /// The calls behind it begin only when the returned sender is dropped.
    pub(super) fn goes_ahead(&mut self) -> oneshot::Sender<()> {
        let (sender, receiver) = oneshot::channel();
        self.ahead = Some(receiver);
        sender
    }
}

/// Waits for `wait`. The calls behind it may begin once `wait` has been polled.
pub(super) async fn in_line<T>(wait: impl Future<Output = T>, behind: &mut Option<oneshot::Sender<()>>) -> T {
    let mut wait = std::pin::pin!(wait);
    let first = futures::poll!(wait.as_mut());
    behind.take();
    match first {
        Poll::Ready(ready) => ready,
        Poll::Pending => wait.await,
    }
}

/// The reply with what `write` writes.
pub(super) fn reply_with<E>(write: impl FnOnce(&mut Vec<u8>) -> Result<Written, E>) -> Result<Reply, E> {
    let mut body = Vec::new();
    Ok(write(&mut body)?.into_reply(body))
}

/// Appends the result of an operation to `out`.
pub(super) fn put(out: &mut Vec<u8>, value: &impl serde::Serialize) -> Result<Step, Error> {
    codec::encode_into(value, out, usize::MAX).map_err(|e| Error::malformed("result", e))?;
    Ok(Step::Over(Written::Result))
}

/// Polls `work` while the thread is in the open batch of the journal: what one poll changes is in one batch.
pub(crate) async fn entering<T>(state: Arc<State>, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |cx| {
        let _entered = state.enter();
        work.as_mut().poll(cx)
    })
    .await
}

/// Runs an operation to its end, or to its deadline, or until it is stopped. `deliver` is called once. `undo` is called
/// if the operation ended after its deadline, so that nobody will get its result.
pub(crate) async fn drive(later: Later, deadline: Deadline, deliver: impl FnOnce(Reply), undo: impl FnOnce()) {
    let Later { mut run, cancellation, .. } = later;
    tokio::select! {
        biased;
        // First: whoever has stopped it relies on getting no result any more.
        () = cancellation.when_stopped() => deliver(Reply::failed(Error::Cancelled)),
        reply = &mut run => deliver(reply),
        () = deadline.passed() => {
            let stopped = cancellation.stop();
            deliver(Reply::failed(deadline.late()));
            if !stopped {
                // An exclusive method that has begun runs to its end; otherwise its object would be left half changed.
                run.await;
                undo();
            }
        }
    }
}
