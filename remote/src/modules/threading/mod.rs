//! Module `threading`: Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier.
//!
//! What waits here waits on the service, in a line, in the order in which it came: it holds no thread, and no other call up.
//! A wait that is given up leaves the line. What a session holds is given up when the session ends.

mod barrier;
mod condition;
mod event;
mod guard;
pub(crate) mod line;
mod lock;
mod mutual;
mod patience;
mod semaphore;
mod token;

pub use barrier::{Barrier, BarrierProxy};
pub use condition::{Condition, ConditionProxy};
pub use event::{Event, EventProxy};
pub use guard::{Guard, Lockable};
pub use line::WAITERS;
pub use lock::{Lock, LockProxy, RLock, RLockProxy};
pub use mutual::{Grant, Holder};
pub use patience::TIMEOUT_MAX;
pub use semaphore::{BoundedSemaphore, BoundedSemaphoreProxy, Permit, Semaphore, SemaphoreProxy};

pub(crate) use patience::{Patience, seconds};
pub(crate) use token::next_token;
