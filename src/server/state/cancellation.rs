//! Whether a call has begun. Until then it can be stopped; an exclusive method cannot be stopped afterwards.

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
/// The call has begun, and somebody has tried to stop it since.
const UNWANTED: u8 = 3;

/// Decides once and for all whether a call begins or is stopped first.
#[derive(Default)]
pub(crate) struct Cancellation {
    state: AtomicU8,
    stopped: Notify,
}

impl Cancellation {
    /// Begins the call, which then runs to its end. Returns false if it was stopped before.
    pub(crate) fn begin(&self) -> bool {
        self.decide(BEGUN)
    }

    /// Stops the call. Returns false if it has begun.
    pub(crate) fn stop(&self) -> bool {
        loop {
            if self.decide(STOPPED) {
                // Stores a permit if nobody is waiting yet.
                self.stopped.notify_one();
                return true;
            }
            // Marks the call as unwanted, unless it is put back in between: then the loop stops it.
            if !matches!(self.change(BEGUN, UNWANTED), Err(WAITING)) {
                return false;
            }
        }
    }

    /// Puts back a call that has done nothing yet and is to begin anew. Returns false if somebody has tried to stop it,
    /// so that it does not begin again.
    pub(crate) fn put_back(&self) -> bool {
        self.change(BEGUN, WAITING).is_ok()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.load(Ordering::Acquire) == STOPPED
    }

    /// Whether the call has begun, and runs to its end.
    pub(crate) fn has_begun(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), BEGUN | UNWANTED)
    }

    /// Whether somebody has tried to stop the call, in time or not.
    pub(crate) fn is_unwanted(&self) -> bool {
        matches!(self.state.load(Ordering::Acquire), STOPPED | UNWANTED)
    }

    /// Runs `code`, which is the call and can ask whether it is still wanted.
    pub(crate) fn over<T>(self: &Arc<Self>, code: impl FnOnce() -> T) -> T {
        /// Restores the previous value, also after a panic.
        struct Restore(Option<Arc<Cancellation>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.replace(self.0.take());
            }
        }
        let _restore = Restore(CURRENT.replace(Some(Arc::clone(self))));
        code()
    }

    /// The cancellation of the call that runs on this thread, if it is one that can ask for it.
    pub(crate) fn current() -> Option<Arc<Cancellation>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Completes once the call has been stopped.
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
