//! Python's errors for a function over live lists that is called with something else.

use super::type_name;
use crate::Exception;
use tarmem_remote::describe::Function;
use tarmem_remote::error::Error;
use tarmem_remote::value::{Value, to_value};

tarmem_remote::register_package!(no_list);

/// Returns Python's error for a dynamic call of a function of the modules whose argument is not a list. `None` if
/// Python has none: it accepts a plain list.
fn no_list(function: &Function, found: &Value) -> Option<Error> {
    if matches!(found, Value::List(_)) {
        return None;
    }
    let (name, found) = (function.name, type_name(found));
    let error = match function.module {
        "heapq" => {
            let nth = if function.params.len() == 1 { "" } else { " 1" };
            Exception::TypeError(format!("{name}() argument{nth} must be list, not {found}"))
        }
        "bisect" => match found {
            "int" | "float" | "bool" | "complex" | "NoneType" => {
                Exception::TypeError(format!("object of type '{found}' has no len()"))
            }
            "dict" => Exception::TypeError("dict is not a sequence".to_owned()),
            "set" | "frozenset" => Exception::TypeError(format!("'{found}' object does not support indexing")),
            _ => Exception::AttributeError(format!("'{found}' object has no attribute 'insert'")),
        },
        _ => return None,
    };
    let (what, message) = (format!("{}.{name}", function.module), error.to_string());
    Some(Error::Raised { what, message, error: to_value(&error).ok().map(Box::new) })
}
