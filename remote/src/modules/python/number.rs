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
    arithmetic(a, b, "+", |a, b| a.checked_add(b).ok_or_else(too_large), |a, b| Ok(a + b))
}

/// `a - b`
///
/// # Errors
/// As [`add`].
pub fn subtract(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "-", |a, b| a.checked_sub(b).ok_or_else(too_large), |a, b| Ok(a - b))
}

/// `a * b`
///
/// # Errors
/// As [`add`].
pub fn multiply(a: &Value, b: &Value) -> Result<Value, Exception> {
    arithmetic(a, b, "*", |a, b| a.checked_mul(b).ok_or_else(too_large), |a, b| Ok(a * b))
}

/// `a / b`, always a float.
///
/// # Errors
/// As [`add`]; `ZeroDivisionError`.
pub fn divide(a: &Value, b: &Value) -> Result<Value, Exception> {
    match (Number::of(a), Number::of(b)) {
        (Some(Number::Whole(_)), Some(Number::Whole(0))) => Err(zero("division by zero")),
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => Ok(Value::Float(whole_quotient(a, b))),
        (Some(_), Some(b)) if b.float() == 0.0 => Err(zero("float division by zero")),
        (Some(a), Some(b)) => Ok(Value::Float(a.float() / b.float())),
        _ => Err(unsupported("/", type_name(a), type_name(b))),
    }
}

/// The float nearest to `a / b`, where `b` is not zero: long division, for the floats nearest to the two would be rounded
/// before they are divided.
fn whole_quotient(a: i128, b: i128) -> f64 {
    let (dividend, divisor) = (a.unsigned_abs(), b.unsigned_abs());
    let (mut quotient, mut left) = (dividend / divisor, dividend % divisor);
    let mut exponent = 0;
    // Two bits more than a float has.
    while left != 0 && quotient < 1 << 55 {
        // The divisor is at most 2^127, and what is left is less.
        left *= 2;
        quotient = quotient * 2 + u128::from(left >= divisor);
        left -= if left >= divisor { divisor } else { 0 };
        exponent -= 1;
    }
    // Anything left breaks the tie.
    quotient |= u128::from(left != 0);
    let magnitude = quotient as f64 * f64::powi(2.0, exponent);
    if (a < 0) != (b < 0) { -magnitude } else { magnitude }
}

/// `a // b`: the quotient, rounded down.
///
/// # Errors
/// As [`divide`].
pub fn floor_divide(a: &Value, b: &Value) -> Result<Value, Exception> {
    let whole = |a: i128, b: i128| {
        let remainder = a.checked_rem(b);
        match (a.checked_div(b), remainder) {
            (Some(quotient), Some(remainder)) if remainder != 0 && (remainder < 0) != (b < 0) => Ok(quotient - 1),
            (Some(quotient), _) => Ok(quotient),
            (None, _) if b == 0 => Err(zero("integer division or modulo by zero")),
            (None, _) => Err(too_large()),
        }
    };
    arithmetic(a, b, "//", whole, |a, b| float_divmod(a, b, "float floor division by zero").map(|(div, _)| div))
}

/// `a % b`: what is left, with the sign of `b`.
///
/// # Errors
/// As [`divide`].
pub fn modulo(a: &Value, b: &Value) -> Result<Value, Exception> {
    let whole = |a: i128, b: i128| match (b, a.checked_rem(b)) {
        (0, _) => Err(zero("integer modulo by zero")),
        (_, Some(remainder)) if remainder != 0 && (remainder < 0) != (b < 0) => Ok(remainder + b),
        // Only the lowest integer by -1 has no remainder in 128 bits, and that is none.
        (_, remainder) => Ok(remainder.unwrap_or(0)),
    };
    arithmetic(a, b, "%", whole, |a, b| float_divmod(a, b, "float modulo").map(|(_, left)| left))
}

