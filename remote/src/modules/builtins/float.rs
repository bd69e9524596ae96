//! `builtins.float`.

use crate::modules::Exception;
use crate::modules::python::{Comparison, equal, number, repr, to_float, to_int, truthy};
use crate::modules::shared::number_methods;
use crate::remote;
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// A floating-point number, as Python's `float`. It never changes: `multiprocessing.Value` is a number that does.
#[remote(module = "builtins", name = "float")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Float(f64);

#[remote]
impl Float {
    /// The float that is nearest to a number, or that a text is. 0.0 without `value`.
    #[remote(inline)]
    pub fn new(value: Option<Value>) -> Result<Self, Exception> {
        value.map_or(Ok(0.0), |value| to_float(&value)).map(Float)
    }

    /// Whether it is a whole number.
    pub fn is_integer(&self) -> bool {
        self.0.is_finite() && self.0.fract() == 0.0
    }

    /// The two whole numbers that it is the quotient of, as a list. `OverflowError` if they do not fit 128 bits.
    pub fn as_integer_ratio(&self) -> Result<(i128, i128), Exception> {
        if self.0.is_nan() {
            return Err(Exception::value("cannot convert NaN to integer ratio"));
        }
        if self.0.is_infinite() {
            return Err(Exception::overflow("cannot convert Infinity to integer ratio"));
        }
        let (mut above, mut below) = (self.0, 1i128);
        // Doubling is exact.
        while above.fract() != 0.0 {
            above *= 2.0;
            below = below.checked_mul(2).ok_or_else(number::too_large)?;
        }
        Ok((to_int(&Value::Float(above), None)?, below))
    }

    /// The number as hexadecimal text, such as `0x1.8000000000000p+1`: it says exactly which float it is.
    pub fn hex(&self) -> String {
        let sign = if self.0.is_sign_negative() && !self.0.is_nan() { "-" } else { "" };
        let magnitude = self.0.abs();
        if !magnitude.is_finite() {
            return format!("{sign}{}", repr(&Value::Float(magnitude)));
        }
        let bits = magnitude.to_bits();
        let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
        match (exponent, fraction) {
            (0, 0) => format!("{sign}0x0.0p+0"),
            // Too small for a leading one.
            (0, fraction) => format!("{sign}0x0.{fraction:013x}p-1022"),
            (exponent, fraction) => format!("{sign}0x1.{fraction:013x}p{:+}", exponent - 1023),
        }
    }
}

number_methods!(Float);

impl Float {
    fn number(&self) -> Value {
        Value::Float(self.0)
    }
}
