//! Waiting: what the classes of [`threading`](super::threading), [`queue`](super::queue) and
//! [`multiprocessing`](super::multiprocessing) are made of. Users don't see it.
//!
//! - [`monitor`]: a state behind a mutex, and how it is kept. [`line`]: the lines of those who wait for it to change.
//!   [`caller`]: one of them.
//! - [`patience`]: how long a caller waits, from what it gave as `blocking` and `timeout`.
//! - [`token`]: the numbers that grants and leases are told apart by.

mod caller;
mod line;
mod monitor;
mod patience;
mod token;

pub(crate) use caller::Caller;
pub use line::WAITERS;
pub(crate) use line::{Attempt, Door, Line, Wait, enter, haunt};
pub(crate) use monitor::{KeptState, Monitor, Woken, deliver, undo_unless_received};
pub use patience::TIMEOUT_MAX;
pub(crate) use patience::{Patience, seconds};
pub(crate) use token::next_token;

/// Implements that a class is kept whose objects consist of a monitor.
macro_rules! kept {
    ($class:ident, $field:ident: $state:ty) => {
        impl tarmem_remote::object::Keep for $class {
            fn kept(&self) -> std::sync::Arc<dyn tarmem_remote::object::Kept> {
                std::sync::Arc::clone(&self.$field) as _
            }

            fn restore<'de, D: serde::Deserializer<'de>>(state: D) -> Result<Self, D::Error> {
                let state = <$state as serde::Deserialize>::deserialize(state)?;
                Ok($class { $field: $crate::waiting::Monitor::new(state) })
            }
        }
    };
}

pub(crate) use kept;
