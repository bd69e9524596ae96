//! `[start:stop:step]`: the elements of a sequence that a slice selects.

use super::index::slice_bound_of;
use super::type_name;
use crate::Exception;
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};
use tarmem_remote::value::Value;

/// A slice, which Python writes `[start:stop:step]`. Any part can be left out, and negative positions count from the
/// end.
///
/// [`Value`] has no variant for slices. In a dynamic call, a slice is a map with the one key `slice`, whose value is
/// the list of arguments of Python's `slice(…)`: `{"slice": [stop]}`, `{"slice": [start, stop]}` or `{"slice": [start,
/// stop, step]}`, with null for the parts left out. In Rust, ranges are slices.
///
/// ```
/// use tarmem_modules::python::Slice;
///
/// let tail = Slice::from(-3..);
/// assert_eq!(tail.span(10).unwrap().positions().collect::<Vec<_>>(), [7, 8, 9]);
/// let backwards = Slice { start: None, stop: None, step: Some(-4) };
/// assert_eq!(backwards.span(10).unwrap().positions().collect::<Vec<_>>(), [9, 5, 1]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// The first position.
    pub start: Option<i128>,
    /// The end, which is not part of the slice.
    pub stop: Option<i128>,
    /// The distance from one position to the next; negative to go backwards.
    pub step: Option<i128>,
}

/// The positions that a slice selects in a sequence of a certain length.
///
/// # Examples
///
/// ```
/// use tarmem_modules::python::{Slice, Span};
///
/// let span: Span = Slice::from(1..4).span(10)?;
/// assert_eq!((span.start, span.step, span.len), (1, 1, 3));
/// assert_eq!(span.positions().collect::<Vec<_>>(), [1, 2, 3]);
/// # Ok::<(), tarmem_modules::Exception>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first position; if none is selected, the one at which elements are inserted.
    pub start: usize,
    /// The distance from one position to the next, which is never zero.
    pub step: i128,
    /// The number of positions.
    pub len: usize,
}

impl Slice {
    /// Returns the slice that a value stands for, or `None` if it is not a slice.
    ///
    /// # Errors
    /// `TypeError` if a part is neither an integer nor null, `ValueError` if the step is zero.
    pub fn of(value: &Value) -> Result<Option<Self>, Exception> {
        let parts = match value {
            Value::Map(entries) => match entries.as_slice() {
                [(key, parts)] if key.as_str() == Some("slice") => parts,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        let part = |value: &Value| match value {
            Value::Null => Ok(None),
            value => slice_bound_of(value).map(Some),
        };
        let (start, stop, step) = match parts.as_items() {
            Some([stop]) => (&Value::Null, stop, &Value::Null),
            Some([start, stop]) => (start, stop, &Value::Null),
            Some([start, stop, step]) => (start, stop, step),
            Some(parts) => {
                return Err(Exception::TypeError(format!("slice expected 1 to 3 arguments, got {}", parts.len())));
            }
            None => {
                let found = type_name(parts);
                return Err(Exception::TypeError(format!(
                    "the parts of a slice are a list, {{\"slice\": [start, stop, step]}}, not '{found}'"
                )));
            }
        };
        // In the order in which CPython looks at them, which decides the error if several are wrong.
        let step = part(step)?;
        if step == Some(0) {
            return Err(zero_step());
        }
        Ok(Some(Slice { start: part(start)?, stop: part(stop)?, step }))
    }

    /// Returns the positions that the slice selects in a sequence of `len`.
    ///
    /// # Errors
    /// `ValueError` if the step is zero.
    pub fn span(&self, len: usize) -> Result<Span, Exception> {
        let step = self.step.unwrap_or(1);
        if step == 0 {
            return Err(zero_step());
        }
        let length = len as i128;
        // Backwards, the ends are one position further to the left.
        let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
        let bound = |at: i128| if at < 0 { at.saturating_add(length).max(lowest) } else { at.min(highest) };
        let (first, last) = if step < 0 { (highest, lowest) } else { (lowest, highest) };
        let start = self.start.map_or(first, bound);
        let stop = self.stop.map_or(last, bound);
        let distance = if step < 0 { start - stop } else { stop - start };
        // At most `len`, since both ends are within the sequence.
        let count = if distance > 0 { (distance - 1) / step.saturating_abs() + 1 } else { 0 };
        Ok(Span { start: start.max(0) as usize, step, len: count as usize })
    }
}

fn zero_step() -> Exception {
    Exception::value("slice step cannot be zero")
}

impl Span {
    /// Returns the positions, in the slice's order.
    pub fn positions(self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        // The product is smaller than the length of the sequence wherever a position exists.
        (0..self.len).map(move |nth| (self.start as i128 + self.step * nth as i128) as usize)
    }

    /// Returns the positions in ascending order.
    pub fn ascending(self) -> Box<dyn DoubleEndedIterator<Item = usize>> {
        if self.step < 0 { Box::new(self.positions().rev()) } else { Box::new(self.positions()) }
    }

    /// Removes the elements at these positions. The span must be of a sequence as long as `items`.
    pub(crate) fn take_out<T>(self, items: &mut Vec<T>) {
        let mut gone = self.ascending().peekable();
        let mut at = 0;
        items.retain(|_| {
            let keep = gone.next_if_eq(&at).is_none();
            at += 1;
            keep
        });
    }
}

impl From<Slice> for Value {
    fn from(slice: Slice) -> Self {
        let parts = [slice.start, slice.stop, slice.step];
        Value::Map(vec![("slice".into(), parts.into())])
    }
}

impl From<Range<i64>> for Slice {
    fn from(range: Range<i64>) -> Self {
        Slice { start: Some(range.start.into()), stop: Some(range.end.into()), step: None }
    }
}

impl From<RangeFrom<i64>> for Slice {
    fn from(range: RangeFrom<i64>) -> Self {
        Slice { start: Some(range.start.into()), stop: None, step: None }
    }
}

impl From<RangeTo<i64>> for Slice {
    fn from(range: RangeTo<i64>) -> Self {
        Slice { start: None, stop: Some(range.end.into()), step: None }
    }
}

impl From<RangeFull> for Slice {
    fn from(_: RangeFull) -> Self {
        Slice::default()
    }
}
