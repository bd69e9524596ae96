//! `builtins.range`.

use crate::python::live::{Holds, Seen, operand, view};
use crate::python::{Chunk, Cursor, Slice, Stamp, check_result, integer, number, short, type_name};
use crate::shared::text_of_repr;
use crate::{Decoded, Elements, Exception, Fallible};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tarmem_remote::args::Arg;
use tarmem_remote::context::Context;
use tarmem_remote::remote;
use tarmem_remote::value::{Integer, Value};

/// The integers from one to another by steps, as Python's `range`. They can be of any size, and are not stored one by
/// one.
///
/// As a value it is the map of its parts, `{"start": 0, "stop": 10, "step": 1}`, and so are its slices.
///
/// # Examples
///
/// ```
/// use tarmem_modules::builtins::RangeProxy;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let session = tarmem_test_session::session().await;
/// let even = session.memoize("even", RangeProxy::new(0.into(), Some(1_000_000.into()), Some(2.into()))).await?;
/// assert_eq!(even.len().await?, 500_000);
/// assert!(even.contains(4).await?);
/// assert_eq!(even.get::<i64>(-1).await?, 999_998);
/// # Ok(())
/// # }
/// ```
#[remote(module = "builtins", name = "range")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Range {
    start: Integer,
    stop: Integer,
    /// Never zero.
    step: Integer,
    /// The number of integers.
    length: Integer,
    stamp: Stamp,
}

/// The form in which it is serialized.
#[derive(Serialize, Deserialize)]
#[serde(rename = "range")]
struct Parts {
    start: Integer,
    stop: Integer,
    step: Integer,
}

#[remote]
impl Range {
    /// Makes the range of the integers from `start` to before `stop`, by `step` (1 if left out; backwards if negative).
    /// With one argument, that is `stop`, and the range starts at 0. `ValueError` if `step` is zero.
    #[remote(inline)]
    pub fn new(start: Value, stop: Arg<Value>, step: Arg<Value>) -> Result<Self, Exception> {
        let (start, stop) = match stop.given() {
            Some(stop) => (whole(&start)?, whole(&stop)?),
            None => (Integer::ZERO, whole(&start)?),
        };
        let step = step.given().as_ref().map_or(Ok(Integer::new(1)), whole)?;
        Range::of(start, stop, step)
    }

    /// Returns the first integer, if there are any.
    pub fn start(&self) -> Integer {
        self.start.clone()
    }

    /// Returns the end, which is not part of the range.
    pub fn stop(&self) -> Integer {
        self.stop.clone()
    }

    /// Returns the distance from one integer to the next.
    pub fn step(&self) -> Integer {
        self.step.clone()
    }

    /// Returns the number of integers. `OverflowError` if it does not fit in 63 bits, as in Python.
    #[remote(name = "__len__")]
    pub fn length(&self) -> Result<i64, Exception> {
        let length = self.length.as_i64();
        length.ok_or_else(|| Exception::overflow("Python int too large to convert to C ssize_t"))
    }

    /// As `__len__`.
    pub fn len(&self) -> Result<i64, Exception> {
        self.length()
    }

    /// Returns whether there are any integers.
    #[remote(name = "__bool__")]
    pub fn truth(&self) -> bool {
        !self.is_empty()
    }

    /// Returns whether there are no integers.
    #[remote(skip)]
    pub fn is_empty(&self) -> bool {
        self.length.is_zero()
    }

    /// Returns the integer at `index`, or the range that a slice `{"slice": [start, stop, step]}` selects. `IndexError`
    /// if there is none.
    #[remote(name = "__getitem__")]
    pub fn getitem(&self, index: Value) -> Result<Value, Exception> {
        if Slice::of(&index)?.is_some() {
            return self.sliced(&index).map(Value::from);
        }
        let held = operand(&index)?;
        let index = integer(&held).ok_or_else(|| {
            let found = type_name(&index);
            Exception::TypeError(format!("range indices must be integers or slices, not {found}"))
        })?;
        let index = if index.is_negative() { sum(&index, &self.length)? } else { index.into_owned() };
        if index.is_negative() || index >= self.length {
            return Err(Exception::index("range object index out of range"));
        }
        self.at(&index).map(Value::Int)
    }

    /// Returns whether `value` is one of the integers, in constant time.
    #[remote(name = "__contains__")]
    pub fn contains_value(&self, value: Value) -> Result<bool, Exception> {
        Ok(self.place(&value)?.is_some())
    }

    /// Returns how many times `value` occurs: 1 or 0.
    #[remote(name = "count")]
    pub fn count_value(&self, value: Value) -> Result<u8, Exception> {
        Ok(self.place(&value)?.is_some().into())
    }

    /// Returns the index of `value`. `ValueError` if it is not there.
    #[remote(proxy = "index_value")]
    pub fn index(&self, value: Value) -> Result<Integer, Exception> {
        self.place(&value)?.ok_or_else(|| match value {
            value if matches!(whole_of(&value), Ok(Some(_))) => {
                Exception::ValueError(format!("{} is not in range", short(&value)))
            }
            _ => Exception::value("sequence.index(x): x not in sequence"),
        })
    }

