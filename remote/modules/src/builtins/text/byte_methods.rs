//! The methods that bytes and bytearray share, and str does not have.

/// Makes these methods for a class whose first field is its bytes, and whose second is its
/// [`Stamp`](crate::python::Stamp). Python calls the class `$kind` and an index of it `$index`, and `$missing` is its
/// message for an index out of range. `$fixed` tells whether the class never changes.
macro_rules! byte_methods {
    ($class:ident, $proxy:ident, $kind:literal, $index:literal, $missing:literal, $fixed:literal) => {
        type Unit = u8;

        #[tarmem_remote::remote]
        impl $class {
            /// Makes the bytes from a list of integers below 256, from a text in an `encoding`, or that many zeros from
            /// an integer. Without `source`, it is empty.
            #[remote(inline)]
            pub fn new(source: Arg<Value>, encoding: Arg<Value>, errors: Arg<Value>) -> Result<Self, Exception> {
                $crate::builtins::bytes::contents(source, encoding, errors, Self::KIND).map(Self::of)
            }

            /// Makes the bytes that pairs of hexadecimal digits spell, with or without spaces between the pairs.
            #[remote(inline)]
            pub fn fromhex(text: String) -> Result<Self, Exception> {
                let refused = |at: usize| {
                    Exception::ValueError(format!("non-hexadecimal number found in fromhex() arg at position {at}"))
                };
                let mut bytes = Vec::new();
                let mut chars = text.chars().enumerate().filter(|(_, c)| !matches!(c, '\t'..='\r' | ' '));
                while let Some((at, high)) = chars.next() {
                    let high = high.to_digit(16).ok_or_else(|| refused(at))?;
                    // The second digit must follow immediately.
                    let low = chars.next().filter(|(next, _)| *next == at + 1).and_then(|(_, c)| c.to_digit(16));
                    bytes.push((high * 16 + low.ok_or_else(|| refused(at + 1))?) as u8);
                }
                Ok(Self::of(bytes))
            }

            /// Returns the number of bytes.
            #[remote(name = "__len__")]
            pub fn length(&self) -> usize {
                self.0.len()
            }

            /// Returns the integer at `index`, or the bytes that a slice `{"slice": [start, stop, step]}` selects.
            /// `IndexError` if there is none.
            #[remote(name = "__getitem__")]
            pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
                if let Some(slice) = Slice::of(&index)? {
                    let span = slice.span(self.0.len())?;
                    $crate::extents::looks_at(span.len / $crate::extents::UNITS)?;
                    return Ok(Value::Bytes(span.positions().map(|at| self.0[at]).collect()));
                }
                $crate::builtins::list::checked(&index, self.0.len(), $index, $missing).map(|at| self.0[at].into())
            }

            /// Returns a chunk of the bytes, as integers: up to `limit` of them (1024 if left out), from `cursor`,
            /// which came with the previous chunk.
            pub fn iter_chunk(
                &self,
                ctx: &Context,
                cursor: Option<Cursor>,
                limit: Option<u32>,
            ) -> Result<Chunk, Exception> {
                let cursor = Cursor::of_same(cursor, &self.1, Self::KIND)?;
                let rest = self.0.iter().enumerate().skip(cursor.at());
                Ok(Chunk::collect(ctx, cursor, limit, $fixed, rest.map(|(at, item)| (at + 1, Value::from(*item)))))
            }

            /// Decodes the bytes to a text, in `encoding`: `utf-8` (if left out), `ascii` or `latin-1`. `errors` tells
            /// what to do with bytes that cannot be decoded: `strict`, `ignore`, `replace` or `backslashreplace`.
            /// `surrogateescape` and `surrogatepass` are accepted, but a text cannot hold the lone surrogates that they
            /// would make: instead, they fail with a `UnicodeDecodeError` that names an alternative.
            #[remote(scales)]
            pub fn decode(
                &self,
                #[remote(default = "utf-8")] encoding: Arg<Value>,
                #[remote(default = "strict")] errors: Arg<Value>,
            ) -> Result<String, Exception> {
                let (encoding, errors) =
                    (text_argument(encoding, "decode", "'encoding'")?, text_argument(errors, "decode", "'errors'")?);
                decode(&self.0, encoding.as_deref().unwrap_or("utf-8"), errors.as_deref())
            }

            /// Replaces each byte with the one at its number in `table`, which is 256 bytes, or null to leave them as
            /// they are. The bytes in `delete` are removed first.
            #[remote(scales)]
            pub fn translate(
                &self,
                table: Value,
                #[remote(default = tarmem_remote::value::Value::Bytes(Vec::new()))] delete: Arg<Value>,
            ) -> Result<Value, Exception> {
                let table = if table.is_null() { None } else { Some(Self::argument(&table)?) };
                if table.as_ref().is_some_and(|table| table.len() != 256) {
                    return Err(Exception::value("translation table must be 256 characters long"));
                }
                let delete = delete.given().map(|delete| Self::argument(&delete)).transpose()?;
                let mut dropped = [false; 256];
                delete.iter().flatten().for_each(|byte| dropped[usize::from(*byte)] = true);
                let stays = self.0.iter().filter(|byte| !dropped[usize::from(**byte)]);
                Ok(Value::Bytes(
                    stays.map(|byte| table.as_ref().map_or(*byte, |table| table[usize::from(*byte)])).collect(),
                ))
            }

            /// Makes a table for `translate`, by which each byte of `from` becomes the one at the same place in `to`.
            pub fn maketrans(&self, from: Value, to: Value) -> Result<Value, Exception> {
                let (from, to) = (Self::argument(&from)?, Self::argument(&to)?);
                if from.len() != to.len() {
                    return Err(Exception::value("maketrans arguments must have same length"));
                }
                let mut table: Vec<u8> = (0..=255).collect();
                from.iter().zip(to).for_each(|(from, to)| table[usize::from(*from)] = to);
                Ok(Value::Bytes(table))
            }

            /// Returns two hexadecimal digits for each byte. `sep`, one ASCII character, stands between groups of
            /// `bytes_per_sep` bytes (1 if left out), counted from the right, or from the left if that is negative.
            #[remote(proxy = "hex_value", scales)]
            pub fn hex(
                &self,
                sep: Arg<Value>,
                #[remote(default = 1)] bytes_per_sep: Arg<Value>,
            ) -> Result<String, Exception> {
                let group = bytes_per_sep.given().as_ref().map_or(Ok(1), index_of)?;
                let group = i32::try_from(group)
                    .map_err(|_| Exception::overflow("Python int too large to convert to C int"))?;
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

            /// Returns the bytes with ASCII letters in upper case.
            #[remote(scales)]
            pub fn upper(&self) -> Value {
                Value::Bytes(self.0.to_ascii_uppercase())
            }

            /// Returns the bytes with ASCII letters in lower case.
            #[remote(scales)]
            pub fn lower(&self) -> Value {
                Value::Bytes(self.0.to_ascii_lowercase())
            }
        }

        impl $class {
            fn of(bytes: Vec<u8>) -> Self {
                $class(bytes, Stamp::default())
            }

            fn searched(&self, part: &Value) -> Result<Vec<u8>, Exception> {
                $crate::builtins::bytes::searched(part)
            }
        }

        impl Text for $class {
            const KIND: &str = $kind;

            type Unit = u8;

            fn units(&self) -> Vec<u8> {
                self.0.clone()
            }

            fn value(units: Vec<u8>) -> Value {
                Value::Bytes(units)
            }

            fn argument(value: &Value) -> Result<Vec<u8>, Exception> {
                $crate::builtins::bytes::bytes_argument(value)
            }
        }

        impl tarmem_remote::object::Extent for $class {
            fn extent(&self) -> usize {
                self.0.len() / $crate::extents::UNITS
            }
        }

        /// Methods that take and return plain Rust values. The method that each of them calls is described with the
        /// class.
        impl $proxy {
            /// Returns two hexadecimal digits for each byte.
            pub fn hex(&self) -> Fallible<String> {
                self.hex_value(None, None)
            }

            /// Returns a stream of the bytes as integers, which it fetches in chunks.
            pub fn iter<T>(&self) -> Elements<T> {
                Elements::of(self, Self::iter_chunk)
            }
        }
    };
}

pub(crate) use byte_methods;
