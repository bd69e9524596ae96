//! One process at a time: the lock on a directory.

use crate::directory::{self, LOCK};
use crate::disk::Disk;
use crate::error::StorageError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Who has a directory that is locked by somebody who only reads it.
const READER: &str = "another process, which reads it";

/// More than anybody writes into the file that is locked.
const WHO_BYTES: u64 = 200;

/// Makes the directory, in which `disk` is, if it is not there, and locks it for as long as the returned file is open.
pub(crate) fn take(directory: &Path, disk: &dyn Disk) -> Result<File, StorageError> {
    let shown = || directory.display().to_string();
    let unusable = |source| StorageError::Unusable { directory: shown(), source };
    make(directory).map_err(unusable)?;
    let path = directory.join(LOCK);
    if !path.try_exists().map_err(unusable)? {
        // Nothing is written to a directory that is none of ours.
        directory::find(disk)?;
    }
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = open.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            // What the file says is from an earlier time, if whoever has it only reads.
            let by = if file.try_lock_shared().is_ok() { READER.to_owned() } else { holder(&file) };
            return Err(StorageError::InUse { directory: shown(), by });
        }
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    let since = humantime::format_rfc3339_seconds(SystemTime::now());
    let who = format!("process {}, since {since}", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(who.as_bytes())).map_err(unusable)?;
    Ok(file)
}

/// Locks the directory against those that write to it, for as long as the returned file is open. Nothing is changed.
/// `None` if nobody ever had it, or if it is on a file system without locks, to which nobody writes.
pub(crate) fn share(directory: &Path) -> Result<Option<File>, StorageError> {
    let shown = || directory.display().to_string();
    let unreadable = |source| StorageError::Unreadable { directory: shown(), source };
    if !directory.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::ErrorKind::NotADirectory.into()));
    }
    let file = match File::open(directory.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(unreadable(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { directory: shown(), by: holder(&file) }),
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(TryLockError::Error(source)) => Err(unreadable(source)),
    }
}

/// Who has locked the file.
fn holder(mut file: &File) -> String {
    let mut who = String::new();
    let read = file.rewind().and_then(|()| file.take(WHO_BYTES).read_to_string(&mut who));
    // It is empty between the locking and the writing.
    if read.is_err() || who.is_empty() || who.contains(char::is_control) {
        return "another process".to_owned();
    }
    who
}

/// Makes a directory, with those that it is to be in. Only its owner may look into it: what is there may be secret.
fn make(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    make(parent)?;
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
        made => made?,
    }
    File::open(parent)?.sync_all()
}
