//! Handles: references to unnamed objects that a session holds while it has proxies of them.

use crate::caller::Caller;
use crate::value::{ObjectRef, RefScope};
use std::cell::RefCell;
use std::sync::Arc;
use uuid::Uuid;

/// A session's reference to an unnamed object; released when the last proxy that shares it is dropped.
pub(crate) struct Handle {
    pub(super) id: Uuid,
    pub(super) caller: Arc<dyn Caller>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let held_back = HELD_BACK.try_with(|held_back| {
            let mut held_back = held_back.try_borrow_mut().ok()?;
            held_back.as_mut()?.push((Arc::clone(&self.caller), self.id));
            Some(())
        });
        if !matches!(held_back, Ok(Some(()))) {
            self.caller.release(self.id);
        }
    }
}

/// Handles that were dropped, to be released once it is known whether their result was received.
type HeldBack = Vec<(Arc<dyn Caller>, Uuid)>;

thread_local! {
    static HELD_BACK: RefCell<Option<HeldBack>> = const { RefCell::new(None) };
}

/// Decodes a result that is undone if decoding fails. In that case, handles in it that are dropped meanwhile are not
/// released here: the service releases them itself, and a second release would be that of another caller's handle.
pub(crate) fn holding_back<T, E>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    /// Restores the previous list, even after a panic.
    struct Restore(Option<HeldBack>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = self.0.take();
            let held_back = HELD_BACK.with(|held_back| std::mem::replace(&mut *held_back.borrow_mut(), before));
            drop(held_back);
        }
    }
    let restore = Restore(HELD_BACK.with(|held_back| held_back.borrow_mut().replace(Vec::new())));
    let result = decode();
    let held_back = HELD_BACK.with(|held_back| held_back.borrow_mut().as_mut().map(std::mem::take));
    drop(restore);
    if result.is_ok() {
        for (caller, id) in held_back.into_iter().flatten() {
            caller.release(id);
        }
    }
    result
}

/// The scope of a result that arrived by a caller: each reference in it becomes a handle, which the service has already
/// counted for this client, and which is released through the same caller.
pub(crate) struct Handles<'a>(pub(crate) &'a Arc<dyn Caller>);

impl RefScope for Handles<'_> {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        let (id, class) = (reference.id(), reference.class());
        Ok(ObjectRef::with_live(id, class, Arc::new(Handle { id, caller: Arc::clone(self.0) })))
    }

    fn export(&self, _: &ObjectRef) -> Result<(), String> {
        Ok(())
    }
}
