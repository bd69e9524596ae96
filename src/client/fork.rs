//! Detects that this process was forked from the one that a session was made in.
//!
//! A forked child has its parent's connections, but none of the threads that pump calls over them. What it sent would
//! be mixed with its parent's bytes, and no reply would reach it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How many forks lie between this process and the one in which [`watch`] was first called.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// Returns a number that differs between a parent and its forked child. This is a single load, so that every call can
/// afford it.
pub(super) fn count() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Begins to count forks. If this fails, which only happens without memory, forks are not detected.
pub(super) fn watch() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may do this at a time. Then each fork counts twice, which does no harm. (A lock could be held by a
    // thread that a child does not have.)
    // SAFETY: the handler runs in the child of a fork, where only what is safe in a signal handler may be done: it adds
    // to an atomic integer, which takes no lock and no memory. It is a function of this program, and is never unloaded
    // before it.
    let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    WATCHED.store(true, Ordering::Release);
    if failed != 0 {
        tracing::warn!("forks of this process will not be detected: pthread_atfork failed with error {failed}");
    }
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
