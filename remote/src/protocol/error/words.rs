//! Parts of error messages.

use crate::escape::escape_lines;
use std::borrow::Cow;
use std::time::Duration;

/// Escapes text from outside: a method's own message, a name that a user chose.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    escape_lines(text)
}

pub(super) fn is_unix(address: &str) -> bool {
    address.starts_with("unix:")
}

pub(super) fn listed(differences: &[String]) -> String {
    if differences.is_empty() { String::new() } else { format!(" ({})", shown(&differences.join("; "))) }
}

pub(super) fn undone_words(undone: bool, here: bool) -> &'static str {
    match (undone, here) {
        (true, _) => "what it took was put back",
        (false, true) => "the call was made, and its result is in this error",
        (false, false) => "the call was made",
    }
}

pub(super) fn late_words(what: &str, after: Duration) -> String {
    if after.is_zero() {
        format!("{what} was not attempted, because its timeout is zero; give it a longer one")
    } else {
        format!("no result from {what} within {}; give it a longer timeout", duration(after))
    }
}

pub(super) fn duration(duration: Duration) -> String {
    format!("{duration:?}")
}
