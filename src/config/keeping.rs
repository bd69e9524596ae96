//! How what outlives a service is kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// When the changes of a service with a [storage](crate::Service::storage) are on disk, and when the replies leave that
/// tell of them.
///
/// As text it is `always`, a time such as `1s` or `100ms`, or `never`.
///
/// ```
/// use std::time::Duration;
/// use tarmem::storage::{MemoryDisk, MemoryStorage};
/// use tarmem::{Durability, Service};
///
/// let storage = MemoryStorage::open(&MemoryDisk::default());
/// let service =
///     Service::new("127.0.0.1", 0).storage(storage).durability(Durability::Within(Duration::from_secs(1)));
/// assert_eq!("1s".parse(), Ok(Durability::Within(Duration::from_secs(1))));
/// assert_eq!(Durability::Always.to_string(), "always");
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

const ALWAYS: &str = "always";
const NEVER: &str = "never";

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Durability::Always => f.write_str(ALWAYS),
            Durability::Within(time) => humantime::format_duration(*time).fmt(f),
            Durability::Never => f.write_str(NEVER),
        }
    }
}

impl FromStr for Durability {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, humantime::parse_duration(text)) {
            (ALWAYS, _) => Ok(Durability::Always),
            (NEVER, _) => Ok(Durability::Never),
            (_, Ok(time)) if !time.is_zero() => Ok(Durability::Within(time)),
            _ => Err(format!("write {ALWAYS}, a time such as 1s or 100ms, or {NEVER}")),
        }
    }
}

/// What a service does when its [storage](crate::Service::storage) has failed, since the disk is full, for example.
///
/// After that its memory is ahead of the disk, and stays so: nothing more is written until the next service is started
/// from what the disk has. As text it is `exit` or `refuse`. No reply leaves in either case that tells of anything that
/// is not on disk.
///
/// ```
/// use tarmem::storage::{MemoryDisk, MemoryStorage};
/// use tarmem::{OnStorageFailure, Service};
///
/// let storage = MemoryStorage::open(&MemoryDisk::default());
/// let service = Service::new("127.0.0.1", 0).storage(storage).on_storage_failure(OnStorageFailure::Refuse);
/// assert_eq!("exit".parse(), Ok(OnStorageFailure::End));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStorageFailure {
    /// The service ends: its connections break, and it does not listen any more. Clients connect again until there is a
    /// next service, and go on with that one as after any broken connection: each call is made once.
    #[default]
    End,
    /// The service stays. Calls on objects whose last change is on disk go on. Those that change anything, or see a
    /// change that is not on disk, get [`Error::StorageFailed`](crate::Error::StorageFailed). Replies that were on
    /// their way when the storage failed wait for the next service.
    Refuse,
}

const EXIT: &str = "exit";
const REFUSE: &str = "refuse";

impl fmt::Display for OnStorageFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OnStorageFailure::End => EXIT,
            OnStorageFailure::Refuse => REFUSE,
        })
    }
}

impl FromStr for OnStorageFailure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            EXIT => Ok(OnStorageFailure::End),
            REFUSE => Ok(OnStorageFailure::Refuse),
            _ => Err(format!("write {EXIT} or {REFUSE}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_is_shown() {
        let times = [1, 250, 1_000, 90_000].map(|millis| Durability::Within(Duration::from_millis(millis)));
        for durability in times.into_iter().chain([Durability::Always, Durability::Never]) {
            assert_eq!(durability.to_string().parse(), Ok(durability));
        }
        for text in ["", "0s", "1", "sometimes", "Always", "-1s"] {
            let error = text.parse::<Durability>().expect_err(text);
            assert!(error.contains("always") && error.contains("1s") && error.contains("never"), "{error}");
        }
    }
}
