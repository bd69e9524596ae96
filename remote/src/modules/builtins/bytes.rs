//! `builtins.bytes`.

use super::text::{Letter, Text, case, search, shape, split, text_methods};
use crate::args::Arg;
use crate::context::Context;
use crate::modules::python::live::{Holds, Seen};
use crate::modules::python::{
    Chunk, Comparison, Cursor, Slice, Stamp, check_result, equal, index_of, iterate, repeated, repeats, repr,
    text_argument, type_name, whole, word,
};
use crate::modules::shared::{reflected_sequence_methods, text_of_repr};
use crate::modules::{Elements, Exception, Fallible};
use crate::remote;
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// Bytes, as Python's `bytes`. They never change: their methods give plain bytes.
#[remote(module = "builtins", name = "bytes")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>, #[serde(skip)] Stamp);

type Unit = u8;

impl Holds for Bytes {
    fn seen(&self) -> Seen<'_> {
        Seen::Bytes(&self.0)
    }
}

#[remote]
impl Bytes {
    /// Bytes of a list of integers below 256, as many zeros as an integer says, or what a text is in an `encoding`. Empty
    /// without `source`.
    #[remote(inline)]
    pub fn new(source: Arg<Value>, encoding: Arg<Value>, errors: Arg<Value>) -> Result<Self, Exception> {
        let (encoding, errors) =
            (text_argument(encoding, "bytes", "'encoding'")?, text_argument(errors, "bytes", "'errors'")?);
        let text = matches!(source, Arg::Given(Value::Text(_)));
        if !text && encoding.is_some() {
            return Err(Exception::of_type("encoding without a string argument"));
        }
        if !text && errors.is_some() {
            return Err(Exception::of_type("errors without a string argument"));
        }
        match (source.given(), encoding) {
            (None, _) => Ok(Bytes::default()),
            (Some(Value::Text(text)), Some(encoding)) => encode(&text, &encoding, errors.as_deref()).map(Bytes::of),
            (Some(Value::Text(_)), None) => Err(Exception::of_type("string argument without an encoding")),
            (Some(Value::Bytes(bytes)), _) => Ok(Bytes::of(bytes)),
            (Some(value @ (Value::Int(_) | Value::Bool(_))), _) => zeros(&value).map(Bytes::of),
            (Some(value @ (Value::Float(_) | Value::Null)), _) => {
                Err(Exception::TypeError(format!("cannot convert '{}' object to bytes", type_name(&value))))
            }
            (Some(items), _) => iterate(items)?.iter().map(byte).collect::<Result<_, _>>().map(Bytes::of),
        }
    }

    /// The bytes that pairs of hexadecimal digits are, with or without spaces between the pairs.
    #[remote(inline)]
    pub fn fromhex(text: String) -> Result<Self, Exception> {
        let refused = |at: usize| {
            Exception::ValueError(format!("non-hexadecimal number found in fromhex() arg at position {at}"))
        };
        let mut bytes = Vec::new();
        let mut chars = text.chars().enumerate().filter(|(_, c)| !matches!(c, '\t'..='\r' | ' '));
        while let Some((at, high)) = chars.next() {
            let high = high.to_digit(16).ok_or_else(|| refused(at))?;
            // The other digit stands right beside it.
            let low = chars.next().filter(|(next, _)| *next == at + 1).and_then(|(_, c)| c.to_digit(16));
            bytes.push((high * 16 + low.ok_or_else(|| refused(at + 1))?) as u8);
        }
        Ok(Bytes::of(bytes))
    }

