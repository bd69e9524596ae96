//! `builtins.bytes`.

use super::codecs::{decode, encode};
use super::text::{Letter, Text, byte_methods, case, search, shape, shown_methods, split, text_methods};
use crate::python::live::{Holds, Kind, Seen, kind_of, operand, plain};
use crate::python::{
    Chunk, Comparison, Cursor, Slice, Stamp, check_result, index_of, iterate, repeated, repeats, text_argument,
    type_name, whole, word,
};
use crate::shared::{reflected_sequence_methods, text_of_repr};
use crate::{Elements, Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Bytes, as Python's `bytes`. They never change; their methods return plain bytes.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::BytesProxy;
/// use tarmem_remote::Value;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let bytes = session.memoize("bytes", BytesProxy::new(Some(Value::Bytes(vec![0, 255])), None, None)).await?;
/// assert_eq!(bytes.len().await?, 2);
/// assert_eq!(bytes.hex().await?, "00ff");
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "bytes")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>, #[serde(skip)] Stamp);

impl Holds for Bytes {
    fn seen(&self) -> Seen<'_> {
        Seen::Bytes(&self.0)
    }
}

#[remote]
impl Bytes {
    /// Returns the bytes themselves.
    #[remote(name = "__bytes__", scales)]
    pub fn same(&self) -> Value {
        Value::Bytes(self.0.clone())
    }
}

text_methods!(Bytes, "subsection");
shown_methods!(Bytes);
byte_methods!(Bytes, BytesProxy, "bytes", "byte", "index out of range", true);
reflected_sequence_methods!(Bytes, Value);
text_of_repr!(Bytes);

/// Returns the bytes that Python makes of the arguments of `kind`, which is `bytes` or `bytearray`.
pub(super) fn contents(
    source: Arg<Value>,
    encoding: Arg<Value>,
    errors: Arg<Value>,
    kind: &str,
) -> Result<Vec<u8>, Exception> {
    let (encoding, errors) = (text_argument(encoding, kind, "'encoding'")?, text_argument(errors, kind, "'errors'")?);
    let source = source.given().map(plain).transpose()?;
    let text = matches!(source, Some(Value::Text(_)));
    if !text && encoding.is_some() {
        return Err(Exception::of_type("encoding without a string argument"));
    }
    if !text && errors.is_some() {
        return Err(Exception::of_type("errors without a string argument"));
    }
    match (source, encoding) {
        (None, _) => Ok(Vec::new()),
        (Some(Value::Text(text)), Some(encoding)) => encode(&text, &encoding, errors.as_deref()),
        (Some(Value::Text(_)), None) => Err(Exception::of_type("string argument without an encoding")),
        (Some(Value::Bytes(bytes)), _) => Ok(bytes),
        (Some(value @ (Value::Int(_) | Value::Bool(_))), _) => zeros(&value),
        (Some(value @ (Value::Float(_) | Value::Null)), _) => {
            Err(Exception::TypeError(format!("cannot convert '{}' object to {kind}", type_name(&value))))
        }
        (Some(items), _) if kind == "bytes" => iterate(items)?.iter().map(byte).collect(),
        (Some(items), _) => iterate(items)?.iter().map(one_byte).collect(),
    }
}

/// Converts a value to a byte. The errors are those of `bytearray`.
pub(super) fn one_byte(value: &Value) -> Result<u8, Exception> {
    u8::try_from(index_of(value)?).map_err(|_| Exception::value("byte must be in range(0, 256)"))
}

/// Converts what is searched for: bytes, or one byte as an integer.
pub(super) fn searched(part: &Value) -> Result<Vec<u8>, Exception> {
    match &*operand(part)? {
        number @ (Value::Int(_) | Value::Bool(_)) => one_byte(number).map(|byte| vec![byte]),
        _ => bytes_argument(part).map_err(|_| {
            let found = type_name(part);
            Exception::TypeError(format!("argument should be integer or bytes-like object, not '{found}'"))
        }),
    }
}

/// Converts an argument that must be bytes.
pub(super) fn bytes_argument(value: &Value) -> Result<Vec<u8>, Exception> {
    match operand(value)? {
        Cow::Borrowed(Value::Bytes(bytes)) => Ok(bytes.clone()),
        Cow::Owned(Value::Bytes(bytes)) => Ok(bytes),
        _ => Err(Exception::TypeError(format!("a bytes-like object is required, not '{}'", type_name(value)))),
    }
}

fn byte(value: &Value) -> Result<u8, Exception> {
    let n = crate::python::index_of(value)?;
    u8::try_from(n).map_err(|_| Exception::value("bytes must be in range(0, 256)"))
}

fn zeros(count: &Value) -> Result<Vec<u8>, Exception> {
    let count = usize::try_from(word(count)?).map_err(|_| Exception::value("negative count"))?;
    check_result(1, count)?;
    repeated(&[0], count)
}

/// Returns the separator between the groups of `hex`.
pub(super) fn hex_separator(separator: &Value) -> Result<char, Exception> {
    let text = match &*operand(separator)? {
        Value::Text(text) => text.clone(),
        // Each byte stands for a character, as in Latin-1.
        Value::Bytes(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) => {
            return Err(Exception::of_type("sep must be str or bytes."));
        }
        _ => return Err(Exception::TypeError(format!("object of type '{}' has no len()", type_name(separator)))),
    };
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii() => Ok(letter),
        (Some(_), None) => Err(Exception::value("sep must be ASCII.")),
        _ => Err(Exception::value("sep must be length 1.")),
    }
}
