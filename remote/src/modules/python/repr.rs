//! How Python writes a value.

use super::unicode::is_printable;
use crate::value::{DEPTH_LIMIT, Value};
use std::fmt::Write;

/// The value as Python's `repr` writes it: `None`, `True`, `1.0`, `'text'`, `b'bytes'`, `[1, 2]`, `(1,)`, `{1, 2}`,
/// `{'a': 1}`.
///
/// ```
/// use tarmem_remote::modules::python::repr;
/// assert_eq!(repr(&["it's".into(), tarmem_remote::Value::Null].into()), r#"["it's", None]"#);
/// ```
pub fn repr(value: &Value) -> String {
    let mut out = Bounded { text: String::new(), most: usize::MAX };
    out.value(value, 0);
    out.text
}

/// As [`repr`], but cut off after about a hundred characters: for messages.
pub fn short(value: &Value) -> String {
    let mut out = Bounded { text: String::new(), most: 100 };
    out.value(value, 0);
    if out.full() { out.text.chars().take(out.most).chain(['…']).collect() } else { out.text }
}

/// A text that stops growing once it is long enough.
struct Bounded {
    text: String,
    most: usize,
}

impl Bounded {
    fn full(&self) -> bool {
        self.text.len() > self.most
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.put("None"),
            Value::Bool(true) => self.put("True"),
            Value::Bool(false) => self.put("False"),
            Value::Int(n) => self.put(&n.to_string()),
            Value::Float(x) => self.put(&write_float(*x)),
            Value::Text(text) => self.quoted(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) if depth > DEPTH_LIMIT => self.put("..."),
            Value::List(items) => self.joined("[", items, "]", |out, item| out.value(item, depth + 1)),
            Value::Tuple(items) => {
                let close = if items.len() == 1 { ",)" } else { ")" };
                self.joined("(", items, close, |out, item| out.value(item, depth + 1));
            }
            Value::Set(items) if items.is_empty() => self.put("set()"),
            Value::Set(items) => self.joined("{", items, "}", |out, item| out.value(item, depth + 1)),
            Value::Map(entries) => self.joined("{", entries, "}", |out, (key, value)| {
                out.value(key, depth + 1);
                out.put(": ");
                out.value(value, depth + 1);
            }),
            Value::Ref(reference) => self.put(&format!("<{reference}>")),
        }
    }

    fn joined<T>(&mut self, open: &str, items: &[T], close: &str, mut each: impl FnMut(&mut Self, &T)) {
        self.put(open);
        for (at, item) in items.iter().enumerate() {
            if self.full() {
                return;
            }
            if at > 0 {
                self.put(", ");
            }
            each(self, item);
        }
        self.put(close);
    }

    fn quoted(&mut self, text: &str) {
        // Single quotes, unless that would mean more backslashes.
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        self.text.push(quote);
        for c in text.chars() {
            if self.full() {
                return;
            }
            match c {
                '\n' => self.put("\\n"),
                '\r' => self.put("\\r"),
                '\t' => self.put("\\t"),
                '\\' => self.put("\\\\"),
                c if c == quote => {
                    self.text.push('\\');
                    self.text.push(c);
                }
                c if is_printable(c) => self.text.push(c),
                c => {
                    let code = u32::from(c);
                    // Writing to a String cannot fail.
                    let _ = match code {
                        0..=0xff => write!(self.text, "\\x{code:02x}"),
                        0x100..=0xffff => write!(self.text, "\\u{code:04x}"),
                        _ => write!(self.text, "\\U{code:08x}"),
                    };
                }
            }
        }
        self.text.push(quote);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
        self.text.push('b');
        self.text.push(quote);
        for &byte in bytes {
            if self.full() {
                return;
            }
            match byte {
                b'\n' => self.put("\\n"),
                b'\r' => self.put("\\r"),
                b'\t' => self.put("\\t"),
                b'\\' => self.put("\\\\"),
                byte if char::from(byte) == quote => {
                    self.text.push('\\');
                    self.text.push(quote);
                }
                0x20..=0x7e => self.text.push(char::from(byte)),
                byte => {
                    let _ = write!(self.text, "\\x{byte:02x}");
                }
            }
        }
        self.text.push(quote);
    }
}

/// A float as Python writes it: the fewest digits that mean this float, without an exponent from 0.0001 up to 1e16.
pub(crate) fn write_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let shortest = format!("{x:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    // Where two texts are as short and as near, Rust takes the upper one, and Python the even one: so does rounding.
    let even = format!("{x:.*e}", digits.saturating_sub(1));
    let scientific = if even.parse() == Ok(x) { even } else { shortest };
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        Ok(exponent) => plain(digits, exponent),
        // No exponent of Rust's is anything but a number.
        Err(_) => scientific,
    }
}

/// `digits` (one before the point) times ten to the power of `exponent`, without an exponent.
fn plain(digits: &str, exponent: i32) -> String {
    let (sign, magnitude) = digits.strip_prefix('-').map_or(("", digits), |magnitude| ("-", magnitude));
    let mut all = magnitude.replace('.', "");
    let point = exponent + 1;
    if point <= 0 {
        let zeros = "0".repeat(point.unsigned_abs() as usize);
        return format!("{sign}0.{zeros}{all}");
    }
    let point = point as usize;
    // With at least one digit after the point.
    while all.len() < point + 1 {
        all.push('0');
    }
    all.insert(point, '.');
    format!("{sign}{all}")
}
