//! The rows of states that are too large for one.
//!
//! A large state is in pieces, each a row of its own, and the row of the object has a *head*, which says how many there
//! are. All pieces of a state have the same version, and those of another state of the object another one: so the
//! pieces of a new state can be written, over several batches, while the head still names those of the old one.
//!
//! ```text
//! OBJECTS  object                   flags with IN_PIECES | version | pieces | bytes | number of the first call
//! PIECES   object, version, index   a part of the state, which begins after the flags
//! ```

use super::{BadRow, OBJECTS};
use std::collections::BTreeMap;
use tarmem_storage::{Batch, Table};

/// The pieces of states, by object, version and index.
pub(crate) const PIECES: Table = 11;

/// How many bytes of a state are in one row, at most.
pub(crate) const PIECE_BYTES: usize = 256 << 10;

/// The row of an object has a head in place of the state.
pub(crate) const IN_PIECES: u8 = 2;

/// The version of states that are written in one batch, in which the pieces of all others are removed.
pub(crate) const IN_ONE_BATCH: u64 = 0;

/// How many bytes a head has, with the flags.
const HEAD_BYTES: usize = 29;

/// Says in which pieces a state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Those of the state.
    pub(crate) flags: u8,
    pub(crate) version: u64,
    pub(crate) pieces: u32,
    /// How many bytes the state has, without the flags.
    pub(crate) bytes: u64,
    /// The number of the first call that is made again on the state.
    pub(crate) first_call: u64,
}

/// The pieces of a state are not all there, or there are more.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the state of object {object} is damaged: {what}")]
pub(crate) struct DamagedState {
    object: u64,
    what: String,
}

impl Head {
    /// The head of a state that is cut into pieces of so many bytes. `state` begins with a byte for the flags.
    pub(crate) fn of(state: &[u8], version: u64, first_call: u64, piece: usize) -> Self {
        let (flags, bytes) = state.split_first().map_or((0, 0), |(flags, rest)| (*flags, rest.len()));
        // A batch has less than 4 GiB, and a piece many bytes.
        let pieces = u32::try_from(bytes.div_ceil(piece.max(1)).max(1)).unwrap_or(u32::MAX);
        Head { flags, version, pieces, bytes: bytes as u64, first_call }
    }

    /// The head in the row of an object; `None` if the row has the state itself.
    pub(crate) fn read(value: &[u8]) -> Result<Option<Self>, BadRow> {
        let Some((flags, head)) = value.split_first().filter(|(flags, _)| **flags & IN_PIECES != 0) else {
            return Ok(None);
        };
        let bad = || BadRow { what: "a state in pieces", length: value.len() };
        let (version, rest) = head.split_first_chunk::<8>().ok_or_else(bad)?;
        let (pieces, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
        let (bytes, first_call) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
        Ok(Some(Head {
            flags: flags & !IN_PIECES,
            version: u64::from_le_bytes(*version),
            pieces: u32::from_le_bytes(*pieces),
            bytes: u64::from_le_bytes(*bytes),
            first_call: u64::from_le_bytes(first_call.try_into().map_err(|_| bad())?),
        }))
    }

    pub(crate) fn put(&self, batch: &mut Batch, object: u64) {
        let mut value = [0; HEAD_BYTES];
        value[0] = self.flags | IN_PIECES;
        value[1..9].copy_from_slice(&self.version.to_le_bytes());
        value[9..13].copy_from_slice(&self.pieces.to_le_bytes());
        value[13..21].copy_from_slice(&self.bytes.to_le_bytes());
        value[21..].copy_from_slice(&self.first_call.to_le_bytes());
        batch.put(OBJECTS, &object.to_be_bytes(), &value);
    }
}

/// The pieces of a state, each with its index. There is at least one.
pub(crate) fn cut(state: &[u8], piece: usize) -> impl Iterator<Item = (u32, &[u8])> {
    let state = state.split_first().map_or(&[][..], |(_, rest)| rest);
    let first = state.is_empty().then_some(state);
    (0..).zip(first.into_iter().chain(state.chunks(piece.max(1))))
}

/// Puts a state in pieces of so many bytes, in place of what there is of the object, with its pieces. `state` begins
/// with a byte for the flags.
pub(crate) fn put_all(batch: &mut Batch, object: u64, state: &[u8], first_call: u64, piece: usize) {
    remove_all(batch, object);
    for (index, bytes) in cut(state, piece) {
        put(batch, object, IN_ONE_BATCH, index, bytes);
    }
    Head::of(state, IN_ONE_BATCH, first_call, piece).put(batch, object);
}

pub(crate) fn put(batch: &mut Batch, object: u64, version: u64, index: u32, bytes: &[u8]) {
    batch.put(PIECES, &key(object, version, index), bytes);
}

/// Removes all pieces of an object.
pub(crate) fn remove_all(batch: &mut Batch, object: u64) {
    batch.remove_range(PIECES, &key(object, 0, 0), &after(object, u64::MAX));
}

/// Removes the pieces of one version of an object.
pub(crate) fn remove_version(batch: &mut Batch, object: u64, version: u64) {
    batch.remove_range(PIECES, &key(object, version, 0), &after(object, version));
}

/// Removes the pieces of all versions of an object but this one.
pub(crate) fn remove_others(batch: &mut Batch, object: u64, version: u64) {
    batch.remove_range(PIECES, &key(object, 0, 0), &key(object, version, 0));
    batch.remove_range(PIECES, &after(object, version), &after(object, u64::MAX));
}

/// The first key after those of a version of an object.
fn after(object: u64, version: u64) -> [u8; 20] {
    match version.checked_add(1) {
        Some(next) => key(object, next, 0),
        None => key(object.saturating_add(1), 0, 0),
    }
}

/// The key of a piece.
pub(crate) fn key(object: u64, version: u64, index: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..8].copy_from_slice(&object.to_be_bytes());
    key[8..16].copy_from_slice(&version.to_be_bytes());
    key[16..].copy_from_slice(&index.to_be_bytes());
    key
}

