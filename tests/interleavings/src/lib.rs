//! The sources of tarmem that have concurrency by hand, compiled a second time: with [loom](https://docs.rs/loom)'s
//! atomics and locks, which run a test again for each order in which its threads can come to them.
//!
//! What these sources use of `crate::sync` is all that differs. tokio's oneshot channels and the wakers of `futures`
//! are taken for one step each.

#![allow(dead_code, missing_docs, unreachable_pub)]

/// As `src/sync.rs`, for loom.
pub mod sync {
    pub use loom::sync::atomic;

    /// A lock that nobody poisons, as parking_lot's.
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    /// As that of `futures`.
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

    /// The lock of one object, where tests can reach it.
    #[derive(Default)]
    pub struct Lock(lock::Lock);

    impl Lock {
        pub fn try_acquire(&self, wants: Use) -> bool {
            self.0.try_acquire(wants.into())
        }

        pub async fn acquire(&self, wants: Use) {
            self.0.acquire(wants.into()).await;
        }

        /// Gets in line, and goes away again if that was not all; `between` is run in between.
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

#[path = "../../../src/client"]
mod client {
    mod wakeup;

    use std::task::{Context, Poll};

    /// That there is something to do, where tests can reach it.
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
}

#[path = "../../../src/server/session"]
mod session {
    mod position;

    /// One of the connections that carry a session.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Carrier(position::Carrier);

    /// Which connection carries a session, and how far its calls have come, where tests can reach it.
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

pub use client::Wakeup;
pub use session::{Carrier, Position};
pub use store::{Lock, Use};
