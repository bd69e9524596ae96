//! What can go wrong.

use std::io;

/// Why something could not be stored or read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused to read or write. After a failed write or sync, nothing more is written.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, and to which file.
        doing: String,
        /// The system's error.
        source: io::Error,
    },
    /// An earlier write or sync failed. What is on disk is known only after the directory was opened again.
    #[error("an earlier write failed ({first}); start again from what is on disk")]
    Failed {
        /// The first error.
        first: String,
    },
    /// What was read is not what was written.
    #[error("{file} is damaged{}: {what}; restore the directory from a backup", at_byte(*offset))]
    Damaged {
        /// The file.
        file: String,
        /// Where in the file; 0 if it is not known.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file that must be there is missing.
    #[error("{file} is missing: {why}; restore the directory from a backup")]
    Missing {
        /// The file.
        file: String,
        /// Why it must be there.
        why: String,
    },
    /// The directory was written by another version.
    #[error("{file} has format {found}, and this program reads up to {known}; use a newer one")]
    Version {
        /// The file.
        file: String,
        /// The format found there.
        found: u32,
        /// The newest format that this program reads.
        known: u32,
    },
    /// A file belongs to another directory.
    #[error("{file} belongs to directory {found}, not to {expected}; directories cannot be mixed")]
    Foreign {
        /// The file.
        file: String,
        /// The id in it.
        found: uuid::Uuid,
        /// The id of the directory.
        expected: uuid::Uuid,
    },
    /// Another process uses the directory.
    #[error("{directory} is in use by {by}; a directory is used by one service at a time")]
    InUse {
        /// The directory.
        directory: String,
        /// Who uses it.
        by: String,
    },
    /// The directory cannot be made, locked or written.
    #[error("{directory} cannot be used: {source}; name a directory that this user may write")]
    Unusable {
        /// The directory.
        directory: String,
        /// The system's error.
        source: io::Error,
    },
    /// The directory cannot be read.
    #[error("{directory} cannot be read: {source}")]
    Unreadable {
        /// The directory.
        directory: String,
        /// The system's error.
        source: io::Error,
    },
    /// The database of the states refused.
    #[error("{doing}: {reason}")]
    States {
        /// What was being done.
        doing: String,
        /// The database's error.
        reason: String,
    },
    /// The caller refused an entry.
    #[error("{0}")]
    Refused(String),
    /// Another owner has taken over.
    #[error("epoch {epoch} is over: epoch {now} has taken over")]
    Fenced {
        /// The epoch of the commit.
        epoch: u64,
        /// The one that has taken over.
        now: u64,
    },
}

/// Where something is damaged, if that is known.
fn at_byte(offset: u64) -> String {
    if offset == 0 { String::new() } else { format!(" at byte {offset}") }
}

impl StorageError {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, StorageError::Io { source, .. }
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// The same error, with the path of the directory `place` in which it has occurred.
    pub(crate) fn within(self, place: &str) -> StorageError {
        let file_of = |file: String| format!("{place}/{file}");
        match self {
            StorageError::Io { doing, source } => StorageError::Io { doing: format!("{place}: {doing}"), source },
            StorageError::States { doing, reason } => {
                StorageError::States { doing: format!("{place}: {doing}"), reason }
            }
            StorageError::Damaged { file, offset, what } => StorageError::Damaged { file: file_of(file), offset, what },
            StorageError::Missing { file, why } => StorageError::Missing { file: file_of(file), why },
            StorageError::Version { file, found, known } => StorageError::Version { file: file_of(file), found, known },
            StorageError::Foreign { file, found, expected } => {
                StorageError::Foreign { file: file_of(file), found, expected }
            }
            StorageError::Refused(why) if !why.contains(place) => StorageError::Refused(format!("{place}: {why}")),
            other => other,
        }
    }

    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> StorageError {
        let doing = doing.into();
        move |source| StorageError::Io { doing, source }
    }

    pub(crate) fn damaged(file: &str, offset: u64, what: impl Into<String>) -> StorageError {
        StorageError::Damaged { file: file.to_owned(), offset, what: what.into() }
    }
}
