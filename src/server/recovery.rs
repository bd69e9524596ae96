//! What an earlier run has left: read from the storage, and put in its place.
//!
//! Objects refer to one another, in circles, too. So first each object gets its place in memory, and then it is
//! decoded, with references to the places of others.

use super::exec::engine::Engine;
use super::state::Seams;
use crate::faults::PlantedFaults;
use crate::journal::Journal;
use crate::journal::rows::{self, BadRow, SessionRow};
use crate::security::AccessControl;
use crate::server::session::ServerSession;
use crate::store::{Cell, Keeping, Mapping, Next, Vacant, state};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tarmem_remote::context::{SessionEnded, Undo};
use tarmem_remote::error::Error;
use tarmem_remote::object::{Kept, Sessions};
use tarmem_remote::value::{ObjectRef, RefScope, Value, with_scope};
use tarmem_storage::{Storage, StorageError};
use uuid::Uuid;

/// Why a service could not go on from what an earlier run has left.
///
/// ```
/// use tarmem::storage::{Batch, MemoryDisk, MemoryStorage, Storage};
/// use tarmem::{RecoveryError, ServeError, Service};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut storage = MemoryStorage::open(&MemoryDisk::default());
/// let mut batch = Batch::default();
/// batch.put(200, b"key", b"of another program");
/// storage.commit(0, &batch)?;
/// let refused = Service::without_listener().storage(storage).start().await;
/// assert!(matches!(refused, Err(ServeError::Recovery(RecoveryError::Storage(_)))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The storage could not be read, or is damaged.
    #[error("{0}")]
    Storage(#[from] StorageError),
    /// An object cannot be made from what was stored.
    #[error("{what} cannot be read: {reason}")]
    Unreadable {
        /// The key and the class, as far as they are known.
        what: String,
        /// Why.
        reason: String,
    },
}

/// How far loading is.
#[derive(Default)]
pub(super) struct Progress {
    /// How many entries have been read.
    pub(super) read: AtomicU64,
    /// How many objects have been made of them.
    pub(super) made: AtomicU64,
}

/// What was found in a storage.
pub(crate) struct Found {
    storage: Box<dyn Storage>,
    journal: Arc<Journal>,
    faults: PlantedFaults,
    next: Next,
    keys: Vec<(String, u64, u64)>,
    objects: Vec<(u64, Vec<u8>)>,
    sessions: BTreeMap<u32, KeptSession>,
    /// Sessions that have expired: their numbers, ids and secrets.
    expired: Vec<(u32, (Uuid, Uuid))>,
    has_forgotten: bool,
}

/// A session of an earlier run.
struct KeptSession {
    id: Uuid,
    secret: Uuid,
    credential: String,
    outcomes: BTreeMap<u64, Box<[u8]>>,
    handles: Vec<(u64, u32)>,
    /// By sequence number, encoded.
    undos: Vec<(u64, Vec<u8>)>,
}

