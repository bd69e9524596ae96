//! Named arguments.

use crate::value::Value;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;
use std::fmt;

/// All further named arguments, as `**kwargs` in Python: the type of a parameter with `#[remote(kwargs)]`. The names
/// keep their order, and each occurs once.
///
/// ```
/// use tarmem_remote::args::Kwargs;
///
/// let kwargs = Kwargs::new().with("width", 5).with("name", "tea");
/// assert_eq!(kwargs.get("width"), Some(&5.into()));
/// assert_eq!(kwargs.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["width", "name"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Kwargs {
    entries: Vec<(String, Value)>,
    /// The index of each name.
    places: HashMap<String, usize>,
}

impl Kwargs {
    /// No arguments.
    pub fn new() -> Self {
        Kwargs::default()
    }

    /// Adds an argument, or replaces the value of one with the same name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(name.into(), value.into());
        self
    }

    /// Adds an argument, or replaces the value of one with the same name.
    pub fn insert(&mut self, name: String, value: Value) {
        match self.places.get(&name) {
            Some(&place) => self.entries[place].1 = value,
            None => {
                self.places.insert(name.clone(), self.entries.len());
                self.entries.push((name, value));
            }
        }
    }

    /// Whether there is an argument with this name.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The value of the argument with this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.places.get(name).map(|&place| &self.entries[place].1)
    }

    /// The number of arguments.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The arguments in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Compares names and values, whatever their order.
impl PartialEq for Kwargs {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl IntoIterator for Kwargs {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Kwargs {
    /// If a name is repeated, its last value counts.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        entries.into_iter().fold(Kwargs::new(), |kwargs, (name, value)| kwargs.with(name, value))
    }
}

/// Makes a map.
impl From<Kwargs> for Value {
    fn from(kwargs: Kwargs) -> Self {
        Value::Map(kwargs.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl Serialize for Kwargs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Kwargs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Kwargs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kwargs, A::Error> {
                let mut kwargs = Kwargs::new();
                while let Some((name, value)) = map.next_entry()? {
                    kwargs.insert(name, value);
                }
                Ok(kwargs)
            }
        }
        deserializer.deserialize_map(Read)
    }
}
