//! What concurrency by hand is made of. `tests/interleavings` compiles what uses it a second time, with loom's in this
//! one's place, which tries all interleavings of a few threads.

pub(crate) use futures::task::AtomicWaker;
pub(crate) use parking_lot::{Mutex, MutexGuard};
pub(crate) use std::sync::atomic;

/// A static that is made when it is first used.
macro_rules! lazy_static {
    ($(#[$attribute:meta])* static ref $name:ident: $kind:ty = $value:expr;) => {
        $(#[$attribute])*
        static $name: std::sync::LazyLock<$kind> = std::sync::LazyLock::new(|| $value);
    };
}

pub(crate) use lazy_static;
