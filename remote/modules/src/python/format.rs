//! The format specs of `format(value, spec)`: fill, alignment, sign, width, grouping, precision and type.

use super::live::operand;
use super::{check_result, integer, to_float, type_name, whole_repr};
use crate::Exception;
use std::borrow::Cow;
use tarmem_remote::value::{Integer, Value};

/// Returns `format(value, spec)`.
///
/// # Errors
/// `ValueError` if the spec is not valid, `TypeError` if the value takes no spec, `MemoryError` over the
/// [limit](super::RESULT_LIMIT) of a result.
pub fn format(value: &Value, spec: &str) -> Result<String, Exception> {
    if spec.is_empty() {
        return text_of(value);
    }
    match &*operand(value)? {
        Value::Text(text) => {
            let spec = Spec::parse(spec, 's', '<', "str")?;
            format_text(text, &spec)
        }
        number @ (Value::Int(_) | Value::Bool(_)) => {
            let n = integer(number).map(|n| n.into_owned()).unwrap_or_default();
            let name = type_name(value);
            let spec = Spec::parse(spec, 'd', '>', name)?;
            match spec.kind {
                'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => format_float(to_float(value)?, &spec, "int"),
                _ => format_int(&n, &spec, name),
            }
        }
        Value::Float(x) => format_float(*x, &Spec::parse(spec, '\0', '>', "float")?, "float"),
        _ => Err(Exception::TypeError(format!("unsupported format string passed to {}.__format__", type_name(value)))),
    }
}

/// Returns `str(value)`.
///
/// # Errors
/// As [`whole_repr`](super::whole_repr).
pub(crate) fn text_of(value: &Value) -> Result<String, Exception> {
    match operand(value)? {
        Cow::Borrowed(Value::Text(text)) => Ok(text.clone()),
        Cow::Owned(Value::Text(text)) => Ok(text),
        _ => whole_repr(value),
    }
}

/// Returns how many characters of a text a spec shows, if it does not show all of them.
pub(crate) fn shown_characters(spec: &str) -> Option<usize> {
    Spec::parse(spec, 's', '<', "str").ok()?.precision
}

/// A parsed format spec.
#[derive(Clone, Copy)]
pub(super) struct Spec {
    pub(super) fill: char,
    pub(super) align: char,
    pub(super) sign: Option<char>,
    pub(super) no_negative_zero: bool,
    pub(super) alternate: bool,
    pub(super) width: usize,
    /// The separator between groups of digits.
    pub(super) group: Option<char>,
    pub(super) precision: Option<usize>,
    /// The type, or NUL if there is none.
    pub(super) kind: char,
}

