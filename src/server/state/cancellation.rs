//! Whether a call has begun: until then it can be stopped, and an exclusive method cannot afterwards.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::sync::Notify;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Cancellation>>> = const { RefCell::new(None) };
}

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const STOPPED: u8 = 2;
/// It has begun, and somebody wanted to stop it since.
const UNWANTED: u8 = 3;

/// Decides, once and for all, between a call that begins and whoever wants to stop it.
#[derive(Default)]
pub(crate) struct Cancellation {
    state: AtomicU8,
    stopped: Notify,
}

impl Cancellation {
    /// The call begins, and will run to its end; false if it was stopped before.
    pub(crate) fn begin(&self) -> bool {
        self.decide(BEGUN)
    }

    /// Stops the call; false if it has begun.
    pub(crate) fn stop(&self) -> bool {
        loop {
            if self.decide(STOPPED) {
                // Stores a permit if nobody waits yet.
                self.stopped.notify_one();
                return true;
            }
            // Unless it is put back in between, it is begun.
            if !matches!(self.change(BEGUN, UNWANTED), Err(WAITING)) {
                return false;
            }
        }
    }

    /// The call has done nothing yet, and is to begin anew; false if somebody wanted to stop it, so that it does not.
    pub(crate) fn put_back(&self) -> bool {
        self.change(BEGUN, WAITING).is_ok()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.load(Ordering::Acquire) == STOPPED
    }

    /// Whether somebody wanted to stop it, in time or not.
    pub(crate) fn is_unwanted(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), STOPPED | UNWANTED)
    }

    /// Runs `code`, which is the call: it can see whether it is wanted.
    pub(crate) fn over<T>(self: &Arc<Self>, code: impl FnOnce() -> T) -> T {
        /// Puts back what was, also after a panic.
        struct Restore(Option<Arc<Cancellation>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.replace(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        code()
    }

    /// That of the call which runs on this thread, if it takes its time.
    pub(crate) fn current() -> Option<Arc<Cancellation>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Ready once the call has been stopped.
    pub(crate) async fn when_stopped(&self) {
        self.stopped.notified().await;
    }

    fn decide(&self, outcome: u8) -> bool {
        match self.change(WAITING, outcome) {
            Ok(_) => true,
            Err(decided) => decided == outcome,
        }
    }

    fn change(&self, from: u8, to: u8) -> Result<u8, u8> {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }
}
