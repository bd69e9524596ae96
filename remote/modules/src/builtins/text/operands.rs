//! How the methods that str and bytes share treat their arguments.

/// Makes the private methods that [`text_methods`](super::text_methods) call, for a class that is a
/// [`Text`](super::Text).
macro_rules! text_operands {
    ($class:ident) => {
        impl $class {
            fn ordered(&self, comparison: Comparison, other: &Value) -> Result<bool, Exception> {
                comparison.holds(&self.plain(), other).map_err(|error| match error {
                    Exception::TypeError(_) => comparison.unsupported(Self::KIND, type_name(other)),
                    error => error,
                })
            }

            fn place(
                &self,
                part: &Value,
                start: Option<Value>,
                stop: Option<Value>,
                find: fn(&[Unit], &[Unit]) -> Option<usize>,
            ) -> Result<Option<usize>, Exception> {
                let units = self.units();
                let bounds = search::bounds(units.len(), start.as_ref(), stop.as_ref())?;
                let part = self.searched(part)?;
                Ok(bounds.and_then(|bounds| find(&units[bounds.clone()], &part).map(|at| at + bounds.start)))
            }

            fn at_end(
                &self,
                name: &str,
                part: Value,
                start: Option<Value>,
                stop: Option<Value>,
                holds: fn(&[Unit], &[Unit]) -> bool,
            ) -> Result<bool, Exception> {
                let part = if kind_of(&part) == Kind::Tuple { plain(part)? } else { part };
                let units = self.units();
                let bounds = search::bounds(units.len(), start.as_ref(), stop.as_ref())?;
                let parts = match part {
                    Value::Tuple(parts) => parts
                        .iter()
                        .map(|part| {
                            Self::argument_or(part, |found| {
                                format!("tuple for {name} must only contain str, not {found}")
                            })
                        })
                        .collect::<Result<Vec<_>, _>>()?,
                    part => vec![Self::argument(&part).map_err(|_| {
                        let kind = if Self::KIND == "str" { "str" } else { "bytes" };
                        let found = type_name(&part);
                        let expected = format!("{kind} or a tuple of {kind}");
                        Exception::TypeError(format!("{name} first arg must be {expected}, not {found}"))
                    })?],
                };
                Ok(bounds.is_some_and(|bounds| parts.iter().any(|part| holds(&units[bounds.clone()], part))))
            }

            fn cut(
                &self,
                separator: Option<Value>,
                maxsplit: Arg<Value>,
                at: fn(&[Unit], &[Unit], usize, split::Take<'_, Unit>) -> Result<(), Exception>,
                between_words: fn(&[Unit], usize, split::Take<'_, Unit>) -> Result<(), Exception>,
            ) -> Result<split::Parts, Exception> {
                let most = split::cuts(maxsplit.given().as_ref().map_or(Ok(-1), word)?);
                let units = self.units();
                let mut parts = split::Parts::default();
                let mut take = |part: &[Unit]| parts.push(Self::value(part.to_vec()));
                match separator {
                    Some(separator) => {
                        let words = |found: &str| format!("must be str or None, not {found}");
                        at(&units, &Self::not_empty(Self::argument_or(&separator, words)?)?, most, &mut take)?;
                    }
                    None => between_words(&units, most, &mut take)?,
                }
                Ok(parts)
            }

            fn separator(&self, separator: &Value) -> Result<Vec<Unit>, Exception> {
                Self::not_empty(Self::argument(separator)?)
            }

            fn not_empty(separator: Vec<Unit>) -> Result<Vec<Unit>, Exception> {
                if separator.is_empty() { Err(Exception::value("empty separator")) } else { Ok(separator) }
            }

            fn stripped(&self, these: Option<Value>, left: bool, right: bool) -> Result<Value, Exception> {
                let name = match (left, right) {
                    (true, true) => "strip",
                    (true, false) => "lstrip",
                    _ => "rstrip",
                };
                let strip = match these {
                    Some(these) => {
                        let words = |_: &str| format!("{name} arg must be None or str");
                        shape::Strip::These(Self::argument_or(&these, words)?)
                    }
                    None => shape::Strip::Spaces,
                };
                Ok(Self::value(strip.off(&self.units(), left, right)))
            }

            fn padded(&self, width: Value, fill: Arg<Value>, side: shape::Side) -> Result<Value, Exception> {
                let fill = match fill.given() {
                    None => Unit::ascii(b' '),
                    Some(fill) => {
                        let name = match side {
                            shape::Side::Left => "ljust",
                            shape::Side::Center => "center",
                            shape::Side::Right => "rjust",
                        };
                        let found = type_name(&fill);
                        // In this message for bytes, CPython says `None` rather than `NoneType`.
                        let none = if fill.is_null() { "None" } else { found };
                        let refused = |expected: &str| {
                            Exception::TypeError(match Self::KIND {
                                "str" => format!("The fill character must be {expected}"),
                                _ => format!("{name}() argument 2 must be a byte string of length 1, not {none}"),
                            })
                        };
                        let one =
                            Self::argument(&fill).map_err(|_| refused(&format!("a unicode character, not {found}")))?;
                        match one.as_slice() {
                            [fill] => *fill,
                            _ => return Err(refused("exactly one character long")),
                        }
                    }
                };
                shape::pad(self.units(), &width, fill, side).map(Self::value)
            }
        }
    };
}

pub(crate) use text_operands;
