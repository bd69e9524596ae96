//! When what has changed is on disk.

use std::time::Duration;

/// When the changes of a service with a [storage](crate::Service::storage) are on disk, and when the replies leave that
/// tell of them.
///
/// ```
/// use std::time::Duration;
/// use tarmem::storage::{MemoryDisk, MemoryStorage};
/// use tarmem::{Durability, Service};
///
/// let storage = MemoryStorage::open(&MemoryDisk::default());
/// let service =
///     Service::new("127.0.0.1", 0).storage(storage).durability(Durability::Within(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A reply leaves when what it tells of is on disk: nothing that anybody has seen is lost.
    #[default]
    Always,
    /// Replies leave at once, and changes are on disk this much later at most. If the power fails, what was changed in
    /// the time before is lost, although clients have seen it. If only the process is killed, next to nothing is.
    Within(Duration),
    /// Replies leave at once, and the system writes changes to the disk when it likes, and when the service ends.
    Never,
}