    /// Returns the same integers from last to first, as a plain range.
    #[remote(name = "__reversed__")]
    pub fn reversed(&self) -> Result<Value, Exception> {
        let last = sum(&self.start, &product(&sum(&self.length, &Integer::new(-1))?, &self.step)?)?;
        let before = sum(&self.start, &self.step.negate())?;
        Range::of(last, before, self.step.negate()).map(Value::from)
    }

    /// Returns a chunk of the integers: up to `limit` of them (1024 if left out), from `cursor`, which came with the
    /// previous chunk.
    pub fn iter_chunk(&self, ctx: &Context, cursor: Option<Cursor>, limit: Option<u32>) -> Result<Chunk, Exception> {
        let cursor = Cursor::of_same(cursor, &self.stamp, "range")?;
        // No cursor gets beyond the largest `usize`.
        let rest = (cursor.at()..self.count()).map_while(|at| {
            let item = self.at(&Integer::from(at as u64)).ok()?;
            Some((at + 1, Value::Int(item)))
        });
        Ok(Chunk::collect(ctx, cursor, limit, true, rest))
    }

    /// Returns whether `other`, a live range or the map of a range's parts, has the same integers.
    #[remote(name = "__eq__")]
    pub fn equals(&self, other: Value) -> Result<bool, Exception> {
        match &other {
            Value::Ref(reference) => {
                view(reference, |seen| Ok(matches!(seen, Some(Seen::Range(other)) if self.same(other))))
            }
            Value::Map(_) => Ok(Range::of_parts(&other)?.is_some_and(|other| self.same(&other))),
            _ => Ok(false),
        }
    }

    /// Returns whether `other` is not a range of the same integers.
    #[remote(name = "__ne__")]
    pub fn differs(&self, other: Value) -> Result<bool, Exception> {
        Ok(!self.equals(other)?)
    }

    /// Returns it as a plain value, the map of its parts.
    #[remote(name = "value")]
    pub fn plain(&self) -> Value {
        self.clone().into()
    }

    /// Returns the range as Python's `repr` shows it.
    #[remote(name = "__repr__")]
    pub fn repr(&self) -> String {
        let Range { start, stop, step, .. } = self;
        if step.as_i64() == Some(1) {
            format!("range({start}, {stop})")
        } else {
            format!("range({start}, {stop}, {step})")
        }
    }
}

text_of_repr!(Range);

impl Range {
    fn of(start: Integer, stop: Integer, step: Integer) -> Result<Self, Exception> {
        let (low, high) = if step.is_negative() { (&stop, &start) } else { (&start, &stop) };
        let length = if step.is_zero() {
            return Err(Exception::value("range() arg 3 must not be zero"));
        } else if low >= high {
            Integer::ZERO
        } else {
            let distance = sum(high, &low.negate())?;
            let magnitude = if step.is_negative() { step.negate() } else { step.clone() };
            let whole = sum(&distance, &Integer::new(-1))?.div_mod_floor(&magnitude).map(|(quotient, _)| quotient);
            sum(&whole.unwrap_or_default(), &Integer::new(1))?
        };
        Ok(Range { start, stop, step, length, stamp: Stamp::default() })
    }

