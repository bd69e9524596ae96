//! How much memory the values of one message may take once they are decoded.
//!
//! A byte on the wire may be an element of a list, and that takes as much as any [`Value`](super::Value): a message may
//! be many times as large in memory as it was on its way. So the elements are counted while they are decoded.

use std::cell::Cell;
use std::collections::TryReserveError;
use std::fmt;

/// How much memory the [`Value`](super::Value)s among the arguments of one call may take, with the texts and bytes in
/// them, or those in an object that is sent by value; and no less what one operation of tarmem's own modules may make:
/// 64 MiB.
pub const DECODED_LIMIT: usize = 64 << 20;

/// About what an allocation of so many bytes takes: allocators keep a word beside it, and round up.
#[inline]
pub const fn allocated(bytes: usize) -> usize {
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

/// The arguments of a call would take more than [`DECODED_LIMIT`] once they are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooHeavy;

impl fmt::Display for TooHeavy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the values would take more memory than the limit of {DECODED_LIMIT} bytes for one call; divide them among several"
        )
    }
}

/// Decodes the arguments of a call, or an object that was sent by value, with `decode`, within [`DECODED_LIMIT`]; or
/// makes values of a result.
#[inline]
pub fn limited<R>(decode: impl FnOnce() -> R) -> R {
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

impl std::error::Error for TooHeavy {}

/// Counts so many bytes more towards [`DECODED_LIMIT`]: for a `Deserialize` that keeps more than the
/// [`Value`](super::Value)s that it reads, such as a table's entries.
///
/// # Errors
/// They are too many, inside of [`limited`].
///
/// ```
/// use tarmem_remote::value::{DECODED_LIMIT, charge, limited};
///
/// assert!(limited(|| charge(1000)).is_ok());
/// assert!(limited(|| charge(DECODED_LIMIT + 1)).is_err());
/// ```
#[inline]
pub fn charge(bytes: usize) -> Result<(), TooHeavy> {
    let left = LEFT.get();
    // Outside of `limited` nothing is counted.
    if left != usize::MAX {
        LEFT.set(left.checked_sub(bytes).ok_or(TooHeavy)?);
    }
    Ok(())
}

/// How many bytes the arguments that this thread has decoded since the last time it was asked take in memory, beyond
/// their encoded form.
pub fn take_decoded_weight() -> usize {
    TAKEN.take()
}

/// No announced length reserves more than this many elements where nothing is counted.
const RESERVED: usize = 1024;

/// There is no memory for this now: the operation that asked for it fails, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory {
    bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no memory for {} bytes now; take less at once, or give the service more", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

impl OutOfMemory {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        OutOfMemory { bytes }
    }

    fn of<T>(count: usize) -> impl Fn(TryReserveError) -> Self {
        move |_| OutOfMemory { bytes: count.saturating_mul(size_of::<T>()) }
    }
}

/// An empty list with room for `count` elements.
///
/// # Errors
/// There is no memory for them now.
///
/// ```
/// use tarmem_remote::value::with_room;
///
/// assert_eq!(with_room::<u64>(1000).unwrap().capacity(), 1000);
/// assert!(with_room::<u64>(usize::MAX / 16).is_err());
/// ```
pub fn with_room<T>(count: usize) -> Result<Vec<T>, OutOfMemory> {
    let mut items = Vec::new();
    items.try_reserve_exact(count).map_err(OutOfMemory::of::<T>(count))?;
    Ok(items)
}

/// An empty list for as many elements as are announced, or as may come.
pub(super) fn announced<T>(count: Option<usize>) -> Result<Vec<T>, OutOfMemory> {
    let most = match LEFT.get() {
        usize::MAX => RESERVED,
        left => left / size_of::<T>(),
    };
    with_room(count.unwrap_or(0).min(most))
}

/// Puts `item` at the end.
#[inline]
pub(super) fn push<T>(items: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    if items.len() == items.capacity() {
        items.try_reserve(1).map_err(OutOfMemory::of::<T>(items.len() + 1))?;
    }
    items.push(item);
    Ok(())
}

/// Below this a text is copied as any is: there is memory for so much, or for nothing at all.
const SHORT_TEXT: usize = 4 << 10;

/// A copy of a text.
#[inline]
pub(super) fn copy_text(text: &str) -> Result<String, OutOfMemory> {
    if text.len() <= SHORT_TEXT {
        return Ok(text.to_owned());
    }
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(OutOfMemory::of::<u8>(text.len()))?;
    copy.push_str(text);
    Ok(copy)
}

/// A copy of so many bytes.
pub(super) fn copy(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copy = with_room(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_copied_whole_whatever_its_length() {
        for length in [0, 1, SHORT_TEXT, SHORT_TEXT + 1, 5 * SHORT_TEXT] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            assert_eq!(copy_text(&text).map_err(|error| error.to_string()), Ok(text));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let error = with_room::<u64>(usize::MAX / 16).err().map(|error| error.to_string());
        let told = "there is no memory for 9223372036854775800 bytes now; take less at once, or give the service more";
        assert_eq!(error.as_deref(), Some(told));
    }
}
