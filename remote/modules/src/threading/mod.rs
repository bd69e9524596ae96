//! Module `threading`: Lock, RLock, Semaphore, BoundedSemaphore, Event, Condition, Barrier.
//!
//! What waits here waits on the service, in a line, in the order in which it came: it holds no thread, and no other
//! call up. A wait that is given up leaves the line. What a session holds is given up when the session ends.

mod barrier;
mod condition;
mod event;
mod guard;
mod lock;
mod mutual;
mod semaphore;

pub use barrier::{Barrier, BarrierProxy};
pub use condition::{Condition, ConditionProxy};
pub use event::{Event, EventProxy};
pub use guard::{Guard, Lockable};
pub use lock::{Lock, LockProxy, RLock, RLockProxy};
pub use mutual::{Grant, Holder};
pub use semaphore::{BoundedSemaphore, BoundedSemaphoreProxy, Permit, Semaphore, SemaphoreProxy};

pub use crate::waiting::{TIMEOUT_MAX, WAITERS};
