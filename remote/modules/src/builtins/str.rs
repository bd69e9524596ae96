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

/// A text, as Python's `str`. It never changes; its methods return plain texts.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::StrProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let text = session.memoize("text", StrProxy::new(Some("{} of tea".into()), None, None)).await?;
/// assert_eq!(text.format(tarmem_remote::args!["a cup"]).await?, "a cup of tea");
/// assert_eq!(text.upper().await?, "{} OF TEA");
/// # Ok(())
/// # }
/// ```
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
    /// Makes the text that Python's `str(object)` returns: a text as it is, and anything else as `repr` shows it. With
    /// an `encoding` (utf-8 if only `errors` is given), it decodes bytes. Without `object`, it is empty.
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
                // The object is shown as a whole, since it may contain itself.
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

    /// Returns the number of characters.
    #[remote(name = "__len__", scales)]
    pub fn length(&self) -> usize {
        self.0.chars().count()
    }

    /// Returns the character at `index`, or the text that a slice `{"slice": [start, stop, step]}` selects.
    /// `IndexError` if there is none.
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
        // A cursor is a position in bytes, so that no characters have to be counted. An invalid one means the end.
        let rest = self.0.get(begin..).unwrap_or_default().char_indices();
        let items = rest.map(|(at, letter)| (begin + at + letter.len_utf8(), Value::from(letter)));
        Ok(Chunk::collect(ctx, cursor, limit, true, items))
    }

    /// Returns the text in upper case.
    #[remote(scales)]
    pub fn upper(&self) -> String {
        unicode::upper(&self.0)
    }

    /// Returns the text in lower case.
    #[remote(scales)]
    pub fn lower(&self) -> String {
        unicode::lower(&self.0)
    }

    /// Returns the text for caseless comparison: in lower case, with `ss` for `ß`, `fi` for `ﬁ` and the like.
    #[remote(scales)]
    pub fn casefold(&self) -> String {
        unicode::fold(&self.0)
    }

    /// Encodes the text as bytes, in `encoding`: `utf-8` (if left out), `ascii` or `latin-1`. `errors` tells what to do
    /// with a character that cannot be encoded: `strict`, `ignore`, `replace`, `backslashreplace` or
    /// `xmlcharrefreplace`. (`surrogateescape` and `surrogatepass` do what `strict` does, since no text here has a lone
    /// surrogate.)
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

    /// Replaces each character with what the map `table` has under the character's number: another number, a text, or
    /// null to remove it. A character that is not in the map stays.
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

    /// Makes a table for `translate`. `from` is a map whose keys are characters or their numbers; or, if `to` is given,
    /// a text whose characters become those at the same places in `to`. The characters of `without` are removed.
    pub fn maketrans(&self, from: Value, to: Arg<Value>, without: Arg<Value>) -> Result<Value, Exception> {
        super::text::trans::table(from, to, without)
    }

    /// Returns whether it consists of decimal digits, and is not empty.
    #[remote(scales)]
    pub fn isdecimal(&self) -> bool {
        case::all(&self.units(), unicode::is_decimal)
    }

    /// Returns whether it consists of numbers, of any script, and is not empty.
    #[remote(scales)]
    pub fn isnumeric(&self) -> bool {
        case::all(&self.units(), unicode::is_numeric)
    }

    /// Returns whether it is a valid name of a variable.
    #[remote(scales)]
    pub fn isidentifier(&self) -> bool {
        let mut chars = self.0.chars();
        chars.next().is_some_and(unicode::begins_identifier) && chars.all(unicode::continues_identifier)
    }

    /// Returns whether Python's `repr` would show all of it unescaped.
    #[remote(scales)]
    pub fn isprintable(&self) -> bool {
        self.0.chars().all(unicode::is_printable)
    }

    /// Returns the text with its fields replaced by the arguments. Fields are `{}`, `{0}`, `{name}`, `{name!r:>10}`,
    /// `{list[0]:{width}}` and the like. `[…]` selects an element, and a number has `.real`, `.imag`, `.numerator` and
    /// `.denominator`; there are no other attributes.
    #[remote(proxy = "format_values", scales)]
    pub fn format(
        &self,
        #[remote(args)] args: Vec<Value>,
        #[remote(kwargs)] kwargs: Kwargs,
    ) -> Result<String, Exception> {
        super::text::template::format_args(&self.0, args, kwargs)
    }

    /// As `format`, with the values under the fields' names in `mapping`. A field cannot have a number.
    #[remote(scales)]
    pub fn format_map(&self, mapping: Value) -> Result<String, Exception> {
        super::text::template::format_map(&self.0, mapping)
    }

    /// Returns the text itself.
    #[remote(name = "__str__")]
    pub fn text(&self) -> &str {
        &self.0
    }
}

text_methods!(Str, "substring");
shown_methods!(Str);
reflected_sequence_methods!(Str, Value);

impl Str {
    /// Converts what is searched for, which must be a text.
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
    /// Returns the text with its fields replaced by the arguments: `text.format(args!["tea", 5; width = 10])`.
    pub fn format(&self, args: impl Into<Args>) -> Fallible<String> {
        let (args, kwargs) = args.into().into_parts();
        self.format_values(args, kwargs)
    }

    /// Returns a stream of the characters, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }
}
