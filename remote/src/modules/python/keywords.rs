//! What Python takes one of by its place, and any number of by their names: `dict(items, a=1)`.

use crate::modules::Exception;
use crate::value::Value;

/// The only argument by place of what CPython calls `function`, if there is one.
///
/// # Errors
/// `TypeError` for more than one, in the words of CPython.
pub(crate) fn at_most_one(function: &str, args: Vec<Value>) -> Result<Option<Value>, Exception> {
    match args.len() {
        0 | 1 => Ok(args.into_iter().next()),
        found => Err(Exception::TypeError(format!("{function} expected at most 1 argument, got {found}"))),
    }
}
