//! How objects are dropped: one after the other, however they refer to one another and whatever their destructors do.

use super::block::Block;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An object that nobody can reach any more. Dropping the `Remains` drops the object.
pub(crate) struct Remains {
    block: Block,
}

impl Remains {
    /// # Safety
    /// The object is there; nobody uses it, now or later; and nobody else drops it.
    pub(super) unsafe fn new(block: Block) -> Self {
        Remains { block }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        self.block.header().kind.ends();
        // SAFETY: as `new` demands, the object is there and nobody uses it; and it is dropped only here.
        unsafe { self.block.object().drop_in_place() };
    }
}

thread_local! {
    /// `Some` while this thread is dropping objects: the objects that are next.
    static WAITING: RefCell<Option<Vec<Remains>>> = const { RefCell::new(None) };
}

/// Drops an object, and the objects that only it referred to.
///
/// Dropping the last reference to an object drops that object too. In a long chain of references, these drops would
/// nest as deep as the chain is long and overflow the stack. So an object that is to be dropped during another's drop
/// waits until that has ended. A panic in a destructor is traced, and the next object is dropped.
pub(crate) fn bury(object: Remains) {
    let mut object = Some(object);
    let waits = WAITING.try_with(|waiting| match &mut *waiting.borrow_mut() {
        Some(waiting) => {
            waiting.extend(object.take());
            true
        }
        none => {
            *none = Some(Vec::new());
            false
        }
    });
    if waits == Ok(true) {
        return;
    }
    while let Some(next) = object.take() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(next))) {
            tracing::warn!("an object panicked while it was dropped");
            // Dropping the panic's payload may panic in turn. The payload of that panic is forgotten.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(again);
            }
        }
        object = WAITING.try_with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
    }
    let _ = WAITING.try_with(|waiting| waiting.borrow_mut().take());
}
