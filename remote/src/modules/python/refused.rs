//! What Python says where a function over live lists is given something else.

use super::type_name;
use crate::args::Args;
use crate::describe::Function;
use crate::error::Error;
use crate::modules::Exception;
use crate::multi_object::ObjectParam;
use crate::value::{self, ObjectRef, Value, to_value};

/// The error of a dynamic call of one of the modules' functions whose argument for `param` is no list, in Python's words; `None`
/// where Python has none: for a plain list, which it would take.
///
/// `args` are the arguments as they came.
pub fn no_list_among(function: &Function, param: &ObjectParam, args: &[u8]) -> Option<Error> {
    let mut bound = value::limited(|| Args::decode(args)).ok()?.bind(function.params).ok()?;
    let given = bound.find_map(|(name, given)| given.filter(|_| name == param.name))?;
    match given {
        Value::Text(_) | Value::Ref(_) | Value::List(_) => None,
        given => no_list(function, type_name(&given)),
    }
}

/// As [`no_list_among`], of a live object of another class.
pub fn no_list_but(function: &Function, found: &str) -> Option<Error> {
    let reference = ObjectRef::new(Default::default(), found);
    no_list(function, type_name(&Value::Ref(reference)))
}

fn no_list(function: &Function, found: &str) -> Option<Error> {
    if !function.place.is_built_in() {
        return None;
    }
    let name = function.name;
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
