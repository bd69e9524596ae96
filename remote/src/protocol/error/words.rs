//! Parts of error messages.

use crate::escape::escape_lines;
use std::borrow::Cow;
use std::time::Duration;
use uuid::Uuid;

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

/// Where a service keeps its objects.
pub(super) fn kept_in(directory: Option<Uuid>) -> String {
    directory.map_or_else(|| "keeps nothing".to_owned(), |id| format!("keeps its objects in directory {id}"))
}

/// How much is left of a run.
pub(super) fn left_words(recovered: u64) -> String {
    match recovered {
        0 => "nothing is there of the service's run at that time".to_owned(),
        batch => format!("of the service's run at that time, it has what was changed up to batch {batch}"),
    }
}
