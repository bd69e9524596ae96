//! `builtins.int` and `builtins.bool`.

use super::bytes::contents;
use crate::Exception;
use crate::python::Comparing;
use crate::python::live::{operand, truth};
use crate::python::{Comparison, index_of, number, repr, text_argument, to_float, to_int, truthy, type_name};
use crate::shared::{
    bit_methods, number_methods, part_methods, reflected_bit_methods, reflected_number_methods, text_of_repr,
    whole_methods,
};
use serde::{Deserialize, Serialize};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{Integer, Value};

/// A whole number, as Python's `int`, of at most [`INTEGER_BITS_LIMIT`](tarmem_remote::value::INTEGER_BITS_LIMIT) bits.
/// It never changes; for a number that changes, use `multiprocessing.Value`.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::IntProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let number = session.memoize("answer", IntProxy::new(Some("2a".into()), Some(16.into()))).await?;
/// assert_eq!(number.add(1.into()).await?, 43.into());
/// assert_eq!(number.bit_length().await?, 6);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "int")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Int(pub(super) Integer);

/// True or false, as Python's `bool`, and at the same time the numbers 1 and 0.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::BoolProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let flag = session.memoize("flag", BoolProxy::new(Some("not empty".into()))).await?;
/// assert!(flag.truth().await?);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "bool")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bool(bool);

#[remote]
impl Int {
    /// Makes the whole part of a number, or the number that a text spells in `base` (10 if left out; with 0, the prefix
    /// of the text decides). Without `value`, it is 0.
    #[remote(inline)]
    pub fn new(#[remote(default = 0)] value: Arg<Value>, base: Arg<Value>) -> Result<Self, Exception> {
        match (value.given(), base.given().as_ref().map(index_of).transpose()?) {
            (Some(value), base) => to_int(&value, base).map(Int),
            (None, None) => Ok(Int::default()),
            (None, Some(_)) => Err(Exception::of_type("int() missing string argument")),
        }
    }

    /// Makes the number that `bytes` represent. If `byteorder` is `big` or left out, the first byte is the most
    /// significant; if it is `little`, the first is the least significant.
    #[remote(inline)]
    pub fn from_bytes(
        bytes: Value,
        #[remote(default = "big")] byteorder: Arg<Value>,
        #[remote(default = false)] signed: Arg<Value>,
    ) -> Result<Self, Exception> {
        from_bytes(bytes, byteorder, signed).map(Int)
    }
}

/// Returns the number that `bytes` represent.
fn from_bytes(bytes: Value, byteorder: Arg<Value>, signed: Arg<Value>) -> Result<Integer, Exception> {
    let big = big(byteorder, "from_bytes")?;
    let signed = is_signed(signed)?;
    let mut bytes = match operand(&bytes)?.into_owned() {
        Value::Bytes(bytes) => bytes,
        Value::Text(_) | Value::Int(_) | Value::Bool(_) | Value::Float(_) | Value::Null => {
            return Err(Exception::TypeError(format!("cannot convert '{}' object to bytes", type_name(&bytes))));
        }
        items => contents(Arg::Given(items), Arg::Absent, Arg::Absent, "bytes")?,
    };
    if big {
        bytes.reverse();
    }
    match signed {
        true => Integer::from_signed_bytes_le(&bytes),
        false => Integer::from_unsigned_bytes_le(&bytes),
    }
    .map_err(number::too_large)
}

/// Returns `n` in `length` bytes.
fn to_bytes(n: &Integer, length: Arg<Value>, byteorder: Arg<Value>, signed: Arg<Value>) -> Result<Value, Exception> {
    let length = length.given().as_ref().map_or(Ok(1), index_of)?;
    let length = usize::try_from(length).map_err(|_| match length < 0 {
        true => Exception::value("length argument must be non-negative"),
        false => Exception::overflow("Python int too large to convert to C ssize_t"),
    })?;
    let big = big(byteorder, "to_bytes")?;
    let signed = is_signed(signed)?;
    if n.is_negative() && !signed {
        return Err(Exception::overflow("can't convert negative int to unsigned"));
    }
    crate::python::check_result(1, length)?;
    let fill = if n.is_negative() { 0xff } else { 0 };
    let mut bytes = n.to_signed_bytes_le();
    if bytes.last() == Some(&0) && (!signed || n.is_zero()) {
        // The byte holds nothing but the sign.
        bytes.pop();
    }
    if bytes.len() > length {
        return Err(Exception::overflow("int too big to convert"));
    }
    bytes.resize(length, fill);
    if big {
        bytes.reverse();
    }
    Ok(Value::Bytes(bytes))
}

fn is_signed(signed: Arg<Value>) -> Result<bool, Exception> {
    signed.given().as_ref().map_or(Ok(false), truth)
}

/// Returns whether the first byte is the most significant. `method` is named in errors.
fn big(byteorder: Arg<Value>, method: &str) -> Result<bool, Exception> {
    match text_argument(byteorder, method, "'byteorder'")?.as_deref() {
        None | Some("big") => Ok(true),
        Some("little") => Ok(false),
        Some(_) => Err(Exception::value("byteorder must be either 'little' or 'big'")),
    }
}

#[remote]
impl Bool {
    /// Makes the truth of `value`: false for null, false, zero and what is empty, and true for anything else. A live
    /// object of these modules counts as what it holds. Without `value`, it is false.
    #[remote(inline)]
    pub fn new(value: Option<Value>) -> Result<Self, Exception> {
        value.as_ref().map_or(Ok(false), truth).map(Bool)
    }

    /// Makes whether the number that `bytes` represent is not zero. They are read as `int.from_bytes` does.
    #[remote(inline)]
    pub fn from_bytes(
        bytes: Value,
        #[remote(default = "big")] byteorder: Arg<Value>,
        #[remote(default = false)] signed: Arg<Value>,
    ) -> Result<Self, Exception> {
        from_bytes(bytes, byteorder, signed).map(|n| Bool(!n.is_zero()))
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
        Value::Int(self.0.clone())
    }

    fn whole(&self) -> Integer {
        self.0.clone()
    }
}

impl Bool {
    fn number(&self) -> Value {
        Value::Bool(self.0)
    }

    fn whole(&self) -> Integer {
        Integer::new(self.0.into())
    }
}
