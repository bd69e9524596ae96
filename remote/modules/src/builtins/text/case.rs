//! Changing the case of letters, and questions about every character.

use super::Letter;

/// Returns the first unit in upper case, and the rest in lower case.
pub(crate) fn capitalize<T: Letter>(text: &[T]) -> Vec<T> {
    let first: Vec<T> = text.first().map(|first| first.to_title()).unwrap_or_default();
    first.into_iter().chain((1..text.len()).flat_map(|at| T::lower_at(text, at))).collect()
}

/// Returns the text with the first letter of each word in upper case.
pub(crate) fn title<T: Letter>(text: &[T]) -> Vec<T> {
    let mut inside = false;
    let mut titled = Vec::with_capacity(text.len());
    for (at, unit) in text.iter().enumerate() {
        titled.extend(if inside { T::lower_at(text, at) } else { unit.to_title() });
        inside = unit.is_cased();
    }
    titled
}

/// Returns the text with upper case and lower case swapped.
pub(crate) fn swap<T: Letter>(text: &[T]) -> Vec<T> {
    let swapped = |(at, unit): (usize, &T)| {
        if unit.is_upper() {
            T::lower_at(text, at)
        } else if unit.is_lower() {
            unit.to_upper()
        } else {
            vec![*unit]
        }
    };
    text.iter().enumerate().flat_map(swapped).collect()
}

/// Returns whether there are units, and all answer yes.
pub(crate) fn all<T: Letter>(text: &[T], question: impl Fn(T) -> bool) -> bool {
    !text.is_empty() && text.iter().all(|unit| question(*unit))
}

/// Returns whether there are units for which `right` holds, and none for which `wrong` holds, nor one that stands for
/// two letters of which only the first is upper case.
pub(crate) fn all_cased<T: Letter>(text: &[T], right: impl Fn(T) -> bool, wrong: impl Fn(T) -> bool) -> bool {
    text.iter().any(|unit| right(*unit)) && !text.iter().any(|unit| wrong(*unit) || unit.is_title())
}

/// Returns whether each word begins with a capital, has no other, and there is one.
pub(crate) fn is_title<T: Letter>(text: &[T]) -> bool {
    let mut inside = false;
    let mut any = false;
    for unit in text {
        let (capital, small) = (unit.is_upper() || unit.is_title(), unit.is_lower());
        if (capital && inside) || (small && !inside) {
            return false;
        }
        inside = capital || small;
        any |= inside;
    }
    any
}
