//! What can be a key of a dict or an element of a set.

use super::equality::integer;
use super::{Table, equal, type_name};
use crate::modules::Exception;
use crate::value::{Integer, Value};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

/// A value that can be a key: anything but a list or a map, and a tuple if all its elements can be keys.
///
/// A set is one, as Python's `frozenset` is.
///
/// Keys that are equal are one key, whatever their types: `1`, `1.0` and `true`. NaN is one key, too.
#[derive(Clone, Debug)]
pub struct Key(Value);

impl Key {
    /// The value as a key.
    ///
    /// # Errors
    /// `TypeError` for a list or a map, and for a tuple with one in it.
    pub fn new(value: Value) -> Result<Self, Exception> {
        hashable(&value)?;
        Ok(Key(value))
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

/// The elements, each once: of those that are equal the first stays.
pub(crate) fn unique(items: impl IntoIterator<Item = Value>) -> Result<Vec<Value>, Exception> {
    let mut table = Table::<()>::new();
    for item in items {
        table.insert(Key::new(item)?, ());
    }
    Ok(table.into_entries().map(|(key, ())| key.into_value()).collect())
}

/// A map of the pairs: of keys that are equal the first stays, with the last value. What cannot be a key stays as it is.
pub(crate) fn collapsed(pairs: Vec<(Value, Value)>) -> Value {
    let mut places = Table::<usize>::new();
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        match Key::new(key.clone()) {
            Ok(found) => match places.get(&found) {
                Some(&place) => kept[place].1 = value,
                None => {
                    places.insert(found, kept.len());
                    kept.push((key, value));
                }
            },
            Err(_) => kept.push((key, value)),
        }
    }
    Value::Map(kept)
}

/// One of the keys that is equal to one before it. What cannot be a key is none of them.
pub(crate) fn twice<'a>(keys: impl IntoIterator<Item = &'a Value>) -> Option<&'a Value> {
    let mut table = Table::<()>::new();
    keys.into_iter().find(|&key| Key::new(key.clone()).is_ok_and(|key| table.insert(key, ()).is_some()))
}

fn hashable(value: &Value) -> Result<(), Exception> {
    match value {
        Value::List(_) | Value::Map(_) => Err(Exception::TypeError(format!("unhashable type: '{}'", type_name(value)))),
        // The elements of a set are.
        Value::Tuple(items) => items.iter().try_for_each(hashable),
        _ => Ok(()),
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
        hash(&self.0, state);
    }
}

fn hash<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        // As the integer that is equal to it.
        Value::Float(x) => match Integer::from_f64(*x).filter(|_| x.fract() == 0.0) {
            Some(n) => n.hash(state),
            None if x.is_nan() => f64::NAN.to_bits().hash(state),
            None => x.to_bits().hash(state),
        },
        Value::Text(text) => text.hash(state),
        Value::Bytes(bytes) => bytes.hash(state),
        Value::Ref(reference) => reference.hash(state),
        Value::Tuple(items) => {
            items.len().hash(state);
            items.iter().for_each(|item| hash(item, state));
        }
        Value::Set(items) => {
            /// At random, because elements come from strangers.
            static ELEMENTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
            let element = |item: &Value| {
                let mut hasher = ELEMENTS.build_hasher();
                hash(item, &mut hasher);
                hasher.finish()
            };
            // In any order the same.
            items.len().hash(state);
            items.iter().map(element).fold(0, u64::wrapping_add).hash(state);
        }
        value => {
            if let Some(n) = integer(value) {
                n.hash(state);
            }
        }
    }
}
