//! Python's arithmetic, of values and of references to live numbers. Whole numbers stay whole and exact, within
//! [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT).

use super::integer;
use super::live::operand;
use super::{hex_float, type_name};
use crate::Exception;
use std::borrow::Cow;
use tarmem_remote::value::{Integer, IntegerTooLarge, Value};

/// The number that an int, a bool or a float stands for.
#[derive(Clone, Debug)]
pub(crate) enum Number<'a> {
    /// An int or a bool.
    Whole(Cow<'a, Integer>),
    /// A float.
    Float(f64),
}

impl<'a> Number<'a> {
    /// Returns the number that a value stands for.
    #[inline]
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Float(x) => Some(Number::Float(*x)),
            value => integer(value).map(Number::Whole),
        }
    }

    /// Converts to the nearest float.
    ///
    /// # Errors
    /// `OverflowError` if it is too large for a float.
    pub(crate) fn float(&self) -> Result<f64, Exception> {
        match self {
            Number::Whole(n) => n.to_f64().ok_or_else(|| Exception::overflow("int too large to convert to float")),
            Number::Float(x) => Ok(*x),
        }
    }
}

/// Returns `a + b`.
///
/// # Errors
/// `TypeError` if they are not numbers, `OverflowError` beyond
/// [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT).
pub fn add(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "+", |a, b| a.add(b).map_err(too_large), |a, b| Ok(a + b))
}

/// Returns `a - b`.
///
/// # Errors
/// As [`add`].
pub fn subtract(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "-", |a, b| a.subtract(b).map_err(too_large), |a, b| Ok(a - b))
}

/// Returns `a * b`.
///
/// # Errors
/// As [`add`].
pub fn multiply(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "*", |a, b| a.multiply(b).map_err(too_large), |a, b| Ok(a * b))
}

/// Returns `a / b`, always a float.
///
/// # Errors
/// As [`add`]; `ZeroDivisionError`.
pub fn divide(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (Number::of(&x), Number::of(&y)) {
        (Some(Number::Whole(_)), Some(Number::Whole(b))) if b.is_zero() => Err(zero("division by zero")),
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => whole_quotient(&a, &b).map(Value::Float),
        // As in CPython, an int that is too large for a float is reported before a division by zero.
        (Some(a), Some(b)) => match (a.float()?, b.float()?) {
            (_, 0.0) => Err(zero("float division by zero")),
            (a, b) => Ok(Value::Float(a / b)),
        },
        _ => Err(unsupported("/", type_name(a), type_name(b))),
    }
}

/// Returns the float nearest to the exact quotient `a / b`, where `b` is not zero. (Dividing the floats nearest to the
/// two would round twice.)
fn whole_quotient(a: &Integer, b: &Integer) -> Result<f64, Exception> {
    /// Integers up to this are exact as floats.
    const EXACT: u64 = 1 << 53;
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64())
        && a.unsigned_abs() <= EXACT
        && b.unsigned_abs() <= EXACT
    {
        return Ok(a as f64 / b as f64);
    }
    let Some((mantissa, scale)) = a.quotient_bits(b) else { return Err(zero("division by zero")) };
    let magnitude = hex_float::nearest(mantissa, scale)
        .ok_or_else(|| Exception::overflow("integer division result too large for a float"))?;
    Ok(if a.is_negative() != b.is_negative() { -magnitude } else { magnitude })
}

/// Returns `a // b`: the quotient, rounded down.
///
/// # Errors
/// As [`divide`].
pub fn floor_divide(a: &Value, b: &Value) -> Result<Value, Exception> {
    let whole = |a: &Integer, b: &Integer| match a.div_mod_floor(b) {
        Some((quotient, _)) => Ok(quotient),
        None => Err(zero("integer division or modulo by zero")),
    };
    arithmetic(a, b, "//", whole, |a, b| float_divmod(a, b, "float floor division by zero").map(|(div, _)| div))
}

/// Returns `a % b`: the remainder, with the sign of `b`.
///
/// # Errors
/// As [`divide`].
pub fn modulo(a: &Value, b: &Value) -> Result<Value, Exception> {
    let whole = |a: &Integer, b: &Integer| match a.div_mod_floor(b) {
        Some((_, left)) => Ok(left),
        None => Err(zero("integer modulo by zero")),
    };
    arithmetic(a, b, "%", whole, |a, b| float_divmod(a, b, "float modulo").map(|(_, left)| left))
}

/// Returns `a // b` and `a % b`.
///
/// # Errors
/// As [`divide`].
pub fn divmod(a: &Value, b: &Value) -> Result<(Value, Value), Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (Number::of(&x), Number::of(&y)) {
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => match a.div_mod_floor(&b) {
            Some((quotient, left)) => Ok((Value::Int(quotient), Value::Int(left))),
            None => Err(zero("integer division or modulo by zero")),
        },
        (Some(a), Some(b)) => {
            let (quotient, left) = float_divmod(a.float()?, b.float()?, "float divmod()")?;
            Ok((Value::Float(quotient), Value::Float(left)))
        }
        _ => Err(unsupported("divmod()", type_name(a), type_name(b))),
    }
}

