//! What is in a storage, read and sorted, before anything is made of it.

use super::{Progress, RecoveryError};
use crate::journal::rows::pieces::{self, Gathered, Gathering, Head};
use crate::journal::rows::{self, BadRow, SessionRow};
use crate::store::Next;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tarmem_storage::{Storage, StorageError};
use uuid::Uuid;

/// What is in a storage.
pub(crate) struct Stored {
    pub(crate) next: Next,
    /// Each key, with the number of its object and the generation.
    pub(crate) keys: Vec<(String, u64, u64)>,
    /// The number of each object, with its state, encoded; in the order of the numbers.
    pub(crate) objects: Vec<(u64, Vec<u8>)>,
    /// Those objects whose states were in pieces, with the numbers of the first calls after them.
    pub(crate) in_pieces: BTreeMap<u64, u64>,
    /// The pieces of states that never came to be: objects and versions.
    pub(crate) left_over: Vec<(u64, u64)>,
    /// The calls that are to be made again on the states of objects: their numbers, and what they were, by the numbers
    /// of the objects.
    pub(crate) calls: BTreeMap<u64, Calls>,
    pub(crate) sessions: BTreeMap<u32, StoredSession>,
    /// Sessions that have expired: their numbers, ids and secrets.
    pub(crate) expired: Vec<(u32, (Uuid, Uuid))>,
    pub(crate) has_forgotten: bool,
    /// The runs, by their first batches.
    pub(crate) runs: BTreeMap<u64, Uuid>,
}

/// The calls of an object, with their numbers, in order.
pub(crate) type Calls = Vec<(u64, Vec<u8>)>;

/// A session of an earlier run.
pub(crate) struct StoredSession {
    pub(crate) id: Uuid,
    pub(crate) secret: Uuid,
    pub(crate) credential: String,
    pub(crate) outcomes: BTreeMap<u64, Box<[u8]>>,
    /// The number of an object, and how many handles there are to it.
    pub(crate) handles: Vec<(u64, u32)>,
    /// By sequence number, encoded.
    pub(crate) undos: Vec<(u64, Vec<u8>)>,
}

impl Stored {
    /// Reads everything.
    pub(crate) fn read(storage: &mut dyn Storage, progress: &Progress) -> Result<Self, RecoveryError> {
        let mut stored = Stored {
            next: Next { id: storage.id(), object: 1, generation: 1, token: 0 },
            keys: Vec::new(),
            objects: Vec::new(),
            in_pieces: BTreeMap::new(),
            left_over: Vec::new(),
            calls: BTreeMap::new(),
            sessions: BTreeMap::new(),
            expired: Vec::new(),
            has_forgotten: false,
            runs: BTreeMap::new(),
        };
        let mut gathering = Gathering::default();
        storage.load(&mut |table, key, value| {
            progress.read.fetch_add(1, Ordering::Relaxed);
            stored.add(&mut gathering, table, key, value)
        })?;
        gathering.end().map_err(|error| StorageError::Refused(error.to_string()))?;
        Ok(stored)
    }

    fn add(&mut self, gathering: &mut Gathering, table: u8, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        let refused = |bad: BadRow| StorageError::Refused(bad.to_string());
        match table {
            rows::META if key == rows::NEXT_OBJECT => self.next.object = rows::meta(value).map_err(refused)?,
            rows::META if key == rows::NEXT_TOKEN => self.next.token = rows::meta(value).map_err(refused)?,
            rows::META if key == rows::FORGOTTEN => self.has_forgotten = true,
            rows::META if key == rows::NEXT_GENERATION => self.next.generation = rows::meta(value).map_err(refused)?,
            rows::META if key == rows::UNFINISHED => {
                let why = "it is incomplete, since a restore was cut off; remove it, and restore again";
                return Err(StorageError::Refused(why.to_owned()));
            }
            rows::KEYS => {
                let (object, generation) = rows::key(value).map_err(refused)?;
                let key = String::from_utf8(key.to_vec());
                let key = key.map_err(|_| StorageError::Refused("a key is not UTF-8".to_owned()))?;
                self.keys.push((key, object, generation));
            }
            rows::OBJECTS => {
                let object = rows::object(key).map_err(refused)?;
                match Head::read(value) {
                    // (What is no head is no state, either: that is found out when the object is made.)
                    Ok(None) | Err(_) => self.objects.push((object, value.to_vec())),
                    Ok(Some(head)) => {
                        gathering.head(object, head);
                        // Until its pieces come.
                        self.objects.push((object, Vec::new()));
                    }
                }
            }
            pieces::PIECES => {
                let of @ (object, version, _) = pieces::of_key(key).map_err(refused)?;
                let gathered = gathering.piece(of, value);
                match gathered.map_err(|error| StorageError::Refused(error.to_string()))? {
                    Gathered::Part => {}
                    Gathered::LeftOver if self.left_over.last() == Some(&(object, version)) => {}
                    Gathered::LeftOver => self.left_over.push((object, version)),
                    Gathered::State(head, state) => {
                        self.in_pieces.insert(object, head.first_call);
                        if let Ok(index) = self.objects.binary_search_by_key(&object, |(object, _)| *object) {
                            self.objects[index].1 = state;
                        }
                    }
                }
            }
            rows::calls::CALLS => {
                let (object, first) = rows::calls::object_and_number(key).map_err(refused)?;
                let calls = rows::calls::each(value);
                self.calls.entry(object).or_default().extend((first..).zip(calls));
            }
            rows::SESSIONS => {
                let (number, row) = rows::session(key, value).map_err(refused)?;
                let SessionRow { id, secret, credential } = row;
                let credential = credential.to_owned();
                let (outcomes, handles, undos) = Default::default();
                self.sessions.insert(number, StoredSession { id, secret, credential, outcomes, handles, undos });
            }
            rows::EXPIRED => {
                let (number, row) = rows::session(key, value).map_err(refused)?;
                self.expired.push((number, (row.id, row.secret)));
            }
            rows::OUTCOMES | rows::HANDLES | rows::UNDOS => {
                let (number, other) = rows::session_and_other(key).map_err(refused)?;
                let no_such = || StorageError::Refused(format!("there is no session {number}, but a part of it"));
                let session = self.sessions.get_mut(&number).ok_or_else(no_such)?;
                if table == rows::OUTCOMES {
                    session.outcomes.insert(other, value.into());
                } else if table == rows::UNDOS {
                    session.undos.push((other, value.to_vec()));
                } else {
                    session.handles.push((other, rows::handles(value).map_err(refused)?));
                }
            }
            rows::RUNS => {
                let (first, id) = rows::run(key, value).map_err(refused)?;
                self.runs.insert(first, id);
            }
            // What was moved aside by an earlier start, since it could not be read.
            rows::UNREADABLE => {}
            other => return Err(StorageError::Refused(format!("there is a table {other}, which is unknown"))),
        }
        Ok(())
    }
}
