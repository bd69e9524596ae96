//! `==`, and what counts as true.

use super::Key;
use crate::value::Value;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Whether Python calls two values equal: numbers by what they are worth, whatever their type; lists element by
/// element; maps whatever their order; object references if they are to one object.
///
/// ```
/// use tarmem_remote::Value;
/// use tarmem_remote::modules::python::equal;
///
/// assert!(equal(&1.into(), &1.0.into()));
/// assert!(equal(&1.into(), &true.into()));
/// assert!(!equal(&"1".into(), &1.into()));
/// ```
pub fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Text(a), Value::Text(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => equal_lists(a, b),
        (Value::Map(a), Value::Map(b)) => equal_maps(a, b),
        (Value::Ref(a), Value::Ref(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        _ => match (whole(a), whole(b)) {
            (Some(a), Some(b)) => a == b,
            (Some(n), None) => equal_int_float(n, b),
            (None, Some(n)) => equal_int_float(n, a),
            (None, None) => false,
        },
    }
}

/// Whether two lists are equal.
pub(crate) fn equal_lists(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

fn equal_maps(a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
    // Of a key that is there twice, the last one counts.
    match (table(a), table(b)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        // Keys that Python could not have: all that is left is to compare them as they come.
        _ => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(&a.0, &b.0) && equal(&a.1, &b.1)),
    }
}

/// `None` for keys that Python could not have.
fn table(entries: &[(Value, Value)]) -> Option<HashMap<Key, &Value>> {
    entries.iter().map(|(key, value)| Some((Key::new(key.clone()).ok()?, value))).collect()
}

/// What counts as true: everything but null, false, zero and what is empty.
pub fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Int(n) => *n != 0,
        Value::Float(x) => *x != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => !entries.is_empty(),
        Value::Ref(_) => true,
    }
}

/// The integer that an integer or a bool is.
pub(crate) fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Int(n) => Some(*n),
        Value::Bool(b) => Some(i128::from(*b)),
        _ => None,
    }
}

fn equal_int_float(n: i128, x: &Value) -> bool {
    matches!(x, Value::Float(x) if compare_int_float(n, *x) == Some(Ordering::Equal))
}

/// Compares exactly, where a cast would round; `None` for NaN.
pub(crate) fn compare_int_float(n: i128, x: f64) -> Option<Ordering> {
    // The first float above i128: a power of two, and so exact.
    const ABOVE: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if x >= ABOVE {
        Some(Ordering::Less)
    } else if x < -ABOVE {
        Some(Ordering::Greater)
    } else {
        let whole = x.trunc();
        whole.partial_cmp(&x).map(|rest| n.cmp(&(whole as i128)).then(rest))
    }
}
