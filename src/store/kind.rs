//! What the objects of one class have in common, so that it is not written down in each of them.

use super::block::Header;
use hashbrown::HashMap;
use parking_lot::RwLock;
use std::alloc::Layout;
use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_remote::object::{Object, View};
use tarmem_remote::registry::ClassInfo;
use uuid::Uuid;

/// The objects of one class on one service.
pub(super) struct Kind {
    class: Arc<ClassInfo>,
    type_id: TypeId,
    /// A header with an object behind it, and where that begins.
    head: (Layout, usize),
    view: View,
    /// The first half of every id of the service.
    service: u64,
    /// How many there are, mapped or not.
    living: AtomicUsize,
}

impl Kind {
    pub(super) fn class(&self) -> &Arc<ClassInfo> {
        &self.class
    }

    /// Where in a block the object is.
    pub(super) fn object_at(&self) -> usize {
        self.head.1
    }

    /// Where in a block the name is: right behind the object.
    pub(super) fn name_at(&self) -> usize {
        self.head.0.size()
    }

    /// The alignment of a block.
    pub(super) fn align(&self) -> usize {
        self.head.0.align()
    }

    pub(super) fn is_of(&self, object: &dyn Object) -> bool {
        Any::type_id(object) == self.type_id
    }

    /// The object at `place`.
    pub(super) fn view(&self, place: *mut ()) -> *mut dyn Object {
        (self.view)(place)
    }

    /// The id of the object with that count: no other object of any service has it.
    pub(super) fn id(&self, count: u64) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.service.to_be_bytes());
        bytes[8..].copy_from_slice(&count.to_be_bytes());
        Uuid::new_v8(bytes)
    }

    pub(super) fn begins(&self) {
        self.living.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ends(&self) {
        self.living.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The classes of which there are objects, or were.
pub(super) struct Kinds {
    /// Random bits, for the ids.
    service: u64,
    /// By type, not by the class's path: two types under one path are not one kind.
    kinds: RwLock<HashMap<TypeId, Arc<Kind>>>,
}

impl Kinds {
    pub(super) fn new() -> Self {
        let (service, _) = Uuid::new_v4().as_u64_pair();
        Kinds { service, kinds: RwLock::default() }
    }

    /// That of `object`, which is of `class`.
    pub(super) fn of(&self, object: &dyn Object, class: &Arc<ClassInfo>) -> Arc<Kind> {
        let type_id = Any::type_id(object);
        if let Some(kind) = self.kinds.read().get(&type_id) {
            return Arc::clone(kind);
        }
        let kind = || {
            Arc::new(Kind {
                class: Arc::clone(class),
                type_id,
                head: (Layout::new::<Header>().extend(Layout::for_value(object)))
                    .expect("an object that is in memory leaves room for a header"),
                view: object.viewed(),
                service: self.service,
                living: AtomicUsize::new(0),
            })
        };
        Arc::clone(self.kinds.write().entry(type_id).or_insert_with(kind))
    }

    /// How many objects there are of all kinds.
    pub(super) fn living(&self) -> usize {
        self.kinds.read().values().map(|kind| kind.living.load(Ordering::Relaxed)).sum()
    }
}
