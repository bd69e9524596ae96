//! The queues of those who wait for the lock of an object.
//!
//! Most objects never need a queue, so a lock has no room for one. The queue is found by the lock's address, as in a
//! parking lot.

use super::lock::{Granted, Lock, Use};
use crate::sync::{Mutex, lazy_static};
use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use tokio::sync::oneshot;

/// More parts than there will be threads that use the queues at one time.
const PARTS: usize = 64;

lazy_static! {
    /// The queues of all locks that somebody waits for, by the lock's address. A queue is removed before its lock is
    /// dropped.
    static ref QUEUES: [Mutex<BTreeMap<usize, Queue>>; PARTS] = std::array::from_fn(|_| Mutex::new(BTreeMap::new()));
}

/// One caller that waits for a lock.
pub(super) struct Waiter {
    pub(super) wants: Use,
    pub(super) granted: oneshot::Sender<Granted>,
}

#[derive(Default)]
struct Queue {
    waiters: VecDeque<Waiter>,
    /// How many waiters were left the last time those who had left were removed.
    swept: usize,
}

/// What [`next`] found at the head of a queue.
pub(super) enum Next {
    /// The first waiter, for which the lock has been acquired.
    Granted(Waiter),
    /// The first waiter, which has stopped waiting.
    Gone(Waiter),
    /// The queue is empty, or its first waiter cannot have the lock now.
    Nobody,
}

/// Adds `waiter` to the queue of `lock`. Calls `note`, with which the lock notes that it has a queue, before anybody
/// else can look at that queue.
pub(super) fn push(lock: &Lock, waiter: Waiter, note: impl FnOnce()) {
    let mut queues = part(lock).lock();
    let gone = queues.entry(address(lock)).or_default().push(waiter);
    note();
    drop(queues);
    // Dropping a waker may drop other values with it: not while the queue is locked.
    drop(gone);
}

/// Removes the first waiter of `lock` if it has stopped waiting, or if `take` acquires the lock for it. If nobody is
/// left, removes the queue and calls `note`, with which the lock notes that.
pub(super) fn next(lock: &Lock, take: impl FnOnce(Use) -> bool, note: impl FnOnce()) -> Next {
    let mut queues = part(lock).lock();
    let Some(queue) = queues.get_mut(&address(lock)) else { return Next::Nobody };
    let Some(first) = queue.waiters.front() else {
        queues.remove(&address(lock));
        note();
        return Next::Nobody;
    };
    let gone = first.granted.is_closed();
    if !gone && !take(first.wants) {
        return Next::Nobody;
    }
    match queue.waiters.pop_front() {
        Some(first) if gone => Next::Gone(first),
        Some(first) => Next::Granted(first),
        None => Next::Nobody,
    }
}

/// Removes the queue of a lock that is being dropped.
#[cold]
pub(super) fn forget(lock: &Lock) {
    let queue = part(lock).lock().remove(&address(lock));
    drop(queue);
}

/// The length of the queue, including those who have stopped waiting.
#[cfg(test)]
pub(super) fn waiting(lock: &Lock) -> usize {
    part(lock).lock().get(&address(lock)).map_or(0, |queue| queue.waiters.len())
}

impl Queue {
    /// Adds a waiter. Returns those who had stopped waiting, if this was the time to remove them.
    fn push(&mut self, waiter: Waiter) -> Vec<Waiter> {
        let mut gone = Vec::new();
        // They are removed before the queue doubles: it never holds many more than really wait.
        if self.waiters.len() >= 2 * self.swept + 16 {
            for waiter in std::mem::take(&mut self.waiters) {
                if waiter.granted.is_closed() {
                    gone.push(waiter);
                } else {
                    self.waiters.push_back(waiter);
                }
            }
            self.swept = self.waiters.len();
        }
        self.waiters.push_back(waiter);
        gone
    }
}

fn address(lock: &Lock) -> usize {
    ptr::from_ref(lock).addr()
}

fn part(lock: &Lock) -> &'static Mutex<BTreeMap<usize, Queue>> {
    // Locks lie in blocks, which are aligned to 16 bytes.
    &QUEUES[address(lock) / 16 % PARTS]
}