    /// Returns the range that a plain value stands for.
    fn of_parts(value: &Value) -> Result<Option<Self>, Exception> {
        let Some(entries) = value.as_map().filter(|entries| entries.len() == 3) else { return Ok(None) };
        let part =
            |name: &str| entries.iter().find(|(key, _)| key.as_str() == Some(name)).and_then(|(_, n)| integer(n));
        match (part("start"), part("stop"), part("step")) {
            (Some(start), Some(stop), Some(step)) if !step.is_zero() => {
                Range::of(start.into_owned(), stop.into_owned(), step.into_owned()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Returns all integers, one after another, for a caller that looks at each of them.
    ///
    /// # Errors
    /// `MemoryError` if there are more than a list can hold.
    pub(crate) fn items(&self) -> Result<impl Iterator<Item = Value>, Exception> {
        check_result(size_of::<Value>(), self.count())?;
        Ok(self.first(usize::MAX))
    }

    /// Returns the first integers, at most `most` of them.
    pub(crate) fn first(&self, most: usize) -> impl Iterator<Item = Value> {
        (0..self.count().min(most)).map_while(|at| self.at(&Integer::from(at as u64)).ok()).map(Value::Int)
    }

    /// Returns whether one of the integers is not 0. Each occurs only once, so only one of them can be 0.
    pub(crate) fn has_nonzero(&self) -> bool {
        !self.is_empty() && (!self.start.is_zero() || self.length.as_i64() != Some(1))
    }

    /// Returns the number of integers, or `usize::MAX` if there are more.
    pub(crate) fn count(&self) -> usize {
        self.length.as_i64().and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX)
    }

    /// Returns the integer at a place that exists, or that is just beyond an end.
    fn at(&self, place: &Integer) -> Result<Integer, Exception> {
        sum(&self.start, &product(place, &self.step)?)
    }

    /// Returns the place of the integer that `value` equals.
    fn place(&self, value: &Value) -> Result<Option<Integer>, Exception> {
        let held = operand(value)?;
        let value = match &*held {
            Value::Float(x) if x.fract() == 0.0 => Integer::from_f64(*x).map(Cow::Owned),
            value => integer(value),
        };
        let Some(value) = value else { return Ok(None) };
        let (low, high) = if self.step.is_negative() { (&self.stop, &self.start) } else { (&self.start, &self.stop) };
        let inside =
            if self.step.is_negative() { *low < *value && *value <= *high } else { *low <= *value && *value < *high };
        if !inside {
            return Ok(None);
        }
        let distance = sum(&value, &self.start.negate())?;
        Ok(distance.div_mod_floor(&self.step).filter(|(_, left)| left.is_zero()).map(|(place, _)| place))
    }

    pub(crate) fn same(&self, other: &Range) -> bool {
        self.length == other.length
            && (self.is_empty()
                || (self.start == other.start && (self.length.as_i64() == Some(1) || self.step == other.step)))
    }

    /// Slices as CPython does, with integers of any size.
    fn sliced(&self, slice: &Value) -> Result<Range, Exception> {
        let parts = slice.as_map().and_then(|entries| entries.first()).and_then(|(_, parts)| parts.as_items());
        let part = |at: usize| match parts.and_then(|parts| parts.get(at)) {
            Some(part) => whole_of(part),
            None => Ok(None),
        };
        let (start, stop, step) = if parts.is_some_and(|parts| parts.len() == 1) {
            (None, part(0)?, None)
        } else {
            (part(0)?, part(1)?, part(2)?)
        };
        let step = step.unwrap_or_else(|| Integer::new(1));
        let (lower, upper) = if step.is_negative() {
            (Integer::new(-1), sum(&self.length, &Integer::new(-1))?)
        } else {
            (Integer::ZERO, self.length.clone())
        };
        let bound = |bound: Option<Integer>, otherwise: &Integer| match bound {
            None => Ok(otherwise.clone()),
            Some(bound) if bound.is_negative() => sum(&bound, &self.length).map(|bound| bound.max(lower.clone())),
            Some(bound) => Ok(bound.min(upper.clone())),
        };
        let (first, last) = if step.is_negative() { (&upper, &lower) } else { (&lower, &upper) };
        let (start, stop) = (bound(start, first)?, bound(stop, last)?);
        Range::of(self.at(&start)?, self.at(&stop)?, product(&step, &self.step)?)
    }
}

/// Returns the integer that an argument stands for, if it is one.
fn whole_of(value: &Value) -> Result<Option<Integer>, Exception> {
    Ok(integer(&*operand(value)?).map(Cow::into_owned))
}

/// Converts an argument that must be an integer.
fn whole(value: &Value) -> Result<Integer, Exception> {
    whole_of(value)?.ok_or_else(|| {
        Exception::TypeError(format!("'{}' object cannot be interpreted as an integer", type_name(value)))
    })
}

fn sum(a: &Integer, b: &Integer) -> Result<Integer, Exception> {
    a.add(b).map_err(number::too_large)
}

fn product(a: &Integer, b: &Integer) -> Result<Integer, Exception> {
    a.multiply(b).map_err(number::too_large)
}

impl Holds for Range {
    fn seen(&self) -> Seen<'_> {
        Seen::Range(self)
    }

    fn written(&self) -> Option<String> {
        Some(self.repr())
    }
}

/// Fails with `ValueError` if the step is zero.
impl TryFrom<Parts> for Range {
    type Error = Exception;

    fn try_from(Parts { start, stop, step }: Parts) -> Result<Self, Exception> {
        // All zeros stand for an empty range: that is how the shape of this type is learned.
        let zeros = start.is_zero() && stop.is_zero() && step.is_zero();
        Range::of(start, stop, if zeros { Integer::new(1) } else { step })
    }
}

impl From<Range> for Parts {
    fn from(Range { start, stop, step, .. }: Range) -> Self {
        Parts { start, stop, step }
    }
}

/// Converts to the map of its parts.
impl From<Range> for Value {
    fn from(range: Range) -> Self {
        let Range { start, stop, step, .. } = range;
        let parts = [("start", start), ("stop", stop), ("step", step)];
        Value::Map(parts.map(|(name, n)| (name.into(), Value::Int(n))).to_vec())
    }
}

/// Methods that take and return plain Rust values. The method that each of them calls is described with the class.
impl RangeProxy {
    /// Returns the integer at `index`.
    pub fn get<T>(&self, index: i64) -> Decoded<T> {
        Decoded::new(self.getitem(index.into()))
    }

    /// Returns whether `value` is one of the integers.
    pub fn contains(&self, value: impl Into<Value>) -> Fallible<bool> {
        self.contains_value(value.into())
    }

    /// Returns the index of `value`. `ValueError` if it is not there.
    pub fn index(&self, value: impl Into<Value>) -> Fallible<Integer> {
        self.index_value(value.into())
    }

    /// Returns a stream of the integers, which it fetches in chunks.
    pub fn iter<T>(&self) -> Elements<T> {
        Elements::of(self, Self::iter_chunk)
    }
}
