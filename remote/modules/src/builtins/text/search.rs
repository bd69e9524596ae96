//! Finding and counting the occurrences of a part.

use crate::Exception;
use crate::python::{insertion, slice_bound_of};
use std::ops::Range;
use tarmem_remote::value::Value;

/// Returns the bounds that `start` and `stop` stand for; `None` if the first is beyond the text, where not even an
/// empty part is found.
pub(crate) fn bounds(
    len: usize,
    start: Option<&Value>,
    stop: Option<&Value>,
) -> Result<Option<Range<usize>>, Exception> {
    let start = start.map_or(Ok(0), slice_bound_of)?;
    let stop = stop.map_or(Ok(len), |stop| slice_bound_of(stop).map(|stop| insertion(stop, len)))?;
    let beyond = start > len as i128;
    let start = insertion(start, len);
    Ok((!beyond && start <= stop).then_some(start..stop))
}

/// The places where `part` occurs, from the first on, found in time proportional to the two lengths whatever they hold
/// (Knuth, Morris and Pratt, 1977). Places may overlap.
pub(crate) struct Places<'a, T> {
    text: &'a [T],
    part: &'a [T],
    /// How many units of the part are matched again after a match of its first `n`.
    borders: Vec<usize>,
    at: usize,
    matched: usize,
}

impl<'a, T: PartialEq> Places<'a, T> {
    pub(crate) fn new(text: &'a [T], part: &'a [T]) -> Self {
        let mut borders = vec![0; part.len()];
        let mut border = 0;
        for at in 1..part.len() {
            while border > 0 && part[at] != part[border] {
                border = borders[border - 1];
            }
            border += usize::from(part[at] == part[border]);
            borders[at] = border;
        }
        Places { text, part, borders, at: 0, matched: 0 }
    }

    /// Returns the places that do not overlap.
    fn apart(self) -> Apart<'a, T> {
        Apart(self)
    }
}

impl<T: PartialEq> Iterator for Places<'_, T> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.part.is_empty() {
            let place = (self.at <= self.text.len()).then_some(self.at);
            self.at += 1;
            return place;
        }
        while let Some(unit) = self.text.get(self.at) {
            self.at += 1;
            if self.matched == self.part.len() {
                self.matched = self.borders[self.matched - 1];
            }
            while self.matched > 0 && *unit != self.part[self.matched] {
                self.matched = self.borders[self.matched - 1];
            }
            self.matched += usize::from(*unit == self.part[self.matched]);
            if self.matched == self.part.len() {
                return Some(self.at - self.part.len());
            }
        }
        None
    }
}

/// Returns the first place of `part`.
pub(crate) fn find<T: PartialEq>(text: &[T], part: &[T]) -> Option<usize> {
    Places::new(text, part).next()
}

/// Returns the last place of `part`.
pub(crate) fn rfind<T: PartialEq>(text: &[T], part: &[T]) -> Option<usize> {
    if part.is_empty() { Some(text.len()) } else { Places::new(text, part).last() }
}

/// The places of a part that do not overlap.
pub(crate) struct Apart<'a, T>(Places<'a, T>);

impl<T: PartialEq> Iterator for Apart<'_, T> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.0.next()?;
        // The units that are matched so far belong to this place.
        self.0.matched = 0;
        Some(place)
    }
}

/// Returns the places of `part` that do not overlap, from the first on. They are not stored, since there may be as many
/// as units.
pub(crate) fn apart<'a, T: PartialEq>(text: &'a [T], part: &'a [T]) -> Apart<'a, T> {
    Places::new(text, part).apart()
}
