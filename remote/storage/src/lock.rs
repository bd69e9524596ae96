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

/// What is locked of a directory: the directory itself, so that it is of no use to remove the file that names the
/// holder; and that file.
pub(crate) type Locks = Vec<File>;

/// Makes the directory, in which `disk` is, if it is not there, and locks it for as long as the locks live.
pub(crate) fn take(directory: &Path, disk: &dyn Disk) -> Result<Locks, StorageError> {
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
    let whole = lock_whole(directory, |whole| whole.try_lock(), unusable)?;
    file.set_len(0).and_then(|()| file.write_all(who.as_bytes())).map_err(unusable)?;
    Ok([file].into_iter().chain(whole).collect())
}

/// Locks the directory itself, if its file system can do that.
fn lock_whole(
    directory: &Path,
    lock: impl FnOnce(&File) -> Result<(), TryLockError>,
    refused: impl Fn(io::Error) -> StorageError,
) -> Result<Option<File>, StorageError> {
    let whole = File::open(directory).map_err(&refused)?;
    match lock(&whole) {
        Ok(()) => Ok(Some(whole)),
        Err(TryLockError::WouldBlock) => {
            let by = format!("another process, whose file `{LOCK}` was removed");
            Err(StorageError::InUse { directory: directory.display().to_string(), by })
        }
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Locks the directory against those that write to it, for as long as the locks live. Nothing is changed. There are
/// none if it is on a file system without locks, to which nobody writes.
pub(crate) fn share(directory: &Path) -> Result<Locks, StorageError> {
    let shown = || directory.display().to_string();
    let unreadable = |source| StorageError::Unreadable { directory: shown(), source };
    if !directory.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(io::ErrorKind::NotADirectory.into()));
    }
    let file = match File::open(directory.join(LOCK)) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(unreadable(source)),
    };
    match file.as_ref().map(|file| (file, file.try_lock_shared())) {
        None | Some((_, Ok(()))) => {}
        Some((file, Err(TryLockError::WouldBlock))) => {
            return Err(StorageError::InUse { directory: shown(), by: holder(file) });
        }
        Some((_, Err(TryLockError::Error(error)))) if error.kind() == io::ErrorKind::Unsupported => {}
        Some((_, Err(TryLockError::Error(source)))) => return Err(unreadable(source)),
    }
    let whole = lock_whole(directory, |whole| whole.try_lock_shared(), unreadable)?;
    Ok(file.into_iter().chain(whole).collect())
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
