//! `multiprocessing.Value`.

use super::typecode::Typecode;
use crate::python::equal;
use crate::{Decoded, Exception, Fallible, Given, given};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{IntoValue, Value};

/// A number of one of C's types, as Python's `multiprocessing.Value`. Each operation is atomic, adding included, so
/// there is no lock to take.
///
/// # Examples
///
/// ```
/// use tarmem_modules::multiprocessing::SharedValueProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let visits = session.memoize("visits", SharedValueProxy::new("i".into(), None)).await?;
/// assert_eq!(visits.add::<i64>(2).await?, 2);
/// assert!(visits.compare_and_set(2, 0).await?);
/// assert_eq!(visits.get::<i64>().await?, 0);
/// # Ok(())
/// # }
/// ```
#[remote(module = "multiprocessing", name = "Value")]
#[derive(Clone, Debug, PartialEq)]
pub struct SharedValue {
    typecode: Typecode,
    value: Value,
}

#[remote(replay)]
impl SharedValue {
    /// Makes a number of the type that `typecode_or_type` names: `b B h H i I l L q Q` are integers of 8, 16, 32, 64
    /// and 64 bits (capital letters for unsigned ones), `f` and `d` are floats, `c` is a byte, and `?` a bool. Without
    /// `value`, it is zero.
    #[remote(inline)]
    pub fn new(typecode_or_type: String, value: Arg<Value>) -> Result<Self, Exception> {
        let typecode = Typecode::named(&typecode_or_type)?;
        let value = value.given().map_or(Ok(typecode.zero()), |value| typecode.fit(&value))?;
        Ok(SharedValue { typecode, value })
    }

    /// Returns the number.
    #[remote(proxy = "get_value")]
    pub fn get(&self) -> Value {
        self.value.clone()
    }

    /// Sets the number. An integer loses the bits that do not fit, as in C. `TypeError` if `value` is of another type.
    #[remote(proxy = "set_value")]
    pub fn set(&mut self, value: Value) -> Result<(), Exception> {
        self.value = self.typecode.fit(&value)?;
        Ok(())
    }

    /// Adds `by` (1 if left out), atomically, and returns the sum. Integers wrap around, as in C.
    #[remote(proxy = "add_value")]
    pub fn add(&mut self, #[remote(default = 1)] by: Arg<Value>) -> Result<Value, Exception> {
        self.value = self.typecode.sum(&self.value, &by.or_else(|| 1.into()))?;
        Ok(self.value.clone())
    }

    /// Sets the number to `new` if it is equal to `expected`. Returns whether it was.
    #[remote(proxy = "compare_and_set_value")]
    pub fn compare_and_set(&mut self, expected: Value, new: Value) -> Result<bool, Exception> {
        let new = self.typecode.fit(&new)?;
        let same = equal(&self.value, &expected);
        if same {
            self.value = new;
        }
        Ok(same)
    }
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl SharedValueProxy {
    /// Returns the number.
    pub fn get<T>(&self) -> Decoded<T, Value, tarmem_remote::Error> {
        Decoded::new(self.get_value())
    }

    /// Sets the number.
    pub fn set(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.set_value(value))
    }

    /// Adds `by`, atomically, and returns the sum.
    pub fn add<T>(&self, by: impl IntoValue) -> Decoded<T> {
        Decoded::new(given(by, |by| self.add_value(Some(by))))
    }

    /// Sets the number to `new` if it is equal to `expected`. Returns whether it was.
    pub fn compare_and_set(&self, expected: impl IntoValue, new: impl IntoValue) -> Fallible<bool> {
        let mut given = Given::default();
        let call = self.compare_and_set_value(given.value(expected), given.value(new));
        given.checked(call)
    }
}

/// Serializes to the number alone in human-readable formats, and with its type in others.
impl Serialize for SharedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value.serialize(serializer)
        } else {
            (self.typecode, &self.value).serialize(serializer)
        }
    }
}

/// What comes from a human-readable format is of type `q` or `d`.
impl<'de> Deserialize<'de> for SharedValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (typecode, value) = if deserializer.is_human_readable() {
            let value = Value::deserialize(deserializer)?;
            (if matches!(value, Value::Float(_)) { Typecode::F64 } else { Typecode::I64 }, value)
        } else {
            Deserialize::deserialize(deserializer)?
        };
        let value = typecode.fit(&value).map_err(serde::de::Error::custom)?;
        Ok(SharedValue { typecode, value })
    }
}
