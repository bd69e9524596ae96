//! `builtins.str`.

use super::codecs::{decode, encode};
use super::text::{Letter, Text, case, search, shape, shown_methods, split, text_methods};
use crate::python::live::{Holds, Kind, Seen, kind_of, operand, plain};
use crate::python::{
    Chunk, Comparison, Cursor, Slice, Stamp, check_result, index_of, iterate, repeats, text_argument, type_name,
    unicode, whole, whole_repr, word,
};
use crate::shared::reflected_sequence_methods;
use crate::{Elements, Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tarmem_remote::args::{Arg, Args, Kwargs};
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::Value;

/// A text, as Python's `str`. It never changes: its methods give plain texts.
#[remote(module = "builtins", name = "str")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Str(pub(super) String, #[serde(skip)] Stamp);

type Unit = char;

fn decoded_text(bytes: &[u8], encoding: Option<String>, errors: Option<String>) -> Result<Str, Exception> {
    decode(bytes, encoding.as_deref().unwrap_or("utf-8"), errors.as_deref()).map(Str::of)
}

impl Str {
    fn of(text: String) -> Self {
        Str(text, Stamp::default())
    }
}

impl tarmem_remote::object::Extent for Str {
    fn extent(&self) -> usize {
        self.0.len() / crate::extents::UNITS
    }
}

impl Holds for Str {
    fn seen(&self) -> Seen<'_> {
        Seen::Text(&self.0)
    }
}

#[remote]
impl Str {
    /// Returns the text that Python's `str(object)` is: a text as it is, anything else as Python writes it; with an
    /// `encoding` (utf-8 if there are only `errors`), the text that bytes mean. Empty without `object`.
    #[remote(inline)]
    pub fn new(
        #[remote(default = "")] object: Arg<Value>,
        encoding: Arg<Value>,
        errors: Arg<Value>,
    ) -> Result<Self, Exception> {
        let (encoding, errors) =
            (text_argument(encoding, "str", "'encoding'")?, text_argument(errors, "str", "'errors'")?);
        let decoded = encoding.is_some() || errors.is_some();
        let Some(object) = object.given() else { return Ok(Str::default()) };
        match (operand(&object)?, decoded) {
            (held, false) => match held.into_owned() {
                Value::Text(text) => Ok(Str::of(text)),
                // As a whole, for the circle that it may be.
                _ => whole_repr(&object).map(Str::of),
            },
            (Cow::Borrowed(Value::Bytes(bytes)), true) => decoded_text(bytes, encoding, errors),
            (Cow::Owned(Value::Bytes(bytes)), true) => decoded_text(&bytes, encoding, errors),
            (held, true) if held.as_str().is_some() => Err(Exception::of_type("decoding str is not supported")),
            (_, true) => Err(Exception::TypeError(format!(
                "decoding to str: need a bytes-like object, {} found",
                type_name(&object)
            ))),
        }
    }

