//! `str.format` and `str.format_map`.

use crate::Exception;
use crate::builtins::list::checked;
use crate::python::live::{Mapping, Seen, operand, view};
use crate::python::number::Number;
use crate::python::{
    Key, Table, beginning_of_repr, check_result, format, index_of, position, shown_characters, type_name, unicode,
    weight, whole_repr,
};
use tarmem_remote::args::Kwargs;
use tarmem_remote::value::Value;

/// How deeply fields can be nested in the format specs of fields.
const DEPTH: usize = 2;

/// Returns the text of `template` with its fields replaced by what `mapping` holds.
pub(crate) fn format_map(template: &str, mapping: Value) -> Result<String, Exception> {
    let Value::Map(entries) = mapping else { return filled(template, Arguments::Subscripted(mapping)) };
    let table = entries.into_iter().map(|(key, value)| Ok((Key::new(key)?, value)));
    let table: Table<Value> = table.collect::<Result<Vec<_>, Exception>>()?.into_iter().collect();
    filled(template, Arguments::Mapping(table))
}

/// Returns the text of `template` with its fields replaced by the arguments, by number and by name.
pub(crate) fn format_args(template: &str, args: Vec<Value>, kwargs: Kwargs) -> Result<String, Exception> {
    filled(template, Arguments::Given(args, kwargs))
}

fn filled(template: &str, arguments: Arguments) -> Result<String, Exception> {
    let mut fields = Fields { arguments, numbering: None, work: 0 };
    fields.filled(&template.chars().collect::<Vec<_>>(), DEPTH)
}

/// What the fields refer to.
enum Arguments {
    Mapping(Table<Value>),
    /// A value that is not a plain map, which is asked for its elements.
    Subscripted(Value),
    Given(Vec<Value>, Kwargs),
}

/// How fields are numbered. All of a template are numbered in one way.
#[derive(Clone, Copy)]
enum Numbering {
    /// `{0}`
    ByHand,
    /// `{}`: holds the number of the next one.
    Automatic(usize),
}

struct Fields {
    arguments: Arguments,
    /// `None` until a field has a number.
    numbering: Option<Numbering>,
    /// How many bytes of values the fields have looked at so far.
    work: usize,
}

impl Fields {
    /// Returns the argument that a field starts with: by number, by name, or the next one.
    fn argument(&mut self, name: &[char]) -> Result<Value, Exception> {
        let number = if name.is_empty() { None } else { number(name)? };
        if !name.is_empty() && number.is_none() {
            let name: String = name.iter().collect();
            let found = match &self.arguments {
                Arguments::Mapping(table) => table.get(&Key::new(name.as_str().into())?),
                Arguments::Subscripted(value) => {
                    let value = value.clone();
                    return self.element(&value, &name.into());
                }
                Arguments::Given(_, kwargs) => kwargs.get(&name),
            };
            return found.cloned().ok_or_else(|| Exception::no_key(&name.into()));
        }
        let number = self.number(number)?;
        let Arguments::Given(args, _) = &self.arguments else {
            return Err(Exception::value("Format string contains positional fields"));
        };
        args.get(number).cloned().ok_or_else(|| {
            Exception::IndexError(format!("Replacement index {number} out of range for positional args tuple"))
        })
    }

    /// Returns the number of a field: its own if it has one, or the next.
    fn number(&mut self, number: Option<usize>) -> Result<usize, Exception> {
        match (self.numbering, number) {
            (None | Some(Numbering::ByHand), Some(number)) => {
                self.numbering = Some(Numbering::ByHand);
                Ok(number)
            }
            (Some(Numbering::Automatic(_)), Some(_)) => {
                Err(Exception::value("cannot switch from automatic field numbering to manual field specification"))
            }
            (Some(Numbering::ByHand), None) => {
                Err(Exception::value("cannot switch from manual field specification to automatic field numbering"))
            }
            (None, None) => {
                self.numbering = Some(Numbering::Automatic(1));
                Ok(0)
            }
            (Some(Numbering::Automatic(next)), None) => {
                self.numbering = Some(Numbering::Automatic(next + 1));
                Ok(next)
            }
        }
    }

    /// Counts the work of looking at a value. Many fields may name a large value, and show none of it.
    ///
    /// # Errors
    /// `MemoryError` if all work together exceeds the limit of a result.
    fn look_at(&mut self, value: &Value) -> Result<(), Exception> {
        self.work_through(weight(value))
    }

    /// Counts work of this many bytes.
    fn work_through(&mut self, bytes: usize) -> Result<(), Exception> {
        self.work = self.work.saturating_add(bytes);
        check_result(1, self.work)
    }

    /// Returns `value[index]`, of a plain value or of a live object.
    fn element(&mut self, value: &Value, index: &Value) -> Result<Value, Exception> {
        match value {
            Value::Ref(reference) => {
                view(reference, |seen| self.seen_element(value, &seen.unwrap_or(Seen::Nothing), index))
            }
            plain => self.seen_element(value, &Seen::of(plain), index),
        }
    }

