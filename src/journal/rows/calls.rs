//! The rows of calls that are made again when the service starts, on the last state of their object.

use super::BadRow;
use serde::{Deserialize, Serialize};
use tarmem_storage::{Batch, Table};

/// Calls since the last state of an object, by object and number: what was called, and the arguments.
pub(crate) const CALLS: Table = 10;

/// How many bytes the key of a row has.
pub(crate) const KEY_BYTES: usize = 16;

/// What is known of a call, besides its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CallRow<'a> {
    /// The method's name. It is one of the object's class itself.
    pub(crate) method: &'a str,
    pub(crate) signature: [u8; 8],
    pub(crate) version: u32,
    pub(crate) is_dynamic: bool,
    pub(crate) result: ResultSum,
    /// The session that made the call, by its number; 0 if nothing is kept of it. And the call's number in it.
    pub(crate) by: (u32, u64),
}

/// What came of a call, in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ResultSum {
    /// The method returned an error.
    pub(crate) is_error: bool,
    pub(crate) bytes: u32,
    pub(crate) checksum: [u8; 4],
}

impl ResultSum {
    /// `raised`: the message of the error that the method returned, if it returned one.
    pub(crate) fn of(body: &[u8], raised: Option<&str>) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(raised.unwrap_or_default().as_bytes());
        hasher.update(body);
        ResultSum { is_error: raised.is_some(), bytes: body.len() as u32, checksum: hasher.finalize().to_le_bytes() }
    }
}

impl<'a> CallRow<'a> {
    /// The value of the row.
    pub(crate) fn encode(&self, args: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(64 + args.len());
        value = postcard::to_extend(self, value).unwrap_or_default();
        value.extend_from_slice(args);
        value
    }

    /// What is known of a call, and its arguments.
    pub(crate) fn decode(value: &'a [u8]) -> Result<(Self, &'a [u8]), BadRow> {
        postcard::take_from_bytes(value).map_err(|_| BadRow { what: "a call", length: value.len() })
    }
}

/// The key of a call.
pub(crate) fn key(object: u64, number: u64) -> [u8; KEY_BYTES] {
    let mut key = [0; KEY_BYTES];
    key[..8].copy_from_slice(&object.to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

pub(crate) fn put(batch: &mut Batch, object: u64, number: u64, value: &[u8]) {
    batch.put(CALLS, &key(object, number), value);
}

/// Removes all calls of an object.
pub(crate) fn remove_all(batch: &mut Batch, object: u64) {
    batch.remove_range(CALLS, &key(object, 0), &key(object + 1, 0));
}

/// Removes the calls of an object whose numbers are below this one.
pub(crate) fn remove_below(batch: &mut Batch, object: u64, number: u64) {
    batch.remove_range(CALLS, &key(object, 0), &key(object, number));
}

/// The number of the object, and that of the call.
pub(crate) fn object_and_number(key: &[u8]) -> Result<(u64, u64), BadRow> {
    let bad = || BadRow { what: "a call's key", length: key.len() };
    let (object, number) = key.split_first_chunk::<8>().ok_or_else(bad)?;
    let number: [u8; 8] = number.try_into().map_err(|_| bad())?;
    Ok((u64::from_be_bytes(*object), u64::from_be_bytes(number)))
}