impl Found {
    /// Reads everything.
    pub(super) fn read(
        mut storage: Box<dyn Storage>,
        seams: &Seams,
        progress: &Progress,
    ) -> Result<Self, RecoveryError> {
        let mut next = Next { id: storage.id(), object: 1, generation: 1, token: 0 };
        let (mut keys, mut objects) = (Vec::new(), Vec::new());
        let mut sessions: BTreeMap<u32, KeptSession> = BTreeMap::new();
        let (mut expired, mut has_forgotten) = (Vec::new(), false);
        storage.load(&mut |table, key, value| {
            progress.read.fetch_add(1, Ordering::Relaxed);
            let refused = |bad: BadRow| StorageError::Refused(bad.to_string());
            match table {
                rows::META if key == rows::NEXT_OBJECT => next.object = rows::meta(value).map_err(refused)?,
                rows::META if key == rows::NEXT_TOKEN => next.token = rows::meta(value).map_err(refused)?,
                rows::META if key == rows::FORGOTTEN => has_forgotten = true,
                rows::META if key == rows::NEXT_GENERATION => next.generation = rows::meta(value).map_err(refused)?,
                rows::KEYS => {
                    let (object, generation) = rows::key(value).map_err(refused)?;
                    let key = String::from_utf8(key.to_vec());
                    let key = key.map_err(|_| StorageError::Refused("a key is not UTF-8".to_owned()))?;
                    keys.push((key, object, generation));
                }
                rows::OBJECTS => objects.push((rows::object(key).map_err(refused)?, value.to_vec())),
                rows::SESSIONS => {
                    let (number, row) = rows::session(key, value).map_err(refused)?;
                    let SessionRow { id, secret, credential } = row;
                    let credential = credential.to_owned();
                    let (outcomes, handles, undos) = Default::default();
                    let kept = KeptSession { id, secret, credential, outcomes, handles, undos };
                    sessions.insert(number, kept);
                }
                rows::EXPIRED => {
                    let (number, row) = rows::session(key, value).map_err(refused)?;
                    expired.push((number, (row.id, row.secret)));
                }
                rows::OUTCOMES | rows::HANDLES | rows::UNDOS => {
                    let (number, other) = rows::session_and_other(key).map_err(refused)?;
                    let no_such = || StorageError::Refused(format!("there is no session {number}, but a part of it"));
                    let session = sessions.get_mut(&number).ok_or_else(no_such)?;
                    if table == rows::OUTCOMES {
                        session.outcomes.insert(other, value.into());
                    } else if table == rows::UNDOS {
                        session.undos.push((other, value.to_vec()));
                    } else {
                        session.handles.push((other, rows::handles(value).map_err(refused)?));
                    }
                }
                other => return Err(StorageError::Refused(format!("there is a table {other}, which is unknown"))),
            }
            Ok(())
        })?;
        let journal = Journal::new(storage.last() + 1, seams.durability, seams.faults.clone());
        let faults = seams.faults.clone();
        Ok(Found { storage, journal, faults, next, keys, objects, sessions, expired, has_forgotten })
    }

    /// What notes the changes from here on, and where the store begins to count.
    pub(crate) fn keeping(&self) -> (Arc<Keeping>, Next) {
        let keeping = Keeping::new(Arc::clone(&self.journal), self.next.token, self.faults.clone());
        (Arc::new(keeping), self.next)
    }

