//! The methods that str and bytes share.

/// Makes these methods for a class that is a [`Text`](super::Text). Python calls a part of it `$what`.
macro_rules! text_methods {
    ($class:ident, $what:literal) => {
        /// Methods that search.
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the index of the first occurrence of `part`, searching from `start` to before `stop`; -1 if
            /// there is none.
            #[remote(scales)]
            pub fn find(&self, part: Value, start: Option<Value>, stop: Option<Value>) -> Result<i64, Exception> {
                Ok(self.place(&part, start, stop, search::find)?.map_or(-1, |at| at as i64))
            }

            /// Returns the index of the last occurrence of `part`, searching from `start` to before `stop`; -1 if there
            /// is none.
            #[remote(scales)]
            pub fn rfind(&self, part: Value, start: Option<Value>, stop: Option<Value>) -> Result<i64, Exception> {
                Ok(self.place(&part, start, stop, search::rfind)?.map_or(-1, |at| at as i64))
            }

            /// Returns the index of the first occurrence of `part`, searching from `start` to before `stop`.
            /// `ValueError` if there is none.
            #[remote(scales)]
            pub fn index(&self, part: Value, start: Option<Value>, stop: Option<Value>) -> Result<usize, Exception> {
                self.place(&part, start, stop, search::find)?
                    .ok_or_else(|| Exception::value(concat!($what, " not found")))
            }

            /// Returns the index of the last occurrence of `part`, searching from `start` to before `stop`.
            /// `ValueError` if there is none.
            #[remote(scales)]
            pub fn rindex(&self, part: Value, start: Option<Value>, stop: Option<Value>) -> Result<usize, Exception> {
                self.place(&part, start, stop, search::rfind)?
                    .ok_or_else(|| Exception::value(concat!($what, " not found")))
            }

            /// Returns the number of occurrences of `part` that do not overlap, searching from `start` to before
            /// `stop`.
            #[remote(scales)]
            pub fn count(&self, part: Value, start: Option<Value>, stop: Option<Value>) -> Result<usize, Exception> {
                let units = self.units();
                let bounds = search::bounds(units.len(), start.as_ref(), stop.as_ref())?;
                let part = self.searched(&part)?;
                Ok(bounds.map_or(0, |bounds| search::apart(&units[bounds], &part).count()))
            }

            /// Returns whether it begins with `prefix`, or with one of a tuple of them, at `start` and before `stop`.
            pub fn startswith(
                &self,
                prefix: Value,
                start: Option<Value>,
                stop: Option<Value>,
            ) -> Result<bool, Exception> {
                self.at_end("startswith", prefix, start, stop, |text, part| text.starts_with(part))
            }

            /// Returns whether it ends with `suffix`, or with one of a tuple of them, after `start` and at `stop`.
            pub fn endswith(
                &self,
                suffix: Value,
                start: Option<Value>,
                stop: Option<Value>,
            ) -> Result<bool, Exception> {
                self.at_end("endswith", suffix, start, stop, |text, part| text.ends_with(part))
            }

            /// Returns whether `part` is in it.
            #[remote(name = "__contains__", scales)]
            pub fn contains(&self, part: Value) -> Result<bool, Exception> {
                let part = match &*operand(&part)? {
                    Value::Int(_) | Value::Bool(_) if Self::KIND != "str" => self.searched(&part)?,
                    _ => Self::argument_or(&part, |found| {
                        format!("'in <string>' requires string as left operand, not {found}")
                    })?,
                };
                Ok(search::find(&self.units(), &part).is_some())
            }
        }

        /// Methods that split and join.
        #[tarmem_remote::remote]
        impl $class {
            /// Returns the parts between each `sep`, or the words if `sep` is left out. With `maxsplit`, it splits at
            /// most that many times.
            #[remote(scales)]
            pub fn split(
                &self,
                sep: Option<Value>,
                #[remote(default = -1)] maxsplit: Arg<Value>,
            ) -> Result<Vec<Value>, Exception> {
                self.cut(sep, maxsplit, split::split, split::split_words).map(split::Parts::into_values)
            }

            /// As `split`, but splits from the end.
            #[remote(scales)]
            pub fn rsplit(
                &self,
                sep: Option<Value>,
                #[remote(default = -1)] maxsplit: Arg<Value>,
            ) -> Result<Vec<Value>, Exception> {
                self.cut(sep, maxsplit, split::rsplit, split::rsplit_words).map(split::Parts::into_reversed)
            }

            /// Returns the lines, with their line ends if `keepends` is true.
            #[remote(scales)]
            pub fn splitlines(&self, #[remote(default = false)] keepends: Arg<Value>) -> Result<Vec<Value>, Exception> {
                let keepends = keepends.given().as_ref().map_or(Ok(0), index_of)? != 0;
                let mut lines = split::Parts::default();
                split::lines(&self.units(), keepends, &mut |line| lines.push(Self::value(line.to_vec())))?;
                Ok(lines.into_values())
            }

            /// Splits at the first `separator`: returns what is before it, the separator, and what is after it, as a
            /// tuple. If it is not there, returns the whole and two empty parts.
            #[remote(scales)]
            pub fn partition(&self, separator: Value) -> Result<Value, Exception> {
                let (units, separator) = (self.units(), self.separator(&separator)?);
                let found = search::find(&units, &separator);
                Ok(Self::three(&units, found, separator.len(), units.len()))
            }

            /// Splits at the last `separator`: returns what is before it, the separator, and what is after it, as a
            /// tuple. If it is not there, returns two empty parts and the whole.
            #[remote(scales)]
            pub fn rpartition(&self, separator: Value) -> Result<Value, Exception> {
                let (units, separator) = (self.units(), self.separator(&separator)?);
                let found = search::rfind(&units, &separator);
                Ok(Self::three(&units, found, separator.len(), 0))
            }

            /// Replaces every occurrence of `old` with `new`, or only the first `count` of them.
            #[remote(scales)]
            pub fn replace(
                &self,
                old: Value,
                new: Value,
                #[remote(default = -1)] count: Arg<Value>,
            ) -> Result<Value, Exception> {
                let words = |nth| move |found: &str| format!("replace() argument {nth} must be str, not {found}");
                let (old, new) = (Self::argument_or(&old, words(1))?, Self::argument_or(&new, words(2))?);
                let most = split::cuts(count.given().as_ref().map_or(Ok(-1), word)?);
                split::replace(&self.units(), &old, &new, most).map(Self::value)
            }

            /// Joins the elements of `items`, with this as the separator.
            #[remote(scales)]
            pub fn join(&self, items: Value) -> Result<Value, Exception> {
                let mut meter = $crate::python::Meter::default();
                let part = |(at, item): (usize, Value)| {
                    let item = plain(item)?;
                    meter.take(item.as_str().map_or_else(|| item.as_bytes().map_or(0, <[u8]>::len), str::len))?;
                    Self::argument(&item).map_err(|_| {
                        let found = type_name(&item);
                        let expected = if Self::KIND == "str" { "str instance" } else { "a bytes-like object" };
                        Exception::TypeError(format!("sequence item {at}: expected {expected}, {found} found"))
                    })
                };
                let items = iterate(items).map_err(|error| match error {
                    Exception::TypeError(_) => Exception::of_type("can only join an iterable"),
                    error => error,
                })?;
                let parts = items.into_iter().enumerate().map(part).collect::<Result<Vec<_>, _>>()?;
                split::join(&self.units(), &parts).map(Self::value)
            }

            /// Returns it without `prefix`, if it starts with that.
            #[remote(scales)]
            pub fn removeprefix(&self, prefix: Value) -> Result<Value, Exception> {
                let (units, prefix) = (
                    self.units(),
                    Self::argument_or(&prefix, |found| format!("removeprefix() argument must be str, not {found}"))?,
                );
                Ok(Self::value(units.strip_prefix(prefix.as_slice()).unwrap_or(&units).to_vec()))
            }

            /// Returns it without `suffix`, if it ends with that.
            #[remote(scales)]
            pub fn removesuffix(&self, suffix: Value) -> Result<Value, Exception> {
                let (units, suffix) = (
                    self.units(),
                    Self::argument_or(&suffix, |found| format!("removesuffix() argument must be str, not {found}"))?,
                );
                Ok(Self::value(units.strip_suffix(suffix.as_slice()).unwrap_or(&units).to_vec()))
            }

            /// Returns it without the spaces at both ends, or without any of `chars` there.
            #[remote(scales)]
            pub fn strip(&self, chars: Option<Value>) -> Result<Value, Exception> {
                self.stripped(chars, true, true)
            }

            /// Returns it without the spaces at the beginning, or without any of `chars` there.
            #[remote(scales)]
            pub fn lstrip(&self, chars: Option<Value>) -> Result<Value, Exception> {
                self.stripped(chars, true, false)
            }

            /// Returns it without the spaces at the end, or without any of `chars` there.
            #[remote(scales)]
            pub fn rstrip(&self, chars: Option<Value>) -> Result<Value, Exception> {
                self.stripped(chars, false, true)
            }
        }

        /// Methods that change width and case.
        #[tarmem_remote::remote]
        impl $class {
            /// Centers it in `width`, padded with spaces or with `fillchar`.
            #[remote(scales)]
            pub fn center(
                &self,
                width: Value,
                #[remote(default = Self::value(vec![b' '.into()]))] fillchar: Arg<Value>,
            ) -> Result<Value, Exception> {
                self.padded(width, fillchar, shape::Side::Center)
            }

            /// Aligns it to the left in `width`, padded with spaces or with `fillchar`.
            #[remote(scales)]
            pub fn ljust(
                &self,
                width: Value,
                #[remote(default = Self::value(vec![b' '.into()]))] fillchar: Arg<Value>,
            ) -> Result<Value, Exception> {
                self.padded(width, fillchar, shape::Side::Left)
            }

            /// Aligns it to the right in `width`, padded with spaces or with `fillchar`.
            #[remote(scales)]
            pub fn rjust(
                &self,
                width: Value,
                #[remote(default = Self::value(vec![b' '.into()]))] fillchar: Arg<Value>,
            ) -> Result<Value, Exception> {
                self.padded(width, fillchar, shape::Side::Right)
            }

            /// Aligns it to the right in `width`, padded with zeros after its sign.
            #[remote(scales)]
            pub fn zfill(&self, width: Value) -> Result<Value, Exception> {
                shape::zero_fill(self.units(), &width).map(Self::value)
            }

            /// Replaces tabs with spaces, up to the next column that is a multiple of `tabsize` (8 if left out).
            #[remote(scales)]
            pub fn expandtabs(&self, #[remote(default = 8)] tabsize: Arg<Value>) -> Result<Value, Exception> {
                shape::expand_tabs(&self.units(), &tabsize.or_else(|| 8.into())).map(Self::value)
            }

            /// Returns it with the first letter in upper case, and the rest in lower case.
            #[remote(scales)]
            pub fn capitalize(&self) -> Value {
                Self::value(case::capitalize(&self.units()))
            }

            /// Returns it with the first letter of each word in upper case, and the rest in lower case.
            #[remote(scales)]
            pub fn title(&self) -> Value {
                Self::value(case::title(&self.units()))
            }

            /// Returns it with upper case and lower case swapped.
            #[remote(scales)]
            pub fn swapcase(&self) -> Value {
                Self::value(case::swap(&self.units()))
            }

            /// Returns whether there are letters in it, and nothing else.
            #[remote(scales)]
            pub fn isalpha(&self) -> bool {
                case::all(&self.units(), Letter::is_alpha)
            }

            /// Returns whether there are digits in it, and nothing else.
            #[remote(scales)]
            pub fn isdigit(&self) -> bool {
                case::all(&self.units(), Letter::is_digit)
            }

            /// Returns whether there are letters, digits or other numbers in it, and nothing else.
            #[remote(scales)]
            pub fn isalnum(&self) -> bool {
                case::all(&self.units(), |unit| Letter::is_alpha(unit) || Letter::is_numeric(unit))
            }

            /// Returns whether there are spaces in it, and nothing else.
            #[remote(scales)]
            pub fn isspace(&self) -> bool {
                case::all(&self.units(), Letter::is_space)
            }

            /// Returns whether there are letters with a case in it, all of them capitals.
            #[remote(scales)]
            pub fn isupper(&self) -> bool {
                case::all_cased(&self.units(), Letter::is_upper, Letter::is_lower)
            }

            /// Returns whether there are letters with a case in it, all of them small.
            #[remote(scales)]
            pub fn islower(&self) -> bool {
                case::all_cased(&self.units(), Letter::is_lower, Letter::is_upper)
            }

            /// Returns whether each word in it begins with a capital that is the only one, and there is a word.
            #[remote(scales)]
            pub fn istitle(&self) -> bool {
                case::is_title(&self.units())
            }

            /// Returns whether all of it is ASCII.
            #[remote(scales)]
            pub fn isascii(&self) -> bool {
                self.0.is_ascii()
            }
        }

        /// The operators.
        #[tarmem_remote::remote]
        impl $class {
            /// Returns its length.
            pub fn len(&self) -> usize {
                self.length()
            }

            /// Returns whether there is nothing in it.
            #[remote(skip)]
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Returns it as a plain value.
            #[remote(name = "value")]
            pub fn plain(&self) -> Value {
                Self::value(self.units())
            }

            /// Returns it with `other` appended.
            #[remote(name = "__add__", scales)]
            pub fn add(&self, other: Value) -> Result<Value, Exception> {
                let mut units = self.units();
                units.extend(Self::argument(&other).map_err(|_| {
                    let found = type_name(&other);
                    Exception::TypeError(match Self::KIND {
                        "str" => format!("can only concatenate str (not \"{found}\") to str"),
                        kind => format!("can't concat {found} to {kind}"),
                    })
                })?);
                Ok(Self::value(units))
            }

            /// Returns it repeated `count` times.
            #[remote(name = "__mul__", scales)]
            pub fn mul(&self, count: Value) -> Result<Value, Exception> {
                let units = self.units();
                let count = whole(&count)?.ok_or_else(|| {
                    let found = type_name(&count);
                    Exception::TypeError(format!("can't multiply sequence by non-int of type '{found}'"))
                })?;
                let times = repeats(size_of_val(units.as_slice()), count)?;
                $crate::python::repeated(&units, times).map(Self::value)
            }

            /// Returns whether it is equal to `other`.
            #[remote(name = "__eq__", scales)]
            pub fn equals(&self, other: Value) -> Result<bool, Exception> {
                $crate::python::Comparing::default().equals(self, &other)
            }

            /// Returns whether it is not equal to `other`.
            #[remote(name = "__ne__", scales)]
            pub fn differs(&self, other: Value) -> Result<bool, Exception> {
                self.equals(other).map(|equal| !equal)
            }

            /// Returns whether it is before `other` in the order of their characters.
            #[remote(name = "__lt__", scales)]
            pub fn less(&self, other: Value) -> Result<bool, Exception> {
                self.ordered(Comparison::Less, &other)
            }

            /// Returns whether it is before `other`, or equal.
            #[remote(name = "__le__", scales)]
            pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
                self.ordered(Comparison::LessOrEqual, &other)
            }

            /// Returns whether it is after `other`.
            #[remote(name = "__gt__", scales)]
            pub fn greater(&self, other: Value) -> Result<bool, Exception> {
                self.ordered(Comparison::Greater, &other)
            }

            /// Returns whether it is after `other`, or equal.
            #[remote(name = "__ge__", scales)]
            pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
                self.ordered(Comparison::GreaterOrEqual, &other)
            }
        }

        $crate::builtins::text::text_operands!($class);

        impl From<$class> for Value {
            fn from(text: $class) -> Self {
                text.plain()
            }
        }
    };
}

pub(crate) use text_methods;