/// Returns `a ** b`.
///
/// # Errors
/// As [`divide`]; `ValueError` if the result would be complex, which the `__pow__` of a `builtins.complex` can compute.
pub fn power(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (Number::of(&x), Number::of(&y)) {
        (Some(Number::Whole(base)), Some(Number::Whole(exponent))) if !exponent.is_negative() => {
            base.power(&exponent).map(Value::Int).map_err(too_large)
        }
        (Some(a), Some(b)) => float_power(a.float()?, b.float()?).map(Value::Float),
        _ => Err(unsupported("** or pow()", type_name(a), type_name(b))),
    }
}

fn float_power(base: f64, exponent: f64) -> Result<f64, Exception> {
    if base == 0.0 && exponent < 0.0 {
        return Err(zero("0.0 cannot be raised to a negative power"));
    }
    let power = base.powf(exponent);
    if base.is_finite() && exponent.is_finite() {
        if power.is_nan() {
            return Err(Exception::value("a root of a negative number is complex; complex(x).__pow__(y) gives it"));
        }
        if power.is_infinite() {
            return Err(Exception::overflow("(34, 'Numerical result out of range')"));
        }
    }
    Ok(power)
}

/// Divides as CPython's `float_divmod` does.
fn float_divmod(a: f64, b: f64, by_zero: &str) -> Result<(f64, f64), Exception> {
    if b == 0.0 {
        return Err(zero(by_zero));
    }
    let mut left = a % b;
    let mut quotient = (a - left) / b;
    if left == 0.0 {
        left = left.copysign(b);
    } else if (b < 0.0) != (left < 0.0) {
        left += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return Ok((0.0_f64.copysign(a / b), left));
    }
    let floor = quotient.floor();
    Ok((if quotient - floor > 0.5 { floor + 1.0 } else { floor }, left))
}

fn arithmetic(
    a: &Value,
    b: &Value,
    sign: &str,
    whole: impl Fn(&Integer, &Integer) -> Result<Integer, Exception>,
    float: impl Fn(f64, f64) -> Result<f64, Exception>,
) -> Result<Value, Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (Number::of(&x), Number::of(&y)) {
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => whole(&a, &b).map(Value::Int),
        (Some(a), Some(b)) => float(a.float()?, b.float()?).map(Value::Float),
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// Returns `a & b`, `a | b` or `a ^ b`, of whole numbers. Of two bools, it is a bool.
///
/// # Errors
/// `TypeError` if they are not whole numbers.
pub fn bitwise(
    a: &Value,
    b: &Value,
    sign: &str,
    combine: fn(&Integer, &Integer) -> Result<Integer, IntegerTooLarge>,
) -> Result<Value, Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (integer(&x), integer(&y)) {
        (Some(m), Some(n)) => {
            let combined = combine(&m, &n).map_err(too_large)?;
            let bools = matches!((&*x, &*y), (Value::Bool(_), Value::Bool(_)));
            Ok(if bools { Value::Bool(!combined.is_zero()) } else { Value::Int(combined) })
        }
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// Returns `a << b`.
///
/// # Errors
/// `TypeError` if they are not whole numbers, `ValueError` for a negative count, `OverflowError` beyond
/// [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT).
pub fn shift_left(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (n, count) = shifted(a, b, "<<")?;
    n.shift_left(count).map(Value::Int).map_err(too_large)
}

/// Returns `a >> b`.
///
/// # Errors
/// As [`shift_left`].
pub fn shift_right(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (n, count) = shifted(a, b, ">>")?;
    Ok(Value::Int(n.shift_right(count)))
}

/// Returns the number, and the count of bits. A count that does not fit becomes the highest, which no number exceeds.
fn shifted(a: &Value, b: &Value, sign: &str) -> Result<(Integer, u64), Exception> {
    let (x, y) = (operand(a)?, operand(b)?);
    match (integer(&x), integer(&y)) {
        (Some(_), Some(count)) if count.is_negative() => Err(Exception::value("negative shift count")),
        (Some(n), Some(count)) => Ok((n.into_owned(), u64::try_from(&*count).unwrap_or(u64::MAX))),
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// Returns `-a`.
///
/// # Errors
/// `TypeError` if it is not a number.
pub fn negate(a: &Value) -> Result<Value, Exception> {
    match Number::of(a) {
        Some(Number::Whole(n)) => Ok(Value::Int(n.negate())),
        Some(Number::Float(x)) => Ok(Value::Float(-x)),
        None => Err(Exception::TypeError(format!("bad operand type for unary -: '{}'", type_name(a)))),
    }
}

/// The error for an operator that is not defined between these types.
pub(crate) fn unsupported(sign: &str, a: &str, b: &str) -> Exception {
    Exception::TypeError(format!("unsupported operand type(s) for {sign}: '{a}' and '{b}'"))
}

/// The error for an integer beyond the limit.
pub(crate) fn too_large(error: IntegerTooLarge) -> Exception {
    Exception::overflow(error.to_string())
}

fn zero(message: &str) -> Exception {
    Exception::ZeroDivisionError(message.to_owned())
}