    /// Puts everything in its place. Returns the journal, and the storage to which it is to be committed.
    pub(super) fn restore(
        self,
        engine: &Arc<Engine>,
        access: &AccessControl,
        progress: &Progress,
    ) -> Result<(Arc<Journal>, Box<dyn Storage>), RecoveryError> {
        let state = &engine.state;
        let Found { storage, journal, keys, objects, sessions, expired, has_forgotten, .. } = self;
        for (number, known_as) in &expired {
            engine.sessions.restore_expired(*known_as, *number);
        }
        if has_forgotten {
            engine.sessions.restore_forgotten();
        }
        let mut names: HashMap<u64, &str> = HashMap::with_capacity(keys.len());
        for (key, object, _) in &keys {
            names.entry(*object).or_insert(key);
        }
        let mut places: HashMap<u64, Vacant> = HashMap::with_capacity(objects.len());
        let mut cells: HashMap<u64, Cell> = HashMap::with_capacity(objects.len());
        for (object, bytes) in &objects {
            let name = names.get(object).copied().unwrap_or_default();
            let unreadable = |reason: String| RecoveryError::Unreadable { what: described(name, *object), reason };
            let class = state::class(bytes).map_err(unreadable)?;
            let class = state.registry.class(&class).map_err(|error: Error| unreadable(error.to_string()))?;
            let place = state.store.vacant(class, name, *object);
            let place = place.ok_or_else(|| unreadable(format!("{} has no objects", class.entry().path)))?;
            cells.insert(*object, place.cell().clone());
            places.insert(*object, place);
        }
        let scope = Places { cells: &cells };
        let mut kept_parts: BTreeMap<u64, Arc<dyn Kept>> = BTreeMap::new();
        for (object, bytes) in &objects {
            let name = names.get(object).copied().unwrap_or_default();
            let unreadable = |reason: String| RecoveryError::Unreadable { what: described(name, *object), reason };
            let Some(place) = places.remove(object) else { continue };
            progress.made.fetch_add(1, Ordering::Relaxed);
            let cell = place.cell().clone();
            let class = cell.class().entry();
            let (decoded, is_poisoned) = with_scope(&scope, || state::decode(class, bytes)).map_err(unreadable)?;
            let kept = class.resident().and_then(|resident| (resident.kept)(&*decoded));
            if !place.fill(decoded, is_poisoned) {
                return Err(unreadable("it is of another class than it says".to_owned()));
            }
            if let Some(kept) = kept {
                state.store.attach(&cell, &kept);
                kept_parts.insert(*object, kept);
            }
        }
        for (key, object, generation) in &keys {
            let cell = cells.get(object).ok_or_else(|| RecoveryError::Unreadable {
                what: described(key, *object),
                reason: "its object is not there".to_owned(),
            })?;
            state.store.restore(key, Mapping { cell: cell.clone(), generation: *generation });
        }
        let last = sessions.keys().copied().chain(expired.iter().map(|(number, _)| *number)).max().unwrap_or(0);
        state.session_numbers.store(last + 1, Ordering::Relaxed);
        let (mut ended, mut restored) = (Vec::new(), HashMap::new());
        for (number, kept) in sessions {
            let credential = access.credential(&kept.credential);
            let session = engine.restore_session((kept.id, kept.secret), credential.clone());
            session.restore(number, kept.outcomes);
            restored.insert(kept.id, Arc::clone(&session));
            for (sequence, undos) in kept.undos {
                let undos = with_scope(&scope, || rmp_serde::from_slice::<Vec<(u64, Value)>>(&undos));
                let undos = undos.map_err(|error| RecoveryError::Unreadable {
                    what: format!("how call {sequence} of session {} is undone", kept.id),
                    reason: error.to_string(),
                })?;
                for (object, what) in undos {
                    let part = kept_parts.get(&object).map(Arc::clone);
                    // What is gone needs no undoing.
                    if let Some(undo) = part.and_then(|part| part.undoing(what.clone())) {
                        session.restore_undo(sequence, object, what, undo);
                    }
                }
            }
            for (object, count) in kept.handles {
                // An object of a class that is not kept is gone, and so are the handles to it.
                if let Some(cell) = cells.get(&object) {
                    session.restore_handles(cell, count);
                }
            }
            // The token that it was opened with is not valid any more.
            if credential.is_none() || engine.sessions.add(&session, usize::MAX).is_err() {
                ended.push(session);
            }
        }
        // What the objects do then is in one batch.
        let entered = state.enter();
        let mut sessions = RestoredSessions { sessions: &restored };
        for (_, kept) in kept_parts {
            kept.resume(&mut sessions);
        }
        drop(entered);
        for session in ended {
            engine.sessions.end_expired(&session);
        }
        // Objects that nothing refers to are dropped here.
        drop(cells);
        Ok((journal, storage))
    }
}

fn described(name: &str, object: u64) -> String {
    if name.is_empty() { format!("object {object}, which has no key,") } else { format!("the object under {name:?}") }
}

/// The sessions that are there again.
struct RestoredSessions<'a> {
    sessions: &'a HashMap<Uuid, Arc<ServerSession>>,
}

impl Sessions for RestoredSessions<'_> {
    fn watch(&mut self, session: Uuid, watcher: Weak<dyn SessionEnded>) {
        let is_there = self.sessions.get(&session).is_some_and(|session| session.watch(Weak::clone(&watcher)));
        if !is_there && let Some(watcher) = watcher.upgrade() {
            watcher.session_ended(session);
        }
    }

    fn undo_unless_received(&mut self, session: Uuid, sequence: u64, undo: Undo) {
        match self.sessions.get(&session) {
            Some(session) => session.undo_unless_received(sequence, undo),
            None => undo(),
        }
    }
}

/// Resolves references to objects that are being restored.
struct Places<'a> {
    cells: &'a HashMap<u64, Cell>,
}

impl RefScope for Places<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let cell = self.cells.get(&count_of(reference.id())).filter(|cell| cell.id() == reference.id());
        let cell = cell.ok_or_else(|| format!("it refers to {reference}, which is not there"))?;
        Ok(ObjectRef::with_live(cell.id(), cell.class().entry().path, Arc::new(cell.clone())))
    }

    fn export(&self, _: &ObjectRef) -> Result<(), String> {
        Ok(())
    }
}

/// The number of the object with this id.
fn count_of(id: Uuid) -> u64 {
    // The two highest bits of the second half say which kind of id it is.
    id.as_u64_pair().1 & (u64::MAX >> 2)
}
