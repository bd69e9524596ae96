//! When Python calls two values equal.

use super::{Integer, Key, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Whether Python calls two values equal: numbers by what they are worth, whatever their type; lists and tuples element
/// by element, each among their own; maps and sets whatever their order; object references if they are to one object.
///
/// ```
/// use tarmem_remote::value::equal;
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
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => equal_lists(a, b),
        (Value::Set(a), Value::Set(b)) => equal_sets(a, b),
        (Value::Map(a), Value::Map(b)) => equal_maps(a, b),
        (Value::Ref(a), Value::Ref(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        _ => match (integer_of(a), integer_of(b)) {
            (Some(a), Some(b)) => a == b,
            (Some(n), None) => equal_int_float(&n, b),
            (None, Some(n)) => equal_int_float(&n, a),
            (None, None) => false,
        },
    }
}

/// Whether two lists are equal.
fn equal_lists(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

/// Whether two sets are equal.
fn equal_sets(a: &[Value], b: &[Value]) -> bool {
    // Those that come from outside have each element once.
    let keys = |items: &[Value]| items.iter().map(|item| Key::new(item.clone()).ok()).collect::<Option<HashSet<Key>>>();
    a.len() == b.len() && matches!((keys(a), keys(b)), (Some(a), Some(b)) if a == b)
}

/// As [`equal`], of the pairs of two maps.
pub fn equal_maps(a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
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

/// The integer that an integer or a bool is: Python's `True` is 1.
///
/// ```
/// use tarmem_remote::value::integer_of;
///
/// assert_eq!(integer_of(&true.into()).and_then(|n| n.as_i64()), Some(1));
/// assert!(integer_of(&1.0.into()).is_none());
/// ```
#[inline]
pub fn integer_of(value: &Value) -> Option<Cow<'_, Integer>> {
    match value {
        Value::Int(n) => Some(Cow::Borrowed(n)),
        Value::Bool(b) => Some(Cow::Owned(Integer::new((*b).into()))),
        _ => None,
    }
}

fn equal_int_float(n: &Integer, x: &Value) -> bool {
    matches!(x, Value::Float(x) if n.compare_to_f64(*x) == Some(Ordering::Equal))
}
