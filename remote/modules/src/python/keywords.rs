//! Arguments as Python takes them: one by position and any number by name, as in `dict(items, a=1)`; and the argument
//! `key`.

use super::type_name;
use crate::Exception;
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Returns the only positional argument of what CPython calls `function`, if there is one.
///
/// # Errors
/// `TypeError` if there are more, with CPython's message.
pub(crate) fn at_most_one(function: &str, args: Vec<Value>) -> Result<Option<Value>, Exception> {
    match args.len() {
        0 | 1 => Ok(args.into_iter().next()),
        found => Err(Exception::TypeError(format!("{function} expected at most 1 argument, got {found}"))),
    }
}

/// Checks that there is no `key`, which is a function in Python.
///
/// # Errors
/// `TypeError` if it is anything but null.
pub(crate) fn no_key(key: Arg<Value>) -> Result<(), Exception> {
    match key.given().filter(|key| !key.is_null()) {
        None => Ok(()),
        Some(key) => Err(Exception::TypeError(format!(
            "key must be None here, not {}: a function cannot be sent; put tuples of the key and the item \
             in order instead",
            type_name(&key)
        ))),
    }
}
