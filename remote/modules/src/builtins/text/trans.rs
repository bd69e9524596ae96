//! `str.maketrans`.

use crate::Exception;
use crate::python::live::{operand, plain};
use crate::python::{Key, Table, integer, text_argument};
use tarmem_remote::args::Arg;
use tarmem_remote::value::Value;

/// Makes the table of Python's `str.maketrans`: a map from characters' numbers to numbers, texts and null.
pub(crate) fn table(from: Value, to: Arg<Value>, without: Arg<Value>) -> Result<Value, Exception> {
    let from = plain(from)?;
    let to = text_argument(to, "maketrans", "2")?;
    let without = text_argument(without, "maketrans", "3")?;
    let mut table = Table::new();
    match (from, to) {
        (Value::Text(from), Some(to)) => {
            if from.chars().count() != to.chars().count() {
                return Err(Exception::value("the first two maketrans arguments must have equal length"));
            }
            for (from, to) in from.chars().zip(to.chars()) {
                table.insert(number(from)?, u32::from(to).into());
            }
            for gone in without.unwrap_or_default().chars() {
                table.insert(number(gone)?, Value::Null);
            }
        }
        (Value::Map(entries), None) => {
            for (key, value) in entries {
                table.insert(key_number(&key)?, value);
            }
        }
        (_, None) => {
            return Err(Exception::of_type("if you give only one argument to maketrans it must be a dict"));
        }
        (_, Some(_)) => {
            return Err(Exception::of_type("first maketrans argument must be a string if there is a second argument"));
        }
    }
    Ok(table.into_value())
}

fn number(letter: char) -> Result<Key, Exception> {
    Ok(Key::new(u32::from(letter).into())?)
}

fn key_number(key: &Value) -> Result<Key, Exception> {
    match &*operand(key)? {
        Value::Text(text) => {
            let mut letters = text.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => number(letter),
                _ => Err(Exception::value("string keys in translate table must be of length 1")),
            }
        }
        key if integer(key).is_some() => Ok(Key::new(key.clone())?),
        _ => Err(Exception::of_type("keys in translate table must be strings or integers")),
    }
}
