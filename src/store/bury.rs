//! Dropping objects: one after the other, however they hold one another, and whatever their destructors do.

use super::block::Block;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An object that nobody can come to any more: it goes when this does.
pub(crate) struct Remains {
    block: Block,
}

impl Remains {
    /// # Safety
    /// The object is there; nobody uses it, now or later, and nobody else drops it.
    pub(super) unsafe fn new(block: Block) -> Self {
        Remains { block }
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        self.block.header().kind.ends();
        // SAFETY: as `new` demands, it is there and nobody is at it; and it is dropped here only.
        unsafe { self.block.object().drop_in_place() };
    }
}

thread_local! {
    /// `Some` while this thread is dropping objects: those that wait for their turn.
    static WAITING: RefCell<Option<Vec<Remains>>> = const { RefCell::new(None) };
}

/// Drops an object.
///
/// An object that was the last to refer to another drops that one too; with a chain of references that is as deep as
/// the chain is long, and would overflow the stack. So what is dropped on the way waits for its turn. A destructor that
/// panics ends with its object, and nothing else does.
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
            tracing::warn!("an object panicked as it was dropped");
            // What it panicked with may panic in turn; then what that panics with is let be.
            if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(again);
            }
        }
        object = WAITING.try_with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
    }
    let _ = WAITING.try_with(|waiting| waiting.borrow_mut().take());
}
