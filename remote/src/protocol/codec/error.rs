//! The errors of encoding and decoding.

use std::fmt::Display;

use serde::{de, ser};

use crate::value::{DEPTH_LIMIT, NESTING_LIMIT, TooDeep};

/// The error of encoding or decoding.
///
/// ```
/// use tarmem_remote::codec::{CodecError, decode};
///
/// assert_eq!(decode::<u8>(&[1, 2, 3]), Err(CodecError::LeftOver { bytes: 2 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// Values ([`DEPTH_LIMIT`](crate::value::DEPTH_LIMIT)) or types ([`NESTING_LIMIT`](super::NESTING_LIMIT)) are
    /// nested deeper than their limit.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit, in levels.
        limit: usize,
    },
    /// The sequences and maps of a message have more elements than its size allows.
    #[error("more than {limit} elements in a message that is too small for them")]
    TooManyElements {
        /// The limit, in elements: the size of the message in bytes plus [`SPARE_ELEMENTS`](super::SPARE_ELEMENTS).
        limit: usize,
    },
    /// The encoded form is larger than allowed.
    #[error("larger than {limit} bytes when encoded")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// There is more data than the type takes: sender and receiver disagree on the type.
    #[error(
        "{bytes} {} left over: sender and receiver disagree on the type",
        if *bytes == 1 { "byte" } else { "bytes" }
    )]
    LeftOver {
        /// How many bytes.
        bytes: usize,
    },
    /// The data does not fit the type, or the type's own `Serialize` or `Deserialize` failed; with its message.
    #[error("{0}")]
    Malformed(String),
}

impl CodecError {
    /// Recognises an error that passed through serde, which keeps only the messages of errors.
    fn custom(message: String) -> Self {
        for limit in [DEPTH_LIMIT, NESTING_LIMIT] {
            if message == (TooDeep { limit }).to_string() {
                return CodecError::TooDeep { limit };
            }
        }
        CodecError::Malformed(message)
    }

    /// postcard's errors with messages that help.
    #[cold]
    pub(super) fn from_postcard(error: postcard::Error) -> Self {
        use postcard::Error as E;
        let words = match error {
            E::DeserializeUnexpectedEnd => "the data ends too early",
            E::DeserializeBadVarint => "a number in the data is out of range for its type",
            E::DeserializeBadBool => "a bool in the data is neither true nor false",
            E::DeserializeBadChar => "a character in the data is invalid",
            E::DeserializeBadUtf8 => "a text in the data is not UTF-8",
            E::DeserializeBadOption => "an option in the data is neither `Some` nor `None`",
            E::DeserializeBadEnum => "a variant in the data is unknown",
            E::SerializeSeqLengthUnknown => {
                "the typed encoding has to know lengths beforehand; `#[serde(flatten)]` and iterators of unknown \
                 length cannot be encoded"
            }
            other => return CodecError::Malformed(other.to_string()),
        };
        CodecError::Malformed(words.to_owned())
    }
}

impl ser::Error for CodecError {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        CodecError::custom(message.to_string())
    }
}

impl de::Error for CodecError {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        CodecError::custom(message.to_string())
    }
}
