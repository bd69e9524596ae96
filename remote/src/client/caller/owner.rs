//! Owners: on whose behalf a client's call is made, which distinguishes the callers of one client.

use super::{Caller, Submitted, Terms};
use crate::error::Error;
use crate::operation::Reply;
use crate::payload::Payload;
use crate::signature::Changes;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::task::{Context, Poll};
use uuid::Uuid;

/// Set in the number of a thread, and not in that of a task.
const THREAD: u64 = 1 << 63;

/// Set in the number of a chosen owner, and not in any other.
const CHOSEN: u64 = 1 << 62;

/// An owner chosen by a caller: see [`Call::owner`](crate::Call::owner).
///
/// ```
/// use tarmem_remote::call::OwnerId;
///
/// let owner = OwnerId::new(7).unwrap();
/// assert_eq!(owner.id(), 7);
/// assert_eq!(OwnerId::of_task(owner.task()), Some(owner));
/// assert!(OwnerId::new(OwnerId::LIMIT).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OwnerId(NonZeroU64);

impl OwnerId {
    /// All ids are below this number: 2^62. Higher numbers are those of threads.
    pub const LIMIT: u64 = CHOSEN;

    /// The owner with this id.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] if the id is not below [`LIMIT`](Self::LIMIT).
    pub fn new(id: u64) -> Result<Self, Error> {
        let owner = if id < Self::LIMIT { NonZeroU64::new(id | CHOSEN) } else { None };
        let remedy = "number the owners of a session from 0, say, or cut a hash to 62 bits";
        owner.map(OwnerId).ok_or_else(|| Error::limit("the id of an owner", id, Self::LIMIT - 1, remedy))
    }

    /// The chosen id.
    pub fn id(self) -> u64 {
        self.0.get() & !CHOSEN
    }

    /// Its number among the [tasks](crate::context::Owner::task) of its session.
    pub fn task(self) -> u64 {
        self.0.get()
    }

    /// The owner with this task number; `None` if it is the number of a task or thread.
    pub fn of_task(task: u64) -> Option<Self> {
        if task & (THREAD | CHOSEN) == CHOSEN { NonZeroU64::new(task).map(OwnerId) } else { None }
    }
}

/// Shows the id.
impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id().fmt(f)
    }
}

impl Terms {
    /// The number on whose behalf the call is made: that of the chosen owner, or of the current task.
    pub fn task(&self) -> u64 {
        self.owner.map_or_else(current_task, OwnerId::task)
    }
}

/// A number for the current task, or for the current thread outside a task. It distinguishes the callers of one client.
#[doc(hidden)]
pub fn current_task() -> u64 {
    /// The ids of both types are private single integers, which only hashing can read.
    #[derive(Default)]
    struct Integer(u64);

    impl Hasher for Integer {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }

        fn write_u64(&mut self, integer: u64) {
            self.0 = self.0.rotate_left(32) ^ integer;
        }
    }

    let mut hasher = Integer::default();
    // Both ids count from 1, and never reach 2^62.
    match tokio::task::try_id() {
        Some(task) => {
            task.hash(&mut hasher);
            hasher.0 & !(THREAD | CHOSEN)
        }
        None => {
            std::thread::current().id().hash(&mut hasher);
            hasher.0 & !CHOSEN | THREAD
        }
    }
}

/// A caller that makes each call on behalf of an owner, unless the call names another.
pub(crate) struct Owned {
    caller: Arc<dyn Caller>,
    owner: Result<OwnerId, Error>,
}

impl Owned {
    pub(crate) fn by(caller: &Arc<dyn Caller>, id: u64) -> Arc<dyn Caller> {
        Arc::new(Owned { caller: Arc::clone(caller), owner: OwnerId::new(id) })
    }
}

impl Caller for Owned {
    fn poll_submit(&self, cx: &mut Context<'_>, operation: &mut Payload, mut terms: Terms) -> Poll<Submitted> {
        match (&self.owner, terms.owner) {
            (_, Some(_)) => {}
            (Ok(owner), None) => terms.owner = Some(*owner),
            (Err(error), None) => return Poll::Ready(Submitted::Answered(Reply::failed(error.clone()))),
        }
        self.caller.poll_submit(cx, operation, terms)
    }

    fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64, operation: &mut Option<Box<Payload>>) -> Poll<Reply> {
        self.caller.poll_reply(cx, sequence, operation)
    }

    fn settle(&self, sequence: u64, received: bool) {
        self.caller.settle(sequence, received);
    }

    fn cancel(&self, sequence: u64) {
        self.caller.cancel(sequence);
    }

    fn forget(&self, sequence: u64) {
        self.caller.forget(sequence);
    }

    fn release(&self, id: Uuid) {
        self.caller.release(id);
    }

    fn send(&self, operation: Payload, owner: Option<OwnerId>) {
        match (owner, &self.owner) {
            (Some(owner), _) | (None, &Ok(owner)) => self.caller.send(operation, Some(owner)),
            // Nobody waits for this reply.
            (None, Err(_)) => {}
        }
    }

    fn changes(&self) -> Option<&Changes> {
        self.caller.changes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_owner_is_never_taken_for_a_task_or_a_thread() {
        for id in [0, 1, 7, u64::from(u32::MAX), OwnerId::LIMIT - 1] {
            let owner = OwnerId::new(id).expect("in range");
            assert_eq!((owner.id(), OwnerId::of_task(owner.task())), (id, Some(owner)));
        }
        for beyond in [OwnerId::LIMIT, OwnerId::LIMIT + 1, u64::MAX] {
            let error = OwnerId::new(beyond).expect_err("out of range").to_string();
            assert!(error.contains("4611686018427387903"), "{error}");
        }
        let thread = current_task();
        assert_eq!((OwnerId::of_task(thread), thread & THREAD), (None, THREAD));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
        let task = runtime.block_on(async { tokio::spawn(async { current_task() }).await.expect("no panic") });
        assert_eq!((OwnerId::of_task(task), task & THREAD), (None, 0));
    }
}