impl Spec {
    pub(super) fn parse(text: &str, kind: char, align: char, name: &str) -> Result<Self, Exception> {
        let mut spec = Spec {
            fill: ' ',
            align,
            sign: None,
            no_negative_zero: false,
            alternate: false,
            width: 0,
            group: None,
            precision: None,
            kind,
        };
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.as_slice();
        let (mut filled, mut aligned) = (false, false);
        match rest {
            [fill, align @ ('<' | '>' | '=' | '^'), after @ ..] => {
                (spec.fill, spec.align, filled, aligned) = (*fill, *align, true, true);
                rest = after;
            }
            [align @ ('<' | '>' | '=' | '^'), after @ ..] => {
                (spec.align, aligned) = (*align, true);
                rest = after;
            }
            _ => {}
        }
        let mut next = |these: &[char]| match rest {
            [first, after @ ..] if these.contains(first) => {
                rest = after;
                Some(*first)
            }
            _ => None,
        };
        spec.sign = next(&[' ', '+', '-']);
        spec.no_negative_zero = next(&['z']).is_some();
        spec.alternate = next(&['#']).is_some();
        if !filled && next(&['0']).is_some() {
            spec.fill = '0';
            if !aligned && align == '>' {
                spec.align = '=';
            }
        }
        spec.width = number(&mut rest)?.unwrap_or(0);
        let mut next = |these: &[char]| match rest {
            [first, after @ ..] if these.contains(first) => {
                rest = after;
                Some(*first)
            }
            _ => None,
        };
        spec.group = next(&[',']);
        let both = || Exception::value("Cannot specify both ',' and '_'.");
        if next(&['_']).is_some() {
            if spec.group.is_some() {
                return Err(both());
            }
            spec.group = Some('_');
        }
        if spec.group == Some('_') && rest.first() == Some(&',') {
            return Err(both());
        }
        if let ['.', after @ ..] = rest {
            rest = after;
            spec.precision = number(&mut rest)?;
            if spec.precision.is_none() {
                return Err(Exception::value("Format specifier missing precision"));
            }
        }
        match rest {
            [] => {}
            [kind] => spec.kind = *kind,
            _ => {
                return Err(Exception::ValueError(format!(
                    "Invalid format specifier '{}' for object of type '{name}'",
                    short(text)
                )));
            }
        }
        match (spec.group, spec.kind) {
            (None, _) | (Some(_), 'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F' | '\0') => {}
            (Some('_'), 'b' | 'o' | 'x' | 'X') => {}
            (Some(group), kind) => {
                return Err(Exception::ValueError(format!(
                    "Cannot specify '{group}' with '{}'.",
                    kind.escape_default()
                )));
            }
        }
        check_result(spec.fill.len_utf8(), spec.width)?;
        check_result(1, spec.precision.unwrap_or(0))?;
        Ok(spec)
    }

    pub(super) fn unknown(&self, name: &str) -> Exception {
        Exception::ValueError(format!(
            "Unknown format code '{}' for object of type '{name}'",
            self.kind.escape_default()
        ))
    }

    /// Returns the padding on both sides of a text of `len` characters.
    fn padding(&self, len: usize) -> (usize, usize) {
        let padding = self.width.saturating_sub(len);
        match self.align {
            '<' => (0, padding),
            '^' => (padding / 2, padding - padding / 2),
            _ => (padding, 0),
        }
    }

    fn fills(&self, count: usize) -> impl Iterator<Item = char> {
        std::iter::repeat_n(self.fill, count)
    }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

/// Returns the digits at the beginning, as a number.
fn number(rest: &mut &[char]) -> Result<Option<usize>, Exception> {
    let mut found: Option<usize> = None;
    while let [first, after @ ..] = rest
        && let Some(digit) = first.to_digit(10)
    {
        let more = found.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(digit as usize));
        let more = more.filter(|n| i64::try_from(*n).is_ok());
        found = Some(more.ok_or_else(|| Exception::value("Too many decimal digits in format string"))?);
        *rest = after;
    }
    Ok(found)
}

fn format_text(text: &str, spec: &Spec) -> Result<String, Exception> {
    let refused = if spec.kind != 's' {
        return Err(spec.unknown("str"));
    } else if spec.sign.is_some() {
        Some("Sign not allowed in string format specifier")
    } else if spec.no_negative_zero {
        Some("Negative zero coercion (z) not allowed in string format specifier")
    } else if spec.alternate {
        Some("Alternate form (#) not allowed in string format specifier")
    } else if spec.align == '=' {
        Some("'=' alignment not allowed in string format specifier")
    } else {
        None
    };
    if let Some(refused) = refused {
        return Err(Exception::value(refused));
    }
    let shown: String = text.chars().take(spec.precision.unwrap_or(usize::MAX)).collect();
    Ok(padded(&shown, spec))
}

/// Returns the text, padded to the width of the spec.
pub(super) fn padded(text: &str, spec: &Spec) -> String {
    let (left, right) = spec.padding(text.chars().count());
    spec.fills(left).chain(text.chars()).chain(spec.fills(right)).collect()
}

/// A number, divided into its parts.
struct Parts<'a> {
    sign: Option<char>,
    prefix: &'a str,
    /// The digits that are grouped.
    digits: &'a str,
    /// The point, the digits after it, and the exponent; or all of a number without digits, such as `nan`.
    rest: &'a str,
    group: usize,
}

