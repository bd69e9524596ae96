//! Splitting into parts. Each part is passed on as soon as it is found, so that the receiver can stop early.

use super::Letter;
use super::search::apart;
use crate::Exception;
use crate::python::{Meter, check_result, room, weight};
use tarmem_remote::value::Value;

/// Receives a part; fails if there are too many.
pub(crate) type Take<'t, T> = &'t mut dyn FnMut(&[T]) -> Result<(), Exception>;

/// The parts as values. Their memory is limited to that of a result.
#[derive(Default)]
pub(crate) struct Parts {
    values: Vec<Value>,
    meter: Meter,
}

impl Parts {
    /// Adds a part.
    pub(crate) fn push(&mut self, part: Value) -> Result<(), Exception> {
        self.meter.take(weight(&part))?;
        self.values.push(part);
        Ok(())
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Returns the parts in reverse order.
    pub(crate) fn into_reversed(mut self) -> Vec<Value> {
        self.values.reverse();
        self.values
    }
}

/// Converts `maxsplit` to the maximum number of cuts. A negative one means no limit.
pub(crate) fn cuts(most: i128) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Splits at each `separator`, at most `most` times.
pub(crate) fn split<T: Letter>(text: &[T], separator: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    let mut from = 0;
    for place in apart(text, separator).take(most) {
        take(&text[from..place])?;
        from = place + separator.len();
    }
    take(&text[from..])
}

/// Splits at each `separator`, at most `most` times, from the end: the last part comes first.
pub(crate) fn rsplit<T: Letter>(text: &[T], separator: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    split(&mirrored(text), &mirrored(separator), most, &mut |part| take(&mirrored(part)))
}

/// Splits between words, at most `most` times. The rest keeps its spaces.
pub(crate) fn split_words<T: Letter>(text: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    let mut cuts = 0;
    let mut rest = skip_spaces(text);
    while !rest.is_empty() {
        let end =
            if cuts < most { rest.iter().position(|unit| unit.is_space()).unwrap_or(rest.len()) } else { rest.len() };
        take(&rest[..end])?;
        rest = if cuts == most { &[] } else { skip_spaces(&rest[end..]) };
        cuts += 1;
    }
    Ok(())
}

/// As [`split_words`], from the end: the last part comes first.
pub(crate) fn rsplit_words<T: Letter>(text: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    split_words(&mirrored(text), most, &mut |part| take(&mirrored(part)))
}

fn mirrored<T: Letter>(text: &[T]) -> Vec<T> {
    text.iter().rev().copied().collect()
}

fn skip_spaces<T: Letter>(text: &[T]) -> &[T] {
    &text[text.iter().take_while(|unit| unit.is_space()).count()..]
}

/// Splits into lines, with or without their line ends.
pub(crate) fn lines<T: Letter>(text: &[T], keep_ends: bool, take: Take<'_, T>) -> Result<(), Exception> {
    let (carriage_return, line_feed) = (T::ascii(b'\r'), T::ascii(b'\n'));
    let mut rest = text;
    while let Some(end) = rest.iter().position(|unit| unit.is_line_end()) {
        let two = rest[end] == carriage_return && rest.get(end + 1) == Some(&line_feed);
        let next = end + 1 + usize::from(two);
        take(&rest[..if keep_ends { next } else { end }])?;
        rest = &rest[next..];
    }
    if rest.is_empty() { Ok(()) } else { take(rest) }
}

/// Replaces `old` with `new`, at most `most` times, from the first on.
pub(crate) fn replace<T: Letter>(text: &[T], old: &[T], new: &[T], most: usize) -> Result<Vec<T>, Exception> {
    // An empty part occurs before every unit and at the end; `Places` finds each of these without overlaps too.
    let count = apart(text, old).take(most).count();
    check_result(size_of_val(new), count)?;
    let mut replaced = room(text.len() + count * new.len() - count * old.len())?;
    let mut from = 0;
    for place in apart(text, old).take(most) {
        replaced.extend_from_slice(&text[from..place]);
        replaced.extend_from_slice(new);
        from = place + old.len();
    }
    replaced.extend_from_slice(&text[from..]);
    Ok(replaced)
}

/// Joins the parts, with `separator` between them.
pub(crate) fn join<T: Letter>(separator: &[T], parts: &[Vec<T>]) -> Result<Vec<T>, Exception> {
    check_result(size_of_val(separator), parts.len())?;
    let between = separator.len() * parts.len().saturating_sub(1);
    let mut joined = room(parts.iter().map(Vec::len).sum::<usize>() + between)?;
    for (nth, part) in parts.iter().enumerate() {
        if nth > 0 {
            joined.extend_from_slice(separator);
        }
        joined.extend_from_slice(part);
    }
    Ok(joined)
}
