//! `multiprocessing.Value`.

use super::typecode::Typecode;
use crate::python::equal;
use crate::{Decoded, Exception, Fallible, Given, given};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{IntoValue, Value};

/// One number of one of C's types, as Python's `multiprocessing.Value`, but each operation is atomic, adding too: there
/// is no lock to take.
#[remote(module = "multiprocessing", name = "Value")]
#[derive(Clone, Debug, PartialEq)]
pub struct SharedValue {
    typecode: Typecode,
    value: Value,
}

#[remote]
impl SharedValue {
    /// A number of the type that `typecode_or_type` names: `b B h H i I l L q Q` are integers of 8, 16, 32, 64 and 64
    /// bits (capital letters have no sign), `f` and `d` floats, `c` a byte, `?` a bool. Zero without `value`.
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

    /// Puts a number there; an integer loses the bits that do not fit, as in C. `TypeError` for another type.
    #[remote(proxy = "set_value")]
    pub fn set(&mut self, value: Value) -> Result<(), Exception> {
        self.value = self.typecode.fit(&value)?;
        Ok(())
    }

    /// Adds `by` (1 if left out), at once; gives the sum. Integers wrap round, as in C.
    #[remote(proxy = "add_value")]
    pub fn add(&mut self, #[remote(default = 1)] by: Arg<Value>) -> Result<Value, Exception> {
        self.value = self.typecode.sum(&self.value, &by.or_else(|| 1.into()))?;
        Ok(self.value.clone())
    }

    /// Puts `new` there if the number is equal to `expected`; whether it was.
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

    /// Puts a number there.
    pub fn set(&self, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.set_value(value))
    }

    /// Adds `by`, at once; gives the sum.
    pub fn add<T>(&self, by: impl IntoValue) -> Decoded<T> {
        Decoded::new(given(by, |by| self.add_value(Some(by))))
    }

    /// Puts `new` there if the number is equal to `expected`; whether it was.
    pub fn compare_and_set(&self, expected: impl IntoValue, new: impl IntoValue) -> Fallible<bool> {
        let mut given = Given::default();
        let call = self.compare_and_set_value(given.value(expected), given.value(new));
        given.checked(call)
    }
}

/// To people, the number; otherwise with its type.
impl Serialize for SharedValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.value.serialize(serializer)
        } else {
            (self.typecode, &self.value).serialize(serializer)
        }
    }
}

/// From what people see it is a `q` or a `d`.
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
