//! Values as text for people: compact, and similar to JSON.

use std::fmt::{self, Write};

use super::{DEPTH_LIMIT, Value};
use crate::escape::is_unsafe;

/// Writes compact text similar to JSON. Bytes are `0x` and hexadecimal digits, a tuple is in parentheses (`(1,)` if it
/// has one element), a set in braces (`set()` if it is empty), an object reference is its class and id in angle
/// brackets, and anything nested deeper than [`DEPTH_LIMIT`] is `…`.
///
/// ```
/// use tarmem_remote::value::Value;
///
/// let value = Value::Map(vec![("a".into(), [1, 2].into()), (3.into(), Value::Bytes(vec![7, 255]))]);
/// assert_eq!(value.to_string(), r#"{"a":[1,2],3:0x07ff}"#);
/// ```
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_value(self, f, 0)
    }
}

fn write_value(value: &Value, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(b) => write!(f, "{b}"),
        Value::Int(n) => write!(f, "{n}"),
        Value::Float(x) => write!(f, "{x:?}"),
        Value::Text(text) => write_text(text, f),
        Value::Bytes(bytes) => {
            f.write_str("0x")?;
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) if depth >= DEPTH_LIMIT => f.write_char('…'),
        Value::List(items) => write_items("[", items, "]", f, depth),
        Value::Tuple(items) => write_items("(", items, if items.len() == 1 { ",)" } else { ")" }, f, depth),
        Value::Set(items) if items.is_empty() => f.write_str("set()"),
        Value::Set(items) => write_items("{", items, "}", f, depth),
        Value::Map(entries) => {
            f.write_char('{')?;
            for (i, (key, value)) in entries.iter().enumerate() {
                if i > 0 {
                    f.write_char(',')?;
                }
                write_value(key, f, depth + 1)?;
                f.write_char(':')?;
                write_value(value, f, depth + 1)?;
            }
            f.write_char('}')
        }
        Value::Ref(reference) => write!(f, "<{reference}>"),
    }
}

fn write_items(open: &str, items: &[Value], close: &str, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_char(',')?;
        }
        write_value(item, f, depth + 1)?;
    }
    f.write_str(close)
}

fn write_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if is_unsafe(c) => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
