//! What can be a key of a dict or an element of a set.

use super::equality::{compare_int_float, whole};
use super::{equal, type_name};
use crate::modules::Exception;
use crate::value::Value;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A value that can be a key: anything but a list or a map.
///
/// Keys that are equal are one key, whatever their types: `1`, `1.0` and `true`. NaN is one key, too.
#[derive(Clone, Debug)]
pub struct Key(Value);

impl Key {
    /// The value as a key.
    ///
    /// # Errors
    /// `TypeError` for a list or a map.
    pub fn new(value: Value) -> Result<Self, Exception> {
        match value {
            Value::List(_) | Value::Map(_) => {
                Err(Exception::TypeError(format!("unhashable type: '{}'", type_name(&value))))
            }
            value => Ok(Key(value)),
        }
    }

    /// The value that it is.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The value that it is.
    pub fn into_value(self) -> Value {
        self.0
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (a, b) => equal(a, b),
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Value::Float(x) => match whole_float(*x) {
                Some(n) => n.hash(state),
                None if x.is_nan() => f64::NAN.to_bits().hash(state),
                None => x.to_bits().hash(state),
            },
            Value::Text(text) => text.hash(state),
            Value::Bytes(bytes) => bytes.hash(state),
            Value::Ref(reference) => reference.hash(state),
            // As the float that is equal to it.
            value => {
                if let Some(n) = whole(value) {
                    n.hash(state);
                }
            }
        }
    }
}

/// The integer that a float is worth.
fn whole_float(x: f64) -> Option<i128> {
    let n = x as i128;
    (compare_int_float(n, x) == Some(Ordering::Equal)).then_some(n)
}