/// `a ** b`
///
/// # Errors
/// As [`divide`]; `ValueError` where the result would be complex.
pub fn power(a: &Value, b: &Value) -> Result<Value, Exception> {
    match (Number::of(a), Number::of(b)) {
        (Some(Number::Whole(base)), Some(Number::Whole(exponent))) if exponent >= 0 => whole_power(base, exponent),
        (Some(a), Some(b)) => float_power(a.float(), b.float()).map(Value::Float),
        _ => Err(unsupported("** or pow()", type_name(a), type_name(b))),
    }
}

fn whole_power(base: i128, exponent: i128) -> Result<Value, Exception> {
    let power = match (base, u32::try_from(exponent)) {
        (0 | 1, _) => Some(if exponent == 0 { 1 } else { base }),
        (-1, _) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        (_, Ok(exponent)) => base.checked_pow(exponent),
        (_, Err(_)) => None,
    };
    power.map(Value::Int).ok_or_else(too_large)
}

fn float_power(base: f64, exponent: f64) -> Result<f64, Exception> {
    if base == 0.0 && exponent < 0.0 {
        return Err(zero("0.0 cannot be raised to a negative power"));
    }
    let power = base.powf(exponent);
    if base.is_finite() && exponent.is_finite() {
        if power.is_nan() {
            return Err(Exception::value("a root of a negative number is complex, and there are no complex numbers"));
        }
        if power.is_infinite() {
            return Err(Exception::overflow("(34, 'Numerical result out of range')"));
        }
    }
    Ok(power)
}

/// CPython's `float_divmod`.
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
    whole: impl Fn(i128, i128) -> Result<i128, Exception>,
    float: impl Fn(f64, f64) -> Result<f64, Exception>,
) -> Result<Value, Exception> {
    match (Number::of(a), Number::of(b)) {
        (Some(Number::Whole(a)), Some(Number::Whole(b))) => whole(a, b).map(Value::Int),
        (Some(a), Some(b)) => float(a.float(), b.float()).map(Value::Float),
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// `a & b`, `a | b` or `a ^ b`, of whole numbers; of bools a bool.
///
/// # Errors
/// `TypeError` for what is no whole number.
pub fn bitwise(a: &Value, b: &Value, sign: &str, combine: fn(i128, i128) -> i128) -> Result<Value, Exception> {
    match (a, b, whole(a), whole(b)) {
        (Value::Bool(_), Value::Bool(_), Some(a), Some(b)) => Ok(Value::Bool(combine(a, b) != 0)),
        (_, _, Some(a), Some(b)) => Ok(Value::Int(combine(a, b))),
        _ => Err(unsupported(sign, type_name(a), type_name(b))),
    }
}

/// `a << b`
///
/// # Errors
/// `TypeError` for what is no whole number, `ValueError` for a negative count, `OverflowError` beyond 128 bits.
pub fn shift_left(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (n, count) = shifted(a, b, "<<")?;
    let power = u32::try_from(count).ok().filter(|&count| count < 127).map(|count| 1i128 << count);
    match (n, power) {
        (0, _) => Ok(Value::Int(0)),
        (n, Some(power)) => n.checked_mul(power).map(Value::Int).ok_or_else(too_large),
        (-1, None) if count == 127 => Ok(Value::Int(i128::MIN)),
        (_, None) => Err(too_large()),
    }
}

/// `a >> b`
///
/// # Errors
/// As [`shift_left`].
pub fn shift_right(a: &Value, b: &Value) -> Result<Value, Exception> {
    let (n, count) = shifted(a, b, ">>")?;
    Ok(Value::Int(n >> count.min(127)))
}

fn shifted(a: &Value, b: &Value, sign: &str) -> Result<(i128, i128), Exception> {
    match (whole(a), whole(b)) {
        (Some(_), Some(count)) if count < 0 => Err(Exception::value("negative shift count")),
        (Some(n), Some(count)) => Ok((n, count)),
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

fn zero(message: &str) -> Exception {
    Exception::ZeroDivisionError(message.to_owned())
}
