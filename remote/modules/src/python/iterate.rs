//! The elements of any value that has some.

use super::live::{plain, type_of, view};
use super::{check_result, room, type_name};
use crate::Exception;
use tarmem_remote::value::{Value, allocated};

/// Returns the elements of a value: those of a list, a tuple or a set, the keys of a map, the characters of a text, or
/// the integers in bytes. Where a service runs this, also those of a live object of these modules.
///
/// # Errors
/// `TypeError` if it has no elements; `MemoryError` if the elements of a text or of bytes would take more than
/// [`RESULT_LIMIT`](super::RESULT_LIMIT): each takes 32 times a byte, or 64.
pub fn iterate(value: Value) -> Result<Vec<Value>, Exception> {
    match value {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => Ok(items),
        Value::Map(entries) => Ok(entries.into_iter().map(|(key, _)| key).collect()),
        Value::Text(text) => {
            check_result(size_of::<Value>() + allocated(1), text.chars().count())?;
            let mut letters = room(text.chars().count())?;
            letters.extend(text.chars().map(Value::from));
            Ok(letters)
        }
        Value::Bytes(bytes) => {
            check_result(size_of::<Value>(), bytes.len())?;
            let mut integers = room(bytes.len())?;
            integers.extend(bytes.into_iter().map(Value::from));
            Ok(integers)
        }
        Value::Ref(reference) => view(&reference, |seen| {
            let elements = seen.and_then(|seen| seen.elements());
            elements.unwrap_or_else(|| Err(not_iterable(type_of(&reference))))
        }),
        other => Err(not_iterable(type_name(&other))),
    }
}

fn not_iterable(name: &str) -> Exception {
    Exception::TypeError(format!("'{name}' object is not iterable"))
}

/// Returns the pairs of which a dict can be made: those of a map, or the elements of a list if each is a pair itself.
///
/// # Errors
/// `TypeError` if the value or one of its elements has no elements; `ValueError` if one of them does not have two.
pub fn pairs(value: Value) -> Result<Vec<(Value, Value)>, Exception> {
    let value = match plain(value)? {
        Value::Map(entries) => return Ok(entries),
        value => value,
    };
    let pair = |(at, item): (usize, Value)| {
        let mut item = iterate(item).map_err(|error| match error {
            Exception::TypeError(_) => {
                Exception::TypeError(format!("cannot convert dictionary update sequence element #{at} to a sequence"))
            }
            error => error,
        })?;
        match (item.pop(), item.pop(), item.len()) {
            (Some(value), Some(key), 0) => Ok((key, value)),
            (last, before, rest) => {
                let len = rest + usize::from(last.is_some()) + usize::from(before.is_some());
                Err(Exception::ValueError(format!(
                    "dictionary update sequence element #{at} has length {len}; 2 is required"
                )))
            }
        }
    };
    iterate(value)?.into_iter().enumerate().map(pair).collect()
}
