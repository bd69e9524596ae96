//! The dynamic value: what a call carries when its types are not known beforehand.
//!
//! - [`Value`] is null, a bool, an integer, a float, text, bytes, a list, a map or an [`ObjectRef`].
//! - [`to_value`] turns anything serializable into a `Value`, [`from_value`] turns a `Value` into anything
//!   deserializable. Both are forgiving where that is safe, and say what was expected and found where it is not.
//! - A `Value` travels in the binary encoding of [`crate::codec`] as a tagged form, and in JSON through
//!   [`Value::to_json`] and [`Value::parse_json`].
//! - [`with_scope`] says how object references are resolved while a message is decoded.
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
mod error;
mod from;
mod handoff;
mod json;
mod reference;
mod scope;
mod serialize;
mod to;

#[cfg(test)]
pub(crate) mod tests;

pub use depth::{DEPTH_LIMIT, NESTING_LIMIT};
pub use error::ValueError;
pub use from::from_value;
pub use reference::ObjectRef;
pub(crate) use scope::with_caller;
pub use scope::{RefScope, with_scope};
pub use to::to_value;

pub(crate) use depth::TooDeep;

/// A value whose type is known only when it arrives.
///
/// Two values are equal when they have the same structure: maps compare as ordered pairs, floats as in IEEE 754 (so
/// `NaN` differs from itself), and object references by id.
///
/// Lists and maps may be nested [`DEPTH_LIMIT`] levels deep; what is deeper is refused wherever values are read or
/// written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// Nothing: `()`, `None`, JSON's `null`.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// Any integer, of any width.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes, as opposed to a list of small integers.
    Bytes(Vec<u8>),
    /// A list, also a tuple.
    List(Vec<Value>),
    /// A map, also a struct; the pairs stay in the order they were put in.
    Map(Vec<(Value, Value)>),
    /// An object on the service.
    Ref(ObjectRef),
}

impl Value {
    /// The name of this kind of value: `"null"`, `"bool"`, `"int"`, `"float"`, `"text"`, `"bytes"`, `"list"`, `"map"`
    /// or `"object reference"`.
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
        }
    }

    /// Whether this is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The bool, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The integer, if it is one; a float is none, even if it is whole.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The number as a float: a float as it is, an integer rounded to the nearest float.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Float(x) => Some(*x),
            Value::Int(n) => Some(*n as f64),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The bytes, if it is bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Bytes(b) => Some(b),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The pairs in their order, if it is a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The object reference, if it is one.
    pub fn as_object(&self) -> Option<&ObjectRef> {
        match self {
            Value::Ref(reference) => Some(reference),
            _ => None,
        }
    }

    /// What a map holds under a text key; the first one, should the key be there twice.
    ///
    /// ```
    /// use tarmem_remote::value::{Value, to_value};
    /// use std::collections::BTreeMap;
    ///
    /// let prices = to_value(&BTreeMap::from([("tea", 3), ("rum", 9)])).unwrap();
    /// assert_eq!(prices.get("tea"), Some(&Value::Int(3)));
    /// assert_eq!(prices.get("milk"), None);
    /// ```
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.iter().find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }
}
