//! `builtins.int` and `builtins.bool`.

use crate::modules::Exception;
use crate::modules::python::{Comparison, equal, index_of, number, repr, to_float, to_int, truthy};
use crate::modules::shared::{
    bit_methods, number_methods, part_methods, reflected_bit_methods, reflected_number_methods, text_of_repr,
    whole_methods,
};
use crate::remote;
use crate::value::Value;
use serde::{Deserialize, Serialize};

/// A whole number, as Python's `int`, but of 128 bits at most. It never changes: `multiprocessing.Value` is a number
/// that does.
#[remote(module = "builtins", name = "int")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Int(pub(super) i128);

/// True or false, as Python's `bool`: also the numbers 1 and 0.
#[remote(module = "builtins", name = "bool")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bool(bool);

#[remote]
impl Int {
    /// The whole part of a number, or the number that a text is in `base` (10 if left out; 0 for what its prefix says).
    /// 0 without `value`.
    #[remote(inline)]
    pub fn new(value: Option<Value>, base: Option<Value>) -> Result<Self, Exception> {
        let base = base.as_ref().map(index_of).transpose()?;
        value.map_or(Ok(0), |value| to_int(&value, base)).map(Int)
    }

    /// The number that `bytes` stand for; the first byte counts most if `byteorder` is `big` or left out, least if it is
    /// `little`.
    #[remote(inline)]
    pub fn from_bytes(bytes: Value, byteorder: Option<String>, signed: Option<bool>) -> Result<Self, Exception> {
        from_bytes(bytes, byteorder, signed).map(Int)
    }
}

/// The number that `bytes` stand for.
fn from_bytes(bytes: Value, byteorder: Option<String>, signed: Option<bool>) -> Result<i128, Exception> {
    let Value::Bytes(mut bytes) = bytes else { return Err(Exception::of_type("cannot convert to bytes")) };
    if !big(byteorder)? {
        bytes.reverse();
    }
    let negative = signed.unwrap_or(false) && bytes.first().is_some_and(|first| *first >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let spare = bytes.len().saturating_sub(16);
    let (above, low) = bytes.split_at(spare);
    let mut wide = [fill; 16];
    wide[16 - low.len()..].copy_from_slice(low);
    let n = i128::from_be_bytes(wide);
    if above.iter().any(|byte| *byte != fill) || (n < 0) != negative {
        return Err(number::too_large());
    }
    Ok(n)
}

/// `n` in `length` bytes.
fn to_bytes(
    n: i128,
    length: Option<Value>,
    byteorder: Option<String>,
    signed: Option<bool>,
) -> Result<Value, Exception> {
    let length = length.as_ref().map_or(Ok(1), index_of)?;
    let length = usize::try_from(length).map_err(|_| Exception::value("length argument must be non-negative"))?;
    let big = big(byteorder)?;
    let signed = signed.unwrap_or(false);
    if n < 0 && !signed {
        return Err(Exception::overflow("can't convert negative int to unsigned"));
    }
    crate::modules::python::check_result(1, length)?;
    let fill = if n < 0 { 0xff } else { 0 };
    let wide = n.to_be_bytes();
    let mut bytes = vec![fill; length.saturating_sub(16)];
    let (above, low) = wide.split_at(16 - length.min(16));
    bytes.extend_from_slice(low);
    let sign_fits = !signed || bytes.first().map_or(n == 0, |first| (*first >= 0x80) == (n < 0));
    if above.iter().any(|byte| *byte != fill) || !sign_fits {
        return Err(Exception::overflow("int too big to convert"));
    }
    if !big {
        bytes.reverse();
    }
    Ok(Value::Bytes(bytes))
}

fn big(byteorder: Option<String>) -> Result<bool, Exception> {
    match byteorder.as_deref() {
        None | Some("big") => Ok(true),
        Some("little") => Ok(false),
        Some(_) => Err(Exception::value("byteorder must be either 'little' or 'big'")),
    }
}

#[remote]
impl Bool {
    /// Whether `value` is true: not null, false, zero or empty. False without it.
    #[remote(inline)]
    pub fn new(value: Option<Value>) -> Self {
        Bool(value.is_some_and(|value| truthy(&value)))
    }

    /// Whether the number that `bytes` stand for is not zero; they are read as by `int.from_bytes`.
    #[remote(inline)]
    pub fn from_bytes(bytes: Value, byteorder: Option<String>, signed: Option<bool>) -> Result<Self, Exception> {
        from_bytes(bytes, byteorder, signed).map(|n| Bool(n != 0))
    }
}

number_methods!(Int);
bit_methods!(Int);
reflected_number_methods!(Int);
reflected_bit_methods!(Int);
part_methods!(Int);
whole_methods!(Int);
number_methods!(Bool);
bit_methods!(Bool);
reflected_number_methods!(Bool);
reflected_bit_methods!(Bool);
part_methods!(Bool);
whole_methods!(Bool);

text_of_repr!(Int, Bool);

impl Int {
    fn number(&self) -> Value {
        Value::Int(self.0)
    }
}

impl Bool {
    fn number(&self) -> Value {
        Value::Bool(self.0)
    }
}