    /// How many characters there are.
    #[remote(name = "__len__", scales)]
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    /// Returns the character at `index`, or the text of a slice, `{"slice": [start, stop, step]}`. `IndexError` if it
    /// is not there.
    #[remote(name = "__getitem__", scales)]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        let units = self.units();
        if let Some(slice) = Slice::of(&index)? {
            return Ok(Self::value(slice.span(units.len())?.positions().map(|at| units[at]).collect()));
        }
        super::list::checked(&index, units.len(), "string", "string index out of range").map(|at| units[at].into())
    }

    /// Returns a chunk of the characters: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.1, "str")?;
        let begin = cursor.at();
        // A position in bytes, so that nothing has to be counted; one that nobody gave out is the end.
        let rest = self.0.get(begin..).unwrap_or_default().char_indices();
        let items = rest.map(|(at, letter)| (begin + at + letter.len_utf8(), Value::from(letter)));
        Ok(Chunk::collect(ctx, cursor, limit, true, items))
    }

    /// Returns all capitals.
    #[remote(scales)]
    pub fn upper(&self) -> String {
        unicode::upper(&self.0)
    }

    /// Returns all small letters.
    #[remote(scales)]
    pub fn lower(&self) -> String {
        unicode::lower(&self.0)
    }

    /// Small letters for comparing without regard to case: also `ss` for `ß`, and `fi` for `ﬁ`.
    #[remote(scales)]
    pub fn casefold(&self) -> String {
        unicode::fold(&self.0)
    }

    /// Its bytes in `encoding`: `utf-8` (if left out), `ascii` or `latin-1`; `errors` says what becomes of what has
    /// none: `strict`, `ignore`, `replace`, `backslashreplace` or `xmlcharrefreplace`. (`surrogateescape` and
    /// `surrogatepass` are as `strict`: no text here has a lone surrogate.)
    #[remote(scales)]
    pub fn encode(
        &self,
        #[remote(default = "utf-8")] encoding: Arg<Value>,
        #[remote(default = "strict")] errors: Arg<Value>,
    ) -> Result<Value, Exception> {
        let (encoding, errors) =
            (text_argument(encoding, "encode", "'encoding'")?, text_argument(errors, "encode", "'errors'")?);
        encode(&self.0, encoding.as_deref().unwrap_or("utf-8"), errors.as_deref()).map(Value::Bytes)
    }

    /// Returns each character as `table`, a map, has it under the character's number: as another number, as a text, or
    /// as null for nothing. What is not in it stays.
    #[remote(scales)]
    pub fn translate(&self, table: Value) -> Result<Value, Exception> {
        let Value::Map(entries) = plain(table)? else { return Err(Exception::of_type("the table has to be a map")) };
        let table: crate::python::Table<Value> = super::dict::entries(Value::Map(entries))?.into_iter().collect();
        let mut translated = String::new();
        for c in self.0.chars() {
            match table.get(&crate::python::Key::new(u32::from(c).into())?) {
                None => translated.push(c),
                Some(Value::Null) => {}
                Some(Value::Text(text)) => translated.push_str(text),
                Some(other) => {
                    if let Cow::Owned(Value::Text(text)) = operand(other)? {
                        translated.push_str(&text);
                        check_result(translated.len(), 1)?;
                        continue;
                    }
                    let number = whole(other)?
                        .ok_or_else(|| Exception::of_type("character mapping must return integer, None or str"))?;
                    let c = u32::try_from(number).ok().and_then(char::from_u32);
                    translated.push(c.ok_or_else(|| Exception::value("character mapping must be in range(0x110000)"))?);
                }
            }
            check_result(translated.len(), 1)?;
        }
        Ok(Value::Text(translated))
    }

    /// A table for `translate`: of a map whose keys are characters or their numbers; or by which each character of
    /// `from` becomes the one at its place in `to`, and those of `without` nothing.
    pub fn maketrans(&self, from: Value, to: Arg<Value>, without: Arg<Value>) -> Result<Value, Exception> {
        super::text::trans::table(from, to, without)
    }

    /// Returns whether there are decimal digits in it, and nothing else.
    #[remote(scales)]
    pub fn isdecimal(&self) -> bool {
        case::all(&self.units(), unicode::is_decimal)
    }

    /// Returns whether there are numbers in it, of whatever script, and nothing else.
    #[remote(scales)]
    pub fn isnumeric(&self) -> bool {
        case::all(&self.units(), unicode::is_numeric)
    }

    /// Returns whether it could be the name of a variable.
    #[remote(scales)]
    pub fn isidentifier(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(unicode::begins_identifier) && chars.all(unicode::continues_identifier)
    }

    /// Returns whether Python would write all of it as it is.
    #[remote(scales)]
    pub fn isprintable(&self) -> bool {
        self.0.chars().all(unicode::is_printable)
    }

    /// Returns the text with its arguments in the place of its fields, such as `{}`, `{0}`, `{name}`, `{name!r:>10}`,
    /// `{list[0]:{width}}`. A field has elements (`[…]`), and a number has `.real`, `.imag`, `.numerator` and
    /// `.denominator`; there are no other attributes.
    #[remote(proxy = "format_values", scales)]
    pub fn format(
        &self,
        #[remote(args)] args: Vec<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<String, Exception> {
        super::text::template::format_args(&self.0, args, kwargs)
    }

    /// As `format`, with what is in `mapping` under the names of the fields, none of which may have a number.
    #[remote(scales)]
    pub fn format_map(&self, mapping: Value) -> Result<String, Exception> {
        super::text::template::format_map(&self.0, mapping)
    }

    /// It as it is.
    #[remote(name = "__str__")]
    pub fn text(&self) -> &str {
        &self.0
    }
}

text_methods!(Str, "substring");
shown_methods!(Str);
reflected_sequence_methods!(Str, Value);

impl Str {
    /// What is searched for has to be a text.
    fn searched(&self, part: &Value) -> Result<Vec<char>, Exception> {
        Self::argument(part)
    }
}

impl Text for Str {
    const KIND: &str = "str";

    type Unit = char;

    fn units(&self) -> Vec<char> {
        self.0.chars().collect()
    }

    fn value(units: Vec<char>) -> Value {
        Value::Text(units.into_iter().collect())
    }

    fn argument(value: &Value) -> Result<Vec<char>, Exception> {
        match &*operand(value)? {
            Value::Text(text) => Ok(text.chars().collect()),
            _ => Err(Exception::TypeError(format!("must be str, not {}", type_name(value)))),
        }
    }
}

impl StrProxy {
    /// Returns the text with its arguments in the place of its fields: `text.format(args!["tea", 5; width = 10])`.
    pub fn format(&self, args: impl Into<Args>) -> Fallible<String> {
        let (args, kwargs) = args.into().into_parts();
        self.format_values(args, kwargs)
    }

    /// Returns a stream of the characters, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }
}
