//! Passes a whole value from our serializer or deserializer to the other side, past the serde data model.
//!
//! serde's model has no place for an `Arc<dyn Any>`, but a `Value` that passes through it must keep its live objects.
//! So the giving side puts the value here and uses a newtype struct with one of the names below. The taking side, which
//! alone knows that name, looks here first. This works through erased-serde, which passes names on. Nothing runs
//! between the giving and the taking, and a value that is not taken is dropped at once.

use std::cell::Cell;

use super::Value;

/// The newtype name with which a `Value` asks for itself.
pub(super) const VALUE_NAME: &str = "$tarmem::Value";
/// The newtype name with which an `ObjectRef` offers and asks for itself.
pub(super) const REF_NAME: &str = "$tarmem::Ref";
/// The newtype names of the kinds of a [`Value`] that serde does not have.
pub(super) const TUPLE_NAME: &str = "$tarmem::Tuple";
pub(super) const SET_NAME: &str = "$tarmem::Set";
pub(super) const INT_NAME: &str = "$tarmem::Int";
/// The unit struct with which an absent argument serializes itself.
pub(crate) const ABSENT: &str = "$tarmem::Absent";

thread_local! {
    static SLOT: Cell<Option<Value>> = const { Cell::new(None) };
}

/// Runs `f` with `value` ready to be taken. If `f` does not take it, it is dropped.
pub(super) fn offering<R>(value: Value, f: impl FnOnce() -> R) -> R {
    struct Clear;
    impl Drop for Clear {
        fn drop(&mut self) {
            drop(take());
        }
    }
    // Without a slot, as in a thread that is ending, the plain form is used.
    let _ = SLOT.try_with(|slot| slot.set(Some(value)));
    let _clear = Clear;
    f()
}

/// Takes the offered value, if there is one.
pub(super) fn take() -> Option<Value> {
    SLOT.try_with(Cell::take).ok().flatten()
}
