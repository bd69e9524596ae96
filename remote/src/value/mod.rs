//! The dynamic value, which a call carries if its types are not known beforehand.
//!
//! - A [`Value`] is null, a bool, an [`Integer`], a float, text, bytes, a list, a tuple, a set, a map or an
//!   [`ObjectRef`].
//! - [`to_value`] converts anything serializable into a `Value`, and [`from_value`] converts a `Value` into anything
//!   deserializable. Both are lenient where nothing can be lost; otherwise their errors say what was expected and what
//!   was found.
//! - A `Value` is sent in the binary encoding of [`crate::codec`] as a tagged form, and in JSON through
//!   [`Value::to_json`] and [`Value::parse_json`].
//! - [`with_scope`] sets how object references are resolved while a message is decoded.
//!
//! ```
//! use tarmem_remote::value::{Value, from_value, to_value};
//!
//! let value = to_value(&(1, "one", [1.5])).unwrap();
//! assert_eq!(value.to_string(), r#"[1,"one",[1.5]]"#);
//! let back: (u8, String, Vec<f64>) = from_value(value).unwrap();
//! assert_eq!(back, (1, "one".to_owned(), vec![1.5]));
//! ```

mod convert;
mod depth;
mod deserialize;
mod display;
mod equality;
mod error;
mod from;
mod handoff;
mod integer;
mod into;
mod json;
mod key;
mod reference;
mod scope;
mod serialize;
mod this;
mod to;
mod weight;

#[cfg(test)]
pub(crate) mod tests;

pub use depth::{DEPTH_LIMIT, NESTING_LIMIT};
pub use deserialize::Counted;
pub use equality::{equal, equal_maps, integer_of};
pub use error::ValueError;
pub use error::{misfit, shown_type};
pub use from::from_value;
pub(crate) use handoff::ABSENT;
pub use integer::{INTEGER_BITS_LIMIT, Integer, IntegerTooLarge};
pub use into::IntoValue;
pub use key::{Key, Unhashable};
pub use reference::ObjectRef;
pub use scope::{Looked, RefScope, go_on, lending, look, place_of, with_scope};
pub use serialize::{serialize_set, serialize_tuple};
pub use this::{Granted, This};
pub use to::to_value;
pub use weight::{DECODED_LIMIT, OutOfMemory, TooHeavy, allocated, charge, limited, take_decoded_weight, with_room};

pub(crate) use depth::TooDeep;
pub(crate) use serialize::is_tagged_form;

/// A value whose type is known only when it arrives.
///
/// Two values are equal if they have the same structure: maps compare as ordered pairs and sets as ordered elements,
/// floats as in IEEE 754 (so `NaN` differs from itself), and object references by id. [`equal`] compares as Python
/// does.
///
/// Lists, tuples, sets and maps may be nested [`DEPTH_LIMIT`] levels deep. Deeper values are refused wherever values
/// are read or written.
///
/// ```
/// use tarmem_remote::value::Value;
///
/// let value = Value::from(vec![Value::from(1), "a".into(), (2.5, true).into()]);
/// assert_eq!(value.kind(), "list");
/// assert_eq!(value.as_list().map(<[_]>::len), Some(3));
/// assert_eq!(value.to_string(), r#"[1,"a",(2.5,true)]"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: `()`, `None`, JSON's `null`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// An integer of any size.
    Int(Integer),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes, as opposed to a list of small integers.
    Bytes(Vec<u8>),
    /// A list. This is what serde calls a sequence; it is also how tuples and arrays in typed data are represented,
    /// because serde does not distinguish them.
    List(Vec<Value>),
    /// A map, or a struct. The pairs stay in the order in which they were inserted.
    ///
    /// Each key occurs once in the maps that [`Value::map`] makes and in those that are decoded: if a key is repeated,
    /// its last value counts, in the place of the first, as in Python's `dict`. In JSON a repeated key is refused.
    Map(Vec<(Value, Value)>),
    /// An object on the service.
    Ref(ObjectRef),
    /// A tuple: a list that never changes, and so can be a key. `Value::from((1, "a"))` makes one.
    Tuple(Vec<Value>),
    /// A set that never changes, and so can be a key. The elements stay in the order in which they were inserted.
    ///
    /// Each element occurs once, and neither is nor contains a list or map. [`Value::set`] ensures this, and so does
    /// the decoder of a set.
    Set(Vec<Value>),
}

