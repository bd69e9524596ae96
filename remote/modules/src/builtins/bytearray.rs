//! `builtins.bytearray`.

use super::bytes::{contents, hex_separator, one_byte};
use super::codecs::decode;
use super::list::checked;
use super::text::{Letter, Text, byte_methods, case, search, shape, split, text_methods};
use crate::extents::{MOVED, UNITS, looks_at};
use crate::python::live::{Holds, Kind, Seen, kind_of, lending, operand, plain};
use crate::python::{
    Chunk, Comparison, Cursor, Slice, Stamp, format, index_of, insertion, iterate, position, repeats, repr,
    text_argument, type_name, whole, word,
};
use crate::shared::{reflected_sequence_methods, text_of_repr};
use crate::{Decoded, Elements, Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// Bytes that can be changed, as Python's `bytearray`: it has the methods of `bytes`, and those of a list of small
/// integers.
///
/// Its methods return plain bytes, and so is its value.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::ByteArrayProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let array = session.memoize("array", ByteArrayProxy::new(None, None, None)).await?;
/// array.extend(b"ab").await?;
/// array.append(0xff).await?;
/// assert_eq!(array.hex().await?, "6162ff");
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "bytearray")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteArray(#[serde(with = "serde_bytes")] Vec<u8>, #[serde(skip)] Stamp);

/// The methods that change it.
#[remote(replay)]
impl ByteArray {
    /// Appends the byte `item`, an integer below 256.
    #[remote(proxy = "append_value")]
    pub fn append(&mut self, item: Value) -> Result<(), Exception> {
        self.0.push(one_byte(&item)?);
        Ok(())
    }

    /// Appends `items`, which can be bytes or a list of integers below 256.
    #[remote(proxy = "extend_values", scales)]
    pub fn extend(&mut self, items: Value) -> Result<(), Exception> {
        let mut items = match lending(self, || plain(items))? {
            Value::Bytes(bytes) => bytes,
            other => {
                let refused = Exception::TypeError(format!("can't extend bytearray with {}", type_name(&other)));
                let items = lending(self, || iterate(other)).map_err(|error| match error {
                    Exception::TypeError(_) => refused,
                    error => error,
                })?;
                items.iter().map(one_byte).collect::<Result<_, _>>()?
            }
        };
        self.0.append(&mut items);
        Ok(())
    }

    /// Inserts the byte `item` before `index`; an index beyond either end stands for that end.
    #[remote(proxy = "insert_value", scales)]
    pub fn insert(&mut self, index: Value, item: Value) -> Result<(), Exception> {
        let (at, item) = (insertion(word(&index)?, self.0.len()), one_byte(&item)?);
        self.0.insert(at, item);
        Ok(())
    }

    /// Removes the byte at `index`, or the last one without `index`, and returns it. `IndexError` if it is not there.
    #[remote(proxy = "pop_value")]
    pub fn pop(&mut self, #[remote(default = -1)] index: Arg<Value>) -> Result<u8, Exception> {
        let index = index.given().as_ref().map_or(Ok(-1), word)?;
        match position(index, self.0.len()) {
            Some(at) => {
                looks_at((self.0.len() - at) / UNITS / MOVED)?;
                Ok(self.0.remove(at))
            }
            None if self.0.is_empty() => Err(Exception::index("pop from empty bytearray")),
            None => Err(Exception::index("pop index out of range")),
        }
    }

    /// Removes the first byte that is `value`. `ValueError` if there is none.
    #[remote(proxy = "remove_value", scales)]
    pub fn remove(&mut self, value: Value) -> Result<(), Exception> {
        let value = one_byte(&value)?;
        let at = self.0.iter().position(|byte| *byte == value);
        self.0.remove(at.ok_or_else(|| Exception::value("value not found in bytearray"))?);
        Ok(())
    }

    /// Removes all bytes.
    #[remote(scales)]
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns a copy, as plain bytes.
    #[remote(proxy = "copy_value", scales)]
    pub fn copy(&self) -> Value {
        self.plain()
    }

    /// Reverses the order in place.
    #[remote(scales)]
    pub fn reverse(&mut self) {
        self.0.reverse();
    }

    /// Replaces the byte at `index` with `value`, or the bytes of a slice with those of `value`. If the slice has a
    /// step, `value` must have as many bytes, or none, which removes them.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        if let Some(slice) = Slice::of(&index)? {
            return self.set_slice(slice, value);
        }
        // As in CPython, a value that is not a byte is reported before an index that is out of range.
        let at = checked(&index, self.0.len(), "bytearray", "bytearray index out of range");
        if at.is_ok() || word(&index).is_ok() {
            let value = one_byte(&value)?;
            self.0[at?] = value;
            return Ok(());
        }
        at.map(|_| ())
    }

    /// Removes the byte at `index`, or those of a slice.
    #[remote(name = "__delitem__", scales)]
    pub fn delitem(&mut self, index: Value) -> Result<(), Exception> {
        match Slice::of(&index)? {
            Some(slice) => slice.span(self.0.len())?.take_out(&mut self.0),
            None => {
                self.0.remove(checked(&index, self.0.len(), "bytearray", "bytearray index out of range")?);
            }
        }
        Ok(())
    }

    /// `array += other`: appends the bytes of `other`.
    #[remote(name = "__iadd__", scales)]
    pub fn iadd(&mut self, other: Value) -> Result<(), Exception> {
        let other = lending(self, || plain(other))?;
        let other = Self::argument(&other).map_err(|_| {
            let found = type_name(&other);
            Exception::TypeError(format!("can't concat {found} to bytearray"))
        })?;
        self.0.extend(other);
        Ok(())
    }

    /// `array *= count`: repeats the bytes; removes them if `count` is less than one.
    #[remote(name = "__imul__", scales)]
    pub fn imul(&mut self, count: Value) -> Result<(), Exception> {
        let Value::Bytes(repeated) = self.mul(count)? else { return Ok(()) };
        self.0 = repeated;
        Ok(())
    }

    /// Returns the array as Python's `repr` shows it: `bytearray(b'ab')`.
    #[remote(name = "__repr__", scales)]
    pub fn repr(&self) -> String {
        let bytes = repr(&self.plain());
        // CPython escapes single quotes here where it would not in bytes.
        let bytes = if bytes.starts_with("b\"") { bytes.replace('\'', "\\'") } else { bytes };
        format!("bytearray({bytes})")
    }

    /// Returns the array as Python's `repr` shows it. `TypeError` if there is a `format_spec`.
    #[remote(name = "__format__")]
    pub fn formatted(&self, format_spec: String) -> Result<String, Exception> {
        if format_spec.is_empty() {
            return format(&self.repr().into(), "");
        }
        Err(Exception::of_type("unsupported format string passed to bytearray.__format__"))
    }
}

