//! [`Caller`]: what carries operations to a service, and its options.

mod owner;

use crate::operation::Reply;
use crate::payload::Payload;
use crate::signature::Changes;
pub(crate) use owner::Owned;
pub use owner::{OwnerId, current_task};
use std::task::{Context, Poll};
use std::time::Duration;
use uuid::Uuid;

/// Carries operations to a service: a session over a connection, or the service itself in process.
#[doc(hidden)]
pub trait Caller: Send + Sync + 'static {
    /// Submits one encoded operation, which may be taken out of `operation`. Returns `Pending`, with the operation left
    /// in place, while too many are in flight. The task of `cx` is woken when there is room, and again when the reply
    /// has arrived.
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Payload, terms: Terms) -> Poll<Submitted>;

    /// Returns the reply to an operation that [`poll_submit`](Self::poll_submit) took, once. If it failed, `operation`
    /// is set to the operation, for messages, if it still exists.
    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Payload>>) -> Poll<Reply>;

    /// Decides about a [provisional](Reply::Provisional) reply that was taken: its effect is kept if it is `received`,
    /// and undone if the receiver could not decode it.
    fn settle(&self, sequence: u64, received: bool);

    /// Nobody waits for the reply any more: the operation is cancelled if it has not started, and undone if its reply
    /// is [provisional](Reply::Provisional).
    fn cancel(&self, sequence: u64);

    /// Nobody waits for the reply any more, but the operation is still to be done.
    fn forget(&self, sequence: u64);

    /// Releases one handle to an object, soon.
    fn release(&self, id: Uuid);

    /// Submits one encoded operation, in its turn, whose reply is ignored. It is made on behalf of the current task,
    /// unless an `owner` is named.
    fn send(&self, operation: Payload, owner: Option<OwnerId>);

    /// The methods for which the service was built with other signatures; `None` if it is this very program.
    fn changes(&self) -> Option<&Changes> {
        None
    }
}

/// The outcome of submitting an operation.
#[doc(hidden)]
pub enum Submitted {
    /// It is in flight, with this number.
    Waiting(u64),
    /// It was answered at once.
    Answered(Reply),
}

/// Options for submitting an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[doc(hidden)]
pub struct Terms {
    /// How long it may take.
    pub timeout: Timeout,
    /// Making it twice is the same as making it once, so it may be sent again to a restarted service that does not know
    /// what became of it.
    pub idempotent: bool,
    /// How much of its timeout it has already spent waiting for room among the calls in flight.
    pub waited: Duration,
    /// The owner on whose behalf it is made; `None` for the task that makes it.
    pub owner: Option<OwnerId>,
}

/// How long an operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[doc(hidden)]
pub enum Timeout {
    /// As long as the session allows for every call.
    #[default]
    Default,
    /// This long, from when it is first polled.
    After(Duration),
    /// Without a limit.
    Never,
}
