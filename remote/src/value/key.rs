//! What can be a key of a map or an element of a set, as Python has it.

use super::{Integer, OutOfMemory, Value, equal, integer_of};
use hashbrown::HashTable;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

/// A value that can be a key: anything but a list or a map, and a tuple if all its elements can be keys.
///
/// A set is one, as Python's `frozenset` is.
///
/// Keys that are equal are one key, whatever their types: `1`, `1.0` and `true`. NaN is one key, too.
///
/// ```
/// use std::collections::HashSet;
/// use tarmem_remote::value::{Key, Value};
///
/// let keys: HashSet<Key> = [1.into(), 1.0.into(), true.into()].map(|key: Value| Key::new(key).unwrap()).into();
/// assert_eq!(keys.len(), 1);
/// assert_eq!(Key::new(Value::List(vec![])).unwrap_err().to_string(), "unhashable type: 'list'");
/// ```
#[derive(Clone, Debug)]
pub struct Key(Value);

impl Key {
    /// The value as a key.
    ///
    /// # Errors
    /// [`Unhashable`] for a list or a map, and for a tuple with one in it.
    pub fn new(value: Value) -> Result<Self, Unhashable> {
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

/// What cannot be a key, nor an element of a set: a list, a map, or a tuple with one in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unhashable {
    /// What Python calls the type of the list or map.
    type_name: &'static str,
}

impl fmt::Display for Unhashable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhashable type: '{}'", self.type_name)
    }
}

impl std::error::Error for Unhashable {}

/// The elements, each once: of those that are equal the first stays.
pub(super) fn unique(items: impl IntoIterator<Item = Value>) -> Result<Vec<Value>, Unhashable> {
    let mut kept: Vec<Value> = Vec::new();
    let mut places: HashTable<(u64, usize)> = HashTable::new();
    for item in items {
        hashable(&item)?;
        let hash = hash_of(&item);
        if places.find(hash, |&(other, place)| other == hash && same(&kept[place], &item)).is_none() {
            places.insert_unique(hash, (hash, kept.len()), |&(hash, _)| hash);
            kept.push(item);
        }
    }
    Ok(kept)
}

/// The pairs of a map: of keys that are equal the first stays, with the last value, as in Python's `dict`. What cannot
/// be a key stays as it is. Takes time in proportion to their number, and next to none for few pairs, or such as are in
/// order.
///
/// # Errors
/// There is no memory to tell the keys apart in.
#[inline]
pub(super) fn collapse(pairs: &mut Vec<(Value, Value)>) -> Result<(), OutOfMemory> {
    if are_distinct(pairs) { Ok(()) } else { collapse_any(pairs) }
}

/// Whether a glance tells that no two keys are equal: of texts and integers that ascend, or are few. Most maps are of
/// this kind.
#[inline]
fn are_distinct(pairs: &[(Value, Value)]) -> bool {
    /// So few are compared each with each.
    const FEW: usize = 8;
    let ascend = |(a, _): &(Value, Value), (b, _): &(Value, Value)| match (a, b) {
        (Value::Text(a), Value::Text(b)) => a < b,
        (Value::Int(a), Value::Int(b)) => a < b,
        _ => false,
    };
    let differ = |a: &Value, b: &Value| match (a, b) {
        (Value::Text(a), Value::Text(b)) => a != b,
        (Value::Int(a), Value::Int(b)) => a != b,
        (Value::Text(_), Value::Int(_)) | (Value::Int(_), Value::Text(_)) => true,
        _ => false,
    };
    let mut each = pairs.iter().enumerate();
    pairs.is_sorted_by(ascend)
        || pairs.len() <= FEW && each.all(|(nth, (key, _))| pairs[..nth].iter().all(|(other, _)| differ(key, other)))
}

#[cold]
fn collapse_any(pairs: &mut Vec<(Value, Value)>) -> Result<(), OutOfMemory> {
    let mut places: HashTable<usize> = HashTable::new();
    let room = places.try_reserve(pairs.len(), |_| 0);
    room.map_err(|_| OutOfMemory::of_bytes(pairs.len().saturating_mul(size_of::<usize>())))?;
    let mut kept = 0;
    for at in 0..pairs.len() {
        let (before, rest) = pairs.split_at_mut(at);
        let Some((key, value)) = rest.first_mut() else { break };
        if hashable(key).is_ok() {
            let hash = hash_of(key);
            if let Some(&place) = places.find(hash, |&place| same(&before[place].0, key)) {
                before[place].1 = std::mem::take(value);
                continue;
            }
            places.insert_unique(hash, kept, |&place| before.get(place).map_or(0, |(key, _)| hash_of(key)));
        }
        pairs.swap(kept, at);
        kept += 1;
    }
    pairs.truncate(kept);
    Ok(())
}

/// One of the keys that is equal to one before it. What cannot be a key is none of them.
pub(super) fn twice<'a>(keys: impl IntoIterator<Item = &'a Value>) -> Option<&'a Value> {
    let mut before: HashTable<(u64, &Value)> = HashTable::new();
    keys.into_iter().filter(|key| hashable(key).is_ok()).find(|&key| {
        let hash = hash_of(key);
        let known = before.find(hash, |&(other, before)| other == hash && same(before, key)).is_some();
        if !known {
            before.insert_unique(hash, (hash, key), |&(hash, _)| hash);
        }
        known
    })
}

/// For the tables of this file: keyed at random, because keys come from strangers.
fn hash_of(key: &Value) -> u64 {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEYS.build_hasher();
    hash(key, &mut hasher);
    hasher.finish()
}

fn hashable(value: &Value) -> Result<(), Unhashable> {
    match value {
        Value::List(_) => Err(Unhashable { type_name: "list" }),
        Value::Map(_) => Err(Unhashable { type_name: "dict" }),
        // The elements of a set are.
        Value::Tuple(items) => items.iter().try_for_each(hashable),
        _ => Ok(()),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

/// Whether they are one key.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        (a, b) => equal(a, b),
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
            if let Some(n) = integer_of(value) {
                n.hash(state);
            }
        }
    }
}
