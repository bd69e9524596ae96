//! How long a thread has been awake, counted in beats. Leases are measured by it.
//!
//! A thread that is held up (by a long method, or because the whole process was stopped) does not read what clients
//! send meanwhile. By the clock, their leases would expire unheard; by the thread's heartbeat, they do not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many beats a lease lasts.
pub(crate) const BEATS: u64 = 16;

/// The heartbeat of one thread.
#[derive(Default)]
pub(crate) struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// Beats for as long as this future runs.
    pub(crate) async fn beat(&self, lease: Duration) {
        let pause = (lease / u32::try_from(BEATS).unwrap_or(u32::MAX)).max(Duration::from_millis(1));
        loop {
            tokio::time::sleep(pause).await;
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of beats so far.
    pub(crate) fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
