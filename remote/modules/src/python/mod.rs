//! What Python's types have in common, for [`Value`]s: when two are equal, which comes first, what can be a key, how
//! they are written, which elements a slice means.
//!
//! - [`equal`] and [`truthy`]: `1 == 1.0 == True`, and maps are equal in any order.
//! - [`Comparison`]: `<` and its like, a `TypeError` between kinds that have no order.
//! - [`Key`] and [`Table`]: what hashes alike is one key; insertion order is kept.
//! - [`Slice`] is `[start:stop:step]`.
//! - [`round`], and [`number`] for the other arithmetic.
//! - [`repr`]: how Python writes a value. `format` writes it as a spec says.
//! - [`iterate`]: the elements of anything that has some. [`Chunk`], [`Cursor`], [`Stamp`]: some of them at a time.

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

/// What Python calls the type of a value.
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

/// An argument that has to be a text if it is given. `argument` is its name as CPython
/// writes it, between quotes, or its place if it has none there.
///
/// # Errors
/// `TypeError` for anything else, in the words of CPython.
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