fn sign(negative: bool, spec: &Spec) -> Option<char> {
    if negative { Some('-') } else { spec.sign.filter(|sign| *sign != '-') }
}

fn laid_out(parts: &Parts<'_>, spec: &Spec) -> Result<String, Exception> {
    let around = usize::from(parts.sign.is_some()) + parts.prefix.len() + parts.rest.chars().count();
    let zeros = if spec.fill == '0' && spec.align == '=' { spec.width.saturating_sub(around) } else { 0 };
    let digits = grouped(parts.digits, zeros, spec.group, parts.group);
    check_result(1, digits.len())?;
    let (left, right) = spec.padding(around + digits.len());
    let (left, inside) = if spec.align == '=' { (0, left) } else { (left, 0) };
    let mut text: String = spec.fills(left).chain(parts.sign).collect();
    text.push_str(parts.prefix);
    text.extend(spec.fills(inside));
    text.push_str(&digits);
    text.push_str(parts.rest);
    text.extend(spec.fills(right));
    Ok(text)
}

/// Groups digits, and pads them with zeros up to a width. No group is empty, so the result may be one character wider.
fn grouped(digits: &str, width: usize, separator: Option<char>, group: usize) -> String {
    if digits.is_empty() {
        return String::new();
    }
    let Some(separator) = separator else {
        return format!("{}{digits}", "0".repeat(width.saturating_sub(digits.len())));
    };
    let mut backwards: Vec<char> = Vec::new();
    let mut digits = digits.chars().rev().peekable();
    loop {
        for _ in 0..group {
            if digits.peek().is_none() && backwards.len() >= width && backwards.last() != Some(&separator) {
                break;
            }
            backwards.push(digits.next().unwrap_or('0'));
        }
        if digits.peek().is_none() && backwards.len() >= width {
            return backwards.into_iter().rev().collect();
        }
        backwards.push(separator);
    }
}

fn format_int(n: &Integer, spec: &Spec, name: &str) -> Result<String, Exception> {
    if !matches!(spec.kind, 'b' | 'c' | 'd' | 'n' | 'o' | 'x' | 'X') {
        return Err(spec.unknown(name));
    }
    if spec.precision.is_some() {
        return Err(Exception::value("Precision not allowed in integer format specifier"));
    }
    if spec.no_negative_zero {
        return Err(Exception::value("Negative zero coercion (z) not allowed in format specifier with integer"));
    }
    if spec.kind == 'c' {
        return format_char(n, spec);
    }
    let (prefix, shift) = match spec.kind {
        'b' => ("0b", 1),
        'o' => ("0o", 3),
        'x' => ("0x", 4),
        'X' => ("0X", 4),
        _ => ("", 0),
    };
    let magnitude = if n.is_negative() { n.negate() } else { n.clone() };
    let digits = match shift {
        0 => magnitude.to_string(),
        shift => power_of_two_digits(&magnitude, shift),
    };
    let digits = if spec.kind == 'X' { digits.to_ascii_uppercase() } else { digits };
    let prefix = if spec.alternate { prefix } else { "" };
    let group = if shift == 0 { 3 } else { 4 };
    laid_out(&Parts { sign: sign(n.is_negative(), spec), prefix, digits: &digits, rest: "", group }, spec)
}

fn format_char(n: &Integer, spec: &Spec) -> Result<String, Exception> {
    if spec.sign.is_some() {
        return Err(Exception::value("Sign not allowed with integer format specifier 'c'"));
    }
    if spec.alternate {
        return Err(Exception::value("Alternate form (#) not allowed with integer format specifier 'c'"));
    }
    let code = n.to_string().parse::<u32>().ok().filter(|code| *code < 0x11_0000);
    let code = code.ok_or_else(|| Exception::overflow("%c arg not in range(0x110000)"))?;
    // A text here cannot hold a surrogate.
    let letter = char::from_u32(code).ok_or_else(|| Exception::value("%c arg is a surrogate"))?;
    laid_out(&Parts { sign: None, prefix: "", digits: "", rest: letter.encode_utf8(&mut [0; 4]), group: 3 }, spec)
}

