//! What all objects of one class have in common, so that it need not be stored with each of them.

use super::block::Header;
use super::keeping::Keeping;
use hashbrown::HashMap;
use parking_lot::RwLock;
use std::alloc::Layout;
use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tarmem_remote::object::{Object, View};
use tarmem_remote::registry::ClassInfo;
use uuid::Uuid;

/// What the objects of one class on one service have in common.
pub(super) struct Kind {
    class: Arc<ClassInfo>,
    type_id: TypeId,
    /// The layout of a header followed by an object, and the offset of the object.
    head: (Layout, usize),
    view: View,
    /// The first half of every id that the service gives.
    service: u64,
    /// Notes which objects outlive the service; `None` if none does.
    keeping: Option<Arc<Keeping>>,
    /// How many objects of this kind there are, mapped or not.
    living: AtomicUsize,
    /// Whether calls may be kept in place of states.
    replays: bool,
}

impl Kind {
    pub(super) fn class(&self) -> &Arc<ClassInfo> {
        &self.class
    }

    /// The offset of the object in its block.
    pub(super) fn object_at(&self) -> usize {
        self.head.1
    }

    /// The offset of the name in its block: right after the object.
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

    /// Views the memory at `place` as an object of this kind.
    pub(super) fn view(&self, place: *mut ()) -> *mut dyn Object {
        (self.view)(place)
    }

    /// The id of the object numbered `count`. No other object of any service has it.
    pub(super) fn id(&self, count: u64) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.service.to_be_bytes());
        bytes[8..].copy_from_slice(&count.to_be_bytes());
        Uuid::new_v8(bytes)
    }

    pub(super) fn keeping(&self) -> Option<&Arc<Keeping>> {
        self.keeping.as_ref()
    }

    /// The object numbered `count` is about to be dropped.
    pub(super) fn dropped(&self, count: u64) {
        if let Some(keeping) = &self.keeping {
            keeping.dropped(count, &self.class, self.replays);
        }
    }

    /// Whether calls may be kept in place of the states of these objects.
    pub(super) fn replays(&self) -> bool {
        self.replays
    }

    pub(super) fn begins(&self) {
        self.living.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ends(&self) {
        self.living.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The kinds of all objects that the service has, or had.
pub(super) struct Kinds {
    /// The first half of each id.
    service: u64,
    keeping: Option<Arc<Keeping>>,
    /// By type and not by the class's path: two types under one path are two kinds.
    kinds: RwLock<HashMap<TypeId, Arc<Kind>>>,
}

impl Kinds {
    /// `service` is the first half of the ids of their objects.
    pub(super) fn new(service: u64, keeping: Option<Arc<Keeping>>) -> Self {
        Kinds { service, keeping, kinds: RwLock::default() }
    }

    /// The kind of `object`, whose class is `class`.
    pub(super) fn of(&self, object: &dyn Object, class: &Arc<ClassInfo>) -> Arc<Kind> {
        let memory = || (Layout::for_value(object), object.viewed());
        self.find(Any::type_id(object), class, memory)
    }

    /// The kind of the objects of `class`.
    pub(super) fn of_class(&self, class: &Arc<ClassInfo>) -> Option<Arc<Kind>> {
        let memory = (class.entry().memory)()?;
        Some(self.find(memory.type_id, class, || (memory.layout, memory.view)))
    }

    fn find(&self, type_id: TypeId, class: &Arc<ClassInfo>, memory: impl FnOnce() -> (Layout, View)) -> Arc<Kind> {
        if let Some(kind) = self.kinds.read().get(&type_id) {
            return Arc::clone(kind);
        }
        let (layout, view) = memory();
        let kind = || {
            Arc::new(Kind {
                class: Arc::clone(class),
                type_id,
                head: (Layout::new::<Header>().extend(layout))
                    .expect("an object that is in memory leaves room for a header"),
                view,
                service: self.service,
                keeping: self.keeping.clone(),
                living: AtomicUsize::new(0),
                replays: self.keeping.is_some() && class.replays(),
            })
        };
        Arc::clone(self.kinds.write().entry(type_id).or_insert_with(kind))
    }

    /// How many objects of all kinds there are.
    pub(super) fn living(&self) -> usize {
        self.kinds.read().values().map(|kind| kind.living.load(Ordering::Relaxed)).sum()
    }
}
