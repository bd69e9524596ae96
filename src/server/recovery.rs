//! What an earlier run has left: read from the storage, and put in its place.
//!
//! - [`stored`]: what is in a storage.
//! - [`objects`]: makes objects of it, and reports what it cannot read. [`unreadable`]: how that is named. [`aside`]:
//!   where it is moved, if that is wanted.
//! - [`checked`]: whether everything could be read. [`progress`]: how far that is.
//! - [`replay`]: makes calls again that were kept in place of a state. [`rewriting`]: does so while the service runs,
//!   to write large states anew.

mod aside;
#[cfg(feature = "cli")]
pub(crate) mod checked;
mod objects;
mod progress;
mod replay;
mod rewriting;
mod stored;
mod unreadable;

use super::exec::engine::Engine;
use super::history::{History, first_number};
use super::state::{Seams, State};
use crate::config::Limits;
use crate::faults::PlantedFaults;
use crate::journal::Journal;
use crate::journal::rows;
use crate::security::AccessControl;
use crate::server::session::ServerSession;
use crate::store::{Keeping, Mapping, Next, Sizes};
use hashbrown::HashMap;
use objects::{Ask, Made, Undos};
pub(super) use progress::Progress;
pub use replay::{NotReplayed, ReplayProblem};
pub(super) use rewriting::Rewriter;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::SystemTime;
use stored::Stored;
use tarmem_remote::context::{SessionEnded, Undo};
use tarmem_remote::object::Sessions;
use tarmem_remote::registry::Registry;
use tarmem_storage::{Storage, StorageError};
use unreadable::{NAMED, object_named};
pub use unreadable::{Unreadable, UnreadableList};
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
    /// Something cannot be made of what was stored, mostly because a class is not there any more, or has changed.
    /// Nothing was changed.
    #[error("{0}")]
    Unreadable(UnreadableList),
    /// What cannot be read could not be moved aside either. Nothing was changed.
    #[error("what cannot be read was to be moved into the folder `unreadable` of {directory}, which fails: {source}")]
    Aside {
        /// The directory.
        directory: String,
        /// Why it fails.
        source: io::Error,
    },
    /// An object is kept with calls that are made again on its last state, and one of them cannot be, or has another
    /// result now. Nothing was changed.
    ///
    /// The program that has made the call can go on from there, and leaves no calls if it is ended in order. Then this
    /// program can go on, too.
    #[error("{0}")]
    NotReplayed(NotReplayed),
}

impl RecoveryError {
    /// The same error, saying that it is about what is in `place`.
    pub(super) fn within(self, place: &str) -> Self {
        match self {
            RecoveryError::Unreadable(list) => RecoveryError::Unreadable(list.within(place)),
            RecoveryError::NotReplayed(call) => RecoveryError::NotReplayed(call.within(place)),
            other => other,
        }
    }
}

/// What was found in a storage.
pub(crate) struct Found {
    storage: Box<dyn Storage>,
    journal: Arc<Journal>,
    faults: PlantedFaults,
    sizes: Sizes,
    stored: Stored,
    history: History,
}

impl Found {
    /// Reads everything.
    pub(super) fn read(
        mut storage: Box<dyn Storage>,
        seams: &Seams,
        progress: &Progress,
    ) -> Result<Self, RecoveryError> {
        let mut stored = Stored::read(&mut *storage, progress)?;
        let (next, now) = (&mut stored.next, SystemTime::now());
        for number in [&mut next.object, &mut next.generation, &mut next.token] {
            *number = first_number(*number, now);
        }
        // The batch before the first of the journal is the one with which the run begins.
        let history = History::new(storage.id(), std::mem::take(&mut stored.runs), storage.last());
        let journal = Journal::new(storage.last() + 2, seams.durability, seams.faults.clone());
        Ok(Found { storage, journal, faults: seams.faults.clone(), sizes: seams.sizes, stored, history })
    }

    /// Moves aside what cannot be read, into a file of this directory, if it is in one.
    pub(super) fn set_aside(&mut self, registry: &Registry, directory: Option<&Path>) -> Result<(), RecoveryError> {
        let Some(aside) = self.stored.set_aside(registry) else { return Ok(()) };
        aside.put(&self.journal, directory).map_err(|source| {
            let directory = directory.unwrap_or(Path::new("")).display().to_string();
            RecoveryError::Aside { directory, source }
        })
    }

    /// Sets how much may be kept.
    pub(super) fn bound(&self, limits: &Limits) {
        self.journal.room().bound(limits.unsaved_bytes, limits.data_bytes);
    }