text_methods!(ByteArray, "subsection");
byte_methods!(ByteArray, ByteArrayProxy, "bytearray", "bytearray", "bytearray index out of range", false);
reflected_sequence_methods!(ByteArray, Value);
text_of_repr!(ByteArray);

impl ByteArray {
    fn set_slice(&mut self, slice: Slice, value: Value) -> Result<(), Exception> {
        let items = match lending(self, || operand(&value).map(Cow::into_owned))? {
            Value::Bytes(bytes) => bytes,
            Value::Text(_) | Value::Int(_) | Value::Bool(_) | Value::Float(_) => {
                let message = "can assign only bytes, buffers, or iterables of ints in range(0, 256)";
                return Err(Exception::of_type(message));
            }
            value => lending(self, || contents(Arg::Given(value), Arg::Absent, Arg::Absent, "bytearray"))?,
        };
        let span = slice.span(self.0.len())?;
        looks_at((items.len() + self.0.len().saturating_sub(span.start)) / UNITS)?;
        if span.step == 1 {
            self.0.splice(span.start..span.start + span.len, items);
        } else if items.is_empty() {
            span.take_out(&mut self.0);
        } else if items.len() == span.len {
            span.positions().zip(items).for_each(|(at, item)| self.0[at] = item);
        } else {
            return Err(Exception::ValueError(format!(
                "attempt to assign bytes of size {} to extended slice of size {}",
                items.len(),
                span.len
            )));
        }
        Ok(())
    }
}

impl Holds for ByteArray {
    fn seen(&self) -> Seen<'_> {
        Seen::Bytes(&self.0)
    }

    fn written(&self) -> Option<String> {
        Some(self.repr())
    }
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl ByteArrayProxy {
    /// Appends a byte.
    pub fn append(&self, item: u8) -> Fallible<()> {
        self.append_value(item.into())
    }

    /// Appends bytes.
    pub fn extend(&self, items: impl AsRef<[u8]>) -> Fallible<()> {
        self.extend_values(Value::Bytes(items.as_ref().to_vec()))
    }

    /// Inserts a byte before `index`.
    pub fn insert(&self, index: i64, item: u8) -> Fallible<()> {
        self.insert_value(index.into(), item.into())
    }

    /// Removes the last byte and returns it.
    pub fn pop(&self) -> Fallible<u8> {
        self.pop_value(None)
    }

    /// Removes the first byte that is `value`. `ValueError` if there is none.
    pub fn remove(&self, value: u8) -> Fallible<()> {
        self.remove_value(value.into())
    }

    /// Returns the byte at `index`.
    pub fn get(&self, index: i64) -> Decoded<u8> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Replaces the byte at `index`.
    pub fn set(&self, index: i64, value: u8) -> Fallible<()> {
        self.setitem(index.into(), value.into())
    }
}
