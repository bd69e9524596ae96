//! How many large calls run at one time, and how much their arguments may take: of one session, and of all.
//!
//! Which calls those are, and what they take when, is in `exec::large_calls`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_remote::value::DECODED_LIMIT;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How many large calls run at one time, of one session and of all.
const OF_SESSION: usize = 2;
pub(crate) const OF_SERVICE: usize = 4;

/// What the arguments of one session's calls may take that are charged, in bytes.
pub(crate) const OF_SESSION_BYTES: usize = 2 * DECODED_LIMIT;

/// What is charged is counted in so many bytes: a semaphore counts no further than `u32` at once.
const UNIT: usize = 1 << 10;

/// The turns of large calls, and the room for their arguments.
pub(crate) struct LargeCallQuota {
    turns: Arc<Semaphore>,
    room: Arc<Semaphore>,
    /// Of a session: how much of its own room, and of the service's, was left when one of its calls waited in vain, and
    /// none of them has had any since. One that finds it so does not wait again: what has the room may be what waits
    /// behind it.
    pub(crate) in_vain: [AtomicUsize; 2],
}

impl LargeCallQuota {
    pub(crate) fn of_session() -> Self {
        Self::new(OF_SESSION, OF_SESSION_BYTES)
    }

    /// `bytes`: what charged arguments may take.
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

    /// A turn, behind those before it.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Room for so many units, once there is; `None` if there is none by `end`, or if there is as much as was left when
    /// another call of the session waited `in_vain`.
    pub(crate) async fn room(&self, units: u32, end: Instant, in_vain: &AtomicUsize) -> Option<OwnedSemaphorePermit> {
        let room = match Arc::clone(&self.room).try_acquire_many_owned(units) {
            Ok(room) => Some(room),
            Err(_) if self.room.available_permits() == in_vain.load(Ordering::Relaxed) => None,
            Err(_) => {
                let room = timeout_at(end, Arc::clone(&self.room).acquire_many_owned(units)).await;
                // It is never closed.
                room.ok().and_then(Result::ok)
            }
        };
        let left = if room.is_some() { usize::MAX } else { self.room.available_permits() };
        in_vain.store(left, Ordering::Relaxed);
        room
    }
}

/// So many bytes, in units of room.
pub(crate) fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}
