//! Errors made from what is known where they arise, with the remedy.

use super::Error;
use crate::codec::CodecError;

impl Error {
    /// The error for an exceeded limit: the limited quantity (with its unit), the requested amount, the limit, and the
    /// remedy.
    pub fn limit(what: impl Into<String>, found: u64, limit: u64, remedy: impl Into<String>) -> Self {
        Error::LimitExceeded { what: what.into(), limit, found, remedy: remedy.into() }
    }

    /// The error for a result that cannot be encoded, with the remedy.
    pub fn bad_result(what: impl Into<String>, error: &CodecError) -> Self {
        let remedy = match error {
            CodecError::TooLarge { .. } => {
                "; return less at once, or raise the frame limit: the service's, or the client's max_frame"
            }
            CodecError::TooDeep { .. } => "; return it in parts, or as references to objects",
            _ => "",
        };
        Error::BadResult { what: what.into(), reason: format!("{error}{remedy}") }
    }

    /// The error for something that arrived and is not valid.
    pub fn malformed(what: impl Into<String>, reason: impl ToString) -> Self {
        Error::Malformed { what: what.into(), reason: reason.to_string() }
    }

    /// The error for a class without `new`; `generators` are those of its module.
    pub(crate) fn no_constructor<'a>(module: &str, name: &str, generators: impl Iterator<Item = &'a str>) -> Self {
        let its = generators.filter(|generator| generator.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')));
        Error::NoConstructor {
            class: format!("{module}.{name}"),
            constructors: its.map(|generator| format!("{module}.{generator}")).collect(),
        }
    }
}