    fn seen_element(&mut self, value: &Value, seen: &Seen<'_>, index: &Value) -> Result<Value, Exception> {
        let of = |items: &[Value], what: &str| {
            let missing = format!("{what} index out of range");
            checked(index, items.len(), what, &missing).map(|at| items[at].clone())
        };
        match seen {
            Seen::Entries(entries) => {
                let key = Key::new(index.clone())?;
                let same = |other: &Value| Key::new(other.clone()).is_ok_and(|other| other == key);
                let found = entries.iter().find(|(other, _)| same(other)).map(|(_, value)| value.clone());
                found.ok_or_else(|| Exception::no_key(key.value()))
            }
            Seen::Dict(table, kind) => {
                if matches!(kind, Mapping::Chain) {
                    // The value was assembled just for this field.
                    self.work_through(table.len().saturating_mul(size_of::<(Value, Value)>()))?;
                }
                let key = Key::new(index.clone())?;
                match (table.get(&key), kind) {
                    (Some(found), _) => Ok(found.clone()),
                    (None, Mapping::Counter) => Ok(0.into()),
                    (None, _) => Err(Exception::no_key(key.value())),
                }
            }
            Seen::List(items) => of(items, "list"),
            Seen::Tuple(items) => of(items, "tuple"),
            Seen::Items(items) => {
                let at = index_of(index).map_err(|_| Exception::of_type("indices must be integers"))?;
                let at = position(at, items.len()).ok_or_else(|| Exception::index("invalid index"))?;
                Ok(items[at].clone())
            }
            Seen::Deque(items, _) => {
                let at =
                    index_of(index).map_err(|_| Exception::of_type("sequence index must be integer, not 'str'"))?;
                let at = position(at, items.len()).ok_or_else(|| Exception::index("deque index out of range"))?;
                Ok(items[at].clone())
            }
            Seen::Range(range) => range.getitem(index.clone()),
            Seen::Bytes(bytes) => {
                let (what, missing) = match type_name(value) {
                    "bytes" => ("byte", "index out of range"),
                    _ => ("bytearray", "bytearray index out of range"),
                };
                checked(index, bytes.len(), what, missing).map(|at| bytes[at].into())
            }
            Seen::Text(text) => {
                self.work_through(text.len())?;
                let at = checked(index, text.chars().count(), "string", "string index out of range")?;
                let found = text.chars().nth(at).map(Value::from);
                found.ok_or_else(|| Exception::index("string index out of range"))
            }
            Seen::Set(_) | Seen::Elements(_) | Seen::Number(_) | Seen::Chain(_) | Seen::Nothing => {
                Err(Exception::TypeError(format!("'{}' object is not subscriptable", type_name(value))))
            }
        }
    }

    fn filled(&mut self, template: &[char], depth: usize) -> Result<String, Exception> {
        if depth == 0 {
            return Err(Exception::value("Max string recursion exceeded"));
        }
        let mut text = String::new();
        let mut rest = template;
        loop {
            match rest {
                [] => return Ok(text),
                ['{', '{', after @ ..] => {
                    text.push('{');
                    rest = after;
                }
                ['}', '}', after @ ..] => {
                    text.push('}');
                    rest = after;
                }
                ['}', ..] => return Err(Exception::value("Single '}' encountered in format string")),
                ['{'] => return Err(Exception::value("Single '{' encountered in format string")),
                ['{', after @ ..] => {
                    let (field, after) = Field::parse(after)?;
                    text.push_str(&field.text(self, depth)?);
                    rest = after;
                }
                [c, after @ ..] => {
                    text.push(*c);
                    rest = after;
                }
            }
            check_result(1, text.len())?;
        }
    }
}

/// The contents of a pair of braces.
struct Field<'a> {
    name: &'a [char],
    conversion: Option<char>,
    spec: &'a [char],
}

impl<'a> Field<'a> {
    /// Returns the field, and the rest of the template.
    fn parse(rest: &'a [char]) -> Result<(Self, &'a [char]), Exception> {
        let unended = || Exception::value("expected '}' before end of string");
        let (mut at, mut in_brackets) = (0, false);
        let end = loop {
            match rest.get(at) {
                None => return Err(unended()),
                Some('{') => return Err(Exception::value("unexpected '{' in field name")),
                Some('[') => in_brackets = true,
                Some(']') => in_brackets = false,
                Some(c @ ('}' | ':' | '!')) if !in_brackets => break *c,
                Some(_) => {}
            }
            at += 1;
        };
        let name = &rest[..at];
        let mut rest = &rest[at + 1..];
        let (mut conversion, mut end) = (None, end);
        if end == '!' {
            let [letter, after @ ..] = rest else {
                return Err(Exception::value("end of string while looking for conversion specifier"));
            };
            conversion = Some(*letter);
            end = match after {
                [] => return Err(Exception::value("unmatched '{' in format spec")),
                [end @ ('}' | ':'), ..] => *end,
                _ => return Err(Exception::value("expected ':' after conversion specifier")),
            };
            rest = &after[1..];
        }
        if end == '}' {
            return Ok((Field { name, conversion, spec: &[] }, rest));
        }
        let mut open = 1;
        for (at, c) in rest.iter().enumerate() {
            match c {
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok((Field { name, conversion, spec: &rest[..at] }, &rest[at + 1..]));
            }
        }
        Err(Exception::value("unmatched '{' in format spec"))
    }

