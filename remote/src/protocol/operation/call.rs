//! The encoding of a call.
//!
//! Nearly all operations are calls, so they are encoded by hand and not through serde, which took a sixth of what a
//! call costs a service:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | that it is a call, with flags for the rest |
//! | 16, or 4 and as many as these say | the object's id; or the key, after its length |
//! | 8, or 4 and as many as these say | the method's id; or its name, after its length |
//! | the rest | the arguments |
//!
//! Numbers are little-endian.

use super::{MethodRef, Operation, Target};
use crate::codec::Encoding;
use crate::error::Error;
use crate::payload::Payload;
use uuid::Uuid;

/// Set in the first byte of a call. postcard numbers the other operations from 0.
const CALL: u8 = 0x80;

/// The object is identified by its id.
const BY_ID: u8 = 1;

/// The method is identified by its name.
const BY_NAME: u8 = 2;

/// The arguments and the result are dynamic.
const DYNAMIC: u8 = 4;

/// The size of a length.
const LENGTH: usize = size_of::<u32>();

/// Whether these bytes begin like a call.
pub(super) fn is_call(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & CALL != 0)
}

pub(super) fn encode(
    target: Target<'_>,
    method: MethodRef<'_>,
    encoding: Encoding,
    args: &[u8],
) -> Result<Payload, Error> {
    let head = CALL | if encoding == Encoding::Dynamic { DYNAMIC } else { 0 };
    let none: &[u8] = &[];
    Ok(match (target, method) {
        (Target::Key(key), MethodRef::Id(method)) => {
            Payload::joined(head, (length_of(key)?, key.as_bytes()), (method.to_le_bytes(), none), args)
        }
        (Target::Key(key), MethodRef::Name(name)) => {
            let name = (length_of(name)?, name.as_bytes());
            Payload::joined(head | BY_NAME, (length_of(key)?, key.as_bytes()), name, args)
        }
        (Target::Id(id), MethodRef::Id(method)) => {
            Payload::joined(head | BY_ID, (id.into_bytes(), none), (method.to_le_bytes(), none), args)
        }
        (Target::Id(id), MethodRef::Name(name)) => {
            let name = (length_of(name)?, name.as_bytes());
            Payload::joined(head | BY_ID | BY_NAME, (id.into_bytes(), none), name, args)
        }
    })
}

fn length_of(text: &str) -> Result<[u8; LENGTH], Error> {
    let length = u32::try_from(text.len()).map_err(|e| Error::malformed("operation", e))?;
    Ok(length.to_le_bytes())
}

pub(super) fn decode(bytes: &[u8]) -> Result<Operation<'_>, Error> {
    let (&first, rest) = bytes.split_first().ok_or_else(cut_off)?;
    let flags = first & !CALL;
    if flags & !(BY_ID | BY_NAME | DYNAMIC) != 0 {
        return Err(Error::malformed("operation", format!("a call has no flags {flags:#x}")));
    }
    let (target, rest) = if flags & BY_ID == 0 {
        let (key, rest) = take_text(rest)?;
        (Target::Key(key), rest)
    } else {
        let (id, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        (Target::Id(Uuid::from_bytes(*id)), rest)
    };
    let (method, args) = if flags & BY_NAME == 0 {
        let (id, rest) = rest.split_first_chunk().ok_or_else(cut_off)?;
        (MethodRef::Id(u64::from_le_bytes(*id)), rest)
    } else {
        let (name, rest) = take_text(rest)?;
        (MethodRef::Name(name), rest)
    };
    let encoding = if flags & DYNAMIC == 0 { Encoding::Typed } else { Encoding::Dynamic };
    Ok(Operation::Call { target, method, encoding, args })
}

fn take_text(bytes: &[u8]) -> Result<(&str, &[u8]), Error> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>().ok_or_else(cut_off)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|e| Error::malformed("operation", e))?;
    let (text, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    Ok((read_text(text)?, rest))
}

/// Most keys and names are short and ASCII, which is quick to check. The check for UTF-8 took a twentieth of the
/// service's time for a small call.
#[inline]
fn read_text(bytes: &[u8]) -> Result<&str, Error> {
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|e| Error::malformed("operation", e))
}

#[cold]
fn cut_off() -> Error {
    Error::malformed("operation", "it is cut off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_decodes_as_it_was_encoded() {
        let id = Uuid::from_u128(u128::MAX / 3);
        for target in [Target::Key(""), Target::Key("käse"), Target::Id(id)] {
            for method in [MethodRef::Id(u64::MAX - 1), MethodRef::Name("__add__"), MethodRef::Name("")] {
                for encoding in [Encoding::Typed, Encoding::Dynamic] {
                    for args in [&b""[..], b"\x80arguments"] {
                        let call = Operation::Call { target, method, encoding, args };
                        let bytes = call.encode().expect("it fits");
                        assert_eq!(Operation::decode(&bytes).expect("it was written"), call);
                        let head = bytes.len() - args.len();
                        for cut in 0..head {
                            assert!(Operation::decode(&bytes[..cut]).is_err(), "{call:?} cut at {cut}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_that_are_not_an_operation_are_an_error() {
        for bytes in [
            &[CALL | 8][..],
            &[0xff],
            &[CALL, 0xff, 0xff, 0xff, 0xff, 1],
            &[CALL, 1, 0, 0, 0, 0xff, 1, 2, 3, 4, 5, 6, 7, 8],
        ] {
            assert!(Operation::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
