//! The operators: `+`, `*`, `+=`, `*=`, and comparisons.

use super::{List, ListProxy};
use crate::python::live::plain_and_class;
use crate::python::{Comparison, copied, repeats, type_name, weight, whole};
use crate::shared::{reflected_sequence_methods, sequence_comparisons, text_of_repr};
use crate::{Exception, python};
use tarmem_remote::remote;
use tarmem_remote::value::Value;

#[remote(replay)]
impl List {
    /// `list + other`, as a plain list. `other` must be a list too.
    #[remote(name = "__add__", scales)]
    pub fn add(&self, other: Value) -> Result<Vec<Value>, Exception> {
        match plain_and_class(other)? {
            (Value::List(other), _) => copied(self.0.iter().chain(&other)),
            (other, class) => {
                let found = class.as_deref().unwrap_or(type_name(&other));
                Err(Exception::TypeError(format!("can only concatenate list (not \"{found}\") to list")))
            }
        }
    }

    /// `list * count`, as a plain list.
    #[remote(name = "__mul__", scales)]
    pub fn mul(&self, count: Value) -> Result<Vec<Value>, Exception> {
        repeated(&self.0, &count)
    }

    /// `list += items`: appends the elements of `items`.
    #[remote(name = "__iadd__", scales)]
    pub fn iadd(&mut self, items: Value) -> Result<(), Exception> {
        self.extend(items)
    }

    /// `list *= count`: repeats the elements; removes them if `count` is less than one.
    #[remote(name = "__imul__", scales)]
    pub fn imul(&mut self, count: Value) -> Result<(), Exception> {
        self.0 = repeated(&self.0, &count)?;
        Ok(())
    }
}

reflected_sequence_methods!(List, Vec<Value>);
text_of_repr!(looking List);
sequence_comparisons!(List, "list", List);

/// Returns the elements `count` times.
pub(crate) fn repeated(items: &[Value], count: &Value) -> Result<Vec<Value>, Exception> {
    let times = whole(count)?.ok_or_else(|| {
        Exception::TypeError(format!("can't multiply sequence by non-int of type '{}'", type_name(count)))
    })?;
    let times = repeats(items.iter().map(weight).sum(), times)?;
    python::repeated(items, times)
}
