//! The lock of one object: many readers or one writer, in the order in which they come.
//!
//! There is one for each of millions of objects, and nearly every call finds it free. So it is small, and where nobody waits
//! it is one atomic step to take and one to give back. (tokio's semaphore, which was here before, takes a mutex to give
//! back; it was a tenth of what a call cost the service.)

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::oneshot;

/// Somebody has it alone.
const ALONE: u32 = 1 << 31;

/// Somebody waits: nobody takes it past the queue.
const QUEUED: u32 = 1 << 30;

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
    /// How many share it; or [`ALONE`]; and perhaps [`QUEUED`].
    state: AtomicU32,
    /// Boxed, and only there while somebody waits: most objects never see a queue.
    queue: Mutex<Option<Box<Queue>>>,
}

#[derive(Default)]
struct Queue {
    waiters: VecDeque<Waiter>,
    /// The waiters that were left when those who had gone away were last left out.
    swept: usize,
}

struct Waiter {
    wants: Use,
    granted: oneshot::Sender<Granted>,
}

/// Says that the lock was taken for the one who waited. Unread, it is given back by [`Waiting`].
struct Granted;

impl Lock {
    /// Takes it if it is free and nobody waits for it.
    pub(super) fn try_acquire(&self, wants: Use) -> bool {
        self.take(wants, |state| state & QUEUED == 0)
    }

    /// Takes it, after those who came before. Dropping the future leaves the queue.
    pub(super) async fn acquire(&self, wants: Use) {
        if self.try_acquire(wants) {
            return;
        }
        let (granted, waiting) = oneshot::channel();
        let mut waiting = Waiting { lock: self, wants, granted: waiting, taken: false };
        {
            let mut queue = self.queue.lock();
            let waiters = queue.get_or_insert_default();
            waiters.push(Waiter { wants, granted });
            // From here on whoever gives it back looks at the queue. Who did so just before is seen by `grant`.
            self.state.fetch_or(QUEUED, Ordering::SeqCst);
            self.grant(&mut queue);
        }
        // A sender is dropped unsent only when its receiver is closed.
        let _ = (&mut waiting.granted).await;
        waiting.taken = true;
    }

    /// Gives back what was taken for this use.
    pub(super) fn release(&self, used: Use) {
        let before = self.state.fetch_sub(used.unit(), Ordering::SeqCst);
        if before & QUEUED != 0 {
            self.grant(&mut self.queue.lock());
        }
    }

    /// Takes it if nobody is in the way, and `may` allows.
    fn take(&self, wants: Use, may: impl Fn(u32) -> bool) -> bool {
        let taken = |state: u32| {
            let free = match wants {
                Use::Shared => state & ALONE == 0 && state & !QUEUED < QUEUED - 1,
                Use::Exclusive => state & !QUEUED == 0,
            };
            (free && may(state)).then(|| state + wants.unit())
        };
        self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, taken).is_ok()
    }

    /// Takes it for the first in the queue, and for those behind that can use it at the same time.
    fn grant(&self, queue: &mut Option<Box<Queue>>) {
        let Some(waiters) = queue else { return };
        while let Some(first) = waiters.waiters.front() {
            if first.granted.is_closed() {
                waiters.waiters.pop_front();
                continue;
            }
            if !self.take(first.wants, |_| true) {
                return;
            }
            let Some(first) = waiters.waiters.pop_front() else { return };
            if first.granted.send(Granted).is_err() {
                // It went away just now. Not by `release`: that would come back here.
                self.state.fetch_sub(first.wants.unit(), Ordering::SeqCst);
            }
        }
        *queue = None;
        self.state.fetch_and(!QUEUED, Ordering::SeqCst);
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

impl Queue {
    fn push(&mut self, waiter: Waiter) {
        // Who went away is left out before the queue doubles: it never holds many more than really wait.
        if self.waiters.len() >= 2 * self.swept + 16 {
            self.waiters.retain(|waiter| !waiter.granted.is_closed());
            self.swept = self.waiters.len();
        }
        self.waiters.push_back(waiter);
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
            let mut queue = self.lock.queue.lock();
            self.lock.grant(&mut queue);
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
        let waiting = lock.queue.lock().as_ref().map_or(0, |queue| queue.waiters.len());
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
            prop_assert!(lock.queue.lock().is_none());
        }
    }
}
