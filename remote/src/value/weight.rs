//! Limits how much memory the decoded values of one message may take.
//!
//! One byte on the wire may be an element of a list, which takes as much memory as any [`Value`](super::Value). So a
//! message may be many times larger in memory than it is on the wire, and the elements are counted while they are
//! decoded.

use std::cell::Cell;
use std::collections::TryReserveError;
use std::fmt;

/// How much memory the [`Value`](super::Value)s in the arguments of one call, or in an object that is sent by value,
/// may take, including their texts and bytes: 64 MiB. The same limit applies to what one operation of tarmem's own
/// modules may make.
pub const DECODED_LIMIT: usize = 64 << 20;

/// Approximately what an allocation of this many bytes takes: allocators keep a word beside it, and round up.
#[inline]
pub const fn allocated(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        1..=24 => 32,
        more => more.saturating_add(8 + 15) & !15,
    }
}

thread_local! {
    /// How much may still be allocated by what is being decoded.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    /// How much has been allocated since `take_decoded_weight` was last called.
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

/// The error if the arguments of a call would take more than [`DECODED_LIMIT`] once decoded.
///
/// ```
/// use tarmem_remote::value::{DECODED_LIMIT, TooHeavy, charge, limited};
///
/// let refused: TooHeavy = limited(|| charge(DECODED_LIMIT + 1)).unwrap_err();
/// assert!(refused.to_string().contains("more memory than the limit of 67108864 bytes"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooHeavy;

impl fmt::Display for TooHeavy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the values would take more memory than the limit of {DECODED_LIMIT} bytes for one call; divide them \
             among several"
        )
    }
}

/// Runs `decode`, which decodes the arguments of a call or an object that was sent by value, or makes the values of a
/// result, with the limit [`DECODED_LIMIT`].
#[inline]
pub fn limited<R>(decode: impl FnOnce() -> R) -> R {
    /// Restores the previous remainder, also after a panic.
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

/// Counts this many more bytes towards [`DECODED_LIMIT`]. This is for a `Deserialize` that stores more than the
/// [`Value`](super::Value)s that it reads, such as a table's entries.
///
/// # Errors
/// The limit is exceeded, inside [`limited`].
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
    // Nothing is counted outside `limited`.
    if left != usize::MAX {
        LEFT.set(left.checked_sub(bytes).ok_or(TooHeavy)?);
    }
    Ok(())
}

/// How many bytes, beyond their encoded form, the arguments take that this thread has decoded since this function was
/// last called.
///
/// ```
/// use tarmem_remote::codec::{decode, encode};
/// use tarmem_remote::value::{Value, limited, take_decoded_weight};
///
/// let bytes = encode(&Value::from(vec![1, 2, 3])).unwrap();
/// take_decoded_weight();
/// limited(|| decode::<Value>(&bytes)).unwrap();
/// assert!(take_decoded_weight() > 0);
/// assert_eq!(take_decoded_weight(), 0);
/// ```
pub fn take_decoded_weight() -> usize {
    TAKEN.take()
}

/// The most elements that an announced length reserves where nothing is counted.
const RESERVED: usize = 1024;

/// The error if there is not enough memory now. Only the operation that asked for it fails.
///
/// ```
/// use tarmem_remote::value::{OutOfMemory, with_room};
///
/// let refused: OutOfMemory = with_room::<u64>(usize::MAX / 16).unwrap_err();
/// assert!(refused.to_string().starts_with("there is no memory for"));
/// ```
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

/// An empty list with capacity for `count` elements.
///
/// # Errors
/// There is not enough memory for them now.
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

/// An empty list with capacity for as many elements as are announced, within the limit.
pub(super) fn announced<T>(count: Option<usize>) -> Result<Vec<T>, OutOfMemory> {
    let most = match LEFT.get() {
        usize::MAX => RESERVED,
        left => left / size_of::<T>(),
    };
    with_room(count.unwrap_or(0).min(most))
}

/// Appends `item`.
#[inline]
pub(super) fn push<T>(items: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    if items.len() == items.capacity() {
        items.try_reserve(1).map_err(OutOfMemory::of::<T>(items.len() + 1))?;
    }
    items.push(item);
    Ok(())
}

/// Shorter texts are copied without a check: if there is no memory for so little, there is none for an error either.
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

/// A copy of the bytes.
pub(super) fn copy(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copy = with_room(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_are_copied() {
        for length in [0, 1, SHORT_TEXT, SHORT_TEXT + 1, 5 * SHORT_TEXT] {
            let text: String = ('a'..='z').cycle().take(length).collect();
            assert_eq!(copy_text(&text).map_err(|error| error.to_string()), Ok(text));
        }
    }

    #[test]
    fn missing_memory_is_an_error() {
        let error = with_room::<u64>(usize::MAX / 16).err().map(|error| error.to_string());
        let told = "there is no memory for 9223372036854775800 bytes now; take less at once, or give the service more";
        assert_eq!(error.as_deref(), Some(told));
    }
}
