//! Conversion of a `Value` into anything deserializable.

use std::fmt::Display;

use serde::Deserialize;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Deserializer, Visitor};

use super::depth::Depth;
use super::handoff::{self, REF_NAME, VALUE_NAME};
use super::reference::{CLASS_FIELD, ID_FIELD};
use super::serialize::INT_FIELD;
use super::{Integer, Value, ValueError};

mod access;
mod forward;

use access::{Entries, Items, Variant};

/// Converts a [`Value`] into anything deserializable.
///
/// The conversion is lenient where nothing can be lost: an int is accepted for a float that holds it exactly, a list of
/// small ints for bytes and the other way round, a list for a tuple and a tuple or a set for a list, null for `None`
/// and `()`, and a text or a map of one entry for an enum. It is strict elsewhere: a float is never an int, an int has
/// to fit, and a tuple has to have the right length.
///
/// A `&Value` is a [`Deserializer`] too, from which text and bytes can be borrowed.
///
/// # Errors
///
/// The value does not fit the type. The error says what was expected and what was found.
///
/// ```
/// use tarmem_remote::value::{Value, from_value};
///
/// assert_eq!(from_value::<Vec<f64>>([1, 2].into()), Ok(vec![1.0, 2.0]));
/// assert_eq!(from_value::<u8>(300.into()).unwrap_err().message(), "300 does not fit u8");
/// ```
pub fn from_value<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T, ValueError> {
    T::deserialize(value)
}

/// The deserializer of both `Value` and `&Value`.
struct FromValue<'de> {
    held: ValueCow<'de>,
    depth: Depth,
}

/// An owned or a borrowed value.
enum ValueCow<'de> {
    Owned(Value),
    Borrowed(&'de Value),
}

impl ValueCow<'_> {
    fn get(&self) -> &Value {
        match self {
            ValueCow::Owned(value) => value,
            ValueCow::Borrowed(value) => value,
        }
    }
}

impl<'de> FromValue<'de> {
    fn new(held: ValueCow<'de>) -> Self {
        FromValue { held, depth: Depth::default() }
    }

    fn value(&self) -> &Value {
        self.held.get()
    }

    fn mismatch<T>(&self, expected: impl Display) -> Result<T, ValueError> {
        Err(ValueError::mismatch(expected, self.value()))
    }

    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.held {
            ValueCow::Borrowed(Value::Text(s)) => visitor.visit_borrowed_str(s),
            ValueCow::Owned(Value::Text(s)) => visitor.visit_string(s),
            _ => self.mismatch("text"),
        }
    }

    fn bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.held {
            ValueCow::Borrowed(Value::Bytes(b)) => visitor.visit_borrowed_bytes(b),
            ValueCow::Owned(Value::Bytes(b)) => visitor.visit_byte_buf(b),
            _ => match self.value() {
                Value::List(items) | Value::Tuple(items) => visitor.visit_byte_buf(list_as_bytes(items)?),
                _ => self.mismatch("bytes"),
            },
        }
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.held {
            ValueCow::Borrowed(Value::List(items) | Value::Tuple(items) | Value::Set(items)) => {
                let inside = self.depth.container()?;
                Items::visit(items.iter().map(ValueCow::Borrowed), inside, visitor)
            }
            ValueCow::Owned(Value::List(items) | Value::Tuple(items) | Value::Set(items)) => {
                let inside = self.depth.container()?;
                Items::visit(items.into_iter().map(ValueCow::Owned), inside, visitor)
            }
            _ => match self.value() {
                Value::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied())),
                _ => self.mismatch("a list"),
            },
        }
    }

    fn tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        let found = match self.value() {
            Value::List(items) | Value::Tuple(items) => items.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => return self.mismatch(format_args!("a list of {len}")),
        };
        if found != len {
            return self.mismatch(format_args!("a list of {len}, not of {found}"));
        }
        self.list(visitor)
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.held {
            ValueCow::Borrowed(Value::Map(entries)) => {
                let inside = self.depth.container()?;
                let entries = entries.iter().map(|(k, v)| (ValueCow::Borrowed(k), ValueCow::Borrowed(v)));
                Entries::visit(entries, inside, visitor)
            }
            ValueCow::Owned(Value::Map(entries)) => {
                let inside = self.depth.container()?;
                let entries = entries.into_iter().map(|(k, v)| (ValueCow::Owned(k), ValueCow::Owned(v)));
                Entries::visit(entries, inside, visitor)
            }
            _ => self.mismatch("a map"),
        }
    }

    /// Passes the value unchanged to a visitor that can take it.
    fn hand_over<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.depth.check(self.value())?;
        let value = match self.held {
            ValueCow::Owned(value) => value,
            ValueCow::Borrowed(value) => value.clone(),
        };
        handoff::offering(value, || visitor.visit_newtype_struct(FromValue::new(ValueCow::Owned(Value::Null))))
    }
}