    fn text(&self, fields: &mut Fields, depth: usize) -> Result<String, Exception> {
        let found = self.find(fields)?;
        if let Some(other) = self.conversion.filter(|conversion| !matches!(conversion, 's' | 'r' | 'a')) {
            let other = match other {
                '!'..='~' => other.to_string(),
                other => format!("\\x{:x}", u32::from(other)),
            };
            return Err(Exception::ValueError(format!("Unknown conversion specifier {other}")));
        }
        let spec = if self.spec.iter().any(|c| matches!(c, '{' | '}')) {
            fields.filled(self.spec, depth - 1)?
        } else {
            self.spec.iter().collect()
        };
        // Only as much is written as the spec shows.
        let repr = || match shown_characters(&spec) {
            Some(characters) => beginning_of_repr(&found, characters),
            None => whole_repr(&found),
        };
        let converted: Value = match self.conversion {
            None => return format(&found, &spec),
            Some('s') if operand(&found)?.as_str().is_some() => return format(&found, &spec),
            Some('a') => ascii(&repr()?).into(),
            Some(_) => repr()?.into(),
        };
        format(&converted, &spec)
    }

    /// Returns the value that the field refers to.
    fn find(&self, fields: &mut Fields) -> Result<Value, Exception> {
        let first = self.name.iter().position(|c| matches!(c, '.' | '[')).unwrap_or(self.name.len());
        let (argument, mut path) = self.name.split_at(first);
        let mut found = fields.argument(argument)?;
        loop {
            fields.look_at(&found)?;
            match path {
                [] => return Ok(found),
                ['[', after @ ..] => {
                    let end = after.iter().position(|c| *c == ']');
                    let end = end.ok_or_else(|| Exception::value("Missing ']' in format string"))?;
                    let index = subscript(&after[..end])?;
                    found = fields.element(&found, &index)?;
                    path = &after[end + 1..];
                }
                ['.', after @ ..] => {
                    let end = after.iter().position(|c| matches!(c, '.' | '[')).unwrap_or(after.len());
                    if end == 0 {
                        return Err(Exception::value("Empty attribute in format string"));
                    }
                    found = attribute(&found, &after[..end])?;
                    path = &after[end..];
                }
                _ => {
                    let message = "Only '.' or '[' may follow ']' in format field specifier";
                    return Err(Exception::value(message));
                }
            }
        }
    }
}

/// Returns the number that digits of any script stand for; `None` for anything else.
///
/// # Errors
/// `ValueError` if the number is too large for an index.
fn number(name: &[char]) -> Result<Option<usize>, Exception> {
    let Some(digits) = name.iter().map(|c| unicode::decimal_value(*c)).collect::<Option<Vec<u8>>>() else {
        return Ok(None);
    };
    let number = digits.into_iter().try_fold(0_i64, |number, digit| number.checked_mul(10)?.checked_add(digit.into()));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.map(Some).ok_or_else(|| Exception::value("Too many decimal digits in format string"))
}

/// Returns `value.name`: a part of a number. Other values have no attributes but methods, which cannot be shown.
fn attribute(value: &Value, name: &[char]) -> Result<Value, Exception> {
    let name: String = name.iter().take(100).collect();
    let found = match (Number::of(&*operand(value)?), name.as_str()) {
        (Some(Number::Whole(n)), "real" | "numerator") => Some(Value::Int(n.into_owned())),
        (Some(Number::Whole(_)), "imag") => Some(0.into()),
        (Some(Number::Whole(_)), "denominator") => Some(1.into()),
        (Some(Number::Float(x)), "real") => Some(x.into()),
        (Some(Number::Float(_)), "imag") => Some(0.0.into()),
        _ => None,
    };
    let class = type_name(value);
    found.ok_or_else(|| Exception::AttributeError(format!("'{class}' object has no attribute '{name}'")))
}

/// Converts what is between the brackets of `value[name]`: a number is an index, and anything else a text.
fn subscript(name: &[char]) -> Result<Value, Exception> {
    if name.is_empty() {
        return Err(Exception::value("Empty attribute in format string"));
    }
    Ok(number(name)?.map_or_else(|| name.iter().collect::<String>().into(), Value::from))
}

/// Escapes all characters that are not ASCII.
fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match u32::from(c) {
            0..=0x7f => escaped.push(c),
            code @ 0x80..=0xff => escaped.push_str(&format!("\\x{code:02x}")),
            code @ 0x100..=0xffff => escaped.push_str(&format!("\\u{code:04x}")),
            code => escaped.push_str(&format!("\\U{code:08x}")),
        }
    }
    escaped
}