impl Value {
    /// The name of this kind of value: `"null"`, `"bool"`, `"int"`, `"float"`, `"text"`, `"bytes"`, `"list"`, `"map"`,
    /// `"object reference"`, `"tuple"` or `"set"`.
    ///
    /// ```
    /// use tarmem_remote::value::Value;
    /// assert_eq!(Value::from(1).kind(), "int");
    /// ```
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Map(_) => "map",
            Value::Ref(_) => "object reference",
            Value::Tuple(_) => "tuple",
            Value::Set(_) => "set",
        }
    }

    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The bool, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The integer, if this is one that fits 128 bits. A float is not an integer, even if it is whole.
    pub fn as_int(&self) -> Option<i128> {
        self.as_integer()?.as_i128()
    }

    /// The integer, if this is one.
    pub fn as_integer(&self) -> Option<&Integer> {
        match self {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The number as a float: a float as it is, an integer rounded to the nearest float. `None` for an integer that is
    /// larger than all floats.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float(x) => Some(*x),
            Value::Int(n) => n.to_f64(),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The bytes, if this is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(b) => Some(b),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The elements, if this is a tuple.
    pub fn as_tuple(&self) -> Option<&[Value]> {
        match self {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The elements in their order, if this is a set.
    pub fn as_set(&self) -> Option<&[Value]> {
        match self {
            Value::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The elements, if this is a list, a tuple or a set.
    pub fn as_items(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => Some(items),
            _ => None,
        }
    }

    /// A set of these elements. Of several elements that are equal in Python, the first is kept.
    ///
    /// # Errors
    ///
    /// An element is a list or a map, or a tuple that contains one.
    ///
    /// ```
    /// use tarmem_remote::value::Value;
    ///
    /// let set = Value::set([1.into(), 2.into(), 1.0.into()]).unwrap();
    /// assert_eq!(set.to_string(), "{1,2}");
    /// assert!(Value::set([Value::List(vec![])]).is_err());
    /// ```
    pub fn set(items: impl IntoIterator<Item = Value>) -> Result<Value, ValueError> {
        key::unique(items).map(Value::Set).map_err(|error| ValueError::new(error.to_string()))
    }

    /// A map of these pairs, in their order. Of several keys that are equal in Python, the first is kept, with the last
    /// value, as in Python's `dict`.
    ///
    /// ```
    /// use tarmem_remote::value::Value;
    ///
    /// assert_eq!(Value::map([("tea", 3), ("rum", 9)]).to_string(), r#"{"tea":3,"rum":9}"#);
    /// assert_eq!(Value::map([("tea", 3), ("tea", 4)]).to_string(), r#"{"tea":4}"#);
    /// ```
    pub fn map<K: Into<Value>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
        let mut entries: Vec<(Value, Value)> =
            entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        if key::collapse(&mut entries).is_err() {
            // This fails as a `Vec` that cannot grow does.
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<Value>());
        }
        Value::Map(entries)
    }

    /// The pairs in their order, if this is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The object reference, if this is one.
    pub fn as_object(&self) -> Option<&ObjectRef> {
        match self {
            Value::Ref(reference) => Some(reference),
            _ => None,
        }
    }

    /// The value that a map has under a text key. If the key is repeated, this returns the first value.
    ///
    /// ```
    /// use tarmem_remote::value::{Value, to_value};
    /// use std::collections::BTreeMap;
    ///
    /// let prices = to_value(&BTreeMap::from([("tea", 3), ("rum", 9)])).unwrap();
    /// assert_eq!(prices.get("tea"), Some(&Value::from(3)));
    /// assert_eq!(prices.get("milk"), None);
    /// ```
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }
}
