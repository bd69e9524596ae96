//! How much memory the values of one message may take once they are decoded.
//!
//! A byte on the wire may be an element of a list, and that takes as much as any [`Value`](super::Value): a message may be
//! many times as large in memory as it was on its way. So the elements are counted while they are decoded.

use std::cell::Cell;
use std::fmt;

/// How much memory the elements of the [`Value`](super::Value)s among the arguments of one call may take, and no less what
/// one operation of the [`modules`](crate::modules) may make
/// ([`RESULT_LIMIT`](crate::modules::python::RESULT_LIMIT)): 64 MiB.
pub const DECODED_LIMIT: usize = 64 << 20;

/// About what an allocation of so many bytes takes: allocators keep a word beside it, and round up.
#[inline]
pub(crate) const fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        more => more.saturating_add(8 + 15) & !15,
    }
}

thread_local! {
    /// What may still be taken by what is being decoded.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// What has been taken since somebody asked.
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// More than [`DECODED_LIMIT`].
pub(super) struct TooHeavy;

impl fmt::Display for TooHeavy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the values would take more memory than the limit of {DECODED_LIMIT} bytes for one call; send them in parts"
        )
    }
}

/// Decodes the arguments of a call with `decode`, within [`DECODED_LIMIT`].
#[inline]
pub(crate) fn limited<R>(decode: impl FnOnce() -> R) -> R {
    /// Puts back what was left, also after a panic.
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            let taken = DECODED_LIMIT.saturating_sub(LEFT.replace(self.0));
            if taken > 0 {
                TAKEN.set(TAKEN.get().saturating_add(taken));
            }
        }
    }
    let _restore = Restore(LEFT.replace(DECODED_LIMIT));
    decode()
}

/// Counts one element more, of so many bytes.
#[inline]
pub(super) fn charge(bytes: usize) -> Result<(), TooHeavy> {
    let left = LEFT.get();
    // Outside of `limited` nothing is counted.
    if left != usize::MAX {
        LEFT.set(left.checked_sub(bytes).ok_or(TooHeavy)?);
    }
    Ok(())
}

/// How many bytes the arguments that this thread has decoded since the last time it was asked take in memory, beyond their
/// encoded form.
pub fn take_decoded_weight() -> usize {
    TAKEN.take()
}
