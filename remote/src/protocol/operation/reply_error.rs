//! Why an operation has no result, as its reply says.

use crate::error::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Why an operation has no result.
///
/// The client, which made the call, knows best what was late, and makes the [`Error`] for the caller. On the wire this
/// is that error without a name.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyError {
    /// The deadline of the call has passed.
    Late {
        /// The timeout of the call.
        after: Duration,
    },
    /// A generator took longer than the service allows.
    GeneratorLate {
        /// The limit.
        limit: Duration,
    },
    /// An error that contains everything that the caller is told.
    Complete(Error),
}

impl ReplyError {
    /// The error for the caller. `what` names the call and its target.
    pub fn named(self, what: impl FnOnce() -> String) -> Error {
        match self {
            ReplyError::Late { after } => Error::DeadlineExceeded { what: what(), after },
            ReplyError::GeneratorLate { limit } => Error::GeneratorLate { what: what(), limit },
            ReplyError::Complete(error) => error,
        }
    }

    /// Approximately how many bytes it takes on the wire.
    pub fn size(&self) -> usize {
        match self {
            ReplyError::Late { .. } | ReplyError::GeneratorLate { .. } => size_of::<Duration>(),
            ReplyError::Complete(error) => error.to_string().len() * 2,
        }
    }
}

impl From<Error> for ReplyError {
    fn from(error: Error) -> Self {
        ReplyError::Complete(error)
    }
}

impl Serialize for ReplyError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ReplyError::Complete(error) => error.serialize(serializer),
            late => late.clone().named(String::new).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ReplyError {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Error::deserialize(deserializer)? {
            Error::DeadlineExceeded { what, after } if what.is_empty() => ReplyError::Late { after },
            Error::GeneratorLate { what, limit } if what.is_empty() => ReplyError::GeneratorLate { limit },
            error => ReplyError::Complete(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn what_is_late_is_an_error_without_a_name_on_the_wire() {
        let second = Duration::from_secs(1);
        let late = |what: &str| Error::DeadlineExceeded { what: what.to_owned(), after: second };
        let generator = |what: &str| Error::GeneratorLate { what: what.to_owned(), limit: second };
        for (sent, on_the_wire) in [
            (ReplyError::Late { after: second }, late("")),
            (ReplyError::GeneratorLate { limit: second }, generator("")),
            (late("another call").into(), late("another call")),
            (Error::Cancelled.into(), Error::Cancelled),
        ] {
            let bytes = codec::encode(&sent).expect("encoded");
            assert_eq!(bytes, codec::encode(&on_the_wire).expect("encoded"));
            assert_eq!(codec::decode::<ReplyError>(&bytes).expect("decoded"), sent);
        }
        assert_eq!(ReplyError::Late { after: second }.named(|| "it".to_owned()), late("it"));
        assert_eq!(ReplyError::GeneratorLate { limit: second }.named(|| "it".to_owned()), generator("it"));
    }
}
