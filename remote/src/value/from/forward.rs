//! Makes `Value` and `&Value` deserializers, for the functions of serde and erased-serde.

use serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::{FromValue, ValueCow};
use crate::value::{Value, ValueError};

/// Forwards every method of `Deserializer` to `FromValue`.
macro_rules! forward {
    ($held:path: $($method:ident($($argument:ident: $kind:ty),*))*) => {
        type Error = ValueError;

        $(
            fn $method<V: Visitor<'de>>(
                self,
                $($argument: $kind,)*
                visitor: V,
            ) -> Result<V::Value, ValueError> {
                FromValue::new($held(self)).$method($($argument,)* visitor)
            }
        )*
    };
    ($held:path) => {
        forward! {
            $held:
            deserialize_any() deserialize_bool() deserialize_char()
            deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
            deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
            deserialize_f32() deserialize_f64()
            deserialize_str() deserialize_string() deserialize_identifier()
            deserialize_bytes() deserialize_byte_buf()
            deserialize_option() deserialize_unit() deserialize_seq() deserialize_map()
            deserialize_ignored_any()
            deserialize_unit_struct(name: &'static str)
            deserialize_newtype_struct(name: &'static str)
            deserialize_tuple(len: usize)
            deserialize_tuple_struct(name: &'static str, len: usize)
            deserialize_struct(name: &'static str, fields: &'static [&'static str])
            deserialize_enum(name: &'static str, variants: &'static [&'static str])
        }
    };
}

impl<'de> Deserializer<'de> for Value {
    forward!(ValueCow::Owned);
}

impl<'de> Deserializer<'de> for &'de Value {
    forward!(ValueCow::Borrowed);
}

impl<'de> IntoDeserializer<'de, ValueError> for Value {
    type Deserializer = Value;

    fn into_deserializer(self) -> Value {
        self
    }
}

impl<'de> IntoDeserializer<'de, ValueError> for &'de Value {
    type Deserializer = &'de Value;

    fn into_deserializer(self) -> &'de Value {
        self
    }
}
