//! Dropping objects: one after the other, however they hold one another, and whatever their destructors do.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tarmem_remote::describe::NewObject;

thread_local! {
    /// `Some` while this thread is dropping objects: those that wait for their turn.
    static WAITING: RefCell<Option<Vec<NewObject>>> = const { RefCell::new(None) };
}

/// Drops an object.
///
/// An object that was the last to refer to another drops that one too; with a chain of references that is as deep as the
/// chain is long, and would overflow the stack. So what is dropped on the way waits for its turn. A destructor that panics
/// ends with its object, and nothing else does.
pub(crate) fn bury(object: NewObject) {
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
        if catch_unwind(AssertUnwindSafe(|| drop(next))).is_err() {
            tracing::warn!("an object panicked as it was dropped");
        }
        object = WAITING.try_with(|waiting| waiting.borrow_mut().as_mut().and_then(Vec::pop)).ok().flatten();
    }
    let _ = WAITING.try_with(|waiting| waiting.borrow_mut().take());
}