/// Returns the digits of a number that is not negative, in base `2 ** shift`.
fn power_of_two_digits(n: &Integer, shift: usize) -> String {
    let bits: Vec<u8> = n.to_signed_bytes_le().iter().flat_map(|byte| (0..8).map(move |at| byte >> at & 1)).collect();
    let digit = |bits: &[u8]| bits.iter().rev().fold(0, |digit, bit| digit * 2 + u32::from(*bit));
    let digits = bits.chunks(shift).rev().map(digit).filter_map(|digit| char::from_digit(digit, 16));
    let digits: String = digits.skip_while(|digit| *digit == '0').collect();
    if digits.is_empty() { "0".to_owned() } else { digits }
}

pub(super) fn format_float(x: f64, spec: &Spec, name: &str) -> Result<String, Exception> {
    let kind = match spec.kind {
        '\0' if spec.precision.is_none() => 'r',
        '\0' | 'n' => 'g',
        kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => kind,
        _ => return Err(spec.unknown(name)),
    };
    let precision = spec.precision.unwrap_or(6);
    if i32::try_from(precision).is_err() {
        return Err(Exception::value("precision too big"));
    }
    let value = if kind == '%' { x * 100.0 } else { x };
    let whole = spec.kind == '\0';
    let mut text = match kind.to_ascii_lowercase() {
        _ if value.is_nan() => "nan".to_owned(),
        _ if value.is_infinite() => "inf".to_owned(),
        'r' => super::repr::write_float(value.abs()),
        'e' => exponential(value.abs(), precision),
        'g' => general(value.abs(), precision.max(1), whole, spec.alternate),
        _ => fixed(value.abs(), precision),
    };
    if spec.alternate && value.is_finite() && !text.contains('.') {
        let at = text.find('e').unwrap_or(text.len());
        text.insert(at, '.');
    }
    if kind.is_ascii_uppercase() {
        text.make_ascii_uppercase();
    }
    if kind == '%' {
        text.push('%');
    }
    let zero =
        spec.no_negative_zero && value.is_finite() && !significand(&text).contains(|c: char| ('1'..='9').contains(&c));
    let negative = value.is_sign_negative() && !value.is_nan() && !zero;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(digits);
    laid_out(&Parts { sign: sign(negative, spec), prefix: "", digits, rest, group: 3 }, spec)
}

fn significand(text: &str) -> &str {
    text.split(['e', 'E']).next().unwrap_or_default()
}

/// No float has more digits than this after its first one, or after its point; further digits are zeros.
const EXACT: usize = 1100;

fn fixed(x: f64, precision: usize) -> String {
    let mut text = format!("{x:.*}", precision.min(EXACT));
    text.push_str(&"0".repeat(precision.saturating_sub(EXACT)));
    text
}

fn exponential(x: f64, precision: usize) -> String {
    let text = format!("{x:.*e}", precision.min(EXACT));
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(precision.saturating_sub(EXACT));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}{zeros}e{sign}{exponent:0>2}")
}

/// Returns a number with `precision` digits in all. `whole` is the form without a type, which always shows a point.
fn general(x: f64, precision: usize, whole: bool, alternate: bool) -> String {
    let text = exponential(x, precision - 1);
    let (_, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or_default();
    let most = i64::try_from(precision).unwrap_or(i64::MAX) - i64::from(whole);
    let is_fixed = -4 <= exponent && exponent < most;
    let after = usize::try_from(most + i64::from(whole) - 1 - exponent).unwrap_or_default();
    let text = if is_fixed { fixed(x, after) } else { text };
    if alternate {
        return text;
    }
    let (digits, exponent) = text.split_at(text.find('e').unwrap_or(text.len()));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    let point = if whole && is_fixed && !digits.contains('.') { ".0" } else { "" };
    format!("{digits}{point}{exponent}")
}