/// Converts a list of ints where bytes are expected.
fn list_as_bytes(items: &[Value]) -> Result<Vec<u8>, ValueError> {
    items
        .iter()
        .map(|item| match item {
            Value::Int(n) => u8::try_from(n),
            _ => Err(ValueError::mismatch("u8", item)),
        })
        .collect()
}

/// The float that is exactly equal to an integer.
fn exact(n: &Integer) -> Option<f64> {
    n.to_f64().filter(|x| Integer::from_f64(*x).as_ref() == Some(n))
}

macro_rules! ints {
    ($($method:ident $visit:ident $int:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.value() {
                Value::Int(n) => visitor.$visit($int::try_from(n)?),
                _ => self.mismatch(stringify!($int)),
            }
        }
    )*};
}

/// Methods that are the same as another method above.
macro_rules! same {
    ($($method:ident $inner:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            self.$inner(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for FromValue<'de> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value() {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(n) => {
                // Few visitors support 128 bits.
                if let Some(n) = n.as_i64() {
                    visitor.visit_i64(n)
                } else if let Ok(n) = u64::try_from(n) {
                    visitor.visit_u64(n)
                } else if let Some(n) = n.as_i128() {
                    visitor.visit_i128(n)
                } else if let Ok(n) = u128::try_from(n) {
                    visitor.visit_u128(n)
                } else {
                    visitor.visit_map(MapDeserializer::new([(INT_FIELD, n.to_string())].into_iter()))
                }
            }
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Text(_) => self.text(visitor),
            Value::Bytes(_) => self.bytes(visitor),
            Value::List(_) | Value::Tuple(_) | Value::Set(_) => self.list(visitor),
            Value::Map(_) => self.map(visitor),
            Value::Ref(reference) => {
                let id = (ID_FIELD, reference.id().to_string());
                let class = (CLASS_FIELD, reference.class().to_owned());
                visitor.visit_map(MapDeserializer::new([id, class].into_iter()))
            }
        }
    }

    ints! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
    }

    same! {
        deserialize_str text
        deserialize_string text
        deserialize_identifier text
        deserialize_bytes bytes
        deserialize_byte_buf bytes
        deserialize_seq list
        deserialize_map map
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value() {
            Value::Bool(b) => visitor.visit_bool(*b),
            _ => self.mismatch("bool"),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let narrow = match self.value() {
            // A float is rounded to the narrower type, but not to infinity.
            Value::Float(x) => Some(*x as f32).filter(|n| n.is_finite() || !x.is_finite()),
            Value::Int(n) => {
                exact(n).map(|x| x as f32).filter(|narrow| Integer::from_f64((*narrow).into()).as_ref() == Some(n))
            }
            _ => return self.mismatch("f32"),
        };
        match narrow {
            Some(x) => visitor.visit_f32(x),
            None => Err(ValueError::new(format!("{} does not fit f32", self.value()))),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value() {
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Int(n) => visitor.visit_f64(exact(n).ok_or_else(|| n.does_not_fit("f64 exactly"))?),
            _ => self.mismatch("f64"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let mut chars = self.value().as_str().unwrap_or_default().chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => visitor.visit_char(c),
            _ => self.mismatch("one character"),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value() {
            Value::Null => visitor.visit_none(),
            _ => {
                let depth = self.depth.wrapper()?;
                visitor.visit_some(FromValue { depth, ..self })
            }
        }
    }

    /// An empty list is accepted, because a call without arguments has one.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value() {
            Value::Null => visitor.visit_unit(),
            Value::List(items) | Value::Tuple(items) if items.is_empty() => visitor.visit_unit(),
            _ => self.mismatch("null"),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match (name, self.value()) {
            (VALUE_NAME, _) | (REF_NAME, Value::Ref(_)) => self.hand_over(visitor),
            (REF_NAME, value) if !matches!(value, Value::Map(_)) => self.mismatch("object reference"),
            _ => {
                let depth = self.depth.wrapper()?;
                visitor.visit_newtype_struct(FromValue { depth, ..self })
            }
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        // A shorter list is accepted, because fields may have defaults.
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(Variant::of(self, variants)?)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }
}
