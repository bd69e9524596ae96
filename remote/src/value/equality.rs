//! Python's equality of values.

use super::{Integer, Key, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Whether Python considers two values equal. Numbers are compared by value, whatever their types; lists with lists and
/// tuples with tuples, element by element; maps and sets whatever their order. Object references are equal if they
/// refer to the same object.
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

/// Compares two lists, element by element.
fn equal_lists(a: &[Value], b: &[Value]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

/// Compares two sets, whatever their order.
fn equal_sets(a: &[Value], b: &[Value]) -> bool {
    // Sets have no duplicates, because their decoder removes them.
    let keys = |items: &[Value]| items.iter().map(|item| Key::new(item.clone()).ok()).collect::<Option<HashSet<Key>>>();
    a.len() == b.len() && matches!((keys(a), keys(b)), (Some(a), Some(b)) if a == b)
}

/// Whether Python considers maps with these pairs equal; see [`equal`].
pub fn equal_maps(a: &[(Value, Value)], b: &[(Value, Value)]) -> bool {
    // If a key is repeated, its last value counts.
    match (table(a), table(b)) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        // Some keys are not hashable in Python, so the pairs are compared in order.
        _ => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(&a.0, &b.0) && equal(&a.1, &b.1)),
    }
}

/// The pairs as a table; `None` if a key is not hashable in Python.
fn table(entries: &[(Value, Value)]) -> Option<HashMap<Key, &Value>> {
    entries.iter().map(|(key, value)| Some((Key::new(key.clone()).ok()?, value))).collect()
}

/// The integer, if this is an integer or a bool: Python's `True` is 1.
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
