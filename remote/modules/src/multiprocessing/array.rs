//! `multiprocessing.Array`.

use super::typecode::Typecode;
use crate::python::live::{Holds, Seen, operand};
use crate::python::{Slice, check_result, equal, index_of, iterate, position, repeated};
use crate::{Decoded, Exception, Fallible, Given, given};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tarmem_remote::args::Arg;
use tarmem_remote::remote;
use tarmem_remote::value::{Counted, IntoValue, Value};

/// A fixed number of numbers of one of C's types, as Python's `multiprocessing.Array`. Each operation is atomic, adding
/// included, so there is no lock to take.
///
/// # Examples
///
/// ```
/// use tarmem_modules::multiprocessing::SharedArrayProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let sums = session.memoize("sums", SharedArrayProxy::new("d".into(), 3.into())).await?;
/// assert_eq!(sums.add::<f64>(0, 0.5).await?, 0.5);
/// assert_eq!(sums.to_vec::<f64>().await?, [0.5, 0.0, 0.0]);
/// # Ok(())
/// # }
/// ```
#[remote(module = "multiprocessing", name = "Array")]
#[derive(Clone, Debug, PartialEq)]
pub struct SharedArray {
    typecode: Typecode,
    values: Vec<Value>,
}

impl Holds for SharedArray {
    fn seen(&self) -> Seen<'_> {
        Seen::Items(&self.values)
    }
}

#[remote(replay)]
impl SharedArray {
    /// Makes an array of the type that `typecode_or_type` names, as in `multiprocessing.Value`. If
    /// `size_or_initializer` is an integer, it holds that many zeros; if it is a list, its numbers.
    #[remote(inline)]
    pub fn new(typecode_or_type: String, size_or_initializer: Value) -> Result<Self, Exception> {
        let typecode = Typecode::named(&typecode_or_type)?;
        let values = match operand(&size_or_initializer)?.into_owned() {
            size @ (Value::Int(_) | Value::Bool(_)) => {
                let size = usize::try_from(index_of(&size)?)
                    .map_err(|_| Exception::value("the size of an array must not be negative, and must fit 64 bits"))?;
                check_result(size_of::<Value>(), size)?;
                repeated(&[typecode.zero()], size)?
            }
            values => iterate(values)?.iter().map(|value| typecode.fit(value)).collect::<Result<_, _>>()?,
        };
        Ok(SharedArray { typecode, values })
    }

    /// Returns the number at `index`, or the numbers that a slice `{"slice": [start, stop, step]}` selects, as a plain
    /// list. `IndexError` if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        if let Some(slice) = Slice::of(&index)? {
            let positions = slice.span(self.values.len())?.positions();
            return Ok(Value::List(positions.map(|at| self.values[at].clone()).collect()));
        }
        Ok(self.values[self.at(&index)?].clone())
    }

    /// Replaces the number at `index` with `value`, or the numbers of a slice with the same number of others.
    #[remote(name = "__setitem__")]
    pub fn setitem(&mut self, index: Value, value: Value) -> Result<(), Exception> {
        let Some(slice) = Slice::of(&index)? else {
            let at = self.at(&index)?;
            self.values[at] = self.typecode.fit(&value)?;
            return Ok(());
        };
        let span = slice.span(self.values.len())?;
        let values: Vec<Value> =
            iterate(value)?.iter().map(|value| self.typecode.fit(value)).collect::<Result<_, _>>()?;
        if values.len() != span.len {
            return Err(Exception::value("Can only assign sequence of same size"));
        }
        span.positions().zip(values).for_each(|(at, value)| self.values[at] = value);
        Ok(())
    }

    /// Adds `by` (1 if left out) to the number at `index`, atomically, and returns the sum. Integers wrap around, as in
    /// C.
    #[remote(proxy = "add_value")]
    pub fn add(&mut self, index: Value, #[remote(default = 1)] by: Arg<Value>) -> Result<Value, Exception> {
        let at = self.at(&index)?;
        let sum = self.typecode.sum(&self.values[at], &by.or_else(|| 1.into()))?;
        self.values[at] = sum.clone();
        Ok(sum)
    }

    /// Replaces the number at `index` with `new` if it is equal to `expected`. Returns whether it was.
    #[remote(proxy = "compare_and_set_value")]
    pub fn compare_and_set(&mut self, index: Value, expected: Value, new: Value) -> Result<bool, Exception> {
        let at = self.at(&index)?;
        let new = self.typecode.fit(&new)?;
        let same = equal(&self.values[at], &*operand(&expected)?);
        if same {
            self.values[at] = new;
        }
        Ok(same)
    }

    /// Returns the numbers as a plain list.
    #[remote(name = "tolist", scales)]
    pub fn to_list(&self) -> &[Value] {
        &self.values
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there are no elements.
    #[remote(skip)]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the number of elements.
    #[remote(name = "__len__")]
    pub fn length(&self) -> usize {
        self.values.len()
    }
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl SharedArrayProxy {
    /// Returns the number at `index`.
    pub fn get<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Replaces the number at `index`.
    pub fn set(&self, index: i64, value: impl IntoValue) -> Fallible<()> {
        given(value, |value| self.setitem(index.into(), value))
    }

    /// Adds `by` to the number at `index`, atomically, and returns the sum.
    pub fn add<T>(&self, index: i64, by: impl IntoValue) -> Decoded<T> {
        Decoded::new(given(by, |by| self.add_value(index.into(), Some(by))))
    }

    /// Replaces the number at `index` with `new` if it is equal to `expected`. Returns whether it was.
    pub fn compare_and_set(&self, index: i64, expected: impl IntoValue, new: impl IntoValue) -> Fallible<bool> {
        let mut given = Given::default();
        let call = self.compare_and_set_value(index.into(), given.value(expected), given.value(new));
        given.checked(call)
    }

    /// Returns all numbers.
    pub fn to_vec<T>(&self) -> Decoded<Vec<T>, Vec<Value>, tarmem_remote::Error> {
        Decoded::new(self.to_list())
    }
}

impl SharedArray {
    fn at(&self, index: &Value) -> Result<usize, Exception> {
        let index = index_of(index).map_err(|_| Exception::of_type("indices must be integers"))?;
        position(index, self.values.len()).ok_or_else(|| Exception::index("invalid index"))
    }
}

/// Serializes to the numbers alone in human-readable formats, and with their type in others.
impl Serialize for SharedArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.values.serialize(serializer)
        } else {
            (self.typecode, &self.values).serialize(serializer)
        }
    }
}

/// What comes from a human-readable format is of type `q`, or `d` if one of the numbers is a float.
impl<'de> Deserialize<'de> for SharedArray {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (typecode, Counted(values)): (Typecode, Counted) = if deserializer.is_human_readable() {
            let Counted(values) = Deserialize::deserialize(deserializer)?;
            let floats = values.iter().any(|value| matches!(value, Value::Float(_)));
            (if floats { Typecode::F64 } else { Typecode::I64 }, Counted(values))
        } else {
            Deserialize::deserialize(deserializer)?
        };
        let values = values.iter().map(|value| typecode.fit(value)).collect::<Result<_, _>>();
        Ok(SharedArray { typecode, values: values.map_err(serde::de::Error::custom)? })
    }
}
