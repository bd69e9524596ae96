//! The rows in which things are kept: a table, a key and a value each.

pub(crate) mod calls;
pub(crate) mod pieces;

use tarmem_storage::{Batch, Table};
use uuid::Uuid;

/// What the service knows about itself: a name, and a number.
pub(crate) const META: Table = 0;

/// Keys: the number of the object, and the generation.
pub(crate) const KEYS: Table = 1;

/// Objects, by their numbers: whether they are poisoned, and their states, or in which [`pieces`] these are.
pub(crate) const OBJECTS: Table = 2;

/// The first number that no object has had yet.
pub(crate) const NEXT_OBJECT: &[u8] = b"next object";

/// The first generation that no key has had yet.
pub(crate) const NEXT_GENERATION: &[u8] = b"next generation";

/// The first number of those that are given outside the store that nothing has had yet.
pub(crate) const NEXT_TOKEN: &[u8] = b"next token";

/// An object is poisoned.
pub(crate) const POISONED: u8 = 1;

/// A row is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("the row of {what} has {length} bytes")]
pub(crate) struct BadRow {
    what: &'static str,
    length: usize,
}

pub(crate) fn put_meta(batch: &mut Batch, name: &[u8], number: u64) {
    batch.put(META, name, &number.to_le_bytes());
}

pub(crate) fn meta(value: &[u8]) -> Result<u64, BadRow> {
    let value: [u8; 8] = value.try_into().map_err(|_| BadRow { what: "a number", length: value.len() })?;
    Ok(u64::from_le_bytes(value))
}

pub(crate) fn put_key(batch: &mut Batch, key: &str, object: u64, generation: u64) {
    batch.put(KEYS, key.as_bytes(), &key_value(object, generation));
}

/// What is stored for a key.
pub(crate) fn key_value(object: u64, generation: u64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&object.to_le_bytes());
    value[8..].copy_from_slice(&generation.to_le_bytes());
    value
}

pub(crate) fn remove_key(batch: &mut Batch, key: &str) {
    batch.remove(KEYS, key.as_bytes());
}

/// The number of the object, and the generation.
pub(crate) fn key(value: &[u8]) -> Result<(u64, u64), BadRow> {
    let bad = || BadRow { what: "a key", length: value.len() };
    let (object, generation) = value.split_at_checked(8).ok_or_else(bad)?;
    Ok((meta(object).map_err(|_| bad())?, meta(generation).map_err(|_| bad())?))
}

/// Puts a state, in pieces if it has more than so many bytes. Returns whether it is in pieces. `state` begins with a
/// byte for the flags; `replaces_pieces`: the last one may be in pieces.
pub(crate) fn put_object(batch: &mut Batch, object: u64, state: &[u8], replaces_pieces: bool, piece: usize) -> bool {
    if state.len() > piece {
        pieces::put_all(batch, object, state, 0, piece);
        return true;
    }
    if replaces_pieces {
        pieces::remove_all(batch, object);
    }
    batch.put(OBJECTS, &object.to_be_bytes(), state);
    false
}

/// `has_pieces`: the state may be in pieces.
pub(crate) fn remove_object(batch: &mut Batch, object: u64, has_pieces: bool) {
    batch.remove(OBJECTS, &object.to_be_bytes());
    if has_pieces {
        pieces::remove_all(batch, object);
    }
}

pub(crate) fn object(key: &[u8]) -> Result<u64, BadRow> {
    let key: [u8; 8] = key.try_into().map_err(|_| BadRow { what: "an object", length: key.len() })?;
    Ok(u64::from_be_bytes(key))
}

/// Sessions, by their numbers: id, secret and the name of the token.
pub(crate) const SESSIONS: Table = 3;

/// The outcomes of calls, by session and sequence number: as they are in a batch of replies.
pub(crate) const OUTCOMES: Table = 128;

/// The handles of sessions, by session and object: how many.
pub(crate) const HANDLES: Table = 5;

/// Sessions that have expired, by their numbers: as in [`SESSIONS`].
pub(crate) const EXPIRED: Table = 6;

/// How calls are undone whose results may not have reached their callers, by session and sequence number: the number of
/// an object and what it is to undo, for each.
pub(crate) const UNDOS: Table = 129;

/// What could not be read, and was moved aside: by the number of a batch and one in it, as JSON.
pub(crate) const UNREADABLE: Table = 100;

/// The runs of services on this directory, by the number of the first batch of each: their ids.
pub(crate) const RUNS: Table = 9;

/// What is there is not complete: it was to be restored.
pub(crate) const UNFINISHED: &[u8] = b"unfinished";

/// There have been more expired sessions than are remembered.
pub(crate) const FORGOTTEN: &[u8] = b"forgotten";

/// A session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SessionRow<'a> {
    pub(crate) id: Uuid,
    pub(crate) secret: Uuid,
    pub(crate) credential: &'a str,
}

/// A key of a session's number and another one.
fn of_session(session: u32, other: u64) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&session.to_be_bytes());
    key[4..].copy_from_slice(&other.to_be_bytes());
    key
}

