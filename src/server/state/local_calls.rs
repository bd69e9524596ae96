//! Counts the calls from within the process: a shutdown also waits for those that run on threads of their callers.

use std::sync::atomic::{AtomicU64, Ordering};

/// The calls from within the process. Each has a number, and runs on its caller's thread as far as it can.
#[derive(Default)]
pub(crate) struct LocalCalls {
    begun: AtomicU64,
    done: AtomicU64,
}

/// A call from within the process, until this is dropped.
pub(crate) struct Running<'a> {
    calls: &'a LocalCalls,
    /// A number that no client gives to a call.
    pub(crate) sequence: u64,
}

impl LocalCalls {
    pub(crate) fn begin(&self) -> Running<'_> {
        let sequence = 1 << 63 | self.begun.fetch_add(1, Ordering::SeqCst);
        Running { calls: self, sequence }
    }

    pub(crate) fn are_running(&self) -> bool {
        // Read in this order, a call that begins and ends in between makes others look as if they still ran, and never
        // as if they were done.
        let done = self.done.load(Ordering::SeqCst);
        done != self.begun.load(Ordering::SeqCst)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.calls.done.fetch_add(1, Ordering::Release);
    }
}