    /// What notes the changes from here on, and where the store begins to count.
    pub(crate) fn keeping(&self) -> (Arc<Keeping>, Next) {
        let next = self.stored.next;
        let keeping = Keeping::new(Arc::clone(&self.journal), next.token, self.faults.clone(), self.sizes);
        (Arc::new(keeping), next)
    }

    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// Puts everything in its place, and begins the run. Returns the journal, and the storage to which it is to be
    /// committed.
    pub(super) fn restore(
        self,
        engine: &Arc<Engine>,
        access: &AccessControl,
        progress: &Progress,
    ) -> Result<(Arc<Journal>, Box<dyn Storage>), RecoveryError> {
        let state = &engine.state;
        let Found { mut storage, journal, mut stored, mut history, .. } = self;
        let (mut made, undos) = objects::make(&state.store, &state.registry, &stored, progress, Ask::Least);
        let only_calls = made.not_replayed.len() == made.unreadable.len();
        if only_calls && let Some(first) = made.not_replayed.drain(..).next() {
            return Err(RecoveryError::NotReplayed(first));
        }
        if !made.unreadable.is_empty() {
            let unreadable = made.unreadable.into_iter().map(|unreadable| unreadable.about);
            return Err(RecoveryError::Unreadable(UnreadableList::new(unreadable)));
        }
        for (object, part) in &made.kept {
            if let Some(cell) = made.cells.get(object) {
                state.store.attach(cell, part);
            }
        }
        restore_keys(state, &journal, &stored, &made);
        for (object, version) in &stored.left_over {
            journal.note(|batch| rows::pieces::remove_version(batch, *object, *version));
        }
        tell_gone(&state.registry, &stored, &made);
        let sessions = restore_sessions(engine, access, &mut stored, &made, undos);
        // What the objects do then is in one batch.
        let entered = state.enter();
        let mut restored = RestoredSessions { sessions: &sessions.by_id };
        for (_, kept) in made.kept {
            kept.resume(&mut restored);
        }
        drop(entered);
        for session in sessions.ended {
            engine.sessions.end_expired(&session);
        }
        // Objects that nothing refers to are dropped here.
        drop(made.cells);
        // A start that fails leaves everything as it was.
        history.begin(&mut *storage)?;
        Ok((journal, storage))
    }
}

/// Maps the keys. What is there of classes that are not durable any more is removed.
fn restore_keys(state: &State, journal: &Journal, stored: &Stored, made: &Made) {
    for (key, object, generation) in &stored.keys {
        match made.cells.get(object) {
            Some(cell) => state.store.restore(key, Mapping { cell: cell.clone(), generation: *generation }),
            None => journal.note(|batch| rows::remove_key(batch, key)),
        }
    }
    for object in &made.volatile {
        journal.note(|batch| {
            rows::remove_object(batch, *object, stored.in_pieces.contains_key(object));
            if stored.calls.contains_key(object) {
                rows::calls::remove_all(batch, *object);
            }
        });
    }
}

/// Says which references lead nowhere.
fn tell_gone(registry: &Registry, stored: &Stored, made: &Made) {
    let is_volatile = |class: &str| registry.stored_class(class).is_ok_and(|class| !class.entry().is_durable());
    let (volatile, lost): (Vec<_>, Vec<_>) =
        made.gone.iter().partition(|(_, reference)| is_volatile(reference.class()));
    if !volatile.is_empty() {
        tracing::info!("{} references lead to objects of classes that are not durable, which are gone", volatile.len());
    }
    for (object, reference) in lost.iter().take(NAMED) {
        let key = stored.keys.iter().find(|(_, number, _)| number == object).map_or("", |(key, ..)| key);
        tracing::warn!("{} refers to {reference}, which is gone", object_named(key, *object));
    }
    if lost.len() > NAMED {
        tracing::warn!("{} more references lead to objects that are gone", lost.len() - NAMED);
    }
}

/// The sessions of an earlier run.
struct SessionsAgain {
    by_id: HashMap<Uuid, Arc<ServerSession>>,
    /// Those that are over, since the token that they were opened with is not valid any more.
    ended: Vec<Arc<ServerSession>>,
}

fn restore_sessions(
    engine: &Arc<Engine>,
    access: &AccessControl,
    stored: &mut Stored,
    made: &Made,
    undos: Undos,
) -> SessionsAgain {
    for (number, known_as) in &stored.expired {
        engine.sessions.restore_expired(*known_as, *number);
    }
    if stored.has_forgotten {
        engine.sessions.restore_forgotten();
    }
    let numbers = stored.sessions.keys().chain(stored.expired.iter().map(|(number, _)| number));
    engine.state.session_numbers.store(numbers.max().map_or(0, |last| *last) + 1, Ordering::Relaxed);
    let mut again = SessionsAgain { by_id: HashMap::new(), ended: Vec::new() };
    let mut by_number = HashMap::new();
    for (number, kept) in std::mem::take(&mut stored.sessions) {
        let credential = access.credential(&kept.credential);
        let session = engine.restore_session((kept.id, kept.secret), credential.clone());
        session.restore(number, kept.outcomes);
        again.by_id.insert(kept.id, Arc::clone(&session));
        by_number.insert(number, Arc::clone(&session));
        for (object, count) in kept.handles {
            // An object of a class that is not kept is gone, and so are the handles to it.
            if let Some(cell) = made.cells.get(&object) {
                session.restore_handles(cell, count);
            }
        }
        if credential.is_none() || engine.sessions.add(&session, usize::MAX).is_err() {
            again.ended.push(session);
        }
    }
    for (number, sequence, undos) in undos {
        let Some(session) = by_number.get(&number) else { continue };
        for (object, what) in undos {
            // What is gone needs no undoing.
            let part = made.kept.get(&object).map(Arc::clone);
            if let Some(undo) = part.and_then(|part| part.undoing(what.clone())) {
                session.restore_undo(sequence, object, what, undo);
            }
        }
    }
    again
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
