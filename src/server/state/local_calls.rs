//! The calls from within the process, counted: a shutdown waits for those on threads that are not the service's.

use std::sync::atomic::{AtomicU64, Ordering};

/// The calls from within the process: each has a number, and runs on the thread of its caller as far as that goes.
#[derive(Default)]
pub(crate) struct LocalCalls {
    begun: AtomicU64,
    done: AtomicU64,
}

/// One of them, until it is dropped.
pub(crate) struct Running<'a> {
    calls: &'a LocalCalls,
    /// None that a client's session gives to its own.
    pub(crate) sequence: u64,
}

impl LocalCalls {
    pub(crate) fn begin(&self) -> Running<'_> {
        let sequence = 1 << 63 | self.begun.fetch_add(1, Ordering::SeqCst);
        Running { calls: self, sequence }
    }

    pub(crate) fn are_running(&self) -> bool {
        // In this order: those that begin and end in between seem to run still, and not the others to be done.
        let done = self.done.load(Ordering::SeqCst);
        done != self.begun.load(Ordering::SeqCst)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.calls.done.fetch_add(1, Ordering::Release);
    }
}
