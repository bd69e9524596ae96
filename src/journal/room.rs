//! How much may be on its way to the disk, and on it.
//!
//! What was noted and is not on disk yet takes memory. If a disk is too slow for what is noted, the service reads from
//! no connection until it has caught up.
//!
//! What is on disk is bounded by a limit of the service, and by what the disk has left. A disk that is really full
//! fails what is written to it, and after that nothing more can be written. So some of it stays in reserve: calls that
//! make what is kept larger are refused before, and those that make it smaller go on.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use tarmem_storage::Usage;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// What the disk must have left, with what the storage holds in reserve. When half of that would be used, too, only
/// what makes things smaller goes on.
const RESERVE: u64 = 32 << 20;

/// How many bytes the arguments of a call may have that goes on when there is little room, and when there is none.
const SMALL: usize = 256;
const SMALLEST: usize = 8;

/// How much is on its way to the disk, and how much more may be.
pub(crate) struct Room {
    /// Bytes that were noted and are not on disk.
    unsaved: AtomicUsize,
    most_unsaved: AtomicUsize,
    /// Notified when something has got to the disk.
    saved: Notify,
    /// What the storage took when that was asked last.
    usage: Mutex<Usage>,
    most_used: AtomicU64,
    left: AtomicU8,
}

/// How much room there is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Enough = 0,
    Little = 1,
    None = 2,
}

/// Why a call is refused that would make what is kept larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// What is kept.
    pub(crate) used: u64,
    /// What may be kept at most.
    pub(crate) most: u64,
    /// If it is the disk that has no more, and not the limit that is reached.
    pub(crate) disk: Option<DiskRoom>,
}

/// What a disk has no more room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskRoom {
    /// How many bytes it should have for the data.
    pub(crate) wanted: u64,
    /// How many it has, with those that the data take.
    pub(crate) has: u64,
    /// How many are left, and how many of them are in reserve.
    pub(crate) left: u64,
    pub(crate) in_reserve: u64,
}

impl Default for Room {
    fn default() -> Self {
        Room {
            unsaved: AtomicUsize::new(0),
            most_unsaved: AtomicUsize::new(usize::MAX),
            saved: Notify::new(),
            usage: Mutex::default(),
            most_used: AtomicU64::new(u64::MAX),
            left: AtomicU8::new(Left::Enough as u8),
        }
    }
}

impl Room {
    /// Sets how many bytes may be on their way to the disk, and on it.
    pub(crate) fn bound(&self, unsaved: usize, used: usize) {
        self.most_unsaved.store(unsaved, Ordering::Relaxed);
        self.most_used.store(used as u64, Ordering::Relaxed);
    }

    /// So many bytes more are on their way to the disk.
    pub(super) fn noted(&self, bytes: usize) {
        self.unsaved.fetch_add(bytes, Ordering::Relaxed);
    }

    /// So many bytes are on disk, or never will be.
    pub(super) fn saved(&self, bytes: usize) {
        self.unsaved.fetch_sub(bytes, Ordering::Relaxed);
        self.saved.notify_waiters();
    }

    /// Whether so much is on its way to the disk that no more may come.
    #[inline]
    pub(crate) fn is_behind(&self) -> bool {
        self.unsaved.load(Ordering::Relaxed) > self.most_unsaved.load(Ordering::Relaxed)
    }

    /// Completes when more may come.
    pub(crate) async fn caught_up(&self) {
        loop {
            let mut saved = std::pin::pin!(self.saved.notified());
            // Registers for the next notification before it looks, so that none is missed.
            Notified::enable(saved.as_mut());
            if !self.is_behind() {
                return;
            }
            saved.await;
        }
    }

    /// The storage takes this.
    pub(super) fn takes(&self, usage: Usage) {
        let most = most_of(&usage, self.most_used.load(Ordering::Relaxed));
        let left = match usage.used_bytes() {
            used if used <= most => Left::Enough,
            used if used - most <= RESERVE / 4 => Left::Little,
            _ => Left::None,
        };
        *self.usage.lock() = usage;
        if self.left.swap(left as u8, Ordering::Relaxed) == Left::Enough as u8 && left != Left::Enough {
            let free = usage.free_bytes.map_or("an unknown number of".to_owned(), |free| free.to_string());
            tracing::warn!(
                "there is little room for data: {} bytes are kept, of at most {most}; the disk has {free} bytes free",
                usage.used_bytes()
            );
        }
    }

