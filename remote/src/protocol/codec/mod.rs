//! The typed encoding: [postcard](https://postcard.jamesmunns.com), with guards against hostile bytes.
//!
//! [`encode`] and [`decode`] are its ends; [`TypedDeserializer`] is for a dispatcher that reads arguments without
//! knowing their types. The bytes are plain postcard. The guards:
//!
//! - At most [`NESTING_LIMIT`] types in one another, both ways, so that no message overflows the stack.
//! - At most as many elements in a message's sequences and maps as it has bytes, and [`SPARE_ELEMENTS`] more. An
//!   element takes a byte at least, unless its type is empty, so only a sequence of nothings (`Vec<()>`) notices.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// postcard of the Rust types themselves: both sides know them.
    Typed,
    /// postcard of [`Value`](crate::value::Value)s: [`Args`](crate::args::Args), or one result.
    Dynamic,
}
