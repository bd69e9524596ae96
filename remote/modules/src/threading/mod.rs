//! Module `threading`: `Lock`, `RLock`, `Semaphore`, `BoundedSemaphore`, `Event`, `Condition`, `Barrier`.
//!
//! Callers that wait do so on the service, in a line, in the order in which they called. They block no thread and no
//! other call. A caller that gives up its wait leaves the line. When a session ends, it gives up everything that it
//! holds.

mod barrier;
mod condition;
mod event;
mod guard;
mod lock;
mod mutual;
mod semaphore;
mod sleepers;

pub use barrier::{Barrier, BarrierProxy};
pub use condition::{Condition, ConditionProxy};
pub use event::{Event, EventProxy};
pub use guard::{Guard, Lockable};
pub use lock::{Lock, LockProxy, RLock, RLockProxy};
pub use mutual::{Grant, Holder};
pub use semaphore::{BoundedSemaphore, BoundedSemaphoreProxy, Permit, Semaphore, SemaphoreProxy};

pub use crate::waiting::{TIMEOUT_MAX, WAITERS};