    pub(crate) fn usage(&self) -> Usage {
        *self.usage.lock()
    }

    /// Whether there is little room, or none.
    #[inline]
    pub(crate) fn is_scarce(&self) -> bool {
        self.left.load(Ordering::Relaxed) != Left::Enough as u8
    }

    /// Why a call is refused whose arguments have this many bytes, if it is.
    #[cold]
    pub(crate) fn refusal(&self, bytes: usize) -> Option<NoRoom> {
        let small = match self.left.load(Ordering::Relaxed) {
            left if left == Left::Enough as u8 => return None,
            left if left == Left::Little as u8 => SMALL,
            _ => SMALLEST,
        };
        let (usage, limit) = (self.usage(), self.most_used.load(Ordering::Relaxed));
        let most = most_of(&usage, limit);
        let used = usage.used_bytes();
        let disk = usage.free_bytes.filter(|_| most < limit).map(|free| {
            let left = free + usage.reserve_bytes;
            let (wanted, has) = (2 * used + RESERVE, usage.state_bytes + left);
            DiskRoom { wanted, has, left, in_reserve: left.min(RESERVE) }
        });
        (bytes > small).then_some(NoRoom { used, most, disk })
    }
}

/// How many bytes may be used: as many as the limit allows, and the disk has room for.
fn most_of(usage: &Usage, limit: u64) -> u64 {
    let Some(free) = usage.free_bytes else { return limit };
    // Everything is to be in the file of the states, whose pages are half full at least; what is free in it is used
    // again.
    let on_disk = (usage.state_bytes + free + usage.reserve_bytes).saturating_sub(RESERVE) / 2;
    limit.min(on_disk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(value_bytes: u64, free_bytes: u64) -> Usage {
        let mut usage = Usage::default();
        (usage.value_bytes, usage.state_bytes, usage.free_bytes) = (value_bytes, 2 * value_bytes, Some(free_bytes));
        usage
    }

    #[test]
    fn the_more_is_used_the_less_goes_on() {
        let room = Room::default();
        let limit = 100 << 20;
        room.bound(usize::MAX, limit as usize);
        let plenty = 1 << 40;
        let cases = [
            (usage(limit, plenty), None, None),
            (usage(limit + 1, plenty), Some(SMALL), Some(false)),
            (usage(limit + RESERVE / 4 + 1, plenty), Some(SMALLEST), Some(false)),
            (usage(1 << 20, RESERVE), None, None),
            (usage(1 << 20, RESERVE - 2), Some(SMALL), Some(true)),
            (usage(40 << 20, 0), Some(SMALLEST), Some(true)),
        ];
        for (usage, small, is_disk_full) in cases {
            room.takes(usage);
            assert_eq!(room.is_scarce(), small.is_some(), "{usage:?}");
            assert_eq!(room.refusal(small.unwrap_or(usize::MAX)), None, "{usage:?}");
            let refusal = small.and_then(|small| room.refusal(small + 1));
            assert_eq!(
                refusal.map(|refusal| refusal.disk.is_some_and(|disk| disk.wanted > disk.has)),
                is_disk_full,
                "{usage:?}"
            );
        }
        // What was removed from a file leaves room in it.
        let mut emptied = usage(1 << 20, 0);
        emptied.state_bytes = (2 << 20) + RESERVE;
        room.takes(emptied);
        assert!(!room.is_scarce());
    }

    #[tokio::test]
    async fn more_may_come_when_enough_is_saved() {
        let room = Room::default();
        room.bound(100, usize::MAX);
        room.noted(100);
        room.caught_up().await;
        room.noted(1);
        let mut caught_up = Box::pin(room.caught_up());
        assert!(futures::poll!(caught_up.as_mut()).is_pending() && room.is_behind());
        room.saved(1);
        caught_up.await;
    }
}
