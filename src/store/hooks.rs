//! The objects of resident classes that are kept: they say themselves when they change.
//!
//! An object of another class changes while a method with `&mut self` holds its lock. One of a resident class changes
//! behind `&self`, under a lock of its own, perhaps while nobody calls it at all: because a session ends, for example.
//! So it makes each change through its [`ObjectHook`], which does three things in one batch of the journal: it encodes
//! the state that the last batch has left, if nobody did yet; it notes that the object changes; and it lets it change.
//!
//! Locks are taken in this order: the journal's doors, the state of a changed object, the object's own lock. So the
//! object must not hold its own lock when it calls the hook.

use super::cell::{Cell, WeakCell};
use super::keeping::{Keeping, Numbers};
use std::sync::{Arc, Weak};
use tarmem_remote::object::{ChangeHook, Hook, Kept};
use tarmem_remote::value::ObjectRef;

/// Notes the changes of one object.
pub(super) struct ObjectHook {
    keeping: Weak<Keeping>,
    cell: WeakCell,
    count: u64,
    kept: Weak<dyn Kept>,
}

/// Lets an object note its changes.
pub(super) fn attach(keeping: &Arc<Keeping>, cell: &Cell, kept: &Arc<dyn Kept>) {
    let hook = Arc::new(ObjectHook {
        keeping: Arc::downgrade(keeping),
        cell: cell.downgrade(),
        count: cell.count(),
        kept: Arc::downgrade(kept),
    });
    keeping.hooked(cell, kept);
    kept.attach(ChangeHook::new(hook));
}

impl Hook for ObjectHook {
    fn change(&self, change: &mut dyn FnMut()) {
        // If nobody can reach the object any more, or the service is gone, there is nothing to keep.
        let (Some(keeping), Some(cell), Some(kept)) =
            (self.keeping.upgrade(), self.cell.upgrade(), self.kept.upgrade())
        else {
            return change();
        };
        let _entered = keeping.journal().enter();
        keeping.before_own_change(&cell);
        // Noted first: the batch stays open until this thread leaves it, and whoever sees the change sees that it is
        // not on disk yet.
        keeping.changes_by_itself(&cell, &kept);
        change();
    }

    fn reserve(&self, number: u64) {
        if let Some(keeping) = self.keeping.upgrade() {
            keeping.reserve(Numbers::Tokens, number);
        }
    }

    fn unused(&self) -> u64 {
        self.keeping.upgrade().map_or(0, |keeping| keeping.unused())
    }

    fn object(&self) -> u64 {
        self.count
    }

    fn reference(&self) -> Option<ObjectRef> {
        let cell = self.cell.upgrade()?;
        Some(ObjectRef::with_live(cell.id(), cell.class().entry().path, Arc::new(cell)))
    }
}
