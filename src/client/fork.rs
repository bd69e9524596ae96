//! Whether this process was forked from the one that a session was made in.
//!
//! The child has its parent's connections, but none of the threads that pump calls over them: whatever it sent would
//! come between its parent's bytes, and no reply would reach it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often this process or an ancestor of it was forked, as seen from here, since it was first asked.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// How often this process was forked from another one: what differs between a parent and its child. It is one load, so
/// that every call can ask.
pub(super) fn count() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Begins to count. Without memory for that, which is the only way in which it fails, a child is not told from its
/// parent.
pub(super) fn watch() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may do so at one time, and a fork counts as two then, which is as good. (A lock could be found taken
    // by a child.)
    // SAFETY: the handler runs in the child of a fork, where only what is safe in a signal handler may be done: it adds
    // to an atomic integer, which takes no lock and no memory. It is a function of this program, and is never unloaded
    // before it.
    let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    WATCHED.store(true, Ordering::Release);
    if failed != 0 {
        tracing::warn!("forked children will not be told from their parent: error {failed} of pthread_atfork");
    }
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
