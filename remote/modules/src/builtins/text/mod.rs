//! What `str` and `bytes` have in common: both are sequences, of characters or of bytes, that are searched, split,
//! joined and stripped in the same ways. [`text_methods`] makes Python's methods for both and [`byte_methods`] those of
//! bytes only, on top of these files:
//!
//! - [`search`] finds and counts parts, [`split`] splits and joins, [`shape`] pads and strips.
//! - [`case`] changes case, and answers questions such as `isalpha`. [`trans`] makes the tables for `translate`.

mod byte_methods;
pub(crate) mod case;
mod methods;
mod operands;
pub(crate) mod search;
pub(crate) mod shape;
mod shown;
pub(crate) mod split;
pub(crate) mod template;
pub(crate) mod trans;

pub(crate) use byte_methods::byte_methods;
pub(crate) use methods::text_methods;
pub(crate) use operands::text_operands;
pub(crate) use shown::shown_methods;

use crate::Exception;
use crate::python::{type_name, unicode};
use tarmem_remote::value::Value;

/// A sequence of units, which are characters or bytes.
pub(crate) trait Text: Sized {
    /// The type of its units.
    type Unit: Letter;

    /// Returns the units.
    fn units(&self) -> Vec<Self::Unit>;

    /// Converts units to a plain value.
    fn value(units: Vec<Self::Unit>) -> Value;

    /// The name that Python gives its type.
    const KIND: &str;

    /// Returns what is before a part of `len` units, the part, and what is after it. If it was not `found`, all is on
    /// one side of `otherwise`.
    fn three(units: &[Self::Unit], found: Option<usize>, len: usize, otherwise: usize) -> Value {
        let (from, to) = found.map_or((otherwise, otherwise), |at| (at, at + len));
        Value::Tuple([&units[..from], &units[from..to], &units[to..]].map(|part| Self::value(part.to_vec())).to_vec())
    }

    /// As [`argument`](Self::argument). `words` makes the message by which a method of `str` refuses another type.
    fn argument_or(value: &Value, words: impl FnOnce(&str) -> String) -> Result<Vec<Self::Unit>, Exception> {
        Self::argument(value).map_err(|error| match Self::KIND {
            "str" => Exception::TypeError(words(type_name(value))),
            _ => error,
        })
    }

    /// Returns the units of an argument, which must be of the same type.
    fn argument(value: &Value) -> Result<Vec<Self::Unit>, Exception>;
}

/// A character, or a byte that may be ASCII.
pub(crate) trait Letter: Copy + PartialEq {
    /// Returns this ASCII character.
    fn ascii(byte: u8) -> Self;
    /// Returns the character. A byte beyond ASCII is not one that any method knows.
    fn char(self) -> Option<char>;
    /// Returns whether it is between words.
    fn is_space(self) -> bool;
    /// Returns whether a line ends with it.
    fn is_line_end(self) -> bool;
    /// Returns it in upper case.
    fn to_upper(self) -> Vec<Self>;
    /// Returns it as it is written at the beginning of a word.
    fn to_title(self) -> Vec<Self>;
    /// Returns the unit at `at` in lower case.
    fn lower_at(text: &[Self], at: usize) -> Vec<Self>;

    /// Returns whether it is a letter.
    fn is_alpha(self) -> bool {
        self.char().is_some_and(unicode::is_alpha)
    }

    /// Returns whether it is a digit, also in a form in which no number is written.
    fn is_digit(self) -> bool {
        self.char().is_some_and(unicode::is_digit)
    }

    /// Returns whether it is a number of any kind: a digit, a fraction, a Roman numeral.
    fn is_numeric(self) -> bool {
        self.char().is_some_and(unicode::is_numeric)
    }

    /// Returns whether it is a capital.
    fn is_upper(self) -> bool {
        self.char().is_some_and(unicode::is_upper)
    }

    /// Returns whether it is a small letter.
    fn is_lower(self) -> bool {
        self.char().is_some_and(unicode::is_lower)
    }

    /// Returns whether it is two letters in one, of which the first is a capital.
    fn is_title(self) -> bool {
        self.char().is_some_and(unicode::is_title)
    }

    /// Returns whether there are capitals and small letters of its kind.
    fn is_cased(self) -> bool {
        self.char().is_some_and(unicode::is_cased)
    }
}

impl Letter for char {
    fn ascii(byte: u8) -> Self {
        byte.into()
    }

    fn char(self) -> Option<char> {
        Some(self)
    }

    fn is_space(self) -> bool {
        unicode::is_space(self)
    }

    fn is_line_end(self) -> bool {
        matches!(self, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
    }

    fn to_upper(self) -> Vec<char> {
        unicode::upper_letter(self)
    }

    fn to_title(self) -> Vec<char> {
        unicode::title_letter(self)
    }

    fn lower_at(text: &[char], at: usize) -> Vec<char> {
        unicode::lower_letter(text, at)
    }
}

impl Letter for u8 {
    fn ascii(byte: u8) -> Self {
        byte
    }

    fn char(self) -> Option<char> {
        self.is_ascii().then(|| self.into())
    }

    fn is_space(self) -> bool {
        matches!(self, b'\t'..=b'\r' | b' ')
    }

    fn is_line_end(self) -> bool {
        matches!(self, b'\n' | b'\r')
    }

    fn to_upper(self) -> Vec<u8> {
        vec![self.to_ascii_uppercase()]
    }

    fn to_title(self) -> Vec<u8> {
        self.to_upper()
    }

    fn lower_at(text: &[u8], at: usize) -> Vec<u8> {
        vec![text[at].to_ascii_lowercase()]
    }
}
