//! Floats as hexadecimal text, such as `0x1.8p+1`, which represents them exactly.

use crate::Exception;

/// The number of significant digits that are kept, which is more than a float holds. Of later ones it only matters
/// whether they are all zero.
const DIGITS: u32 = 30;

/// Writes a float as Python's `float.hex` does.
pub(crate) fn write(x: f64) -> String {
    let sign = if x.is_sign_negative() && !x.is_nan() { "-" } else { "" };
    let magnitude = x.abs();
    if !magnitude.is_finite() {
        return format!("{sign}{}", super::repr(&magnitude.into()));
    }
    let bits = magnitude.to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32, bits & ((1 << 52) - 1));
    match (exponent, fraction) {
        (0, 0) => format!("{sign}0x0.0p+0"),
        // It is too small for a leading 1.
        (0, fraction) => format!("{sign}0x0.{fraction:013x}p-1022"),
        (exponent, fraction) => format!("{sign}0x1.{fraction:013x}p{:+}", exponent - 1023),
    }
}

/// Reads a float as Python's `float.fromhex` does: the sign, the prefix, the point and the exponent of two are
/// optional. Rounds to even.
///
/// # Errors
/// `ValueError` if the text is not valid, `OverflowError` if the number is too large.
pub(crate) fn parse(text: &str) -> Result<f64, Exception> {
    let invalid = || Exception::value("invalid hexadecimal floating-point string");
    let lower = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b').to_ascii_lowercase();
    let (negative, unsigned) = match lower.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    let magnitude = match unsigned {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        digits => parse_digits(digits.strip_prefix("0x").unwrap_or(digits)).ok_or_else(invalid)??,
    };
    Ok(if negative { -magnitude } else { magnitude })
}

/// Returns `None` if these are not digits.
fn parse_digits(text: &str) -> Option<Result<f64, Exception>> {
    let (mantissa, exponent) = match text.split_once('p') {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (above, below) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if above.is_empty() && below.is_empty() {
        return None;
    }
    let (mut bits, mut kept, mut sticky) = (0u128, 0, false);
    let mut scale = -4 * i64::try_from(below.len()).ok()?;
    for c in above.chars().chain(below.chars()) {
        let digit = c.to_digit(16)?;
        if bits == 0 && digit == 0 {
            continue;
        }
        if kept < DIGITS {
            bits = bits * 16 + u128::from(digit);
            kept += 1;
        } else {
            sticky |= digit != 0;
            scale += 4;
        }
    }
    let too_large = || Exception::overflow("hexadecimal value too large to represent as a float");
    Some(nearest(bits | u128::from(sticky), exponent.saturating_add(scale)).ok_or_else(too_large))
}

/// Parses a decimal exponent of any size, with an optional sign.
fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // A larger exponent cannot be made up for by the digits of a text that fits a frame.
    let size = digits.parse().unwrap_or(1 << 40);
    Some(if text.starts_with('-') { -size } else { size })
}

/// Returns the float nearest to `bits * 2^scale`, and the even one of two. `None` if it is too large for a float.
pub(super) fn nearest(bits: u128, scale: i64) -> Option<f64> {
    if bits == 0 {
        return Some(0.0);
    }
    // The exponents of the first bit, and of the last bit that can be kept.
    let first = scale.saturating_add(i64::from(127 - bits.leading_zeros()));
    if first > 1023 {
        return None;
    }
    let last = (first - 52).max(-1074);
    let drop = last - scale;
    let rounded = if drop <= 0 {
        // There are at most 53 bits above `scale`, so this is exact.
        (bits << u32::try_from(-drop).unwrap_or(0)) as u64
    } else if drop > 127 {
        0
    } else {
        let (kept, half) = (bits >> drop, 1u128 << (drop - 1));
        let left = bits & ((half << 1) - 1);
        (kept + u128::from(left > half || (left == half && kept % 2 == 1))) as u64
    };
    // It is at most 2^53, and is multiplied by two powers that are floats, so that the second product is exact.
    let half = last / 2;
    let x = rounded as f64 * f64::powi(2.0, half as i32) * f64::powi(2.0, (last - half) as i32);
    x.is_finite().then_some(x)
}
