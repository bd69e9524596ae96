//! Waiting: what the classes of [`threading`](super::threading), [`queue`](super::queue) and
//! [`multiprocessing`](super::multiprocessing) are made of. Users don't see it.
//!
//! - [`line`]: a state behind a mutex, and the lines of those who wait for it to change.
//! - [`patience`]: how long a caller waits, from what it gave as `blocking` and `timeout`.
//! - [`token`]: the numbers that grants and leases are told apart by.

mod line;
mod patience;
mod token;

pub use line::WAITERS;
pub(crate) use line::{Attempt, Door, Line, Monitor, Wait, Woken, deliver, enter};
pub use patience::TIMEOUT_MAX;
pub(crate) use patience::{Patience, seconds};
pub(crate) use token::next_token;
