//! Which values count as true, and which as integers.

use super::integer;
use super::live::operand;
use crate::error::Exception;
use tarmem_remote::value::Value;

/// Returns whether a value counts as true: all do but null, false, zero and what is empty.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Int(n) => !n.is_zero(),
        Value::Float(x) => *x != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        Value::Ref(_) => true,
    }
}

/// As [`integer`], of an [`operand`], in 128 bits. A larger or smaller integer becomes the highest or lowest one. This
/// is for indices, counts and sizes, for which all of these are too large.
pub(crate) fn whole(value: &Value) -> Result<Option<i128>, Exception> {
    Ok(integer(&*operand(value)?).map(|n| n.saturating_i128()))
}
