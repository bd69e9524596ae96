//! Cutting into parts.

use super::Letter;
use super::search::{apart, apart_from_end};
use crate::modules::Exception;
use crate::modules::python::check_result;

/// How many cuts are made at most: all there are, if negative.
pub(crate) fn cuts(most: i128) -> usize {
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Cuts at each `separator`, `most` times.
pub(crate) fn split<T: Letter>(text: &[T], separator: &[T], most: usize) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    let mut from = 0;
    for place in apart(text, separator).into_iter().take(most) {
        parts.push(text[from..place].to_vec());
        from = place + separator.len();
    }
    parts.push(text[from..].to_vec());
    parts
}

/// Cuts at each `separator`, `most` times, from the end on.
pub(crate) fn rsplit<T: Letter>(text: &[T], separator: &[T], most: usize) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    let mut to = text.len();
    for place in apart_from_end(text, separator).into_iter().take(most) {
        parts.push(text[place + separator.len()..to].to_vec());
        to = place;
    }
    parts.push(text[..to].to_vec());
    parts.reverse();
    parts
}

/// Cuts between words, `most` times; what is left after that keeps its spaces.
pub(crate) fn split_words<T: Letter>(text: &[T], most: usize) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    let mut rest = skip_spaces(text);
    while !rest.is_empty() {
        let end = if parts.len() < most {
            rest.iter().position(|unit| unit.is_space()).unwrap_or(rest.len())
        } else {
            rest.len()
        };
        parts.push(rest[..end].to_vec());
        rest = if parts.len() > most { &[] } else { skip_spaces(&rest[end..]) };
    }
    parts
}

/// As [`split_words`], from the end on.
pub(crate) fn rsplit_words<T: Letter>(text: &[T], most: usize) -> Vec<Vec<T>> {
    let mirrored: Vec<T> = text.iter().rev().copied().collect();
    let mut parts = split_words(&mirrored, most);
    parts.reverse();
    parts.iter_mut().for_each(|part| part.reverse());
    parts
}

fn skip_spaces<T: Letter>(text: &[T]) -> &[T] {
    &text[text.iter().take_while(|unit| unit.is_space()).count()..]
}

/// Cuts into lines, with what ends them or without.
pub(crate) fn lines<T: Letter>(text: &[T], keep_ends: bool) -> Vec<Vec<T>> {
    let (carriage_return, line_feed) = (T::ascii(b'\r'), T::ascii(b'\n'));
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|unit| unit.is_line_end()) {
        let two = rest[end] == carriage_return && rest.get(end + 1) == Some(&line_feed);
        let next = end + 1 + usize::from(two);
        lines.push(rest[..if keep_ends { next } else { end }].to_vec());
        rest = &rest[next..];
    }
    if !rest.is_empty() {
        lines.push(rest.to_vec());
    }
    lines
}

/// Puts `new` in place of `old`, `most` times, from the first on.
pub(crate) fn replace<T: Letter>(text: &[T], old: &[T], new: &[T], most: usize) -> Result<Vec<T>, Exception> {
    // Nothing is found before every unit and at the end: `Places` passes over it without overlapping, too.
    let places: Vec<usize> = apart(text, old).into_iter().take(most).collect();
    check_result(size_of_val(new), places.len())?;
    let mut replaced = Vec::with_capacity(text.len());
    let mut from = 0;
    for place in places {
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
    Ok(parts.join(separator))
}
