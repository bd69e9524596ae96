//! Elements by index and by slice: `xs[i]`, `xs[i:j]`, `xs[i] = …`, `del xs[i:j]`.

use super::{List, ListProxy, elements};
use crate::Exception;
use crate::extents::{MOVED, looks_at};
use crate::python::lending;
use crate::python::live::operand;
use crate::python::{Slice, check_depth, copied, position, type_name};
use tarmem_remote::remote;
use tarmem_remote::value::Value;

#[remote(replay)]
impl List {
    /// Returns the element at `index`, or the elements of a slice as a plain list. `IndexError` if it is not there.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        get(&self.0, &index, "list", Value::List)
    }

    /// Replaces the element at `index` with `value`, or the elements of a slice with those of `value`. If the slice has
    /// a step, both must have the same number of elements.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        if let Some(slice) = Slice::of(&index)? {
            return self.set_slice(slice, value);
        }
        check_depth(&value)?;
        let at = checked(&index, self.0.len(), "list", "list assignment index out of range")?;
        self.0[at] = value;
        Ok(())
    }

    /// Removes the element at `index`, or the elements of a slice.
    #[remote(name = "__delitem__", scales)]
    pub fn delitem(&mut self, index: Value) -> Result<(), Exception> {
        let Some(slice) = Slice::of(&index)? else {
            let at = checked(&index, self.0.len(), "list", "list assignment index out of range")?;
            self.0.remove(at);
            return Ok(());
        };
        slice.span(self.0.len())?.take_out(&mut self.0);
        Ok(())
    }
}

impl List {
    fn set_slice(&mut self, slice: Slice, value: Value) -> Result<(), Exception> {
        let stepped = slice.step.is_some_and(|step| step != 1);
        let span = slice.span(self.0.len())?;
        let items = lending(self, || elements(value)).map_err(|error| match error {
            Exception::TypeError(_) if stepped => Exception::of_type("must assign iterable to extended slice"),
            Exception::TypeError(_) => Exception::of_type("can only assign an iterable"),
            error => error,
        })?;
        let moved = if stepped { 0 } else { self.0.len().saturating_sub(span.start) };
        looks_at(span.len + items.len() + moved / MOVED)?;
        if !stepped {
            self.0.splice(span.start..span.start + span.len, items);
        } else if items.len() == span.len {
            for (at, item) in span.positions().zip(items) {
                self.0[at] = item;
            }
        } else {
            return Err(Exception::ValueError(format!(
                "attempt to assign sequence of size {} to extended slice of size {}",
                items.len(),
                span.len
            )));
        }
        Ok(())
    }
}

/// Returns an element, or the elements of a slice in the form that `of_slice` gives them. Python calls the sequence
/// `what`.
pub(crate) fn get(
    items: &[Value],
    index: &Value,
    what: &str,
    of_slice: fn(Vec<Value>) -> Value,
) -> Result<Value, Exception> {
    if let Some(slice) = Slice::of(index)? {
        let span = slice.span(items.len())?;
        looks_at(span.len)?;
        return copied(span.positions().map(|at| &items[at])).map(of_slice);
    }
    checked(index, items.len(), what, &format!("{what} index out of range")).map(|at| items[at].clone())
}

/// Returns the position that an index stands for.
pub(crate) fn checked(index: &Value, len: usize, what: &str, missing: &str) -> Result<usize, Exception> {
    let index = match &*operand(index)? {
        Value::Int(n) => n.saturating_i128(),
        Value::Bool(b) => i128::from(*b),
        _ => {
            let found = type_name(index);
            return Err(Exception::TypeError(match what {
                "string" => format!("string indices must be integers, not '{found}'"),
                what => format!("{what} indices must be integers or slices, not {found}"),
            }));
        }
    };
    position(index, len).ok_or_else(|| match i64::try_from(index) {
        Ok(_) => Exception::index(missing),
        Err(_) => Exception::index("cannot fit 'int' into an index-sized integer"),
    })
}
