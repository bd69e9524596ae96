//! The operators: `|`, `|=`, `==`, and the order of keys.

use super::{Dict, DictProxy, entries};
use crate::modules::Exception;
use crate::modules::python::{Table, type_name};
use crate::remote;
use crate::value::Value;

#[remote]
impl Dict {
    /// `dict | other`, as a plain map: of a key that is in both, the other's value. The other one has to be a map.
    #[remote(name = "__or__")]
    pub fn or(&self, other: Value) -> Result<Value, Exception> {
        if !matches!(other, Value::Map(_)) {
            let found = type_name(&other);
            return Err(Exception::TypeError(format!("unsupported operand type(s) for |: 'dict' and '{found}'")));
        }
        let mut both = self.clone();
        both.0.extend(entries(other)?);
        Ok(both.into())
    }

    /// `dict |= items`: puts in all of `items`, a map or a list of pairs.
    #[remote(name = "__ior__")]
    pub fn ior(&mut self, items: Value) -> Result<(), Exception> {
        self.0.extend(entries(items)?);
        Ok(())
    }

    /// Whether `other` is a map of equal keys and values, in whatever order.
    #[remote(name = "__eq__")]
    pub fn equals(&self, other: Value) -> bool {
        matches!(other, Value::Map(_)) && entries(other).is_ok_and(|other| other.into_iter().collect::<Table<_>>() == self.0)
    }

    /// Whether `other` is anything but a map of equal keys and values.
    #[remote(name = "__ne__")]
    pub fn differs(&self, other: Value) -> bool {
        !self.equals(other)
    }

    /// The keys from the last to the first, as a plain list.
    #[remote(name = "__reversed__")]
    pub fn reversed(&self) -> Vec<Value> {
        self.0.keys().rev().map(|key| key.value().clone()).collect()
    }
}
