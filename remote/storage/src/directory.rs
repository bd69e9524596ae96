//! A directory: which files are in it, and whose it is.
//!
//! ```text
//! identity         the directory's format and id; written last, when all others are there
//! identity.new     the same, while the others are being made: then what else is there may be made again
//! log.N            a segment of the log
//! spare.N          a former segment, or one that is being made: its contents mean nothing
//! states.redb      the states
//! unreadable/      what a start of a service could not read, and has moved aside
//! reserve          a part of the disk that is given back when there is nothing else left: its contents mean nothing
//! lock             locked by the process that uses the directory, which it names
//! ```

use crate::disk::{Disk, DiskFile};
use crate::error::StorageError;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) const STATES: &str = "states.redb";
const IDENTITY: &str = "identity";
const NEW_IDENTITY: &str = "identity.new";
const LOG: &str = "log.";
const SPARE: &str = "spare.";

pub(crate) const RESERVE: &str = "reserve";

/// The name of the file that is locked by the process that uses a directory.
pub const LOCK: &str = "lock";

/// The format that this program writes.
const FORMAT: u32 = 1;

/// The files of a directory, by what they are.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The numbers of the segments, in order.
    pub(crate) segments: Vec<u64>,
    pub(crate) spares: Vec<u64>,
    identity: bool,
    new_identity: bool,
    states: bool,
    pub(crate) reserve: bool,
    /// Files that are none of ours.
    strange: Vec<String>,
}

pub(crate) fn segment_name(number: u64) -> String {
    format!("{LOG}{number:010}")
}

pub(crate) fn spare_name(number: u64) -> String {
    format!("{SPARE}{number:010}")
}

impl Files {
    pub(crate) fn of(disk: &dyn Disk) -> Result<Self, StorageError> {
        let mut files = Files::default();
        let number = |name: &str, prefix| name.strip_prefix(prefix).and_then(|number: &str| number.parse().ok());
        for name in disk.names().map_err(StorageError::io(format!("listing {}", disk.place())))? {
            match name.as_str() {
                IDENTITY => files.identity = true,
                NEW_IDENTITY => files.new_identity = true,
                STATES => files.states = true,
                RESERVE => files.reserve = true,
                // ext4's, in the root of a file system.
                LOCK | "lost+found" => {}
                other => match (number(other, LOG), number(other, SPARE)) {
                    (Some(segment), _) => files.segments.push(segment),
                    (None, Some(spare)) => files.spares.push(spare),
                    (None, None) => files.strange.push(name),
                },
            }
        }
        files.segments.sort_unstable();
        files.spares.sort_unstable();
        Ok(files)
    }

    /// The states, which have to be there.
    pub(crate) fn states(&self, disk: &dyn Disk) -> Result<Arc<dyn DiskFile>, StorageError> {
        if !self.states {
            return Err(missing(STATES, "it has the values of all keys"));
        }
        disk.open(STATES).map_err(StorageError::io(format!("opening {STATES}")))
    }
}

/// What is found where a directory should be.
pub(crate) enum Found {
    /// A directory with this id.
    Directory(Uuid, Files),
    /// Nothing yet: a new directory can be made, in the place of these files of one that was never finished.
    Nothing(Files),
}

/// Finds out what is there.
///
/// # Errors
/// If something else is there, or only a part of a directory.
pub(crate) fn find(disk: &dyn Disk) -> Result<Found, StorageError> {
    let files = Files::of(disk)?;
    if files.identity {
        let file = disk.open(IDENTITY).map_err(StorageError::io(format!("opening {IDENTITY}")))?;
        return Ok(Found::Directory(read_identity(&*file)?, files));
    }
    if files.new_identity {
        return Ok(Found::Nothing(files));
    }
    if files.states || !files.segments.is_empty() {
        return Err(missing(IDENTITY, "other files of a data directory are there"));
    }
    if let Some(strange) = files.strange.first() {
        return Err(StorageError::Refused(format!(
            "{} is no data directory, and not empty: it has {strange:?} in it; {}",
            disk.place(),
            if disk.is_read_only() { "name a data directory" } else { "name an empty or a new directory" }
        )));
    }
    Ok(Found::Nothing(files))
}

/// Begins a new directory: from here on until [`finish`], what is in it means nothing.
pub(crate) fn begin(disk: &dyn Disk, files: &Files, id: Uuid) -> Result<(), StorageError> {
    let doing = || StorageError::io(format!("making a data directory of {}", disk.place()));
    if files.new_identity {
        for segment in &files.segments {
            disk.remove(&segment_name(*segment)).map_err(doing())?;
        }
        for spare in &files.spares {
            disk.remove(&spare_name(*spare)).map_err(doing())?;
        }
        if files.states {
            disk.remove(STATES).map_err(doing())?;
        }
        disk.sync_names().map_err(doing())?;
        disk.remove(NEW_IDENTITY).map_err(doing())?;
    }
    let file = disk.create(NEW_IDENTITY).map_err(doing())?;
    file.write_at(0, identity(id).as_bytes()).map_err(doing())?;
    file.sync().map_err(doing())?;
    disk.sync_names().map_err(doing())
}

/// The new directory is complete.
pub(crate) fn finish(disk: &dyn Disk) -> Result<(), StorageError> {
    let doing = || StorageError::io(format!("making a data directory of {}", disk.place()));
    disk.sync_names().map_err(doing())?;
    disk.rename(NEW_IDENTITY, IDENTITY).map_err(doing())?;
    disk.sync_names().map_err(doing())
}

fn identity(id: Uuid) -> String {
    let text = format!("tarmem data\nformat {FORMAT}\nid {id}\n");
    format!("{text}crc {:08x}\n", crc32fast::hash(text.as_bytes()))
}

fn read_identity(file: &dyn DiskFile) -> Result<Uuid, StorageError> {
    let reading = || StorageError::io(format!("reading {IDENTITY}"));
    let length = file.len().map_err(reading())?;
    let damaged = |what: &str| StorageError::damaged(IDENTITY, 0, what);
    if length > 1024 {
        return Err(damaged("it is far too long"));
    }
    let mut bytes = vec![0; length as usize];
    file.read_at(0, &mut bytes).map_err(reading())?;
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
    let (said, crc) = text.split_once("crc ").ok_or_else(|| damaged("it has no checksum"))?;
    if u32::from_str_radix(crc.trim_end(), 16) != Ok(crc32fast::hash(said.as_bytes())) {
        return Err(damaged("its checksum is another one"));
    }
    let mut lines = said.lines();
    if lines.next() != Some("tarmem data") {
        return Err(damaged("it is another kind of file"));
    }
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).map(str::trim);
    let format = field("format").and_then(|format| format.parse().ok()).ok_or_else(|| damaged("it names no format"))?;
    if format > FORMAT {
        return Err(StorageError::Version { file: IDENTITY.to_owned(), found: format, known: FORMAT });
    }
    field("id").and_then(|id| id.parse().ok()).ok_or_else(|| damaged("it names no id"))
}

pub(crate) fn missing(file: &str, why: &str) -> StorageError {
    StorageError::Missing { file: file.to_owned(), why: why.to_owned() }
}
