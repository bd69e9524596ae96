//! Complex numbers, computed, read and written as CPython does.

use super::format::{Spec, format_float, padded};
use super::repr::write_float;
use super::unicode::decimal_value;
use crate::Exception;

/// The real and the imaginary part.
pub(crate) type Pair = (f64, f64);

/// `a * b`
pub(crate) fn product(a: Pair, b: Pair) -> Pair {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// Returns `a / b`, computed by the larger part of `b` so that nothing overflows on the way.
///
/// # Errors
/// `ZeroDivisionError`.
pub(crate) fn quotient(a: Pair, b: Pair) -> Result<Pair, Exception> {
    divided(a, b).ok_or_else(|| Exception::ZeroDivisionError("complex division by zero".to_owned()))
}

fn divided(a: Pair, b: Pair) -> Option<Pair> {
    if b.0.abs() >= b.1.abs() {
        if b.0 == 0.0 {
            return None;
        }
        let ratio = b.1 / b.0;
        let denominator = b.0 + b.1 * ratio;
        Some(((a.0 + a.1 * ratio) / denominator, (a.1 - a.0 * ratio) / denominator))
    } else if b.1.abs() >= b.0.abs() {
        let ratio = b.0 / b.1;
        let denominator = b.0 * ratio + b.1;
        Some(((a.0 * ratio + a.1) / denominator, (a.1 * ratio - a.0) / denominator))
    } else {
        Some((f64::NAN, f64::NAN))
    }
}

/// Returns `a ** b`.
///
/// # Errors
/// `ZeroDivisionError`; `OverflowError` if the result is too large for floats.
pub(crate) fn power(a: Pair, b: Pair) -> Result<Pair, Exception> {
    /// Whole exponents up to this are computed by multiplication.
    const SMALL: f64 = 100.0;
    let by_zero = || Exception::ZeroDivisionError("0.0 to a negative or complex power".to_owned());
    let power = if b.1 == 0.0 && b.0 == b.0.floor() && b.0.abs() <= SMALL {
        let power = multiplied(a, b.0.abs() as u32);
        if b.0 > 0.0 { power } else { divided((1.0, 0.0), power).ok_or_else(by_zero)? }
    } else if b == (0.0, 0.0) {
        (1.0, 0.0)
    } else if a == (0.0, 0.0) {
        if b.1 != 0.0 || b.0 < 0.0 {
            return Err(by_zero());
        }
        (0.0, 0.0)
    } else {
        let length = a.0.hypot(a.1);
        let (mut size, angle) = (length.powf(b.0), a.1.atan2(a.0));
        let mut phase = angle * b.0;
        if b.1 != 0.0 {
            size /= (angle * b.1).exp();
            phase += b.1 * length.ln();
        }
        if phase.is_infinite() {
            // The C library calls the cosine of that a domain error, for which CPython has this message.
            return Err(by_zero());
        }
        (size * phase.cos(), size * phase.sin())
    };
    if power.0.is_infinite() || power.1.is_infinite() {
        return Err(Exception::overflow("complex exponentiation"));
    }
    Ok(power)
}

fn multiplied(base: Pair, exponent: u32) -> Pair {
    let (mut power, mut square) = ((1.0, 0.0), base);
    let mut left = exponent;
    while left > 0 {
        if left & 1 == 1 {
            power = product(power, square);
        }
        left >>= 1;
        square = product(square, square);
    }
    power
}

/// Returns `abs(number)`.
///
/// # Errors
/// `OverflowError` if the result is too large for a float.
pub(crate) fn magnitude((real, imag): Pair) -> Result<f64, Exception> {
    let length = real.hypot(imag);
    if length.is_infinite() && real.is_finite() && imag.is_finite() {
        return Err(Exception::overflow("absolute value too large"));
    }
    Ok(length)
}

/// Returns the number as Python's `repr` shows it.
pub(crate) fn write_complex((real, imag): Pair) -> String {
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", write_part(imag));
    }
    let sign = if imag.is_nan() || imag.is_sign_positive() { "+" } else { "" };
    format!("({}{sign}{}j)", write_part(real), write_part(imag))
}

