//! One process at a time: the lock on a directory.

use crate::directory::{self, LOCK};
use crate::disk::RealDisk;
use crate::error::StorageError;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::SystemTime;

/// More than anybody writes into the file that is locked.
const WHO_BYTES: u64 = 200;

/// Makes the directory if it is not there, and locks it for as long as the returned file is open.
pub(crate) fn take(directory: &Path) -> Result<File, StorageError> {
    let shown = || directory.display().to_string();
    let unusable = |source| StorageError::Unusable { directory: shown(), source };
    make(directory).map_err(unusable)?;
    let path = directory.join(LOCK);
    if !path.try_exists().map_err(unusable)? {
        // Nothing is written to a directory that is none of ours.
        directory::find(&RealDisk::new(directory))?;
    }
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    let mut file = open.map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StorageError::InUse { directory: shown(), by: holder(&file) }),
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    let since = humantime::format_rfc3339_seconds(SystemTime::now());
    let who = format!("process {}, since {since}", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(who.as_bytes())).map_err(unusable)?;
    Ok(file)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_directory_is_made_and_locked_until_its_disk_is_dropped() {
        let scratch = tempfile::tempdir().expect("made");
        let directory = scratch.path().join("new/data");
        let first = Arc::new(RealDisk::exclusive(&directory).expect("it is free"));
        let second = RealDisk::exclusive(&directory).expect_err("it is in use").to_string();
        let who = format!("{} is in use by process {}, since 2", directory.display(), std::process::id());
        assert!(second.starts_with(&who), "{second}");
        drop(first);
        RealDisk::exclusive(&directory).expect("it is free again");
    }

    #[test]
    fn a_directory_of_another_program_is_refused_and_left_as_it_is() {
        let scratch = tempfile::tempdir().expect("made");
        std::fs::write(scratch.path().join("letter"), "dear").expect("written");
        let refused = RealDisk::exclusive(scratch.path()).expect_err("it is not empty").to_string();
        assert!(refused.contains(r#"it has "letter" in it"#), "{refused}");
        assert_eq!(std::fs::read_dir(scratch.path()).expect("there").count(), 1);
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        let scratch = tempfile::tempdir().expect("made");
        let file = scratch.path().join("file");
        std::fs::write(&file, "").expect("written");
        for place in [file.clone(), file.join("data")] {
            let refused = RealDisk::exclusive(&place).expect_err("it is a file");
            assert!(matches!(&refused, StorageError::Unusable { .. }), "{refused}");
            let text = refused.to_string();
            assert!(text.contains(&place.display().to_string()) && text.contains("may write"), "{text}");
        }
    }
}
