//! Where a change is done: an object has changed, a key was mapped, replaced or removed.
//!
//! Each change is done in a method of [`Store`](super::Store), which calls a [`ChangeListener`] if the service has one.
//! The object, or the part of the keys, is still locked then: nobody can see the change or make the next one before the
//! listener returns. So it is called in the order in which the changes of an object, and of a key, are made.

use super::cell::Cell;
use super::shard::Mapping;
use tarmem_remote::object::Object;
use uuid::Uuid;

/// The call that made a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ChangedBy {
    /// The session that made the call: a client's, or that of a generator which asks its own service.
    pub(crate) session: Uuid,
    /// The call's number in the session.
    pub(crate) sequence: u64,
}

/// Is called for each change.
///
/// It is called while the object, or a part of the keys, is locked: it must be quick, must not panic, and must not use
/// the store.
pub(crate) trait ChangeListener: Send + Sync {
    /// A method with `&mut self`, or a function over objects, has ended, and may have changed the object, whose lock it
    /// still holds. If the object is poisoned, the method or function panicked.
    ///
    /// Methods with `&self` are not reported, although a queue or a lock changes in them; nor is poison that is
    /// cleared.
    fn object_changed(&self, cell: &Cell, object: &dyn Object, by: ChangedBy);

    /// `key` was mapped to an object, at a higher generation than it ever had. `replaced` is the object that it was
    /// mapped to before.
    fn key_mapped(&self, key: &str, mapping: &Mapping, replaced: Option<&Cell>, by: ChangedBy);

    /// The mapping of `key` to `removed` is gone.
    fn key_removed(&self, key: &str, removed: &Cell, by: ChangedBy);
}
