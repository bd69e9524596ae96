//! Indices: which element `xs[-1]` is.

use super::type_name;
use super::whole;
use crate::Exception;
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Returns the integer that a value is as an index, a count or a size: an int or a bool, or a reference to a live one.
///
/// # Errors
/// `TypeError` for anything else.
pub fn index_of(value: &Value) -> Result<i128, Exception> {
    whole(value)?.ok_or_else(|| {
        Exception::TypeError(format!("'{}' object cannot be interpreted as an integer", type_name(value)))
    })
}

/// As [`index_of`], of a bound of a search.
///
/// # Errors
/// `TypeError` for what is no integer.
fn bound_of(bound: &Value) -> Result<i128, Exception> {
    index_of(bound).map_err(|_| Exception::of_type("slice indices must be integers or have an __index__ method"))
}

/// As [`bound_of`], of one that may be null.
///
/// # Errors
/// `TypeError` for what is no integer.
pub(crate) fn slice_bound_of(bound: &Value) -> Result<i128, Exception> {
    index_of(bound)
        .map_err(|_| Exception::of_type("slice indices must be integers or None or have an __index__ method"))
}

/// As [`index_of`], of what has to fit a machine's word, as CPython wants it.
///
/// # Errors
/// `OverflowError` if it does not.
pub(crate) fn word(value: &Value) -> Result<i128, Exception> {
    let n = index_of(value)?;
    match i64::try_from(n) {
        Ok(_) => Ok(n),
        Err(_) => Err(Exception::overflow("Python int too large to convert to C ssize_t")),
    }
}

/// Returns the position that index `index` means in a sequence of `len`, counted from the end if negative.
pub fn position(index: i128, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i128)? } else { index };
    usize::try_from(index).ok().filter(|&at| at < len)
}

/// From where to where `index(value, start, stop)` searches among `len` elements.
///
/// # Errors
/// As [`bound_of`].
pub(crate) fn searched(start: Arg<Value>, stop: Arg<Value>, len: usize) -> Result<(usize, usize), Exception> {
    let bound = |bound: Arg<Value>, otherwise: usize| match bound.given() {
        Some(bound) => bound_of(&bound).map(|at| insertion(at, len)),
        None => Ok(otherwise),
    };
    Ok((bound(start, 0)?, bound(stop, len)?))
}

/// Returns the position that index `index` means where something is put in: at the ends if it is beyond them.
pub(crate) fn insertion(index: i128, len: usize) -> usize {
    let index = if index < 0 { index.saturating_add(len as i128) } else { index };
    usize::try_from(index.max(0)).map_or(len, |at| at.min(len))
}
