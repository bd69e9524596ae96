//! The lock of one object: many readers or one writer, in order of arrival.
//!
//! Each of millions of objects has one, and nearly every call finds it free. So the lock is one word; while nobody
//! waits, it takes one atomic step to acquire and one to release. Waiters are kept elsewhere, in
//! [`queues`](super::queues). (An earlier version used tokio's semaphore, which takes a mutex on release; that was a
//! tenth of what a call cost the service.)

use super::queues::{self, Next, Waiter};
use crate::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::oneshot;

/// One user holds the lock exclusively.
const ALONE: u32 = 1 << 31;

/// Somebody waits, so nobody may acquire the lock ahead of the queue.
const QUEUED: u32 = 1 << 30;

/// A method panicked while it changed the object, whose state is unknown.
const POISONED: u32 = 1 << 29;

/// The object was taken away. It is also poisoned.
const EMPTY: u32 = 1 << 28;

/// The object has changed, and that is not on disk yet.
const CHANGED: u32 = 1 << 27;

/// The bits that count the users who share the lock.
const SHARING: u32 = CHANGED - 1;

/// How a caller uses an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Beside other shared users.
    Shared,
    /// Alone.
    Exclusive,
}

/// Counts the users of an object, and queues those that have to wait.
///
/// Each acquisition needs a matching [`release`](Self::release), which the guards of [`Cell`](super::Cell) see to.
#[derive(Default)]
pub(super) struct Lock {
    /// How many users share the lock, or [`ALONE`]; and the flags above.
    state: AtomicU32,
}

/// Sent to a waiter for which the lock has been acquired. If it is not received, [`Waiting`] releases the lock.
pub(super) struct Granted;

impl Lock {
    pub(super) fn is_poisoned(&self) -> bool {
        self.state.load(Ordering::Acquire) & POISONED != 0
    }

    pub(super) fn poison(&self) {
        self.state.fetch_or(POISONED, Ordering::SeqCst);
    }

    /// Clears the poison, unless the object was taken away.
    pub(super) fn clear_poison(&self) {
        let cleared = |state: u32| (state & EMPTY == 0).then_some(state & !POISONED);
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, cleared);
    }

    /// Whether the object was taken away.
    pub(super) fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) & EMPTY != 0
    }

    /// Marks the object as taken away.
    pub(super) fn empty(&self) {
        self.state.fetch_or(POISONED | EMPTY, Ordering::SeqCst);
    }

    /// Whether the object has changed, and that is not on disk yet.
    #[inline]
    pub(super) fn is_changed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CHANGED != 0
    }

    /// Marks the object as changed, or as on disk.
    pub(super) fn set_changed(&self, changed: bool) {
        if changed {
            self.state.fetch_or(CHANGED, Ordering::SeqCst);
        } else {
            self.state.fetch_and(!CHANGED, Ordering::SeqCst);
        }
    }

    /// Marks the object as there, and not poisoned.
    pub(super) fn filled(&self) {
        self.state.fetch_and(!(POISONED | EMPTY), Ordering::SeqCst);
    }

    /// Acquires the lock if it is free and nobody waits for it.
    pub(super) fn try_acquire(&self, wants: Use) -> bool {
        self.take(wants, QUEUED)
    }

    /// Acquires the lock after those who came before. Dropping the future leaves the queue.
    pub(super) async fn acquire(&self, wants: Use) {
        if self.try_acquire(wants) {
            return;
        }
        let (granted, waiting) = oneshot::channel();
        let mut waiting = Waiting { lock: self, wants, granted: waiting, taken: false };
        // From here on, every release looks at the queue. `grant` notices one that came just before.
        queues::push(self, Waiter { wants, granted }, || {
            self.state.fetch_or(QUEUED, Ordering::SeqCst);
        });
        self.grant();
        // A sender is only dropped without sending after its receiver has closed.
        let _ = (&mut waiting.granted).await;
        waiting.taken = true;
    }

    /// Releases one acquisition for this use.
    pub(super) fn release(&self, used: Use) {
        let before = self.state.fetch_sub(used.unit(), Ordering::SeqCst);
        if before & QUEUED != 0 {
            self.grant();
        }
    }

    /// Acquires the lock if its users permit it and none of the `unless` flags is set.
    fn take(&self, wants: Use, unless: u32) -> bool {
        let taken = |state: u32| {
            let free = match wants {
                Use::Shared => state & ALONE == 0 && state & SHARING < SHARING,
                Use::Exclusive => state & (ALONE | SHARING) == 0,
            };
            (free && state & unless == 0).then(|| state + wants.unit())
        };
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken).is_ok()
    }

    /// Acquires the lock for the first waiter, and for those behind it that can share it.
    fn grant(&self) {
        loop {
            let next = queues::next(
                self,
                |wants| self.take(wants, 0),
                || {
                    self.state.fetch_and(!QUEUED, Ordering::SeqCst);
                },
            );
            // Waiters are woken and dropped while no queue is locked: a waker is foreign code.
            match next {
                Next::Granted(waiter) => {
                    if waiter.granted.send(Granted).is_err() {
                        // The waiter left just now. `release` is not called, since the loop looks at the queue again
                        // anyway.
                        self.state.fetch_sub(waiter.wants.unit(), Ordering::SeqCst);
                    }
                }
                Next::Gone(waiter) => drop(waiter),
                Next::Nobody => return,
            }
        }
    }
}

