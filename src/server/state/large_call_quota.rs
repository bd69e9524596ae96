//! How many large calls run at one time, and how much memory their arguments may take, for one session and for all.
//!
//! `exec::large_calls` decides which calls are large, and when they take what.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_remote::value::DECODED_LIMIT;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How many large calls run at one time, of one session and of all.
const OF_SESSION: usize = 2;
pub(crate) const OF_SERVICE: usize = 4;

/// How many bytes the charged arguments of one session's calls may take.
pub(crate) const OF_SESSION_BYTES: usize = 2 * DECODED_LIMIT;

/// Charged bytes are counted in units of this many bytes, because a semaphore acquires no more than `u32::MAX` permits
/// at one time.
const UNIT: usize = 1 << 10;

/// The turns of large calls, and the room for their arguments.
pub(crate) struct LargeCallQuota {
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    /// For a session: how much of its own room, and of the service's, was left when one of its calls waited in vain,
    /// provided that none has got room since. A call that finds the same amount left does not wait again: the calls
    /// that have the room may be waiting for what comes after it.
    pub(crate) in_vain: [AtomicUsize; 2],
}

impl LargeCallQuota {
    pub(crate) fn of_session() -> Self {
        Self::new(OF_SESSION, OF_SESSION_BYTES)
    }

    /// `bytes` is how much all charged arguments of the service may take.
    pub(crate) fn of_service(bytes: usize) -> Self {
        Self::new(OF_SERVICE, bytes)
    }

    fn new(turns: usize, bytes: usize) -> Self {
        let units = (bytes / UNIT).min(Semaphore::MAX_PERMITS);
        LargeCallQuota {
            turns: Arc::new(Semaphore::new(turns)),
            room: Arc::new(Semaphore::new(units)),
            in_vain: [const { AtomicUsize::new(usize::MAX) }; 2],
        }
    }

    /// Waits for a turn, after those who came before.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Waits until there is room for `units`. Returns `None` if there is none by `end`, or if there is just as much as
    /// was left when another call of the session waited `in_vain`.
    pub(crate) async fn room(&self, units: u32, end: Instant, in_vain: &AtomicUsize) -> Option<OwnedSemaphorePermit> {
        let room = match Arc::clone(&self.room).try_acquire_many_owned(units) {
            Ok(room) => Some(room),
            Err(_) if self.room.available_permits() == in_vain.load(Ordering::Relaxed) => None,
            Err(_) => {
                let room = timeout_at(end, Arc::clone(&self.room).acquire_many_owned(units)).await;
                // The semaphore is never closed.
                room.ok().and_then(Result::ok)
            }
        };
        let left = if room.is_some() { usize::MAX } else { self.room.available_permits() };
        in_vain.store(left, Ordering::Relaxed);
        room
    }
}

/// How many units of room `bytes` take.
pub(crate) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}
