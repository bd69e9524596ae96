//! The operators: `+`, `*`, `+=`, `*=`, and comparisons.

use super::{List, ListProxy, elements};
use crate::modules::Exception;
use crate::modules::python::{Comparison, equal_lists, repeats, type_name, weight, whole};
use crate::remote;
use crate::value::Value;

#[remote]
impl List {
    /// `list + other`, as a plain list; the other one has to be a list too.
    #[remote(name = "__add__")]
    pub fn add(&self, other: Value) -> Result<Vec<Value>, Exception> {
        match other {
            Value::List(other) => Ok(self.0.iter().cloned().chain(other).collect()),
            other => {
                let found = type_name(&other);
                Err(Exception::TypeError(format!("can only concatenate list (not \"{found}\") to list")))
            }
        }
    }

    /// `list * count`, as a plain list.
    #[remote(name = "__mul__")]
    pub fn mul(&self, count: Value) -> Result<Vec<Value>, Exception> {
        Ok(self.0.repeat(self.repeats(&count)?))
    }

    /// `list += items`: puts the elements of `items` at the end.
    #[remote(name = "__iadd__")]
    pub fn iadd(&mut self, items: Value) -> Result<(), Exception> {
        self.0.append(&mut elements(items)?);
        Ok(())
    }

    /// `list *= count`: repeats the elements; takes them out if `count` is below one.
    #[remote(name = "__imul__")]
    pub fn imul(&mut self, count: Value) -> Result<(), Exception> {
        self.0 = self.0.repeat(self.repeats(&count)?);
        Ok(())
    }

    /// Whether `other` is a list of equal elements.
    #[remote(name = "__eq__")]
    pub fn equals(&self, other: Value) -> bool {
        matches!(other, Value::List(other) if equal_lists(&self.0, &other))
    }

    /// Whether `other` is anything but a list of equal elements.
    #[remote(name = "__ne__")]
    pub fn differs(&self, other: Value) -> bool {
        !self.equals(other)
    }

    /// Whether the first elements that differ are in ascending order; if there are none, whether this list is shorter.
    #[remote(name = "__lt__")]
    pub fn less(&self, other: Value) -> Result<bool, Exception> {
        self.compare(Comparison::Less, &other)
    }

    /// `list <= other`
    #[remote(name = "__le__")]
    pub fn less_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.compare(Comparison::LessOrEqual, &other)
    }

    /// `list > other`
    #[remote(name = "__gt__")]
    pub fn greater(&self, other: Value) -> Result<bool, Exception> {
        self.compare(Comparison::Greater, &other)
    }

    /// `list >= other`
    #[remote(name = "__ge__")]
    pub fn greater_or_equal(&self, other: Value) -> Result<bool, Exception> {
        self.compare(Comparison::GreaterOrEqual, &other)
    }
}

impl List {
    fn repeats(&self, count: &Value) -> Result<usize, Exception> {
        let times = whole(count).ok_or_else(|| {
            Exception::TypeError(format!("can't multiply sequence by non-int of type '{}'", type_name(count)))
        })?;
        repeats(self.0.iter().map(weight).sum(), times)
    }
}
