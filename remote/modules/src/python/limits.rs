//! Limits on the size and depth of values.

use super::Effort;
use crate::Exception;
use tarmem_remote::value::{DECODED_LIMIT, DEPTH_LIMIT, Value, allocated, with_room};

/// How deeply an element of a collection can be nested: two levels less than [`DEPTH_LIMIT`], so that the collection
/// itself, and a list of its items, can be returned.
pub const ELEMENT_DEPTH: usize = DEPTH_LIMIT - 2;

/// How much memory the result of an operation can take if it can be much larger than its operands, as in `xs * n` or
/// `list(text)`: as much as [the arguments of a call](DECODED_LIMIT), 64 MiB.
///
/// This counts memory, not characters: an element of a list takes 32 bytes, and a text of its own at least 32 more. The
/// `MemoryError` comes before the memory is taken.
pub const RESULT_LIMIT: usize = DECODED_LIMIT;

/// Checks that a value can be an element of a collection.
///
/// # Errors
/// `ValueError` if it is nested deeper than [`ELEMENT_DEPTH`].
pub fn check_depth(value: &Value) -> Result<(), Exception> {
    if fits(value, ELEMENT_DEPTH) {
        Ok(())
    } else {
        Err(Exception::ValueError(format!("an element can be nested at most {ELEMENT_DEPTH} levels deep")))
    }
}

fn fits(value: &Value, levels: usize) -> bool {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            levels > 0 && items.iter().all(|item| fits(item, levels - 1))
        }
        Value::Map(entries) => {
            levels > 0 && entries.iter().all(|(key, value)| fits(key, levels - 1) && fits(value, levels - 1))
        }
        _ => true,
    }
}

/// Returns the approximate memory that a value takes, in bytes, with what the allocator adds to a text.
pub fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::Text(text) => allocated(text.len()),
        Value::Bytes(bytes) => allocated(bytes.len()),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(weight).sum(),
        Value::Int(n) => n.weight(),
        Value::Map(entries) => entries.iter().map(|(key, value)| weight(key) + weight(value)).sum(),
        _ => 0,
    };
    inside + size_of::<Value>()
}

/// Checks that `count` times `each` bytes are within the limit.
///
/// # Errors
/// `MemoryError` if they are more than [`RESULT_LIMIT`].
pub fn check_result(each: usize, count: usize) -> Result<(), Exception> {
    match each.checked_mul(count) {
        Some(bytes) if bytes <= RESULT_LIMIT => Ok(()),
        _ => Err(too_large(each as u128 * count as u128)),
    }
}

/// The memory of a result while it is made.
#[derive(Default)]
pub(crate) struct Meter(usize);

impl Meter {
    /// Adds this many bytes.
    ///
    /// # Errors
    /// `MemoryError` if the sum is more than [`RESULT_LIMIT`].
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Exception> {
        self.0 = self.0.saturating_add(bytes);
        if self.0 > RESULT_LIMIT { Err(too_large(self.0 as u128)) } else { Ok(()) }
    }
}

/// Copies these elements.
///
/// # Errors
/// `MemoryError` before the copies take more than [`RESULT_LIMIT`].
pub(crate) fn copied<'a>(items: impl Iterator<Item = &'a Value>) -> Result<Vec<Value>, Exception> {
    let mut meter = Meter::default();
    let mut copies = room(items.size_hint().0.min(RESULT_LIMIT / size_of::<Value>()))?;
    let mut effort = Effort::default();
    for item in items {
        effort.take(1)?;
        meter.take(weight(item))?;
        copies.push(item.clone());
    }
    Ok(copies)
}

/// Returns an empty list with room for `count` elements.
///
/// # Errors
/// `MemoryError` if that cannot be allocated now.
pub(crate) fn room<T>(count: usize) -> Result<Vec<T>, Exception> {
    with_room(count).map_err(|error| Exception::MemoryError(error.to_string()))
}

/// Returns the elements repeated `times` times.
///
/// # Errors
/// As [`room`]. The caller [checks](repeats) that they are within the limit.
pub(crate) fn repeated<T: Clone>(items: &[T], times: usize) -> Result<Vec<T>, Exception> {
    let mut repeated = room(items.len().saturating_mul(times))?;
    (0..times).for_each(|_| repeated.extend_from_slice(items));
    Ok(repeated)
}

fn too_large(bytes: u128) -> Exception {
    Exception::MemoryError(format!(
        "the result would take {bytes} bytes or more, over the limit of {RESULT_LIMIT}; make it in parts"
    ))
}

/// Returns how many times `count` repeats something that takes `bytes`; a negative count means zero.
///
/// # Errors
/// `MemoryError` if the result would be over the limit.
pub(crate) fn repeats(bytes: usize, count: i128) -> Result<usize, Exception> {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    // No bytes stay no bytes, however often they are repeated.
    let count = if bytes == 0 { 0 } else { count };
    check_result(bytes, count)?;
    Ok(count)
}
