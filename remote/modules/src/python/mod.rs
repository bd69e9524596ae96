//! What Python's types have in common, for [`Value`]s: equality, order, keys, `repr`, and slices.
//!
//! - [`equal`] and [`truthy`]: `1 == 1.0 == True`, and maps are equal in any order.
//! - [`Comparison`]: `<` and its like, which fail with `TypeError` between kinds that cannot be ordered.
//! - [`Key`] and [`Table`]: a hash table whose keys keep the order in which they were added; equal values are one key.
//! - [`Slice`] is `[start:stop:step]`.
//! - [`round`], and [`number`] for other arithmetic.
//! - [`repr`] and `format`: a value as text.
//! - [`iterate`]: the elements of any value that has some. [`Chunk`], [`Cursor`], [`Stamp`]: iteration in chunks.

mod compare;
pub(crate) mod complex;
mod cursor;
mod effort;
mod format;
pub(crate) mod heap;
pub(crate) mod hex_float;
mod index;
mod iterate;
mod keywords;
mod limits;
pub(crate) mod live;
pub mod number;
mod ordering;
mod parse;
mod refused;
mod repr;
mod rounding;
mod slice;
mod sort;
mod table;
mod table_serde;
#[cfg(test)]
mod tests;
mod truth;
pub(crate) mod unicode;

pub use compare::LOOK_DEPTH;
pub use cursor::{CHUNK_BYTES, CHUNK_ITEMS, CHUNK_ITEMS_LIMIT, Chunk, Cursor, Stamp};
pub use format::format;
pub use index::{index_of, position};
pub use iterate::{iterate, pairs};
pub use limits::{ELEMENT_DEPTH, RESULT_LIMIT, check_depth, check_result, weight};
pub use ordering::Comparison;
pub use parse::{parse_float, parse_int, to_float, to_int};
pub use repr::{repr, short};
pub use rounding::round;
pub use slice::{Slice, Span};
pub use sort::sort;
pub use table::Table;
pub use tarmem_remote::value::{Key, equal};
pub use truth::truthy;

pub(crate) use compare::Comparing;
pub(crate) use effort::Effort;
pub(crate) use format::{shown_characters, text_of};
pub(crate) use index::{insertion, searched, slice_bound_of, word};
pub(crate) use keywords::{at_most_one, no_key};
pub(crate) use limits::{Meter, copied, repeated, repeats, room};
pub(crate) use live::lending;
pub(crate) use repr::{beginning_of_repr, repr_of, repr_of_parts, whole_repr};
pub(crate) use rounding::to_side;
pub(crate) use sort::{merge_sort, order_of, reorder};
pub(crate) use tarmem_remote::value::integer_of as integer;
pub(crate) use truth::whole;

use crate::Exception;
use std::borrow::Cow;
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Returns Python's name of the type of a value.
pub fn type_name(value: &Value) -> &str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Set(_) => "set",
        Value::Map(_) => "dict",
        Value::Ref(reference) => live::type_of(reference),
    }
}

/// Returns an argument that must be a text if it is given. `argument` is what CPython calls it in messages: its name
/// between quotes, or its position if it has no name there.
///
/// # Errors
/// `TypeError` for anything else, with CPython's message.
pub(crate) fn text_argument(value: Arg<Value>, method: &str, argument: &str) -> Result<Option<String>, Exception> {
    match value {
        Arg::Absent => Ok(None),
        Arg::Given(Value::Text(text)) => Ok(Some(text)),
        Arg::Given(other) => match live::operand(&other)? {
            Cow::Owned(Value::Text(text)) => Ok(Some(text)),
            _ => {
                let found = if other.is_null() { "None" } else { type_name(&other) };
                Err(Exception::TypeError(format!("{method}() argument {argument} must be str, not {found}")))
            }
        },
    }
}
