//! The sources of tarmem that have concurrency by hand, compiled a second time: with [loom](https://docs.rs/loom)'s atomics and locks,
//! which run a test again for each order in which its threads can come to them.
//!
//! What these sources use of `crate::sync` is all that differs. tokio's oneshot channels and the wakers of `futures` are taken for
//! one step each.

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

pub use store::{Lock, Use};
