//! The types of C, by Python's type codes.

use crate::Exception;
use crate::python::live::{operand, truth};
use crate::python::number::Number;
use crate::python::{integer, type_name};
use serde::{Deserialize, Serialize};
use tarmem_remote::value::{Integer, Value};

/// A type code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Typecode {
    /// `b`: 8 bits with a sign.
    I8,
    /// `B`
    U8,
    /// `h`
    I16,
    /// `H`
    U16,
    /// `i`
    I32,
    /// `I`
    U32,
    /// `l` and `q`
    I64,
    /// `L` and `Q`
    U64,
    /// `f`
    F32,
    /// `d`
    F64,
    /// `c`: one byte.
    Char,
    /// `?`
    Bool,
}

impl Typecode {
    pub(super) fn named(code: &str) -> Result<Self, Exception> {
        Ok(match code {
            "b" => Typecode::I8,
            "B" => Typecode::U8,
            "h" => Typecode::I16,
            "H" => Typecode::U16,
            "i" => Typecode::I32,
            "I" => Typecode::U32,
            "l" | "q" => Typecode::I64,
            "L" | "Q" => Typecode::U64,
            "f" => Typecode::F32,
            "d" => Typecode::F64,
            "c" => Typecode::Char,
            "?" => Typecode::Bool,
            _ => {
                return Err(Exception::of_type(
                    "a typecode is one of b B h H i I l L q Q (integers), f d (floats), c (a byte), ? (a bool)",
                ));
            }
        })
    }

    /// Returns the initial value.
    pub(super) fn zero(self) -> Value {
        match self {
            Typecode::F32 | Typecode::F64 => Value::Float(0.0),
            Typecode::Char => Value::Bytes(vec![0]),
            Typecode::Bool => Value::Bool(false),
            _ => Value::from(0),
        }
    }

    /// Converts a value to this type. Integers lose the bits that do not fit, as in C.
    pub(super) fn fit(self, given: &Value) -> Result<Value, Exception> {
        let value = &*operand(given)?;
        let whole = || {
            integer(value)
                .map(|n| low_bits(&n))
                .ok_or_else(|| Exception::TypeError(format!("an integer is required, not '{}'", type_name(given))))
        };
        let float = || {
            let number = Number::of(value);
            number
                .ok_or_else(|| Exception::TypeError(format!("must be real number, not {}", type_name(given))))?
                .float()
        };
        Ok(match self {
            Typecode::I8 => Value::from(whole()? as i8),
            Typecode::U8 => Value::from(whole()? as u8),
            Typecode::I16 => Value::from(whole()? as i16),
            Typecode::U16 => Value::from(whole()? as u16),
            Typecode::I32 => Value::from(whole()? as i32),
            Typecode::U32 => Value::from(whole()? as u32),
            Typecode::I64 => Value::from(whole()? as i64),
            Typecode::U64 => Value::from(whole()? as u64),
            Typecode::F32 => Value::from(float()? as f32),
            Typecode::F64 => Value::from(float()?),
            Typecode::Bool => Value::Bool(truth(given)?),
            Typecode::Char => match value {
                Value::Bytes(bytes) if bytes.len() == 1 => value.clone(),
                Value::Int(n) if u8::try_from(n).is_ok() => Value::Bytes(vec![low_bits(n) as u8]),
                _ => {
                    return Err(Exception::of_type("one character bytes, bytearray or integer expected".to_owned()));
                }
            },
        })
    }

    /// Returns `value + by`, in this type.
    pub(super) fn sum(self, value: &Value, by: &Value) -> Result<Value, Exception> {
        use crate::python::number::{add, unsupported};
        match self {
            Typecode::Char | Typecode::Bool => Err(unsupported("+=", "a byte or bool", type_name(by))),
            Typecode::F32 | Typecode::F64 => self.fit(&add(value, by)?),
            _ => match (integer(value), integer(&*operand(by)?)) {
                // All of these types wrap around.
                (Some(value), Some(by)) => self.fit(&low_bits(&value).wrapping_add(low_bits(&by)).into()),
                _ => Err(Exception::TypeError(format!("an integer is required, not '{}'", type_name(by)))),
            },
        }
    }
}

/// Returns the lowest 128 bits in two's complement; no type here has more than 64.
fn low_bits(n: &Integer) -> i128 {
    n.as_i128().unwrap_or_else(|| {
        let bytes = n.to_signed_bytes_le();
        let mut low = [0; 16];
        // There are at least 17 bytes.
        low.copy_from_slice(&bytes[..16]);
        i128::from_le_bytes(low)
    })
}
