//! The states: the last value of each key, up to some batch of the log, in a redb database.

use crate::batch::{SHORT_LIVED, Table};
use crate::disk::DiskFile;
use crate::error::StorageError;
use crate::snapshot::VisitSome;
use redb::{Builder, Database, Durability, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition};
use std::collections::BTreeSet;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All keys, each after the byte of its table; all values, each after its checksum.
const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");

/// What the database knows about itself.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The number of the last batch that is in the states.
const FOLDED: &str = "folded";

/// The number of the first segment of the log that has, or will have, batches that are not in the states.
const LOG_AT: &str = "log at";

/// The bytes of all keys and values.
const VALUE_BYTES: &str = "value bytes";

/// How much of the database is kept in memory, in bytes.
const CACHE: usize = 32 << 20;

/// The rows, as they were when they were opened.
type Values = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The rows of short-lived tables that the states have: their keys, each after the byte of its table.
pub(crate) type ShortLived = BTreeSet<Vec<u8>>;

/// What a fold writes for each entry besides the entry: the page that it is in.
pub(crate) const PAGE: usize = 4096;

/// The states, open.
#[derive(Debug)]
pub(crate) struct States {
    database: Database,
    contents: Arc<dyn DiskFile>,
    file: String,
    /// The bytes of all keys and values.
    value_bytes: AtomicU64,
}

/// Changes of the states that are made together.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    /// The keys of these ranges are removed first: with their tables, from the first to below the second.
    pub(crate) ranges: Vec<(Vec<u8>, Vec<u8>)>,
    /// Then these keys get these values, or none.
    pub(crate) values: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Finally, the batch up to which everything is there, and the segment in which the log goes on after it.
    pub(crate) mark: Option<(u64, u64)>,
}

impl Fold {
    /// Whether any key gets a value.
    pub(crate) fn puts(&self) -> bool {
        self.values.iter().any(|(_, value)| value.is_some())
    }

    /// The bytes of its keys and values, and `weight` more for each of them.
    pub(crate) fn bytes(&self, weight: usize) -> usize {
        let ranges = self.ranges.iter().map(|(from, to)| from.len() + to.len() + weight);
        let values = self.values.iter().map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len) + weight);
        ranges.chain(values).sum()
    }
}

/// A file as redb wants it.
#[derive(Debug)]
struct Backend(Arc<dyn DiskFile>);

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read_at(offset, out)
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.0.set_len(length)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write_at(offset, data)
    }
}

impl States {
    /// Opens the database in `file`, or makes one if it is empty. Reads all of it, since redb looks at the checksums of
    /// its pages only if it is asked to.
    pub(crate) fn open(file: Arc<dyn DiskFile>, name: &str) -> Result<Self, StorageError> {
        let opened = unpanicked(name, || {
            let backend = Backend(Arc::clone(&file));
            let mut database = Builder::new().set_cache_size(CACHE).create_with_backend(backend)?;
            let is_whole = database.check_integrity()?;
            Ok::<_, redb::DatabaseError>((database, is_whole))
        })?;
        let (database, is_whole) = opened.map_err(|error| unopened(name, error))?;
        if !is_whole {
            return Err(StorageError::damaged(name, 0, "a checksum is another one"));
        }
        let states = States { database, contents: file, file: name.to_owned(), value_bytes: AtomicU64::new(0) };
        let value_bytes = states.meta(VALUE_BYTES)?;
        states.value_bytes.store(value_bytes, Ordering::Relaxed);
        Ok(states)
    }

    /// The bytes of all keys and values.
    pub(crate) fn value_bytes(&self) -> u64 {
        self.value_bytes.load(Ordering::Relaxed)
    }

