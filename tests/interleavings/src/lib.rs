//! tarmem's sources with hand-written concurrency, compiled a second time with the atomics and locks of
//! [loom](https://docs.rs/loom), which repeats a test for each order in which its threads can use them.
//!
//! Only what these sources take from `crate::sync` differs. A step of tokio's oneshot channels, or of the wakers of
//! `futures`, counts as one.

#![allow(dead_code, missing_docs, unreachable_pub)]

/// Like `src/sync.rs`, with loom's types.
pub mod sync {
    pub use loom::sync::atomic;

    /// A lock without poisoning, like parking_lot's.
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    /// The guard of that lock; `None` while it is [unlocked](MutexGuard::unlocked).
    pub struct MutexGuard<'a, T> {
        lock: &'a Mutex<T>,
        held: Option<loom::sync::MutexGuard<'a, T>>,
    }

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            let held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            MutexGuard { lock: self, held: Some(held) }
        }

        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|held| MutexGuard { lock: self, held: Some(held) })
        }
    }

    impl<T> MutexGuard<'_, T> {
        /// Runs `f` while the lock is released.
        pub fn unlocked<R>(guard: &mut Self, f: impl FnOnce() -> R) -> R {
            guard.held = None;
            let done = f();
            guard.held = guard.lock.lock().held.take();
            done
        }
    }

    impl<T> std::ops::Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.held.as_ref().expect("it is held")
        }
    }

    impl<T> std::ops::DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.held.as_mut().expect("it is held")
        }
    }

    /// Like the one in `futures`.
    #[derive(Default)]
    pub struct AtomicWaker(loom::future::AtomicWaker);

    impl AtomicWaker {
        pub fn register(&self, waker: &std::task::Waker) {
            self.0.register_by_ref(waker);
        }

        pub fn wake(&self) {
            self.0.wake();
        }
    }

    pub use loom::lazy_static;
}

#[path = "../../../src/store"]
mod store {
    mod lock;
    mod queues;

    use std::future::Future;
    use std::task::{Context, Waker};

    /// How somebody uses an object.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Use {
        Shared,
        Exclusive,
    }

    impl From<Use> for lock::Use {
        fn from(wants: Use) -> Self {
            match wants {
                Use::Shared => lock::Use::Shared,
                Use::Exclusive => lock::Use::Exclusive,
            }
        }
    }

    /// The lock of one object, accessible to tests.
    #[derive(Default)]
    pub struct Lock(lock::Lock);

    impl Lock {
        pub fn try_acquire(&self, wants: Use) -> bool {
            self.0.try_acquire(wants.into())
        }

        pub async fn acquire(&self, wants: Use) {
            self.0.acquire(wants.into()).await;
        }

        /// Polls once for the lock, and stops waiting if that was not enough; runs `between` in between.
        pub fn acquire_at_once(&self, wants: Use, between: impl FnOnce()) -> bool {
            let mut acquiring = std::pin::pin!(self.0.acquire(wants.into()));
            let polled = acquiring.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            between();
            polled.is_ready()
        }

        pub fn release(&self, used: Use) {
            self.0.release(used.into());
        }

        pub fn poison(&self) {
            self.0.poison();
        }

        pub fn is_poisoned(&self) -> bool {
            self.0.is_poisoned()
        }
    }
}

#[path = "../../../src/wire"]
mod wire {
    pub mod batch;
    mod varint;
}

#[path = "../../../src/client"]
mod client {
    mod backpressure;
    mod clock;
    mod in_flight;
    mod outbox;
    mod reply_acks;
    mod wakeup;

    use crate::wire::batch::{Preamble, Submission};
    use outbox::{Outbox, Pushed, SendLimits, SharedOutbox};
    use std::future::poll_fn;
    use std::task::{Context, Poll};
    use tarmem_remote::call::Terms;
    use tarmem_remote::operation::{Operation, Reply};
    use tarmem_remote::payload::Payload;

    /// The wake-up of the task that has work, accessible to tests.
    #[derive(Default)]
    pub struct Wakeup(wakeup::Wakeup);

    impl Wakeup {
        pub fn raise(&self) {
            self.0.raise();
        }

        pub fn alert(&self) {
            self.0.alert();
        }

        pub fn listen(&self, cx: &mut Context<'_>) {
            self.0.listen(cx);
        }

        pub fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
            self.0.poll(cx)
        }

