//! The locked objects of a function over several objects, and copies of what they were before.

use crate::server::exec::looking::Own;
use crate::server::state::panics;
use crate::store::{Cell, ChangedBy, ReadGuard, Store, WriteGuard};
use tarmem_remote::describe::NewObject;
use tarmem_remote::multi_object::{HeldObject, HeldObjects, ObjectParam};

/// The locked objects of a call. Unless [`keep`](Self::keep) was called, the objects are restored when this is dropped:
/// whether the function failed, panicked, or was given up.
pub(super) struct Holding {
    pub(super) guards: Vec<Guard>,
    /// The objects that are only looked into.
    pub(super) others: Vec<ReadGuard>,
    /// One copy for each guard; `None` if the object is only read, or if the function promises to restore it itself.
    pub(super) copies: Vec<Option<NewObject>>,
}

/// An object that a call has to lock.
pub(super) struct Wanted {
    pub(super) cell: Cell,
    pub(super) exclusive: bool,
    /// The first parameter that it is passed for.
    pub(super) first: usize,
}

pub(super) enum Guard {
    Shared(ReadGuard),
    Exclusive(WriteGuard),
}

impl Holding {
    /// The objects in the order of the parameters; and each of them once, for those that look.
    pub(super) fn objects<'a>(
        &'a mut self,
        wanted: &'a [Wanted],
        params: &[ObjectParam],
        places: &[usize],
    ) -> (HeldObjects<'a>, Vec<Own<'a>>) {
        let mut guards: Vec<Option<&mut Guard>> = self.guards.iter_mut().map(Some).collect();
        let mut shared: Vec<Option<&ReadGuard>> = vec![None; guards.len()];
        let mut own = Vec::with_capacity(guards.len());
        let objects = params.iter().zip(places).filter_map(|(param, &place)| {
            if let Some(object) = shared[place] {
                return Some(HeldObject::shared(&**object, object.class().views(param.class)));
            }
            match guards[place].take()? {
                Guard::Shared(object) => {
                    let object: &ReadGuard = object;
                    shared[place] = Some(object);
                    own.push(Own::shared(&wanted[place].cell, &**object));
                    Some(HeldObject::shared(&**object, object.class().views(param.class)))
                }
                Guard::Exclusive(object) => {
                    let views = object.class().views(param.class);
                    own.push(Own::exclusive(&wanted[place].cell, &**object));
                    Some(HeldObject::exclusive(&mut **object, views))
                }
            }
        });
        (objects.collect(), own)
    }

    /// Tells the store that call `by` has changed the objects that it could change.
    pub(super) fn changed(&self, store: &Store, by: ChangedBy) {
        for guard in &self.guards {
            if let Guard::Exclusive(object) = guard {
                store.changed(object.cell(), &**object, || Some(by), || None);
            }
        }
    }

    /// Keeps the changes that call `by` made.
    pub(super) fn keep(mut self, store: &Store, by: ChangedBy) {
        self.changed(store, by);
        let copies = std::mem::take(&mut self.copies);
        // Dropping the copies runs user code, for which nobody should have to wait.
        drop(self);
        let _ = panics::catch(|| drop(copies));
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        for (guard, copy) in self.guards.iter_mut().zip(self.copies.drain(..)) {
            if let (Guard::Exclusive(object), Some(copy)) = (guard, copy) {
                let changed = object.replace(copy);
                let _ = panics::catch(|| drop(changed));
            }
        }
    }
}