/// The number of a session, and the other one.
pub(crate) fn session_and_other(key: &[u8]) -> Result<(u32, u64), BadRow> {
    let bad = || BadRow { what: "a part of a session", length: key.len() };
    let (session, other) = key.split_first_chunk::<4>().ok_or_else(bad)?;
    let other: [u8; 8] = other.try_into().map_err(|_| bad())?;
    Ok((u32::from_be_bytes(*session), u64::from_be_bytes(other)))
}

pub(crate) fn put_session(batch: &mut Batch, number: u32, row: &SessionRow<'_>) {
    put_session_in(batch, SESSIONS, number, row);
}

pub(crate) fn put_expired(batch: &mut Batch, number: u32, row: &SessionRow<'_>) {
    put_session_in(batch, EXPIRED, number, row);
}

fn put_session_in(batch: &mut Batch, table: Table, number: u32, row: &SessionRow<'_>) {
    let value = [row.id.as_bytes(), row.secret.as_bytes().as_slice(), row.credential.as_bytes()].concat();
    batch.put(table, &number.to_be_bytes(), &value);
}

/// An expired session is not remembered any more.
pub(crate) fn forget_expired(batch: &mut Batch, number: u32) {
    batch.remove(EXPIRED, &number.to_be_bytes());
    put_meta(batch, FORGOTTEN, 1);
}

pub(crate) fn session<'a>(key: &[u8], value: &'a [u8]) -> Result<(u32, SessionRow<'a>), BadRow> {
    let bad = || BadRow { what: "a session", length: value.len() };
    let number: [u8; 4] = key.try_into().map_err(|_| bad())?;
    let (id, rest) = value.split_first_chunk::<16>().ok_or_else(bad)?;
    let (secret, credential) = rest.split_first_chunk::<16>().ok_or_else(bad)?;
    let credential = std::str::from_utf8(credential).map_err(|_| bad())?;
    let (id, secret) = (Uuid::from_bytes(*id), Uuid::from_bytes(*secret));
    Ok((u32::from_be_bytes(number), SessionRow { id, secret, credential }))
}

/// Removes a session with everything of it.
pub(crate) fn remove_session(batch: &mut Batch, number: u32) {
    batch.remove(SESSIONS, &number.to_be_bytes());
    for table in [OUTCOMES, HANDLES, UNDOS] {
        batch.remove_range(table, &of_session(number, 0), &of_session(number + 1, 0));
    }
}

pub(crate) fn put_outcome(batch: &mut Batch, session: u32, sequence: u64, answered: &[u8]) {
    batch.put(OUTCOMES, &of_session(session, sequence), answered);
}

pub(crate) fn remove_outcome(batch: &mut Batch, session: u32, sequence: u64) {
    batch.remove(OUTCOMES, &of_session(session, sequence));
}

/// Removes the outcomes from `first` on, to below `end`.
pub(crate) fn remove_outcomes(batch: &mut Batch, session: u32, first: u64, end: u64) {
    batch.remove_range(OUTCOMES, &of_session(session, first), &of_session(session, end));
}

/// `undos` are encoded.
pub(crate) fn put_undos(batch: &mut Batch, session: u32, sequence: u64, undos: &[u8]) {
    batch.put(UNDOS, &of_session(session, sequence), undos);
}

pub(crate) fn put_unreadable(batch: &mut Batch, number: u64, n: usize, line: &[u8]) {
    batch.put(UNREADABLE, &[number.to_be_bytes(), (n as u64).to_be_bytes()].concat(), line);
}

pub(crate) fn remove_undos(batch: &mut Batch, session: u32, sequence: u64) {
    batch.remove(UNDOS, &of_session(session, sequence));
}

pub(crate) fn put_handles(batch: &mut Batch, session: u32, object: u64, count: u32) {
    let key = of_session(session, object);
    if count == 0 {
        batch.remove(HANDLES, &key);
    } else {
        batch.put(HANDLES, &key, &count.to_le_bytes());
    }
}

pub(crate) fn handles(value: &[u8]) -> Result<u32, BadRow> {
    let value: [u8; 4] = value.try_into().map_err(|_| BadRow { what: "a handle", length: value.len() })?;
    Ok(u32::from_le_bytes(value))
}

pub(crate) fn put_run(batch: &mut Batch, first: u64, id: Uuid) {
    batch.put(RUNS, &first.to_be_bytes(), id.as_bytes());
}

pub(crate) fn remove_run(batch: &mut Batch, first: u64) {
    batch.remove(RUNS, &first.to_be_bytes());
}

/// The number of a run's first batch, and the run's id.
pub(crate) fn run(key: &[u8], value: &[u8]) -> Result<(u64, Uuid), BadRow> {
    let bad = || BadRow { what: "a run", length: value.len() };
    let first: [u8; 8] = key.try_into().map_err(|_| bad())?;
    let id: [u8; 16] = value.try_into().map_err(|_| bad())?;
    Ok((u64::from_be_bytes(first), Uuid::from_bytes(id)))
}
