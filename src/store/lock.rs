//! The lock of one object: many readers or one writer, in the order in which they come.
//!
//! There is one for each of millions of objects, and nearly every call finds it free. So it is one word, and where
//! nobody waits it is one atomic step to take and one to give back. Who waits does so elsewhere, in
//! [`queues`](super::queues). (tokio's semaphore, which was here at first, takes a mutex to give back; it was a tenth
//! of what a call cost the service.)

use super::queues::{self, Next, Waiter};
use crate::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::oneshot;

/// Somebody has it alone.
const ALONE: u32 = 1 << 31;

/// Somebody waits: nobody takes it past the queue.
const QUEUED: u32 = 1 << 30;

/// The object is in a state that nobody knows.
const POISONED: u32 = 1 << 29;

/// The object was taken away. It is poisoned, too.
const EMPTY: u32 = 1 << 28;

/// How many share it.
const SHARING: u32 = EMPTY - 1;

/// How somebody uses an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Beside others.
    Shared,
    /// Alone.
    Exclusive,
}

/// Counts who uses an object, and keeps the rest waiting in order.
///
/// What is taken has to be given back, by [`release`](Self::release): the guards of [`Cell`](super::Cell) see to that.
#[derive(Default)]
pub(super) struct Lock {
    /// How many share it, or [`ALONE`]; and what else there is to say.
    state: AtomicU32,
}

/// Says that the lock was taken for the one who waited. Unread, it is given back by [`Waiting`].
pub(super) struct Granted;

impl Lock {
    pub(super) fn is_poisoned(&self) -> bool {
        self.state.load(Ordering::Acquire) & POISONED != 0
    }

    pub(super) fn poison(&self) {
        self.state.fetch_or(POISONED, Ordering::SeqCst);
    }

    /// The object's state is known again, or good enough. Not that of one that was taken away: there is none.
    pub(super) fn clear_poison(&self) {
        let cleared = |state: u32| (state & EMPTY == 0).then_some(state & !POISONED);
        let _ = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, cleared);
    }

    /// Whether the object was taken away.
    pub(super) fn is_empty(&self) -> bool {
        self.state.load(Ordering::Acquire) & EMPTY != 0
    }

    /// The object was taken away.
    pub(super) fn empty(&self) {
        self.state.fetch_or(POISONED | EMPTY, Ordering::SeqCst);
    }

    /// Takes it if it is free and nobody waits for it.
    pub(super) fn try_acquire(&self, wants: Use) -> bool {
        self.take(wants, QUEUED)
    }

    /// Takes it, after those who came before. Dropping the future leaves the queue.
    pub(super) async fn acquire(&self, wants: Use) {
        if self.try_acquire(wants) {
            return;
        }
        let (granted, waiting) = oneshot::channel();
        let mut waiting = Waiting { lock: self, wants, granted: waiting, taken: false };
        // From here on whoever gives it back looks at the queue. Who did so just before is seen by `grant`.
        queues::push(self, Waiter { wants, granted }, || {
            self.state.fetch_or(QUEUED, Ordering::SeqCst);
        });
        self.grant();
        // A sender is dropped unsent only when its receiver is closed.
        let _ = (&mut waiting.granted).await;
        waiting.taken = true;
    }

    /// Gives back what was taken for this use.
    pub(super) fn release(&self, used: Use) {
        let before = self.state.fetch_sub(used.unit(), Ordering::SeqCst);
        if before & QUEUED != 0 {
            self.grant();
        }
    }

    /// Takes it, if nobody is in the way, and none of `unless` is so.
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

    /// Takes it for the first in the queue, and for those behind that can use it at the same time.
    fn grant(&self) {
        loop {
            let next = queues::next(
                self,
                |wants| self.take(wants, 0),
                || {
                    self.state.fetch_and(!QUEUED, Ordering::SeqCst);
                },
            );
            // What is told to who waited, and what is dropped, is so with no queue locked: wakers are not ours.
            match next {
                Next::Granted(waiter) => {
                    if waiter.granted.send(Granted).is_err() {
                        // It went away just now. The queue is looked at again anyway: not by `release`.
                        self.state.fetch_sub(waiter.wants.unit(), Ordering::SeqCst);
                    }
                }
                Next::Gone(waiter) => drop(waiter),
                Next::Nobody => return,
            }
        }
    }
}

/// What waits for it has borrowed it, so there is nobody, unless a future was forgotten while it waited.
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

/// A wait; dropped, it leaves the queue, and gives back what was granted in the meantime.
struct Waiting<'a> {
    lock: &'a Lock,
    wants: Use,
    granted: oneshot::Receiver<Granted>,
    /// It came to its end: the lock is the caller's now.
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
            // Those behind may have waited for this one only.
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
    fn who_goes_away_is_not_waited_for() {
        let lock = Lock::default();
        assert!(lock.try_acquire(Use::Shared));
        let mut reader = Box::pin(lock.acquire(Use::Shared));
        let mut behind = Box::pin(lock.acquire(Use::Shared));
        {
            let mut writer = pin!(lock.acquire(Use::Exclusive));
            assert!(!poll(&mut writer));
            assert!(!poll(&mut reader.as_mut()) && !poll(&mut behind.as_mut()));
        }
        assert!(poll(&mut reader.as_mut()), "the writer before it has gone");
        // Granted, and never polled again.
        drop(behind);
        lock.release(Use::Shared);
        lock.release(Use::Shared);
        assert_eq!(lock.state.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn the_queue_does_not_keep_those_who_went_away() {
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
        fn nobody_writes_beside_another_and_nobody_is_forgotten(
            plans in prop::collection::vec(prop::collection::vec((any::<bool>(), 0_u8..4), 300), 4),
        ) {
            let lock = Arc::new(Lock::default());
            // Readers, or -1 for a writer.
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
