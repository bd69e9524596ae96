//! What Python takes one of by its place, and any number of by their names: `dict(items, a=1)`; and the `key` that it
//! takes.

use super::type_name;
use crate::Exception;
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Returns the only argument by place of what CPython calls `function`, if there is one.
///
/// # Errors
/// `TypeError` for more than one, in the words of CPython.
pub(crate) fn at_most_one(function: &str, args: Vec<Value>) -> Result<Option<Value>, Exception> {
    match args.len() {
        0 | 1 => Ok(args.into_iter().next()),
        found => Err(Exception::TypeError(format!("{function} expected at most 1 argument, got {found}"))),
    }
}

/// Checks that a `key` is none, for Python's is a function.
///
/// # Errors
/// `TypeError` for anything but null.
pub(crate) fn no_key(key: Arg<Value>) -> Result<(), Exception> {
    match key.given().filter(|key| !key.is_null()) {
        None => Ok(()),
        Some(key) => Err(Exception::TypeError(format!(
            "key must be None here, not {}: a function cannot be sent; put tuples of the key and the item in order instead",
            type_name(&key)
        ))),
    }
}
