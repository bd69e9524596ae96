//! Padding and stripping.

use super::Letter;
use crate::Exception;
use crate::extents::{UNITS, looks_at};
use crate::python::{check_result, room, word};
use tarmem_remote::value::Value;

/// Where the text stands in the width.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Center,
    Right,
}

/// Pads to `width` with `fill`.
pub(crate) fn pad<T: Letter>(text: Vec<T>, width: &Value, fill: T, side: Side) -> Result<Vec<T>, Exception> {
    let missing = missing(&text, width)?;
    let width = text.len() + missing;
    let left = match side {
        Side::Left => 0,
        Side::Right => missing,
        // As CPython rounds: if the width is odd, the odd unit goes to the left.
        Side::Center => missing / 2 + (missing & width & 1),
    };
    let mut padded = room(width)?;
    padded.resize(left, fill);
    padded.extend(text);
    padded.resize(width, fill);
    Ok(padded)
}

/// Pads with zeros after the sign.
pub(crate) fn zero_fill<T: Letter>(text: Vec<T>, width: &Value) -> Result<Vec<T>, Exception> {
    let missing = missing(&text, width)?;
    let signed = text.first().is_some_and(|first| *first == T::ascii(b'+') || *first == T::ascii(b'-'));
    let at = usize::from(signed);
    let mut filled = room(text.len() + missing)?;
    filled.extend_from_slice(&text[..at]);
    filled.resize(at + missing, T::ascii(b'0'));
    filled.extend_from_slice(&text[at..]);
    Ok(filled)
}

fn missing<T>(text: &[T], width: &Value) -> Result<usize, Exception> {
    let width = usize::try_from(word(width)?.max(0)).unwrap_or(usize::MAX);
    if width > text.len() {
        check_result(size_of::<T>(), width)?;
    }
    let missing = width.saturating_sub(text.len());
    looks_at(missing / UNITS)?;
    Ok(missing)
}

/// Replaces tabs with spaces, up to the next column that is a multiple of `size`.
pub(crate) fn expand_tabs<T: Letter>(text: &[T], size: &Value) -> Result<Vec<T>, Exception> {
    let size = usize::try_from(word(size)?.max(0)).unwrap_or(usize::MAX);
    let (tab, space) = (T::ascii(b'\t'), T::ascii(b' '));
    let tabs = text.iter().filter(|unit| **unit == tab).count();
    check_result(size.saturating_mul(size_of::<T>()), tabs)?;
    looks_at(size.saturating_mul(tabs) / UNITS)?;
    let mut expanded = Vec::with_capacity(text.len());
    let mut column = 0;
    for unit in text {
        if *unit == tab {
            let spaces = if size == 0 { 0 } else { size - column % size };
            expanded.extend(std::iter::repeat_n(space, spaces));
            column += spaces;
        } else {
            expanded.push(*unit);
            let line_end = *unit == T::ascii(b'\n') || *unit == T::ascii(b'\r');
            column = if line_end { 0 } else { column + 1 };
        }
    }
    Ok(expanded)
}

/// The units that are stripped from the ends: spaces, or these.
pub(crate) enum Strip<T> {
    Spaces,
    These(Vec<T>),
}

impl<T: Letter> Strip<T> {
    fn takes(&self, unit: T) -> bool {
        match self {
            Strip::Spaces => unit.is_space(),
            Strip::These(these) => these.contains(&unit),
        }
    }

    /// Strips them from one end or both.
    pub(crate) fn off(&self, text: &[T], left: bool, right: bool) -> Vec<T> {
        let from = if left { text.iter().take_while(|unit| self.takes(**unit)).count() } else { 0 };
        let rest = &text[from..];
        let off = if right { rest.iter().rev().take_while(|unit| self.takes(**unit)).count() } else { 0 };
        rest[..rest.len() - off].to_vec()
    }
}
