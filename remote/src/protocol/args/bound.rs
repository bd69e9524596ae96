//! Arguments assigned to their parameters, deserialized as the tuple that a method takes.

use crate::params::Param;
use crate::value::{Value, ValueError};
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Arguments assigned to their parameters, to be deserialized as a tuple.
///
/// They are moved into the result, because a second copy would double the memory of a large argument.
#[derive(Debug)]
pub(crate) enum Bound<'p> {
    /// The first parameters have one argument each, and the others none.
    ByPlace(&'p [Param], std::vec::IntoIter<Value>),
    /// Arguments assigned by the parameters' names.
    Each(std::vec::IntoIter<(&'static str, Option<Value>)>),
}

impl Default for Bound<'_> {
    fn default() -> Self {
        Bound::Each(Vec::new().into_iter())
    }
}

impl Bound<'_> {
    /// How many arguments are left to read.
    fn len(&self) -> usize {
        match self {
            Bound::ByPlace(params, _) => params.len(),
            Bound::Each(bound) => bound.len(),
        }
    }
}

impl Iterator for Bound<'_> {
    type Item = (&'static str, Option<Value>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Bound::ByPlace(params, values) => {
                let (param, rest) = params.split_first()?;
                *params = rest;
                Some((param.name, values.next()))
            }
            Bound::Each(bound) => bound.next(),
        }
    }
}

impl<'de> Deserializer<'de> for Bound<'_> {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ValueError> {
        let all = self.len();
        let read = visitor.visit_seq(Places(&mut self))?;
        match self.len() {
            0 => Ok(read),
            left => Err(ValueError::invalid_length(all, &&*format!("{} arguments", all - left))),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The arguments that are left to read. Errors name the parameter whose argument does not fit.
struct Places<'a, 'p>(&'a mut Bound<'p>);

impl<'de> SeqAccess<'de> for Places<'_, '_> {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ValueError> {
        let Some((name, value)) = self.0.next() else { return Ok(None) };
        let read = seed.deserialize(Place(value));
        read.map(Some).map_err(|error| ValueError::new(format!("its argument `{name}`: {error}")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Place(Option<Value>);

/// Forwards each method to the value, if there is one.
macro_rules! places {
    ($($method:ident($($name:ident: $ty:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $ty,)* visitor: V) -> Result<V::Value, ValueError> {
            match self.0 {
                Some(value) => value.$method($($name,)* visitor),
                None => visitor.visit_none(),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Place {
    type Error = ValueError;

    places! {
        deserialize_any()
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str) deserialize_seq()
        deserialize_tuple(length: usize) deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map() deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier() deserialize_ignored_any()
    }
}