    /// How many bytes there are.
    #[remote(name = "__len__")]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The integer at `index`, or the bytes of a slice, `{"slice": [start, stop, step]}`. `IndexError` if it is not
    /// there.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        if let Some(slice) = Slice::of(&index)? {
            return Ok(Value::Bytes(slice.span(self.0.len())?.positions().map(|at| self.0[at]).collect()));
        }
        super::list::checked(&index, self.0.len(), "byte", "index out of range").map(|at| self.0[at].into())
    }

    /// Some of the bytes as integers: `limit` of them (1024 if left out), from `cursor` on, which came with the chunk before.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "bytes")?;
        let rest = self.0.iter().enumerate().skip(cursor.at());
        Ok(Chunk::collect(ctx, cursor, limit, true, rest.map(|(at, item)| (at + 1, Value::from(*item)))))
    }

    /// The text that the bytes are in `encoding`: `utf-8` (if left out), `ascii` or `latin-1`; `errors` says what becomes
    /// of what is none: `strict`, `ignore` or `replace`.
    pub fn decode(&self, encoding: Arg<Value>, errors: Arg<Value>) -> Result<String, Exception> {
        let (encoding, errors) =
            (text_argument(encoding, "decode", "'encoding'")?, text_argument(errors, "decode", "'errors'")?);
        decode(&self.0, encoding.as_deref().unwrap_or("utf-8"), errors.as_deref())
    }

    /// Each byte as `table`, 256 bytes, has it at the byte's number, or as it is if that is null; those that are in
    /// `delete` are left out.
    pub fn translate(&self, table: Value, delete: Arg<Value>) -> Result<Value, Exception> {
        let table = if table.is_null() { None } else { Some(Self::argument(&table)?) };
        if table.as_ref().is_some_and(|table| table.len() != 256) {
            return Err(Exception::value("translation table must be 256 characters long"));
        }
        let delete = delete.given().map(|delete| Self::argument(&delete)).transpose()?;
        let mut dropped = [false; 256];
        delete.iter().flatten().for_each(|byte| dropped[usize::from(*byte)] = true);
        let stays = self.0.iter().filter(|byte| !dropped[usize::from(**byte)]);
        Ok(Value::Bytes(stays.map(|byte| table.as_ref().map_or(*byte, |table| table[usize::from(*byte)])).collect()))
    }

    /// A table for `translate`, by which each byte of `from` becomes the one at its place in `to`.
    pub fn maketrans(&self, from: Value, to: Value) -> Result<Value, Exception> {
        let (from, to) = (Self::argument(&from)?, Self::argument(&to)?);
        if from.len() != to.len() {
            return Err(Exception::value("maketrans arguments must have same length"));
        }
        let mut table: Vec<u8> = (0..=255).collect();
        from.iter().zip(to).for_each(|(from, to)| table[usize::from(*from)] = to);
        Ok(Value::Bytes(table))
    }

    /// They as they are.
    #[remote(name = "__bytes__")]
    pub fn same(&self) -> Value {
        Value::Bytes(self.0.clone())
    }

    /// Two hexadecimal digits for each byte; `sep`, one ASCII character, stands between groups of `bytes_per_sep` bytes (1
    /// if left out), counted from the right; from the left if that is negative.
    #[remote(name = "hex")]
    pub fn hex_value(&self, sep: Arg<Value>, bytes_per_sep: Arg<Value>) -> Result<String, Exception> {
        let group = bytes_per_sep.given().as_ref().map_or(Ok(1), index_of)?;
        let group =
            i32::try_from(group).map_err(|_| Exception::overflow("Python int too large to convert to C int"))?;
        let separator = sep.given().as_ref().map(hex_separator).transpose()?;
        let len = self.0.len();
        let size = group.unsigned_abs() as usize;
        let mut digits = String::with_capacity(2 * len);
        for (at, byte) in self.0.iter().enumerate() {
            let counted = if group < 0 { at } else { len - at };
            if let Some(separator) = separator.filter(|_| at > 0 && size > 0 && counted.is_multiple_of(size)) {
                digits.push(separator);
            }
            digits.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
            digits.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
        }
        Ok(digits)
    }

    /// ASCII letters as capitals.
    pub fn upper(&self) -> Value {
        Value::Bytes(self.0.to_ascii_uppercase())
    }

    /// ASCII letters as small ones.
    pub fn lower(&self) -> Value {
        Value::Bytes(self.0.to_ascii_lowercase())
    }
}

impl Bytes {
    fn of(bytes: Vec<u8>) -> Self {
        Bytes(bytes, Stamp::default())
    }
}

text_methods!(Bytes, "subsection");
reflected_sequence_methods!(Bytes, Value);
text_of_repr!(Bytes);

impl Bytes {
    /// What is searched for is bytes, or one as an integer.
    fn searched(&self, part: &Value) -> Result<Vec<u8>, Exception> {
        match part {
            Value::Int(_) | Value::Bool(_) => {
                byte(part).map(|byte| vec![byte]).map_err(|_| Exception::value("byte must be in range(0, 256)"))
            }
            part => Self::argument(part).map_err(|_| {
                let found = type_name(part);
                Exception::TypeError(format!("argument should be integer or bytes-like object, not '{found}'"))
            }),
        }
    }
}

impl Text for Bytes {
    const KIND: &str = "bytes";

    type Unit = u8;

    fn units(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn value(units: Vec<u8>) -> Value {
        Value::Bytes(units)
    }

    fn argument(value: &Value) -> Result<Vec<u8>, Exception> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            other => Err(Exception::TypeError(format!("a bytes-like object is required, not '{}'", type_name(other)))),
        }
    }
}

fn byte(value: &Value) -> Result<u8, Exception> {
    let n = crate::modules::python::index_of(value)?;
    u8::try_from(n).map_err(|_| Exception::value("bytes must be in range(0, 256)"))
}

fn zeros(count: &Value) -> Result<Vec<u8>, Exception> {
    let count = usize::try_from(word(count)?).map_err(|_| Exception::value("negative count"))?;
    check_result(1, count)?;
    repeated(&[0], count)
}

/// What encodings there are.
enum Encoding {
    Utf8,
    /// One byte for each character below this one.
    Narrow(u32),
}

impl Encoding {
    fn named(name: &str) -> Result<Self, Exception> {
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" => Ok(Encoding::Utf8),
            "ascii" | "us-ascii" => Ok(Encoding::Narrow(0x80)),
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" => Ok(Encoding::Narrow(0x100)),
            _ => Err(Exception::LookupError(format!(
                "unknown encoding: {}; there are utf-8, ascii and latin-1",
                crate::modules::python::short(&name.into())
            ))),
        }
    }
}