    /// How many bytes of the disk the file takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.contents.taken().unwrap_or(0)
    }

    /// The batch up to which everything is there, and the segment in which the log goes on.
    pub(crate) fn mark(&self) -> Result<(u64, u64), StorageError> {
        Ok((self.meta(FOLDED)?, self.meta(LOG_AT)?))
    }

    fn meta(&self, name: &str) -> Result<u64, StorageError> {
        let read = self.database.begin_read().map_err(|error| self.reading(error))?;
        let table = match read.open_table(META) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
            Err(error) => return Err(self.reading(error)),
        };
        Ok(table.get(name).map_err(|error| self.reading(error))?.map_or(0, |value| value.value()))
    }

    /// Makes changes, which are on disk when this returns.
    pub(crate) fn fold(&self, fold: &Fold) -> Result<(), StorageError> {
        let mut write = self.database.begin_write().map_err(|error| self.writing(error))?;
        write.set_durability(Durability::Immediate).map_err(|error| self.writing(error))?;
        // So that a crash does not mean a walk over the whole file.
        write.set_quick_repair(true);
        // Added first, so that it is never below 0 in between.
        let (mut added, mut removed) = (self.value_bytes(), 0);
        {
            let mut values = write.open_table(VALUES).map_err(|error| self.writing(error))?;
            for (from, to) in &fold.ranges {
                let range = (Bound::Included(&**from), Bound::Excluded(&**to));
                let remove = |key: &[u8], value: &[u8]| {
                    removed += row_bytes(key, value);
                    false
                };
                values.retain_in::<&[u8], _>(range, remove).map_err(|error| self.writing(error))?;
            }
            let mut with_crc = Vec::new();
            for (key, value) in &fold.values {
                match value {
                    Some(value) => {
                        with_crc.clear();
                        with_crc.extend_from_slice(&crc_of(key, value).to_le_bytes());
                        with_crc.extend_from_slice(value);
                        let before = values.insert(&**key, &*with_crc).map_err(|error| self.writing(error))?;
                        removed += before.map_or(0, |before| row_bytes(key, before.value()));
                        added += row_bytes(key, &with_crc);
                    }
                    None => {
                        let before = values.remove(&**key).map_err(|error| self.writing(error))?;
                        removed += before.map_or(0, |before| row_bytes(key, before.value()));
                    }
                }
            }
            let mut meta = write.open_table(META).map_err(|error| self.writing(error))?;
            meta.insert(VALUE_BYTES, added.saturating_sub(removed)).map_err(|error| self.writing(error))?;
            if let Some((folded, log_at)) = fold.mark {
                meta.insert(FOLDED, folded).map_err(|error| self.writing(error))?;
                meta.insert(LOG_AT, log_at).map_err(|error| self.writing(error))?;
            }
        }
        write.commit().map_err(|error| self.writing(error))?;
        self.value_bytes.store(added.saturating_sub(removed), Ordering::Relaxed);
        Ok(())
    }

    /// The rows of short-lived tables.
    pub(crate) fn short_lived(&self) -> Result<ShortLived, StorageError> {
        let read = self.database.begin_read().map_err(|error| self.reading(error))?;
        let table = match read.open_table(VALUES) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(ShortLived::new()),
            Err(error) => return Err(self.reading(error)),
        };
        let (first, end) = ([*SHORT_LIVED.start()], [*SHORT_LIVED.end() + 1]);
        let rows = table.range::<&[u8]>(first.as_slice()..end.as_slice()).map_err(|error| self.reading(error))?;
        let key = |row: Result<(redb::AccessGuard<'_, &[u8]>, _), _>| row.map(|(key, _)| key.value().to_vec());
        rows.map(|row| key(row).map_err(|error| self.reading(error))).collect()
    }

    fn reading(&self, error: impl std::fmt::Display) -> StorageError {
        refused("reading", &self.file, &error)
    }

    fn writing(&self, error: impl std::fmt::Display) -> StorageError {
        refused("writing", &self.file, &error)
    }

    /// Calls `each` with every table, key and value, in order.
    pub(crate) fn each(
        &self,
        mut each: impl FnMut(Table, &[u8], &[u8]) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let Some(values) = self.values()? else { return Ok(()) };
        for row in values.range::<&[u8]>(..).map_err(|error| self.reading(error))? {
            let (key, value) = row.map_err(|error| self.reading(error))?;
            let (table, key, value) = checked(&self.file, key.value(), value.value())?;
            each(table, key, value)?;
        }
        Ok(())
    }

    /// The rows as they are now, and remain for whoever has this; `None` if there are none.
    fn values(&self) -> Result<Option<Values>, StorageError> {
        let read = self.database.begin_read().map_err(|error| self.reading(error))?;
        match read.open_table(VALUES) {
            Ok(values) => Ok(Some(values)),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(self.reading(error)),
        }
    }

    /// What is there now, to be read while changes go on.
    pub(crate) fn freeze(&self) -> Result<Frozen, StorageError> {
        Ok(Frozen { values: self.values()?, file: self.file.clone() })
    }
}

/// The states at one moment. The pages of the file that only they have are not used again until this is dropped.
pub(crate) struct Frozen {
    values: Option<Values>,
    file: String,
}

impl Frozen {
    /// Calls `each` with every table, key and value from `from` on, a key after the byte of its table, until it breaks.
    pub(crate) fn each_from(&self, from: &[u8], each: &mut VisitSome<'_>) -> Result<(), StorageError> {
        let reading = |error: redb::StorageError| refused("reading", &self.file, &error);
        let Some(values) = &self.values else { return Ok(()) };
        for row in values.range::<&[u8]>(from..).map_err(reading)? {
            let (key, value) = row.map_err(reading)?;
            let (table, key, value) = checked(&self.file, key.value(), value.value())?;
            if each(table, key, value).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// A row without its checksum, which is that of its key and value.
fn checked<'a>(file: &str, key: &'a [u8], value: &'a [u8]) -> Result<(Table, &'a [u8], &'a [u8]), StorageError> {
    let damaged = || StorageError::damaged(file, 0, format!("the value of key {key:02x?} is another one"));
    let (crc, value) = value.split_first_chunk::<4>().ok_or_else(damaged)?;
    if u32::from_le_bytes(*crc) != crc_of(key, value) {
        return Err(damaged());
    }
    let (table, key) = key.split_first().ok_or_else(damaged)?;
    Ok((*table, key, value))
}

/// What a key and its value count for.
fn row_bytes(key: &[u8], value: &[u8]) -> u64 {
    (key.len() + value.len()) as u64
}

fn crc_of(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// What `work` comes to. redb panics on some pages that were changed behind its back.
fn unpanicked<T>(file: &str, work: impl FnOnce() -> T) -> Result<T, StorageError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| StorageError::damaged(file, 0, "a page of it makes no sense"))
}

/// Why the database cannot be opened: what redb finds wrong in a file is damage.
fn unopened(file: &str, error: redb::DatabaseError) -> StorageError {
    match error {
        redb::DatabaseError::Storage(redb::StorageError::Io(source)) => {
            StorageError::io(format!("opening {file}"))(source)
        }
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(what)) => StorageError::damaged(file, 0, what),
        other => refused("opening", file, &other),
    }
}

fn refused(doing: &str, file: &str, error: &dyn std::fmt::Display) -> StorageError {
    StorageError::States { doing: format!("{doing} {file}"), reason: error.to_string() }
}
