//! Conversion of anything serializable into a `Value`.

use std::any::type_name;
use std::fmt::Display;

use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant,
};
use serde::{Serialize, Serializer};

use super::depth::Depth;
use super::handoff::{self, ABSENT, INT_NAME, REF_NAME, SET_NAME, TUPLE_NAME};
use super::serialize::INT_FIELD;
use super::weight::{allocated, charge, copy, copy_text, push};
use super::{Value, ValueError};

/// Converts anything serializable into a [`Value`].
///
/// Structs and maps become maps (with text keys for structs), `()` and `None` become null, integers ints, and
/// characters text. A newtype becomes what it wraps, a unit variant its name, and any other variant a map of its name
/// to its content. A `Value` is returned unchanged.
///
/// Sequences become lists, and so do tuples and arrays: to serde an array is a tuple, and a `[f64; 3]` in a struct
/// should be a list. `Value::from((1, "a"))` makes a [`Value::Tuple`], [`Value::set`] a [`Value::Set`].
///
/// # Errors
///
/// Lists and maps are nested deeper than [`DEPTH_LIMIT`](super::DEPTH_LIMIT), or the type's own `Serialize` fails.
///
/// ```
/// use tarmem_remote::value::{Value, to_value};
///
/// #[derive(serde::Serialize)]
/// enum Shape { Dot, Circle { r: f64 } }
///
/// assert_eq!(to_value(&Shape::Dot).unwrap(), Value::from("Dot"));
/// assert_eq!(to_value(&Shape::Circle { r: 1.0 }).unwrap().to_string(), r#"{"Circle":{"r":1.0}}"#);
/// ```
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ValueError> {
    value.serialize(ToValue::default())
}

/// Like [`to_value`], but tuples become tuples wherever [`Value::from`] could have made them, that is, outside the
/// user's own types.
pub(super) fn with_tuples<T: Serialize + ?Sized>(value: &T) -> Result<Value, ValueError> {
    value.serialize(ToValue { name: Some(type_name::<T>), ..ToValue::default() })
}

#[derive(Clone, Copy, Default)]
struct ToValue {
    depth: Depth,
    /// The name of the serialized type, if its tuples have to be distinguished from its arrays, which are the same to
    /// serde.
    name: Option<fn() -> &'static str>,
}

impl ToValue {
    fn container(self) -> Result<Self, ValueError> {
        Ok(ToValue { depth: self.depth.container()?, ..self })
    }

    fn wrapper(self) -> Result<Self, ValueError> {
        Ok(ToValue { depth: self.depth.wrapper()?, ..self })
    }

