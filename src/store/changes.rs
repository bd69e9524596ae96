//! Where a change is done: an object has changed, a key was mapped, replaced or removed.
//!
//! Each change goes by one of the methods of [`Store`](super::Store), which tells a [`ChangeListener`] if there is one.
//! Nobody can see the change before that, nor make the next one of the same object or key: so a listener hears of these
//! in the order in which they are done.

use super::cell::Cell;
use super::shard::Mapping;
use tarmem_remote::object::Object;
use uuid::Uuid;

/// The call that a change is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ChangedBy {
    /// The session that made the call: a client's, or that of a generator which asks its own service.
    pub(crate) session: Uuid,
    /// The call's number in the session.
    pub(crate) sequence: u64,
}

/// Hears of each change.
///
/// It runs while the object, or a part of the keys, is locked: it must be quick, must not panic, and must not come back
/// to the store.
pub(crate) trait ChangeListener: Send + Sync {
    /// A method or function may have changed an object, which is still held alone for it. If it is poisoned now, the
    /// method or function panicked.
    ///
    /// What a class keeps behind `&self`, as a queue or a lock does, changes unheard.
    fn object_changed(&self, cell: &Cell, object: &dyn Object, by: ChangedBy);

    /// `key` is mapped to an object, at a generation that is higher than all before it; `replaced`: the object that it
    /// was mapped to.
    fn key_mapped(&self, key: &str, mapping: &Mapping, replaced: Option<&Cell>, by: ChangedBy);

    /// `key` is mapped to nothing any more.
    fn key_removed(&self, key: &str, removed: &Cell, by: ChangedBy);
}
