//! The rows of calls that are made again when the service starts, on the last state of their object.

use super::BadRow;
use serde::{Deserialize, Serialize};
use tarmem_storage::{Batch, Table};

/// Calls since the last state of an object, by object and the number of the first: what was called, and the arguments.
/// The calls that one batch has of an object are one row.
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

/// What a call has in common with the one before it, as a rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Common<'a> {
    method: &'a str,
    signature: [u8; 8],
    version: u32,
    is_dynamic: bool,
    session: u32,
}

/// A call as it is in a row.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    /// `None` if it is that of the call before.
    #[serde(borrow)]
    common: Option<Common<'a>>,
    sequence: u64,
    result: ResultSum,
    args: &'a [u8],
}

impl<'a> CallRow<'a> {
    fn common(&self) -> Common<'a> {
        let CallRow { method, signature, version, is_dynamic, by: (session, _), .. } = *self;
        Common { method, signature, version, is_dynamic, session }
    }

    /// The value of a row with this call alone.
    #[cfg(test)]
    pub(crate) fn encode(&self, args: &[u8]) -> Vec<u8> {
        let written = Written { common: Some(self.common()), sequence: self.by.1, result: self.result, args };
        postcard::to_stdvec(&written).unwrap_or_default()
    }

    /// What is known of a call, and its arguments.
    pub(crate) fn decode(value: &'a [u8]) -> Result<(Self, &'a [u8]), BadRow> {
        match postcard::take_from_bytes::<Written<'_>>(value) {
            Ok((Written { common: Some(common), sequence, result, args }, [])) => {
                let Common { method, signature, version, is_dynamic, session } = common;
                Ok((CallRow { method, signature, version, is_dynamic, result, by: (session, sequence) }, args))
            }
            _ => Err(BadRow { what: "a call", length: value.len() }),
        }
    }
}

/// The value of a row to which calls are added.
#[derive(Default)]
pub(crate) struct RowOfCalls {
    bytes: Vec<u8>,
    last: Option<Common<'static>>,
}

/// What a call takes at most, besides the name of its method and its arguments.
const CALL_BYTES: usize = 64;

impl RowOfCalls {
    /// How many bytes a row takes more, at most, when such a call is added.
    pub(crate) fn most_bytes(method: &str, args: &[u8]) -> usize {
        KEY_BYTES + CALL_BYTES + method.len() + args.len()
    }

    /// Adds a call. Returns how many bytes the row takes more.
    pub(crate) fn add(&mut self, call: &CallRow<'static>, args: &[u8]) -> usize {
        let (before, key) = (self.bytes.len(), if self.bytes.is_empty() { KEY_BYTES } else { 0 });
        let common = Some(call.common()).filter(|common| self.last.as_ref() != Some(common));
        self.last = common.or(self.last);
        let written = Written { common, sequence: call.by.1, result: call.result, args };
        self.bytes = postcard::to_extend(&written, std::mem::take(&mut self.bytes)).unwrap_or_default();
        key + self.bytes.len() - before
    }

    /// Puts the row. `first`: the number of its first call.
    pub(crate) fn put(&self, batch: &mut Batch, object: u64, first: u64) {
        put(batch, object, first, &self.bytes);
    }
}

/// The calls of a row, in their order, each as in a row of its own; at least one. If one cannot be read, what is left
/// of the row counts as one.
pub(crate) fn each(row: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (mut left, mut common) = (Some(row), None);
    std::iter::from_fn(move || {
        let calls = left.take()?;
        let Ok((call, rest)) = postcard::take_from_bytes::<Written<'_>>(calls) else { return Some(calls.to_vec()) };
        left = (!rest.is_empty()).then_some(rest);
        common = call.common.or(common);
        Some(postcard::to_stdvec(&Written { common, ..call }).unwrap_or_default())
    })
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

/// The number of the object, and that of the first call.
pub(crate) fn object_and_number(key: &[u8]) -> Result<(u64, u64), BadRow> {
    let bad = || BadRow { what: "a call's key", length: key.len() };
    let (object, number) = key.split_first_chunk::<8>().ok_or_else(bad)?;
    let number: [u8; 8] = number.try_into().map_err(|_| bad())?;
    Ok((u64::from_be_bytes(*object), u64::from_be_bytes(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const METHODS: [&str; 3] = ["append", "a", "remove"];

    fn call((method, session, sequence): (usize, u32, u64), is_error: bool) -> CallRow<'static> {
        let result = ResultSum { is_error, bytes: sequence as u32, checksum: [session as u8; 4] };
        let (signature, is_dynamic) = ([method as u8; 8], method == 1);
        CallRow { method: METHODS[method], signature, version: 1, is_dynamic, result, by: (session, sequence) }
    }

    proptest! {
        #[test]
        fn the_calls_of_a_row_are_read_back(
            calls in prop::collection::vec(
                ((0_usize..3, 0_u32..3, any::<u64>()), any::<bool>(), any::<Vec<u8>>()),
                1..20,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let (mut row, mut bytes) = (RowOfCalls::default(), 0);
            for (of, is_error, args) in &calls {
                let call = call(*of, *is_error);
                let more = row.add(&call, args);
                prop_assert!(more <= RowOfCalls::most_bytes(call.method, args));
                bytes += more;
            }
            prop_assert_eq!(bytes, KEY_BYTES + row.bytes.len());
            let read: Vec<_> = each(&row.bytes).collect();
            prop_assert_eq!(read.len(), calls.len());
            for (read, (of, is_error, args)) in read.iter().zip(&calls) {
                let (row, read) = CallRow::decode(read).expect("a call");
                prop_assert_eq!((row, read), (call(*of, *is_error), &**args));
            }
            // One that is cut off gives calls that were in it, and at most one that is none.
            let cut = &row.bytes[..cut.index(row.bytes.len())];
            let short: Vec<_> = each(cut).collect();
            let good = short.iter().zip(&read).take_while(|(short, read)| short == read).count();
            prop_assert!(good + 1 >= short.len());
        }
    }
}