    /// A serializer for a part of that type.
    fn of<T: ?Sized>(self) -> Self {
        ToValue { name: self.name.map(|_| type_name::<T> as fn() -> &'static str), ..self }
    }

    /// A serializer for the inside of a user's own type.
    fn within(self) -> Self {
        ToValue { name: None, ..self }
    }

    fn is_tuple(self) -> bool {
        self.name.is_some_and(|name| is_tuple(name()))
    }

    fn list(self, len: Option<usize>) -> Result<List, ValueError> {
        Ok(List {
            items: Vec::with_capacity(len.unwrap_or(0).min(1024)),
            inside: self.container()?,
            is_tuple: false,
            variant: None,
        })
    }

    fn map(self, len: Option<usize>) -> Result<Map, ValueError> {
        Ok(Map {
            entries: Vec::with_capacity(len.unwrap_or(0).min(1024)),
            key: None,
            inside: self.container()?,
            variant: None,
        })
    }
}

/// Whether a type with this name is a tuple, or a reference to one. Rust does not guarantee the form of type names. If
/// it changed, tuples would become lists, and a test would fail.
fn is_tuple(name: &str) -> bool {
    name.trim_start_matches(['&', ' ']).trim_start_matches("mut ").starts_with('(')
}

/// The representation of an externally tagged variant with content.
fn variant(name: &str, content: Value) -> Value {
    Value::Map(vec![(name.into(), content)])
}

macro_rules! ints {
    ($($method:ident $int:ty)*) => {$(
        fn $method(self, n: $int) -> Result<Value, ValueError> {
            Ok(Value::from(n))
        }
    )*};
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Map;

    ints! {
        serialize_i8 i8 serialize_i16 i16 serialize_i32 i32 serialize_i64 i64 serialize_i128 i128
        serialize_u8 u8 serialize_u16 u16 serialize_u32 u32 serialize_u64 u64 serialize_u128 u128
        serialize_f32 f32 serialize_f64 f64 serialize_bool bool serialize_char char
    }

    fn serialize_str(self, text: &str) -> Result<Value, ValueError> {
        charge(allocated(text.len()))?;
        Ok(Value::Text(copy_text(text)?))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ValueError> {
        charge(allocated(bytes.len()))?;
        Ok(Value::Bytes(copy(bytes)?))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        value.serialize(self.wrapper()?.of::<T>())
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Value, ValueError> {
        // Code that collects arguments handles this; it is not a value.
        if name == ABSENT { Err(ValueError::new(ABSENT)) } else { Ok(Value::Null) }
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ValueError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        if name == REF_NAME
            && let Some(reference) = handoff::take()
        {
            return Ok(reference);
        }
        match name {
            // Their content counts as their level.
            TUPLE_NAME | SET_NAME => Ok(match (value.serialize(self)?, name) {
                (Value::List(items), TUPLE_NAME) => Value::Tuple(items),
                (Value::List(items), _) => Value::Set(items),
                (other, _) => other,
            }),
            INT_NAME => match value.serialize(ToValue::default())?.get(INT_FIELD).and_then(Value::as_str) {
                Some(digits) => digits.parse().map(Value::Int),
                None => Err(ValueError::new("an integer without its digits")),
            },
            _ => value.serialize(self.wrapper()?.within()),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        Ok(variant(name, value.serialize(self.container()?.within())?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, ValueError> {
        self.list(len)
    }

    fn serialize_tuple(self, len: usize) -> Result<List, ValueError> {
        Ok(List { is_tuple: self.is_tuple(), ..self.list(Some(len))? })
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<List, ValueError> {
        self.within().list(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<List, ValueError> {
        let list = self.container()?.within().list(Some(len))?;
        Ok(List { variant: Some(variant), ..list })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Map, ValueError> {
        self.map(len)
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Map, ValueError> {
        self.within().map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Map, ValueError> {
        let map = self.container()?.within().map(Some(len))?;
        Ok(Map { variant: Some(variant), ..map })
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        Ok(Value::Text(value.to_string()))
    }
}

/// A list that is being built.
struct List {
    items: Vec<Value>,
    inside: ToValue,
    is_tuple: bool,
    variant: Option<&'static str>,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        charge(size_of::<Value>())?;
        let item = value.serialize(self.inside.of::<T>())?;
        push(&mut self.items, item)?;
        Ok(())
    }

    fn finish(self) -> Result<Value, ValueError> {
        let list = if self.is_tuple { Value::Tuple(self.items) } else { Value::List(self.items) };
        Ok(match self.variant {
            Some(name) => variant(name, list),
            None => list,
        })
    }
}

macro_rules! list_access {
    ($($interface:ident $method:ident)*) => {$(
        impl $interface for List {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.push(value)
            }

            fn end(self) -> Result<Value, ValueError> {
                self.finish()
            }
        }
    )*};
}

list_access! {
    SerializeSeq serialize_element SerializeTuple serialize_element
    SerializeTupleStruct serialize_field SerializeTupleVariant serialize_field
}

/// A map that is being built.
struct Map {
    entries: Vec<(Value, Value)>,
    key: Option<Value>,
    inside: ToValue,
    variant: Option<&'static str>,
}

impl Map {
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ValueError> {
        let value = value.serialize(self.inside)?;
        push(&mut self.entries, (name.into(), value))?;
        Ok(())
    }

    fn finish(self) -> Result<Value, ValueError> {
        let map = Value::Map(self.entries);
        Ok(match self.variant {
            Some(name) => variant(name, map),
            None => map,
        })
    }
}

impl SerializeMap for Map {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        charge(size_of::<(Value, Value)>())?;
        self.key = Some(key.serialize(self.inside.of::<T>())?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let value = value.serialize(self.inside.of::<T>())?;
        let key = self.key.take().ok_or_else(|| ValueError::new("a map's value came before its key"))?;
        push(&mut self.entries, (key, value))?;
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        self.finish()
    }
}

macro_rules! struct_access {
    ($($interface:ident)*) => {$(
        impl $interface for Map {
            type Ok = Value;
            type Error = ValueError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), ValueError> {
                self.field(name, value)
            }

            fn end(self) -> Result<Value, ValueError> {
                self.finish()
            }
        }
    )*};
}

struct_access!(SerializeStruct SerializeStructVariant);
