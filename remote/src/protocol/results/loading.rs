//! What a service says of itself while it loads what it keeps.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How far a service is that loads what it keeps.
///
/// ```
/// use std::time::Duration;
/// use tarmem_remote::results::LoadingProgress;
///
/// let progress = LoadingProgress::new(1_200_000, (250_000, 1_000_000), Duration::from_secs(3));
/// assert_eq!(progress.to_string(), "250000 of 1000000 objects made, 3 s so far");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoadingProgress {
    /// How many entries it has read; 0 while it checks its files.
    pub entries: u64,
    /// How many objects it has made of them.
    pub made: u64,
    /// How many objects there are to be made; 0 until all entries have been read.
    pub objects: u64,
    /// For how long it has been loading.
    pub elapsed: Duration,
}

impl LoadingProgress {
    /// For code that runs a service, and tests.
    #[doc(hidden)]
    pub fn new(entries: u64, (made, objects): (u64, u64), elapsed: Duration) -> Self {
        LoadingProgress { entries, made, objects, elapsed }
    }
}

impl fmt::Display for LoadingProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadingProgress { entries: 0, .. } => f.write_str("checking the files")?,
            LoadingProgress { entries, objects: 0, .. } => write!(f, "{entries} entries read")?,
            LoadingProgress { made, objects, .. } => write!(f, "{made} of {objects} objects made")?,
        }
        write!(f, ", {} s so far", self.elapsed.as_secs())
    }
}