fn write_part(x: f64) -> String {
    let text = write_float(x);
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// Returns `format(number, spec)`.
///
/// # Errors
/// `ValueError` if the spec is not valid; `MemoryError` over the limit of a result.
pub(crate) fn format_complex((real, imag): Pair, spec: &str) -> Result<String, Exception> {
    if spec.is_empty() {
        return Ok(write_complex((real, imag)));
    }
    let spec = Spec::parse(spec, '\0', '>', "complex")?;
    if !matches!(spec.kind, '\0' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n') {
        return Err(spec.unknown("complex"));
    }
    if spec.fill == '0' {
        return Err(Exception::value("Zero padding is not allowed in complex format specifier"));
    }
    if spec.align == '=' {
        return Err(Exception::value("'=' alignment flag is not allowed in complex format specifier"));
    }
    let plain = spec.kind == '\0';
    let part = |x: f64, sign: Option<char>| {
        let kind = if plain && spec.precision.is_some() { 'g' } else { spec.kind };
        let mut text = format_float(x, &Spec { fill: ' ', align: '<', sign, width: 0, kind, ..spec }, "complex")?;
        if plain && spec.precision.is_none() && text.ends_with(".0") {
            text.truncate(text.len() - if spec.alternate { 1 } else { 2 });
        }
        Ok::<_, Exception>(text)
    };
    let imag = part(imag, Some('+'))?;
    let text = match plain {
        true if real == 0.0 && real.is_sign_positive() => format!("{}j", part_without_plus(&imag, spec.sign)),
        true => format!("({}{imag}j)", part(real, spec.sign)?),
        false => format!("{}{imag}j", part(real, spec.sign)?),
    };
    Ok(padded(&text, &spec))
}

/// Returns an imaginary part that stands alone, with the sign that the spec asks for.
fn part_without_plus(imag: &str, sign: Option<char>) -> String {
    match (imag.strip_prefix('+'), sign) {
        (Some(imag), Some(sign @ ('+' | ' '))) => format!("{sign}{imag}"),
        (Some(imag), _) => imag.to_owned(),
        (None, _) => imag.to_owned(),
    }
}

/// Returns the number that a text spells, in one of Python's forms: `1`, `2j`, `1+2j`, `(1-j)`.
///
/// # Errors
/// `ValueError` if it does not spell a number.
pub(crate) fn parse(text: &str) -> Result<Pair, Exception> {
    let ascii: String = text.chars().map(|c| decimal_value(c).map_or(c, |digit| (b'0' + digit).into())).collect();
    parse_ascii(ascii.trim()).ok_or_else(|| Exception::value("complex() arg is a malformed string"))
}

fn parse_ascii(text: &str) -> Option<Pair> {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('_') {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
        if !digit(at.checked_sub(1)) || !digit(at.checked_add(1)) {
            return None;
        }
    }
    let text = text.replace('_', "");
    let inside = match text.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')')?.trim(),
        None => &text,
    };
    let is_unit = |rest: &str| rest == "j" || rest == "J";
    let sign_of = |rest: &str| match rest.as_bytes().first() {
        Some(b'+') => Some(1.0),
        Some(b'-') => Some(-1.0),
        _ => None,
    };
    let Some((first, rest)) = leading_float(inside) else {
        // A sign and a `j`, or only a `j`.
        let sign = sign_of(inside);
        let rest = if sign.is_some() { &inside[1..] } else { inside };
        return is_unit(rest).then_some((0.0, sign.unwrap_or(1.0)));
    };
    if rest.is_empty() {
        return Some((first, 0.0));
    }
    if is_unit(rest) {
        return Some((0.0, first));
    }
    let sign = sign_of(rest)?;
    match leading_float(rest) {
        Some((second, rest)) => is_unit(rest).then_some((first, second)),
        None => is_unit(&rest[1..]).then_some((first, sign)),
    }
}

/// Returns the float at the beginning of a text, and the rest.
fn leading_float(text: &str) -> Option<(f64, &str)> {
    let bytes = text.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let begin = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let lower = text[begin..].to_ascii_lowercase();
    let word = ["infinity", "inf", "nan"].into_iter().find(|word| lower.starts_with(word));
    let end = match word {
        Some(word) => begin + word.len(),
        None => {
            let whole = digits(begin);
            let mut end = whole;
            if bytes.get(end) == Some(&b'.') {
                end = digits(end + 1);
                if whole == begin && end == whole + 1 {
                    return None;
                }
            }
            if end == begin {
                return None;
            }
            if matches!(bytes.get(end), Some(b'e' | b'E')) {
                let from = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
                let to = if from <= bytes.len() { digits(from) } else { from };
                if to > from {
                    end = to;
                }
            }
            end
        }
    };
    Some((text[..end].parse().ok()?, &text[end..]))
}
