//! The primitives that hand-written concurrent code uses. `tests/interleavings` compiles this code a second time with
//! the primitives of loom, which tries all interleavings of a few threads.

pub(crate) use futures::task::AtomicWaker;
pub(crate) use parking_lot::{Mutex, MutexGuard};
pub(crate) use std::sync::atomic;

/// Defines a static that is initialized when it is first used.
macro_rules! lazy_static {
    ($(#[$attribute:meta])* static ref $name:ident: $kind:ty = $value:expr;) => {
        $(#[$attribute])*
        static $name: std::sync::LazyLock<$kind> = std::sync::LazyLock::new(|| $value);
    };
}

pub(crate) use lazy_static;