/// A waiter borrows the lock, so at this point nobody waits, unless a future was forgotten while it waited.
impl Drop for Lock {
    fn drop(&mut self) {
        if self.state.load(Ordering::Relaxed) & QUEUED != 0 {
            queues::forget(self);
        }
    }
}

impl Use {
    fn unit(self) -> u32 {
        match self {
            Use::Shared => 1,
            Use::Exclusive => ALONE,
        }
    }
}

/// One wait. Dropping it leaves the queue, and releases the lock if it was granted in the meantime.
struct Waiting<'a> {
    lock: &'a Lock,
    wants: Use,
    granted: oneshot::Receiver<Granted>,
    /// The wait is over, and the caller has the lock.
    taken: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        self.granted.close();
        if self.granted.try_recv().is_ok() {
            self.lock.release(self.wants);
        } else {
            // Those behind may have waited only for this one.
            self.lock.grant();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use proptest::prelude::*;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64;
    use std::task::{Context, Poll, Waker};

    fn poll(future: &mut Pin<&mut impl Future>) -> bool {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn readers_share_and_a_writer_excludes() {
        let lock = Lock::default();
        assert!(lock.try_acquire(Use::Shared) && lock.try_acquire(Use::Shared));
        assert!(!lock.try_acquire(Use::Exclusive));
        lock.release(Use::Shared);
        lock.release(Use::Shared);
        assert!(lock.try_acquire(Use::Exclusive));
        assert!(!lock.try_acquire(Use::Shared) && !lock.try_acquire(Use::Exclusive));
        lock.release(Use::Exclusive);
        assert_eq!(lock.state.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_later_reader_does_not_overtake_a_writer_that_waits() {
        let lock = Lock::default();
        assert!(lock.try_acquire(Use::Shared));
        let (mut writer, mut reader) = (pin!(lock.acquire(Use::Exclusive)), pin!(lock.acquire(Use::Shared)));
        assert!(!poll(&mut writer) && !poll(&mut reader));
        assert!(!lock.try_acquire(Use::Shared));
        lock.release(Use::Shared);
        assert!(!poll(&mut reader) && poll(&mut writer));
        lock.release(Use::Exclusive);
        assert!(poll(&mut reader));
    }

    #[test]
    fn a_waiter_that_leaves_holds_up_nobody() {
        let lock = Lock::default();
        assert!(lock.try_acquire(Use::Shared));
        let mut reader = Box::pin(lock.acquire(Use::Shared));
        let mut behind = Box::pin(lock.acquire(Use::Shared));
        {
            let mut writer = pin!(lock.acquire(Use::Exclusive));
            assert!(!poll(&mut writer));
            assert!(!poll(&mut reader.as_mut()) && !poll(&mut behind.as_mut()));
        }
        assert!(poll(&mut reader.as_mut()), "the writer before it has left");
        // Granted, and never polled again.
        drop(behind);
        lock.release(Use::Shared);
        lock.release(Use::Shared);
        assert_eq!(lock.state.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_queue_does_not_keep_waiters_that_have_left() {
        let lock = Lock::default();
        assert!(lock.try_acquire(Use::Exclusive));
        for _ in 0..10_000 {
            assert!(lock.acquire(Use::Shared).now_or_never().is_none());
        }
        let waiting = queues::waiting(&lock);
        assert!(waiting <= 16, "{waiting} wait");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

        /// Threads read and write; some give up while they wait.
        #[test]
        fn a_writer_is_alone_and_every_waiter_gets_its_turn(
            plans in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_u8..4), 300), 4),
        ) {
            let lock = Arc::new(Lock::default());
            // The number of readers, or -1 for a writer.
            let inside = Arc::new(AtomicI64::new(0));
            let threads: Vec<_> = plans.into_iter().map(|plan| {
                let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
                std::thread::spawn(move || for (exclusive, patience) in plan {
                    let wants = if exclusive { Use::Exclusive } else { Use::Shared };
                    let mut wait = Box::pin(lock.acquire(wants));
                    let mut polls = 0;
                    let impatient = std::future::poll_fn(|cx| match wait.as_mut().poll(cx) {
                        Poll::Ready(()) => Poll::Ready(true),
                        Poll::Pending if patience > 0 && polls >= patience => Poll::Ready(false),
                        Poll::Pending => {
                            polls += 1;
                            if patience > 0 { cx.waker().wake_by_ref() }
                            Poll::Pending
                        }
                    });
                    if futures::executor::block_on(impatient) {
                        if exclusive {
                            assert_eq!(inside.swap(-1, Ordering::SeqCst), 0);
                            std::thread::yield_now();
                            assert_eq!(inside.swap(0, Ordering::SeqCst), -1);
                        } else {
                            assert!(inside.fetch_add(1, Ordering::SeqCst) >= 0);
                            std::thread::yield_now();
                            assert!(inside.fetch_sub(1, Ordering::SeqCst) >= 1);
                        }
                        lock.release(wants);
                    }
                })
            }).collect();
            for thread in threads {
                thread.join().expect("no thread sees another beside it");
            }
            prop_assert_eq!(lock.state.load(Ordering::SeqCst), 0);
            prop_assert_eq!(queues::waiting(&lock), 0);
        }
    }
}
