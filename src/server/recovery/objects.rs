//! Makes the objects of an earlier run from what was stored. Those that cannot be made are reported, and keep no other
//! from being made.
//!
//! Objects refer to one another, in circles, too. So first each object gets its place in memory, and then it is
//! decoded, with references to the places of others.

use super::Progress;
use super::replay::{NotReplayed, Replay};
use super::stored::{Calls, Stored};
use super::unreadable::{Unreadable, object_named};
use crate::journal::rows;
use crate::server::refs::references::gone;
use crate::store::{Cell, Restored, Store, Vacant, state};
use hashbrown::HashMap;
use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tarmem_remote::error::Error;
use tarmem_remote::object::{Kept, Object};
use tarmem_remote::registry::Registry;
use tarmem_remote::value::{Looked, ObjectRef, RefScope, Value, with_scope};
use uuid::Uuid;

/// The objects that could be made, and what could not be read.
#[derive(Default)]
pub(crate) struct Made {
    /// Where each object is.
    pub(crate) cells: HashMap<u64, Cell>,
    /// The parts of those that change by themselves.
    pub(crate) kept: BTreeMap<u64, Arc<dyn Kept>>,
    /// What could not be read. (The calls of an object of these cannot be made again, either.)
    pub(crate) unreadable: Vec<UnreadableRow>,
    /// Calls that could not be made again. Their objects are among what could not be read.
    pub(crate) not_replayed: Vec<NotReplayed>,
    /// Objects of classes that are not durable any more.
    pub(crate) volatile: Vec<u64>,
    /// Which objects refer to which that are not there.
    pub(crate) gone: Vec<(u64, ObjectRef)>,
    /// Which objects refer to which, there or not, if that was asked for.
    pub(crate) references: Vec<(u64, u64)>,
}

/// What to find out while objects are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What could not be read, and which references lead nowhere.
    Least,
    /// Also which objects refer to which.
    References,
}

/// A row that could not be read.
pub(crate) struct UnreadableRow {
    pub(crate) row: RowKey,
    pub(crate) value: Vec<u8>,
    pub(crate) about: Unreadable,
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RowKey {
    Key(String),
    Object(u64),
    /// A call of an object that is not there, by the object's number and the call's.
    Call(u64, u64),
    /// The number of a session, and the number of a call.
    Undos(u32, u64),
}

/// What is undone if the result of a call does not reach its caller: the number of a session, that of the call, and for
/// each thing the number of the object and what it has to know.
pub(crate) type Undos = Vec<(u32, u64, Vec<(u64, Value)>)>;

/// Makes all objects in this store, and reads how calls are undone.
pub(crate) fn make(
    store: &Store,
    registry: &Registry,
    stored: &Stored,
    progress: &Progress,
    ask: Ask,
) -> (Made, Undos) {
    let Stored { keys, objects, in_pieces, calls, sessions, .. } = stored;
    let mut made = Made::default();
    let mut names: HashMap<u64, &str> = HashMap::with_capacity(keys.len());
    for (key, object, _) in keys {
        names.entry(*object).or_insert(key);
    }
    let name = |object: &u64| names.get(object).copied().unwrap_or_default();
    let mut places: Vec<Option<Vacant>> = Vec::with_capacity(objects.len());
    made.cells.reserve(objects.len());
    for (object, bytes) in objects {
        let place = match vacant(store, registry, bytes, name(object), *object) {
            Ok(None) => {
                made.volatile.push(*object);
                None
            }
            Ok(place) => place,
            Err((class, reason)) => {
                made.refuse(*object, bytes, name(object), class, reason);
                None
            }
        };
        if let Some(place) = &place {
            made.cells.insert(*object, place.cell().clone());
        }
        places.push(place);
    }
    let cells = std::mem::take(&mut made.cells);
    let scope = Places {
        cells: &cells,
        ask,
        of: std::cell::Cell::new(0),
        refers: std::cell::Cell::new(false),
        gone: RefCell::default(),
        references: RefCell::default(),
    };
    progress.objects.store(objects.len() as u64, Ordering::Relaxed);
    let replay = Replay::new(&store.faults, progress);
    for ((object, bytes), place) in objects.iter().zip(places) {
        let Some(place) = place else { continue };
        progress.made.fetch_add(1, Ordering::Relaxed);
        scope.of.set(*object);
        scope.refers.set(false);
        let cell = place.cell().clone();
        let class = cell.class().entry();
        let calls = calls.get(object).map_or(&[][..], Vec::as_slice);
        let first_call = in_pieces.get(object).copied();
        if !calls.is_empty() {
            progress.begin_calls(object_named(name(object), *object));
        }
        let filled = with_scope(&scope, || state::decode(class, bytes)).and_then(|(mut decoded, is_poisoned)| {
            replay.make_again(&mut *decoded, cell.class(), first_call.unwrap_or(0), calls).map_err(|refused| {
                let refused = refused.of(name(object), *object);
                let reason = refused.reason();
                made.not_replayed.push(refused);
                reason
            })?;
            let kept = class.resident().and_then(|resident| (resident.kept)(&*decoded));
            match place.fill(decoded, is_poisoned) {
                true => Ok(kept),
                false => Err("it is of another class than it says".to_owned()),
            }
        });
        progress.end_calls();
        match filled {
            Ok(kept) => {
                made.kept.extend(kept.map(|kept| (*object, kept)));
                if let Some(keeping) = &store.keeping {
                    let (state, in_pieces, refers) = (bytes.len(), first_call.is_some(), scope.refers.get());
                    let first_call = first_call.unwrap_or(0);
                    keeping.restored(&cell, &Restored { state, in_pieces, refers, first_call, calls });
                }
            }
            Err(reason) => made.refuse(*object, bytes, name(object), class.path.to_owned(), reason),
        }
    }
    (made.gone, made.references) = (scope.gone.take(), scope.references.take());
    let mut undos = Undos::new();
    for (number, session) in sessions {
        for (sequence, bytes) in &session.undos {
            match with_scope(&scope, || rmp_serde::from_slice(bytes)) {
                Ok(read) => undos.push((*number, *sequence, read)),
                Err(error) => made.unreadable.push(UnreadableRow {
                    row: RowKey::Undos(*number, *sequence),
                    value: bytes.clone(),
                    about: Unreadable {
                        what: format!("how call {sequence} of session {} is undone", session.id),
                        class: String::new(),
                        reason: error.to_string(),
                    },
                }),
            }
        }
    }
    made.cells = cells;
    // In the order in which they are stored.
    made.unreadable.sort_by_key(|unreadable| match unreadable.row {
        RowKey::Object(object) => (0, object, 0),
        RowKey::Call(object, number) => (3, object, number),
        RowKey::Key(_) => (1, 0, 0),
        RowKey::Undos(session, sequence) => (2, session.into(), sequence),
    });
    made.check_keys(keys, objects);
    made.check_calls(calls, objects);
    (made, undos)
}

/// Makes the place of an object; `None` if its class is not durable.
fn vacant(
    store: &Store,
    registry: &Registry,
    bytes: &[u8],
    name: &str,
    object: u64,
) -> Result<Option<Vacant>, (String, String)> {
    let path = state::class(bytes).map_err(|reason| (String::new(), reason))?;
    let class = registry.stored_class(&path).map_err(|error: Error| (path.clone(), error.to_string()))?;
    if !class.entry().is_durable() {
        return Ok(None);
    }
    let place = store.vacant(class, name, object);
    Ok(Some(place.ok_or_else(|| (path, "the class has no objects".to_owned()))?))
}

impl Made {
    fn refuse(&mut self, object: u64, bytes: &[u8], name: &str, class: String, reason: String) {
        self.unreadable.push(UnreadableRow {
            row: RowKey::Object(object),
            value: bytes.to_vec(),
            about: Unreadable { what: object_named(name, object), class, reason },
        });
    }

