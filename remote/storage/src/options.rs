//! How a directory is used.

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
