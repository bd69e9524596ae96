//! How a directory is used.

use crate::disk::Disk;

/// How a directory is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LocalOptions {
    /// The size of a segment of the log, in bytes.
    pub segment_bytes: u64,
    /// How much of the log may wait to be folded into the states, in bytes. When there is more, commits wait.
    pub log_bytes: u64,
    /// Whether a batch is synced when `commit` returns. Otherwise it is when [`sync`](crate::Storage::sync) returns.
    pub sync_each: bool,
    /// How many bytes of the disk are kept in reserve, in a file that is removed when the disk is nearly full: so that
    /// what was removed can still be folded into the states, whose pages are free then.
    pub reserve_bytes: u64,
    /// How many bytes are folded into the states at once.
    pub fold_bytes: usize,
    /// How many bytes are folded per second, at most. None: as many as the disk takes.
    pub fold_rate: Option<u64>,
    /// Whether a thread of its own makes segments and folds them. Otherwise commits do.
    pub in_background: bool,
}

impl Default for LocalOptions {
    fn default() -> Self {
        LocalOptions {
            segment_bytes: 16 << 20,
            log_bytes: 256 << 20,
            reserve_bytes: 16 << 20,
            sync_each: true,
            fold_bytes: 1 << 20,
            fold_rate: Some(64 << 20),
            in_background: true,
        }
    }
}

/// A segment takes at most this part of what the disk has left.
const SHARE: u64 = 8;

/// The size of a segment when the disk has nearly nothing left.
pub(crate) const SMALL_SEGMENT: u64 = 32 << 10;

/// How large a segment is to be, with at least this many bytes: smaller on a disk that has little left.
pub(crate) fn segment_bytes(disk: &dyn Disk, options: &LocalOptions, least: u64) -> u64 {
    let share = match free_bytes(disk) {
        None => u64::MAX,
        Some(free) if free < 2 * options.reserve_bytes => SMALL_SEGMENT,
        Some(free) => (free / SHARE).max(SMALL_SEGMENT),
    };
    options.segment_bytes.min(share).max(least)
}

/// How many bytes the disk has left, if it says so.
pub(crate) fn free_bytes(disk: &dyn Disk) -> Option<u64> {
    disk.free_bytes().ok().flatten()
}
