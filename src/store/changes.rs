//! Where a change is made: an object has changed, or a key was mapped, replaced or removed.
//!
//! Each change is made in a method of [`Store`](super::Store), which calls a [`ChangeListener`] if the service has one.
//! The object, or the shard of the key, is still locked at that time: nobody can see the change or make the next one
//! before the listener returns. So the listener hears of the changes of an object, and of a key, in the order in which
//! they are made.

use super::cell::Cell;
use super::shard::Mapping;
use tarmem_remote::object::Object;
use uuid::Uuid;

/// The call that made a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ChangedBy {
    /// The session that made the call: a client's, or that of a generator that asks its own service.
    pub(crate) session: Uuid,
    /// The call's number in the session.
    pub(crate) sequence: u64,
}

/// Receives every change.
///
/// Its methods are called while the object, or a shard of the keys, is locked: they must be quick, must not panic, and
/// must not use the store.
pub(crate) trait ChangeListener: Send + Sync {
    /// A `&mut self` method, or a function over objects, has ended and may have changed the object, whose lock it still
    /// holds. If the object is poisoned, the method or function panicked.
    ///
    /// `&self` methods are not reported, although some of them change a queue or a lock; nor is poison that is cleared.
    fn object_changed(&self, cell: &Cell, object: &dyn Object, by: ChangedBy);

    /// `key` was mapped to an object, at a higher generation than ever before. `replaced` is the object it was mapped
    /// to before.
    fn key_mapped(&self, key: &str, mapping: &Mapping, replaced: Option<&Cell>, by: ChangedBy);

    /// The mapping of `key` to `removed` was removed.
    fn key_removed(&self, key: &str, removed: &Cell, by: ChangedBy);
}
