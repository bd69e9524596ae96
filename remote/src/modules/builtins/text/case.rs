//! Capitals, and questions about every character.

use super::Letter;

/// The first unit as a capital, the rest as small letters.
pub(crate) fn capitalize<T: Letter>(text: &[T]) -> Vec<T> {
    let mut units = text.iter();
    let first: Vec<T> = units.next().map(|first| title_letter(*first)).unwrap_or_default();
    first.into_iter().chain(units.flat_map(|unit| unit.to_lower())).collect()
}

/// Each word with a capital.
pub(crate) fn title<T: Letter>(text: &[T]) -> Vec<T> {
    let mut inside = false;
    let mut titled = Vec::with_capacity(text.len());
    for unit in text {
        titled.extend(if inside { unit.to_lower() } else { title_letter(*unit) });
        inside = cased(*unit);
    }
    titled
}

/// A capital that becomes several letters is one, and small ones: `Ss` for `ß`.
fn title_letter<T: Letter>(unit: T) -> Vec<T> {
    let mut upper = unit.to_upper().into_iter();
    upper.next().into_iter().chain(upper.flat_map(Letter::to_lower)).collect()
}

/// Small letters for capitals, and capitals for small letters.
pub(crate) fn swap<T: Letter>(text: &[T]) -> Vec<T> {
    text.iter().flat_map(|unit| if unit.is_upper() { unit.to_lower() } else { unit.to_upper() }).collect()
}

fn cased<T: Letter>(unit: T) -> bool {
    unit.is_upper() || unit.is_lower()
}

/// Whether there are units, and all answer yes.
pub(crate) fn all<T: Letter>(text: &[T], question: impl Fn(T) -> bool) -> bool {
    !text.is_empty() && text.iter().all(|unit| question(*unit))
}

/// Whether there are letters with a case, and none is of the other one.
pub(crate) fn all_cased<T: Letter>(text: &[T], wrong: impl Fn(T) -> bool) -> bool {
    text.iter().any(|unit| cased(*unit)) && !text.iter().any(|unit| wrong(*unit))
}

/// Whether each word begins with a capital, has no other, and there is one.
pub(crate) fn is_title<T: Letter>(text: &[T]) -> bool {
    let mut inside = false;
    let mut any = false;
    for unit in text {
        if (unit.is_upper() && inside) || (unit.is_lower() && !inside) {
            return false;
        }
        inside = cased(*unit);
        any |= inside;
    }
    any
}
