//! Numbers read from text, as by Python's `int(…)` and `float(…)`.

use super::integer;
use super::live::operand;
use super::number::{Number, too_large};
use super::short;
use super::unicode::decimal_value;
use crate::Exception;
use std::borrow::Cow;
use tarmem_remote::value::{Integer, Value};

/// Reads a whole number in `base` (2 to 36, or 0 for the base that its prefix names), with optional spaces around it,
/// and single underscores between digits.
///
/// # Errors
/// `ValueError` if it is not valid, `OverflowError` beyond
/// [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT).
pub fn parse_int(text: &str, base: i128) -> Result<Integer, Exception> {
    literal(&ascii_digits(text), base, || text.into())
}

/// As [`parse_int`]. `shown` is the value that the error shows.
fn literal(text: &str, base: i128, shown: impl Fn() -> Value) -> Result<Integer, Exception> {
    if base != 0 && !(2..=36).contains(&base) {
        return Err(Exception::value("int() base must be >= 2 and <= 36, or 0"));
    }
    let invalid = || Exception::ValueError(format!("invalid literal for int() with base {base}: {}", short(&shown())));
    let trimmed = text.trim();
    let (negative, unsigned) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let (radix, digits) = prefixed(unsigned, base as u32);
    let clean = without_underscores(digits, digits.len() < unsigned.len()).ok_or_else(invalid)?;
    if clean.is_empty() || !clean.chars().all(|c| c.is_digit(radix)) {
        return Err(invalid());
    }
    if base == 0
        && digits.len() == unsigned.len()
        && clean.starts_with('0')
        && !clean.trim_start_matches('0').is_empty()
    {
        // `010` used to be octal, and is refused now.
        return Err(invalid());
    }
    let signed = if negative { format!("-{clean}") } else { clean };
    Integer::from_digits(&signed, radix).ok_or_else(invalid)?.map_err(too_large)
}

/// Replaces decimal digits of other scripts with those of ASCII.
fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    text.chars().map(|c| decimal_value(c).map_or(c, |digit| (b'0' + digit).into())).collect()
}

/// Returns bytes as text, if they can be a number: only ASCII can.
fn ascii_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).unwrap_or_default()
}

fn prefixed(text: &str, base: u32) -> (u32, &str) {
    for (radix, small, large) in [(2, "0b", "0B"), (8, "0o", "0O"), (16, "0x", "0X")] {
        if (base == 0 || base == radix)
            && let Some(digits) = text.strip_prefix(small).or_else(|| text.strip_prefix(large))
        {
            return (radix, digits);
        }
    }
    (if base == 0 { 10 } else { base }, text)
}

/// Removes underscores. Returns `None` if one is at an end (except after a prefix), or next to another one.
fn without_underscores(digits: &str, prefix: bool) -> Option<String> {
    let checked = if prefix { digits.strip_prefix('_').unwrap_or(digits) } else { digits };
    let wrong = checked.starts_with('_') || checked.ends_with('_') || checked.contains("__");
    (!wrong).then(|| checked.replace('_', ""))
}

/// Reads a float, with optional spaces around it, and single underscores between digits.
///
/// # Errors
/// `ValueError` if it is not valid.
pub fn parse_float(text: &str) -> Result<f64, Exception> {
    float_literal(&ascii_digits(text), || text.into())
}

/// As [`parse_float`]. `shown` is the value that the error shows.
fn float_literal(text: &str, shown: impl Fn() -> Value) -> Result<f64, Exception> {
    let invalid = || Exception::ValueError(format!("could not convert string to float: {}", short(&shown())));
    let trimmed = text.trim();
    let bytes = trimmed.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    for (at, _) in trimmed.match_indices('_') {
        if !digit(at.checked_sub(1)) || !digit(at.checked_add(1)) {
            return Err(invalid());
        }
    }
    trimmed.replace('_', "").parse().map_err(|_| invalid())
}

/// Returns `int(value, base)`.
///
/// # Errors
/// `TypeError`, `ValueError` or `OverflowError` if there is no such number.
pub fn to_int(value: &Value, base: Option<i128>) -> Result<Integer, Exception> {
    match (&*operand(value)?, base) {
        (Value::Text(text), base) => parse_int(text, base.unwrap_or(10)),
        (shown @ Value::Bytes(bytes), base) => literal(ascii_text(bytes), base.unwrap_or(10), || shown.clone()),
        (_, Some(_)) => Err(Exception::of_type("int() can't convert non-string with explicit base")),
        (Value::Float(x), None) => float_to_int(*x),
        (number, None) => integer(number).map(Cow::into_owned).ok_or_else(|| {
            let found = super::type_name(value);
            Exception::TypeError(format!(
                "int() argument must be a string, a bytes-like object or a real number, not '{found}'"
            ))
        }),
    }
}

/// Returns the whole part of a float.
pub(crate) fn float_to_int(x: f64) -> Result<Integer, Exception> {
    Integer::from_f64(x).ok_or_else(|| match x.is_nan() {
        true => Exception::value("cannot convert float NaN to integer"),
        false => Exception::overflow("cannot convert float infinity to integer"),
    })
}

/// Returns `float(value)`.
///
/// # Errors
/// `TypeError` or `ValueError` if there is no such number, `OverflowError` if an integer is too large for a float.
pub fn to_float(value: &Value) -> Result<f64, Exception> {
    match &*operand(value)? {
        Value::Text(text) => parse_float(text),
        Value::Bytes(bytes) => float_literal(ascii_text(bytes), || value.clone()),
        number => match Number::of(number) {
            Some(number) => number.float(),
            None => Err(Exception::TypeError(format!(
                "float() argument must be a string or a real number, not '{}'",
                super::type_name(value)
            ))),
        },
    }
}
