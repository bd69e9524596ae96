//! Cutting into parts. Each part is given away as soon as it is found, so that whoever collects them can put an end to
//! it.

use super::Letter;
use super::search::apart;
use crate::Exception;
use crate::python::{Meter, check_result, room, weight};
use tarmem_remote::value::Value;

/// Takes a part, or says that there are too many.
pub(crate) type Take<'t, T> = &'t mut dyn FnMut(&[T]) -> Result<(), Exception>;

/// The parts as values, as long as they take no more memory than a result may.
#[derive(Default)]
pub(crate) struct Parts {
    values: Vec<Value>,
    meter: Meter,
}

impl Parts {
    /// One more.
    pub(crate) fn push(&mut self, part: Value) -> Result<(), Exception> {
        self.meter.take(weight(&part))?;
        self.values.push(part);
        Ok(())
    }

    pub(crate) fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// Returns the one that came last first.
    pub(crate) fn into_reversed(mut self) -> Vec<Value> {
        self.values.reverse();
        self.values
    }
}

/// How many cuts are made at most: all there are, if negative.
pub(crate) fn cuts(most: i128) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Cuts at each `separator`, `most` times.
pub(crate) fn split<T: Letter>(text: &[T], separator: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    let mut from = 0;
    for place in apart(text, separator).take(most) {
        take(&text[from..place])?;
        from = place + separator.len();
    }
    take(&text[from..])
}

/// Cuts at each `separator`, `most` times, from the end on: the last part comes first.
pub(crate) fn rsplit<T: Letter>(text: &[T], separator: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    split(&mirrored(text), &mirrored(separator), most, &mut |part| take(&mirrored(part)))
}

/// Cuts between words, `most` times; what is left after that keeps its spaces.
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

/// As [`split_words`], from the end on: the last part comes first.
pub(crate) fn rsplit_words<T: Letter>(text: &[T], most: usize, take: Take<'_, T>) -> Result<(), Exception> {
    split_words(&mirrored(text), most, &mut |part| take(&mirrored(part)))
}

fn mirrored<T: Letter>(text: &[T]) -> Vec<T> {
    text.iter().rev().copied().collect()
}

fn skip_spaces<T: Letter>(text: &[T]) -> &[T] {
    &text[text.iter().take_while(|unit| unit.is_space()).count()..]
}

/// Cuts into lines, with what ends them or without.
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

/// Puts `new` in place of `old`, `most` times, from the first on.
pub(crate) fn replace<T: Letter>(text: &[T], old: &[T], new: &[T], most: usize) -> Result<Vec<T>, Exception> {
    // Nothing is found before every unit and at the end: `Places` passes over it without overlapping, too.
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

/// Puts `separator` between the parts.
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