/// What becomes of what cannot be encoded or decoded: an error, nothing, or this.
fn replacement(errors: Option<&str>) -> Result<Option<bool>, Exception> {
    match errors.unwrap_or("strict") {
        "strict" => Ok(None),
        "ignore" => Ok(Some(false)),
        "replace" => Ok(Some(true)),
        other => Err(Exception::LookupError(format!(
            "unknown error handler name {}; there are strict, ignore and replace",
            crate::modules::python::short(&other.into())
        ))),
    }
}

/// The bytes of a text.
pub(super) fn encode(text: &str, encoding: &str, errors: Option<&str>) -> Result<Vec<u8>, Exception> {
    let replace = replacement(errors)?;
    let bound = match Encoding::named(encoding)? {
        Encoding::Utf8 => return Ok(text.as_bytes().to_vec()),
        Encoding::Narrow(bound) => bound,
    };
    let mut bytes = Vec::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        match (u8::try_from(u32::from(c)), replace) {
            (Ok(byte), _) if u32::from(byte) < bound => bytes.push(byte),
            (_, Some(true)) => bytes.push(b'?'),
            (_, Some(false)) => {}
            (_, None) => {
                let many = text.chars().skip(at).take_while(|c| u32::from(*c) >= bound).count();
                return Err(not_encodable(c, at, many, bound));
            }
        }
    }
    Ok(bytes)
}

/// That `many` characters, of which `c` at `at` is the first, have no bytes below `bound`.
fn not_encodable(c: char, at: usize, many: usize, bound: u32) -> Exception {
    let codec = narrow_name(bound);
    let which = match (many, u32::from(c)) {
        (2.., _) => format!("characters in position {at}-{}", at + many - 1),
        (_, code @ ..=0xff) => format!("character '\\x{code:02x}' in position {at}"),
        (_, code @ ..=0xffff) => format!("character '\\u{code:04x}' in position {at}"),
        (_, code) => format!("character '\\U{code:08x}' in position {at}"),
    };
    Exception::UnicodeEncodeError(format!("'{codec}' codec can't encode {which}: ordinal not in range({bound})"))
}

/// The name of the encoding of one byte for each character below `bound`.
fn narrow_name(bound: u32) -> &'static str {
    if bound == 0x80 { "ascii" } else { "latin-1" }
}

/// That bytes are no UTF-8, in CPython's words.
fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Exception {
    let at = error.valid_up_to();
    let first = bytes.get(at).copied().unwrap_or_default();
    let many = error.error_len().unwrap_or(bytes.len() - at);
    let why = match (error.error_len(), first) {
        (None, _) => "unexpected end of data",
        (_, 0xc2..=0xf4) => "invalid continuation byte",
        _ => "invalid start byte",
    };
    let which = match many {
        0 | 1 => format!("byte 0x{first:02x} in position {at}"),
        _ => format!("bytes in position {at}-{}", at + many - 1),
    };
    Exception::UnicodeDecodeError(format!("'utf-8' codec can't decode {which}: {why}"))
}

/// The text that bytes are.
pub(super) fn decode(bytes: &[u8], encoding: &str, errors: Option<&str>) -> Result<String, Exception> {
    let replace = replacement(errors)?;
    let bound = match Encoding::named(encoding)? {
        Encoding::Utf8 => {
            return match (std::str::from_utf8(bytes), replace) {
                (Ok(text), _) => Ok(text.to_owned()),
                (Err(error), None) => Err(not_utf8(bytes, error)),
                (Err(_), Some(true)) => Ok(String::from_utf8_lossy(bytes).into_owned()),
                (Err(_), Some(false)) => Ok(bytes.utf8_chunks().map(|chunk| chunk.valid()).collect()),
            };
        }
        Encoding::Narrow(bound) => bound,
    };
    let mut text = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match replace {
            _ if u32::from(byte) < bound => text.push(byte.into()),
            Some(true) => text.push('\u{fffd}'),
            Some(false) => {}
            None => {
                let codec = narrow_name(bound);
                return Err(Exception::UnicodeDecodeError(format!(
                    "'{codec}' codec can't decode byte 0x{byte:02x} in position {at}: ordinal not in range({bound})"
                )));
            }
        }
    }
    Ok(text)
}

impl BytesProxy {
    /// Two hexadecimal digits for each byte.
    pub fn hex(&self) -> Fallible<String> {
        self.hex_value(None, None)
    }

    /// The bytes as integers, chunk after chunk, as a stream.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }
}

/// What stands between the groups of `hex`.
fn hex_separator(separator: &Value) -> Result<char, Exception> {
    let text = match separator {
        Value::Text(text) => text.clone(),
        // Each byte is a character, as in Latin-1.
        Value::Bytes(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Value::List(_) | Value::Tuple(_) | Value::Set(_) | Value::Map(_) => {
            return Err(Exception::of_type("sep must be str or bytes."));
        }
        other => return Err(Exception::TypeError(format!("object of type '{}' has no len()", type_name(other)))),
    };
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if letter.is_ascii() => Ok(letter),
        (Some(_), None) => Err(Exception::value("sep must be ASCII.")),
        _ => Err(Exception::value("sep must be length 1.")),
    }
}
