//! A backup on its way to a client: rows as the service keeps them.
//!
//! This is for programs of the same version as the service; everybody else makes a file with `tarmem backup`.

use crate::operation::BackupFrom;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A part of a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupPart {
    /// The version of the service.
    pub service: String,
    /// The id of the service's directory.
    pub directory: Uuid,
    /// The last batch of changes that is in the backup: all before are, and none after.
    pub batch: u64,
    /// The rows, in the order of tables and keys. The first one may be the rest of one that the part before has ended
    /// with.
    pub rows: Vec<BackupRow>,
    /// Where the next part begins; `None` if this is the last one.
    pub next: Option<BackupPosition>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupRow {
    /// Its table.
    pub table: u8,
    /// Its key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// Its value, or a piece of it.
    #[serde(with = "serde_bytes")]
    pub value: Vec<u8>,
}

/// A place in a backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackupPosition {
    /// The table of the row.
    pub table: u8,
    /// Its key.
    #[serde(with = "serde_bytes")]
    pub key: Vec<u8>,
    /// The place in its value.
    pub offset: u64,
}

impl BackupPosition {
    /// The same place, for an operation.
    pub fn as_ref(&self) -> BackupFrom<'_> {
        BackupFrom { table: self.table, key: &self.key, offset: self.offset }
    }
}
