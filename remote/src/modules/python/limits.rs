//! How large and how deep things may become.

use crate::modules::Exception;
use crate::value::{DEPTH_LIMIT, Value};

/// How deep a value may be nested to be an element of a collection: two levels less than
/// [`DEPTH_LIMIT`], so that the collection itself, and a list of its items, can be shown.
pub const ELEMENT_DEPTH: usize = DEPTH_LIMIT - 2;

/// How much memory the result of one operation may take where it can be much larger than what it was made of, such as
/// `xs * n`: 64 MiB.
pub const RESULT_LIMIT: usize = 64 << 20;

/// Checks that a value can be an element of a collection.
///
/// # Errors
/// `ValueError` if it is nested deeper than [`ELEMENT_DEPTH`].
pub fn check_depth(value: &Value) -> Result<(), Exception> {
    if fits(value, ELEMENT_DEPTH) {
        Ok(())
    } else {
        Err(Exception::ValueError(format!("an element may be nested {ELEMENT_DEPTH} levels deep, and no deeper")))
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

/// About how many bytes of memory a value takes.
pub fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => items.iter().map(weight).sum(),
        Value::Int(n) => n.weight(),
        Value::Map(entries) => entries.iter().map(|(key, value)| weight(key) + weight(value)).sum(),
        _ => 0,
    };
    inside + size_of::<Value>()
}

/// Checks that `count` times `each` bytes are not too many.
///
/// # Errors
/// `MemoryError` if they are more than [`RESULT_LIMIT`].
pub fn check_result(each: usize, count: usize) -> Result<(), Exception> {
    match each.checked_mul(count) {
        Some(bytes) if bytes <= RESULT_LIMIT => Ok(()),
        _ => Err(Exception::MemoryError(format!(
            "the result would take {} bytes, over the limit of {RESULT_LIMIT}; make it in parts",
            each as u128 * count as u128
        ))),
    }
}

/// How often `count` repeats something that takes `bytes`: never if it is negative.
///
/// # Errors
/// `MemoryError` if the result would be over the limit.
pub(crate) fn repeats(bytes: usize, count: i128) -> Result<usize, Exception> {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    // Nothing, however often, is nothing.
    let count = if bytes == 0 { 0 } else { count };
    check_result(bytes, count)?;
    Ok(count)
}