    /// Reports calls without an object.
    fn check_calls(&mut self, calls: &BTreeMap<u64, Calls>, objects: &[(u64, Vec<u8>)]) {
        for (object, calls) in calls.iter().filter(|(object, _)| !is_stored(objects, **object)) {
            self.unreadable.extend(calls.iter().map(|(number, value)| UnreadableRow {
                row: RowKey::Call(*object, *number),
                value: value.clone(),
                about: Unreadable {
                    what: format!("call {number} of object {object}"),
                    class: String::new(),
                    reason: "the object is not there".to_owned(),
                },
            }));
        }
    }

    /// Reports keys without an object.
    fn check_keys(&mut self, keys: &[(String, u64, u64)], objects: &[(u64, Vec<u8>)]) {
        for (key, object, generation) in keys {
            if !self.cells.contains_key(object) && !is_stored(objects, *object) {
                self.unreadable.push(UnreadableRow {
                    row: RowKey::Key(key.clone()),
                    value: rows::key_value(*object, *generation).to_vec(),
                    about: Unreadable {
                        what: format!("the key {key:?}"),
                        class: String::new(),
                        reason: format!("its object, {object}, is not there"),
                    },
                });
            }
        }
    }
}

/// Whether there is a state of this object.
fn is_stored(objects: &[(u64, Vec<u8>)], object: u64) -> bool {
    objects.binary_search_by_key(&object, |(object, _)| *object).is_ok()
}

/// Resolves references to objects that are being restored.
struct Places<'a> {
    cells: &'a HashMap<u64, Cell>,
    ask: Ask,
    /// The object that is being decoded.
    of: std::cell::Cell<u64>,
    /// It has a reference.
    refers: std::cell::Cell<bool>,
    gone: RefCell<Vec<(u64, ObjectRef)>>,
    references: RefCell<Vec<(u64, u64)>>,
}

impl RefScope for Places<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.refers.set(true);
        let count = count_of(reference.id());
        if self.ask == Ask::References {
            self.references.borrow_mut().push((self.of.get(), count));
        }
        let cell = self.cells.get(&count).filter(|cell| cell.id() == reference.id());
        Ok(match cell {
            Some(cell) => ObjectRef::with_live(cell.id(), cell.class().entry().path, Arc::new(cell.clone())),
            // Objects of some classes are not kept.
            None => {
                self.gone.borrow_mut().push((self.of.get(), reference.clone()));
                gone(&reference)
            }
        })
    }

    fn export(&self, _: &ObjectRef) -> Result<(), String> {
        Ok(())
    }

    /// Shows objects that were made before the one that looks.
    fn look(&self, reference: &ObjectRef, view: &mut dyn FnMut(&dyn Any)) -> Looked {
        let cell = self.cells.get(&count_of(reference.id())).filter(|cell| cell.id() == reference.id());
        match cell.and_then(|cell| cell.try_read()) {
            Some(Ok(object)) => {
                let object: &dyn Object = &*object;
                view(object);
                Looked::Shown
            }
            Some(Err(_)) | None => Looked::Closed,
        }
    }
}

/// The number of the object with this id.
fn count_of(id: Uuid) -> u64 {
    // The two highest bits of the second half say which kind of id it is.
    id.as_u64_pair().1 & (u64::MAX >> 2)
}
