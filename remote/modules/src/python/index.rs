//! Indices, counts and bounds of sequences: which element `xs[-1]` is.

use super::type_name;
use super::whole;
use crate::Exception;
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Returns the integer that a value stands for as an index, a count or a size: an int or a bool, or a reference to a
/// live one.
///
/// # Errors
/// `TypeError` for anything else.
pub fn index_of(value: &Value) -> Result<i128, Exception> {
    whole(value)?.ok_or_else(|| {
        Exception::TypeError(format!("'{}' object cannot be interpreted as an integer", type_name(value)))
    })
}

/// As [`index_of`], for a bound of a search.
///
/// # Errors
/// `TypeError` if it is not an integer.
fn bound_of(bound: &Value) -> Result<i128, Exception> {
    index_of(bound).map_err(|_| Exception::of_type("slice indices must be integers or have an __index__ method"))
}

/// As [`bound_of`], for a bound that may be null.
///
/// # Errors
/// `TypeError` if it is not an integer.
pub(crate) fn slice_bound_of(bound: &Value) -> Result<i128, Exception> {
    index_of(bound)
        .map_err(|_| Exception::of_type("slice indices must be integers or None or have an __index__ method"))
}

/// As [`index_of`], for an integer that must fit a machine word, as CPython requires.
///
/// # Errors
/// `OverflowError` if it does not fit.
pub(crate) fn word(value: &Value) -> Result<i128, Exception> {
    let n = index_of(value)?;
    match i64::try_from(n) {
        Ok(_) => Ok(n),
        Err(_) => Err(Exception::overflow("Python int too large to convert to C ssize_t")),
    }
}

/// Returns the position that an index stands for in a sequence of `len`; a negative one counts from the end.
pub fn position(index: i128, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(len as i128)? } else { index };
    usize::try_from(index).ok().filter(|&at| at < len)
}

/// Returns the bounds in which `index(value, start, stop)` searches among `len` elements.
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

/// Returns the position at which to insert for an index. One beyond an end stands for that end.
pub(crate) fn insertion(index: i128, len: usize) -> usize {
    let index = if index < 0 { index.saturating_add(len as i128) } else { index };
    usize::try_from(index.max(0)).map_or(len, |at| at.min(len))
}
