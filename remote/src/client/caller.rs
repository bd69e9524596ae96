//! Who carries operations to a service, and on which terms.

mod owner;

use crate::operation::Reply;
use crate::payload::Payload;
use crate::signature::Changes;
pub(crate) use owner::Owned;
pub use owner::{OwnerId, current_task};
use std::task::{Context, Poll};
use std::time::Duration;
use uuid::Uuid;

/// Whoever carries operations to a service: a session over a connection, or the service itself in process.
#[doc(hidden)]
pub trait Caller: Send + Sync + 'static {
    /// Hands over one encoded operation, which may be taken out of `operation`. Pending while too many are on their way
    /// already; then it stays there. The task of `cx` is woken once it can be handed over, and again once the reply is
    /// there.
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Payload, terms: Terms) -> Poll<Submitted>;

    /// The reply to what [`poll_submit`](Self::poll_submit) took, once. If it failed, `operation` becomes what that
    /// took, for messages, where there still is something of it.
    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Payload>>) -> Poll<Reply>;

    /// What becomes of a [provisional](Reply::Provisional) reply that was taken: it stays done if it is `received`, and
    /// is undone if it did not make sense to whoever took it.
    fn settle(&self, sequence: u64, received: bool);

    /// Nobody waits for the reply any more: the operation is given up if it has not begun, and undone if it was
    /// [provisional](Reply::Provisional).
    fn cancel(&self, sequence: u64);

    /// Nobody waits for the reply any more, but the operation is to be done.
    fn forget(&self, sequence: u64);

    /// Gives up one handle to an object, some time soon.
    fn release(&self, id: Uuid);

    /// Hands over one encoded operation of which nobody will hear, in its turn; on behalf of the task that runs this,
    /// unless an `owner` is named.
    fn send(&self, operation: Payload, owner: Option<OwnerId>);

    /// Which methods the service was built with other signatures of; `None` if it is this very program.
    fn changes(&self) -> Option<&Changes> {
        None
    }
}

/// What became of an operation that was handed over.
#[doc(hidden)]
pub enum Submitted {
    /// It is on its way, under this number.
    Waiting(u64),
    /// It was answered at once.
    Answered(Reply),
}

/// How an operation is to be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[doc(hidden)]
pub struct Terms {
    /// How long it may take.
    pub timeout: Timeout,
    /// Making it twice is as good as making it once: it may be sent again to a service that was started again and does
    /// not know what became of it.
    pub idempotent: bool,
    /// How much of its time it has waited already, for room among the calls in flight.
    pub waited: Duration,
    /// On whose behalf it is made; `None` for the task that makes it.
    pub owner: Option<OwnerId>,
}

/// How long an operation may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[doc(hidden)]
pub enum Timeout {
    /// As long as the session gives every call.
    #[default]
    Default,
    /// So long, from when it is first polled.
    After(Duration),
    /// As long as it takes.
    Never,
}
