//! Who waits for the locks of objects.
//!
//! Most objects never see a queue, so a lock has no place for one: it is looked for by where the lock is, as in a
//! parking lot.

use super::lock::{Granted, Lock, Use};
use crate::sync::{Mutex, lazy_static};
use std::collections::{BTreeMap, VecDeque};
use std::ptr;
use tokio::sync::oneshot;

/// More than threads that will ever meet in one.
const PARTS: usize = 64;

lazy_static! {
    /// The queues of all locks for which somebody waits, by the lock's address. A queue is gone before its lock is.
    static ref QUEUES: [Mutex<BTreeMap<usize, Queue>>; PARTS] = std::array::from_fn(|_| Mutex::new(BTreeMap::new()));
}

/// Somebody who waits.
pub(super) struct Waiter {
    pub(super) wants: Use,
    pub(super) granted: oneshot::Sender<Granted>,
}

#[derive(Default)]
struct Queue {
    waiters: VecDeque<Waiter>,
    /// The waiters that were left when those who had gone away were last left out.
    swept: usize,
}

/// Who is first in a queue.
pub(super) enum Next {
    /// This one, and it can have the lock: it was taken.
    Granted(Waiter),
    /// This one was, and has gone away.
    Gone(Waiter),
    /// Nobody, or nobody who can have the lock now.
    Nobody,
}

/// Puts `waiter` in the queue of `lock`, and lets the lock `note` that it has one before anybody else comes to it.
pub(super) fn push(lock: &Lock, waiter: Waiter, note: impl FnOnce()) {
    let mut queues = part(lock).lock();
    let gone = queues.entry(address(lock)).or_default().push(waiter);
    note();
    drop(queues);
    // Their wakers may be the last to know of something, and dropping that is not ours.
    drop(gone);
}

/// Takes the first from the queue of `lock` if it has gone away, or if the lock can be had: `take` tries that. If none
/// is left there is no queue any more, which the lock has to `note`.
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

/// Removes the queue of a lock that goes.
#[cold]
pub(super) fn forget(lock: &Lock) {
    let queue = part(lock).lock().remove(&address(lock));
    drop(queue);
}

/// How many wait, or did and have gone away.
#[cfg(test)]
pub(super) fn waiting(lock: &Lock) -> usize {
    part(lock).lock().get(&address(lock)).map_or(0, |queue| queue.waiters.len())
}

impl Queue {
    /// Those who went away, and were left out.
    fn push(&mut self, waiter: Waiter) -> Vec<Waiter> {
        let mut gone = Vec::new();
        // They are left out before the queue doubles: it never holds many more than really wait.
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
    // Locks lie in blocks that begin at multiples of 16.
    &QUEUES[address(lock) / 16 % PARTS]
}