        pub async fn seen(&self) {
            self.0.seen().await;
        }
    }

    /// No operation begins with this byte: it tells the calls of a test from what the client sends by itself.
    const CALL: u8 = 0xff;

    /// What goes to the service.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Sent {
        Call { sequence: u64, what: u8 },
        Acknowledge(u64),
        Cancel(u64),
    }

    /// The calls of a session in their ring, behind the outbox's lock, accessible to tests: callers use them as
    /// `session_handle` does, and the task that pumps them as `pump` does.
    pub struct Calls {
        outbox: SharedOutbox,
        wakeup: wakeup::Wakeup,
    }

    impl Calls {
        /// A ring in which this many calls may be in flight.
        pub fn new(in_flight: usize) -> Self {
            let limits = SendLimits { frame_bytes: 4096, batch: 8, in_flight };
            Calls { outbox: SharedOutbox::new(Outbox::new(limits)), wakeup: wakeup::Wakeup::default() }
        }

        /// Queues a call once there is room. Returns its number.
        pub fn poll_submit(&self, cx: &mut Context<'_>, what: u8) -> Poll<u64> {
            let mut operation = Payload::from(&[CALL, what][..]);
            let pushed = self.outbox.lock().push(&mut operation, None, Terms::default(), cx.waker());
            match pushed {
                Pushed::NoRoom => {
                    self.wakeup.raise();
                    Poll::Pending
                }
                Pushed::Refused(error) => panic!("{error:?}"),
                Pushed::Queued { sequence, first } => {
                    if first {
                        self.wakeup.raise();
                    }
                    Poll::Ready(sequence)
                }
            }
        }

        pub fn poll_reply(&self, cx: &mut Context<'_>, sequence: u64) -> Poll<Reply> {
            self.outbox.lock().poll_reply(cx, sequence, &mut None)
        }

        pub async fn call(&self, what: u8) -> Reply {
            let sequence = poll_fn(|cx| self.poll_submit(cx, what)).await;
            poll_fn(|cx| self.poll_reply(cx, sequence)).await
        }

        pub fn acknowledge(&self, sequence: u64) {
            self.outbox.lock().settle(sequence, true);
            self.wakeup.raise();
        }

        pub fn cancel(&self, sequence: u64) {
            self.outbox.lock().cancel(sequence);
            self.wakeup.raise();
        }

        /// Waits until there is something to send, and takes the batch.
        pub fn poll_batch(&self, cx: &mut Context<'_>) -> Poll<Vec<Sent>> {
            while self.wakeup.poll(cx).is_ready() {
                let sent = self.take_batch();
                if self.outbox.lock().has_work() {
                    self.wakeup.raise();
                }
                if !sent.is_empty() {
                    return Poll::Ready(sent);
                }
            }
            Poll::Pending
        }

        /// Takes everything that is to be sent.
        pub fn take_batch(&self) -> Vec<Sent> {
            let mut batch = Vec::new();
            let mut outbox = self.outbox.lock();
            if outbox.has_batch().expect("plain data") {
                outbox.put_batch(&mut batch);
            }
            drop(outbox);
            let mut sent = Vec::new();
            if !batch.is_empty() {
                let (_, mut rest) = Preamble::take(&batch).expect("what was put");
                while !rest.is_empty() {
                    let (submission, more) = Submission::take(rest).expect("what was put");
                    sent.push(Sent::of(&submission));
                    rest = more;
                }
            }
            sent
        }

        /// Handles a reply.
        pub fn answer(&self, sequence: u64, reply: Reply) {
            let waker = self.outbox.lock().answered(sequence, reply);
            waker.into_iter().for_each(wakeup::wake);
        }
    }

    impl Sent {
        fn of(submission: &Submission<'_>) -> Self {
            if let [CALL, what] = *submission.operation {
                return Sent::Call { sequence: submission.sequence, what };
            }
            match Operation::decode(submission.operation).expect("an operation") {
                Operation::Acknowledge { sequence } => Sent::Acknowledge(sequence),
                Operation::Cancel { sequence } => Sent::Cancel(sequence),
                other => panic!("nobody asks for {}", other.name()),
            }
        }
    }
}

#[path = "../../../src/server/session"]
mod session {
    mod position;

    /// One of the connections that carry a session.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Carrier(position::Carrier);

    /// Which connection carries a session, and how far its calls have come, accessible to tests.
    #[derive(Default)]
    pub struct Position(position::Position);

    impl Position {
        pub fn last(&self) -> u64 {
            self.0.last()
        }

        pub fn is_over(&self) -> bool {
            self.0.is_over()
        }

        pub fn is_carried_by(&self, carrier: Carrier) -> bool {
            self.0.is_carried_by(carrier.0)
        }

        pub fn advance(&self, carrier: Carrier, last: u64, next: u64) -> bool {
            self.0.advance(carrier.0, last, next)
        }

        pub fn hand_over(&self) -> Option<Carrier> {
            self.0.hand_over().map(Carrier)
        }

        pub fn end(&self) {
            self.0.end();
        }
    }
}

pub use client::{Calls, Sent, Wakeup};
pub use session::{Carrier, Position};
pub use store::{Lock, Use};
