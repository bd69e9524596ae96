//! The typed encoding: [postcard](https://postcard.jamesmunns.com), protected against hostile bytes.
//!
//! [`encode`] and [`decode`] are the entry points; [`TypedDeserializer`] is for a dispatcher that reads arguments
//! without knowing their types. The bytes are plain postcard. The protections:
//!
//! - At most [`NESTING_LIMIT`] types are nested, in both directions, so that no message overflows the stack.
//! - A message's sequences and maps have at most as many elements as the message has bytes, plus [`SPARE_ELEMENTS`]. An
//!   element takes at least one byte, unless its type is empty, so the limit only affects sequences of empty values
//!   (`Vec<()>`).
//! - No more memory is reserved than there are bytes left.
//! - No bytes may be left over.
//!
//! ```
//! use tarmem_remote::codec::{CodecError, decode, encode};
//!
//! let bytes = encode(&(1u8, "two", vec![3.0])).unwrap();
//! assert_eq!(decode::<(u8, &str, Vec<f64>)>(&bytes), Ok((1, "two", vec![3.0])));
//! assert_eq!(decode::<(u8, &str)>(&bytes), Err(CodecError::LeftOver { bytes: 9 }));
//! ```

mod decoder;
mod encoder;
mod error;

#[cfg(test)]
mod tests;

pub use decoder::{SPARE_ELEMENTS, TypedDeserializer, decode, decode_prefix};
pub use encoder::{encode, encode_into};
pub use error::CodecError;

pub use crate::value::NESTING_LIMIT;
use serde::{Deserialize, Serialize};

/// How arguments and results are encoded.
///
/// ```
/// use tarmem_remote::codec::Encoding;
///
/// assert_ne!(Encoding::Typed, Encoding::Dynamic);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// postcard of the Rust types themselves, which both sides know.
    Typed,
    /// postcard of [`Value`](crate::value::Value)s: [`Args`](crate::args::Args), or one result.
    Dynamic,
}
