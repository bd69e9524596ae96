//! Keys of maps and elements of sets, with Python's equality.

use super::{Integer, OutOfMemory, Value, equal, integer_of};
use hashbrown::HashTable;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::LazyLock;

/// A value that can be a key: anything except a list, a map, or a tuple that contains one. A set can be a key, like
/// Python's `frozenset`.
///
/// Equal values are one key, whatever their types: `1`, `1.0` and `true`. All NaNs are one key, too.
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
    /// Makes a key from a value.
    ///
    /// # Errors
    /// [`Unhashable`] for a list or a map, and for a tuple that contains one.
    pub fn new(value: Value) -> Result<Self, Unhashable> {
        hashable(&value)?;
        Ok(Key(value))
    }

    /// The value of the key.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// Converts the key into its value.
    pub fn into_value(self) -> Value {
        self.0
    }
}

/// The error for a value that cannot be a key or an element of a set: a list, a map, or a tuple that contains one.
///
/// ```
/// use tarmem_remote::value::{Key, Unhashable, Value};
///
/// let refused: Unhashable = Key::new(Value::from((1, vec![2]))).unwrap_err();
/// assert_eq!(refused.to_string(), "unhashable type: 'list'");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unhashable {
    /// Python's name for the type of the list or map.
    type_name: &'static str,
}

impl fmt::Display for Unhashable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unhashable type: '{}'", self.type_name)
    }
}

impl std::error::Error for Unhashable {}

/// The elements without duplicates: of several equal ones the first is kept.
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

/// Removes duplicates from the pairs of a map: of several equal keys the first is kept, with the last value, as in
/// Python's `dict`. Keys that are not hashable are left as they are. This takes linear time, and almost none if the
/// pairs are few or sorted.
///
/// # Errors
/// There is not enough memory for the table of keys.
#[inline]
pub(super) fn collapse(pairs: &mut Vec<(Value, Value)>) -> Result<(), OutOfMemory> {
    if are_distinct(pairs) { Ok(()) } else { collapse_any(pairs) }
}

/// Whether it is quick to see that no two keys are equal, because they are texts or integers that are sorted or few.
/// Most maps are like that.
#[inline]
fn are_distinct(pairs: &[(Value, Value)]) -> bool {
    /// Up to this many keys are compared pairwise.
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

/// A key that is equal to one before it, if there is one. Keys that are not hashable are skipped.
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

/// A hash for the tables in this file. Its seed is random, because the keys come from untrusted clients.
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
        // The elements of a set have been checked.
        Value::Tuple(items) => items.iter().try_for_each(hashable),
        _ => Ok(()),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

/// Whether two values are one key.
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
        // A float hashes like the integer that it is equal to.
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
            /// The seed is random, because the elements come from untrusted clients.
            static ELEMENTS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
            let element = |item: &Value| {
                let mut hasher = ELEMENTS.build_hasher();
                hash(item, &mut hasher);
                hasher.finish()
            };
            // The hash must not depend on the order.
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
