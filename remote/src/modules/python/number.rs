//! Arithmetic, as Python does it: whole numbers stay whole and exact, within 128 bits.

use super::equality::whole;
use super::type_name;
use crate::modules::Exception;
use crate::value::Value;

/// A number: what an int, a bool or a float is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    /// An int or a bool.
    Whole(i128),
    /// A float.
    Float(f64),
}

impl Number {
    /// The number that a value is.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Float(x) => Some(Number::Float(*x)),
            value => whole(value).map(Number::Whole),
        }
    }

    /// As a float, rounded.
    pub(crate) fn float(self) -> f64 {
        match self {
            Number::Whole(n) => n as f64,
            Number::Float(x) => x,
        }
    }
}

/// `a + b`
///
/// # Errors
/// `TypeError` for what is no number, `OverflowError` beyond 128 bits.
pub fn add(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "+", i128::checked_add, |a, b| a + b)
}

/// `a - b`
///
/// # Errors
/// As [`add`].
pub fn subtract(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "-", i128::checked_sub, |a, b| a - b)
}

/// `a * b`
///
/// # Errors
/// As [`add`].
pub fn multiply(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "*", i128::checked_mul, |a, b| a * b)
}

fn arithmetic(
    a: &Value,
    b: &Value,
    sign: &str,
    whole: fn(i128, i128) -> Option<i128>,
    float: fn(f64, f64) -> f64,
) -> Result<Value, Exception> {
    match (Number::of(a), Number::of(b)) {
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => whole(a, b).map(Value::Int).ok_or_else(too_large),
        (Some(a), Some(b)) => Ok(Value::Float(float(a.float(), b.float()))),
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// That an operator has no meaning between these types.
pub(crate) fn unsupported(sign: &str, a: &str, b: &str) -> Exception {
    Exception::TypeError(format!("unsupported operand type(s) for {sign}: '{a}' and '{b}'"))
}

/// That an integer does not fit.
pub(crate) fn too_large() -> Exception {
    Exception::overflow("the result does not fit an integer of 128 bits")
}
