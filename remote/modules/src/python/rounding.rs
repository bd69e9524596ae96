//! Python's `round(…)`, `math.floor(…)` and `math.ceil(…)`.

use super::index_of;
use super::number::{Number, too_large};
use super::parse::float_to_int;
use crate::Exception;
use std::cmp::Ordering;
use tarmem_remote::value::{Integer, Value};

/// Rounds a number to `digits` after the point (before it, if negative), or to a whole number without `digits`. A
/// number half way between two is rounded to the even one.
///
/// # Errors
/// `TypeError` if `digits` is not a whole number; `ValueError` or `OverflowError` if no whole number is near.
pub fn round(number: &Value, digits: Option<&Value>) -> Result<Value, Exception> {
    let digits = digits.filter(|digits| !digits.is_null()).map(index_of).transpose()?;
    match (Number::of(number), digits) {
        (Some(Number::Whole(n)), digits) => round_whole(&n, digits.unwrap_or(0)).map(Value::Int),
        (Some(Number::Float(x)), None) => float_to_int(x.round_ties_even()).map(Value::Int),
        (Some(Number::Float(x)), Some(digits)) => round_float(x, digits).map(Value::Float),
        (None, _) => Err(Exception::of_type("only numbers can be rounded")),
    }
}

/// Rounds up to a whole number if `up` is true, and down otherwise.
///
/// # Errors
/// `ValueError` for NaN, `OverflowError` for infinity.
pub(crate) fn to_side(number: &Value, up: bool) -> Result<Value, Exception> {
    match number {
        Value::Float(x) => float_to_int(if up { x.ceil() } else { x.floor() }).map(Value::Int),
        number => super::to_int(number, None).map(Value::Int),
    }
}

fn round_whole(n: &Integer, digits: i128) -> Result<Integer, Exception> {
    if digits >= 0 {
        return Ok(n.clone());
    }
    // Nothing is left beyond the number's decimal digits, each of which takes more than three bits.
    if digits.unsigned_abs() > u128::from(n.bits() / 3 + 1) {
        return Ok(Integer::ZERO);
    }
    let unit = Integer::new(10).power(&Integer::from(digits.unsigned_abs())).map_err(too_large)?;
    let Some((quotient, left)) = n.div_mod_floor(&unit) else { return Ok(n.clone()) };
    let rest = unit.subtract(&left).map_err(too_large)?;
    let down = n.subtract(&left).map_err(too_large)?;
    let up = match left.cmp(&rest) {
        Ordering::Less => false,
        Ordering::Equal => quotient.is_odd(),
        Ordering::Greater => true,
    };
    if up { down.add(&unit).map_err(too_large) } else { Ok(down) }
}

/// Rounds by the exact decimal digits of the float, as CPython does with `dtoa`.
fn round_float(x: f64, digits: i128) -> Result<f64, Exception> {
    if !x.is_finite() || x == 0.0 || digits > 323 {
        return Ok(x);
    }
    if digits < -308 {
        return Ok(0.0_f64.copysign(x));
    }
    let digits = digits as i32;
    let rounded: f64 = if let Ok(places) = usize::try_from(digits) {
        format!("{x:.places$}").parse().unwrap_or(x)
    } else {
        // `d.ddd…e±xx`, with all of its digits.
        let written = format!("{x:.1100e}");
        let exponent: i32 = written.rsplit_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
        match exponent + digits {
            kept @ 0.. => {
                let kept = kept as usize;
                format!("{x:.kept$e}").parse().unwrap_or(x)
            }
            // It is less than one unit of the last digit that stays; more than half a unit becomes one.
            -1 if more_than_half(&written) => format!("1e{}", -digits).parse::<f64>().unwrap_or(x).copysign(x),
            _ => 0.0_f64.copysign(x),
        }
    };
    if rounded.is_infinite() { Err(Exception::overflow("rounded value too large to represent")) } else { Ok(rounded) }
}

/// Returns whether the digits of `d.ddd…` are more than a five and zeros.
fn more_than_half(written: &str) -> bool {
    let mut digits = written.chars().take_while(|c| *c != 'e').filter_map(|c| c.to_digit(10));
    match digits.next() {
        Some(5) => digits.any(|digit| digit != 0),
        first => first > Some(5),
    }
}
