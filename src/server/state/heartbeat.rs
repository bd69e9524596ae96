//! The time that a thread has been awake, in beats: leases are measured in it.
//!
//! A thread that is held up (by a method that takes long, or because the whole process was stopped) does not read what
//! clients send meanwhile. By the clock their leases would run out unheard; by its heartbeat they do not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many beats a lease has.
pub(crate) const BEATS: u64 = 16;

/// The heartbeat of one thread.
#[derive(Default)]
pub(crate) struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// Beats for as long as the thread runs this.
    pub(crate) async fn beat(&self, lease: Duration) {
        let pause = (lease / u32::try_from(BEATS).unwrap_or(u32::MAX)).max(Duration::from_millis(1));
        loop {
            tokio::time::sleep(pause).await;
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it has beaten.
    pub(crate) fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