/// The object, the version, and the index.
pub(crate) fn of_key(key: &[u8]) -> Result<(u64, u64, u32), BadRow> {
    let bad = || BadRow { what: "a piece's key", length: key.len() };
    let (object, rest) = key.split_first_chunk::<8>().ok_or_else(bad)?;
    let (version, index) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
    let index: [u8; 4] = index.try_into().map_err(|_| bad())?;
    Ok((u64::from_be_bytes(*object), u64::from_be_bytes(*version), u32::from_be_bytes(index)))
}

/// Puts the pieces of states together. First come the heads of all objects, and then the pieces, in the order of their
/// keys.
#[derive(Default)]
pub(crate) struct Gathering {
    /// The heads, and whether all pieces have come.
    heads: BTreeMap<u64, (Head, bool)>,
    /// What has come of the state of the last object.
    state: Vec<u8>,
    of: u64,
    next: u32,
}

/// What a piece comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Gathered {
    /// It is of another version than the one that the object has: it was left by what was cut off.
    LeftOver,
    /// There are more.
    Part,
    /// It was the last one of this state, which begins with the flags.
    State(Head, Vec<u8>),
}

impl Gathering {
    pub(crate) fn head(&mut self, object: u64, head: Head) {
        self.heads.insert(object, (head, false));
    }

    /// Takes a piece.
    pub(crate) fn piece(&mut self, key: (u64, u64, u32), bytes: &[u8]) -> Result<Gathered, DamagedState> {
        let (object, version, index) = key;
        let Some((head, is_complete)) = self.heads.get_mut(&object).filter(|(head, _)| head.version == version) else {
            return Ok(Gathered::LeftOver);
        };
        let damaged = |what: String| Err(DamagedState { object, what });
        if *is_complete || index >= head.pieces {
            return damaged(format!("it has a piece {index}, of {}", head.pieces));
        }
        if index == 0 {
            (self.of, self.next) = (object, 0);
            self.state = Vec::new();
            // What is there may be anything.
            if usize::try_from(head.bytes)
                .is_ok_and(|bytes| self.state.try_reserve_exact(bytes.saturating_add(1)).is_err())
            {
                return damaged(format!("there is no memory for its {} bytes", head.bytes));
            }
            self.state.push(head.flags);
        }
        if (self.of, self.next) != (object, index) {
            let missing = if self.of == object { self.next } else { 0 };
            return damaged(format!("its piece {missing}, of {}, is missing", head.pieces));
        }
        self.state.extend_from_slice(bytes);
        self.next += 1;
        if self.next < head.pieces {
            return Ok(Gathered::Part);
        }
        *is_complete = true;
        let state = std::mem::take(&mut self.state);
        match state.len() as u64 - 1 {
            found if found == head.bytes => Ok(Gathered::State(*head, state)),
            found => damaged(format!("its pieces have {found} bytes, and should have {}", head.bytes)),
        }
    }

    /// No more pieces come.
    pub(crate) fn end(&self) -> Result<(), DamagedState> {
        match self.heads.iter().find(|(_, (_, is_complete))| !is_complete) {
            None => Ok(()),
            Some((object, (head, _))) => {
                let what = format!("of its {} pieces, some are missing", head.pieces);
                Err(DamagedState { object: *object, what })
            }
        }
    }
}

#[cfg(test)]
mod tests;
