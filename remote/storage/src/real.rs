//! The file system of the operating system.

use crate::disk::{Disk, DiskFile};
use crate::error::StorageError;
use crate::lock;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

/// A directory of the system's.
#[derive(Debug)]
pub struct RealDisk {
    directory: PathBuf,
    /// Locked while it is open.
    _lock: lock::Locks,
    /// Nothing may be written.
    only_read: bool,
}

impl RealDisk {
    /// The directory at `path`, which has to exist. Whoever calls this sees to it that nobody else uses it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RealDisk { directory: path.into(), _lock: Vec::new(), only_read: false }
    }

    /// The directory at `path`, which is made if it is not there. Until this is dropped, no other process can have it.
    ///
    /// # Errors
    /// [`StorageError::InUse`] if another process has it; [`StorageError::Unusable`] if it cannot be made or written;
    /// those of [`LocalStorage::open`](crate::LocalStorage::open) if something else is there.
    ///
    /// ```
    /// use tarmem_storage::{RealDisk, StorageError};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let disk = RealDisk::exclusive(directory.path())?;
    /// assert!(matches!(RealDisk::exclusive(directory.path()), Err(StorageError::InUse { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn exclusive(path: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let disk = RealDisk::new(path);
        let lock = lock::take(&disk.directory, &disk)?;
        Ok(RealDisk { _lock: lock, ..disk })
    }

    /// The directory at `path`, which has to exist, to be read. Nothing is written to it, and it need not be writable.
    /// Until this is dropped, no other process can write to it; others may read it, too.
    ///
    /// # Errors
    /// [`StorageError::InUse`] if another process may write to it; [`StorageError::Unreadable`] if it is not there, or
    /// is no directory.
    ///
    /// ```
    /// use tarmem_storage::{RealDisk, StorageError};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = tempfile::tempdir()?;
    /// let writer = RealDisk::exclusive(directory.path())?;
    /// assert!(matches!(RealDisk::read_only(directory.path()), Err(StorageError::InUse { .. })));
    /// drop(writer);
    /// let readers = [RealDisk::read_only(directory.path())?, RealDisk::read_only(directory.path())?];
    /// assert!(matches!(RealDisk::exclusive(directory.path()), Err(StorageError::InUse { .. })));
    /// # drop(readers);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_only(path: impl Into<PathBuf>) -> Result<Self, StorageError> {
        let directory = path.into();
        let lock = lock::share(&directory)?;
        Ok(RealDisk { directory, _lock: lock, only_read: true })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// An error if nothing may be written.
    fn writable(&self) -> io::Result<()> {
        if self.only_read { Err(io::ErrorKind::ReadOnlyFilesystem.into()) } else { Ok(()) }
    }
}

impl Disk for RealDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.directory.read_dir()? {
            // Files whose names are not UTF-8 are none of ours.
            names.extend(entry?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(!self.only_read).open(self.path(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.writable()?;
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(self.path(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.writable()?;
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writable()?;
        std::fs::remove_file(self.path(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        let disk = rustix::fs::statvfs(&self.directory)?;
        Ok(Some(disk.f_bavail.saturating_mul(disk.f_frsize)))
    }

    fn is_read_only(&self) -> bool {
        self.only_read
    }

    fn place(&self) -> String {
        self.directory.display().to_string()
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn taken(&self) -> io::Result<u64> {
        const BLOCK: u64 = 512;
        Ok(self.0.metadata()?.blocks().saturating_mul(BLOCK))
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    #[cfg(target_os = "linux")]
    fn allocate(&self, length: u64) -> io::Result<()> {
        Ok(rustix::fs::fallocate(&self.0, rustix::fs::FallocateFlags::empty(), 0, length)?)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
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
        std::fs::remove_file(directory.join(crate::directory::LOCK)).expect("it is there");
        for refused in [RealDisk::exclusive(&directory), RealDisk::read_only(&directory)] {
            let refused = refused.expect_err("it is still in use").to_string();
            assert!(refused.contains("in use by another process"), "{refused}");
        }
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
