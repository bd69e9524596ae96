//! What the storage needs of a file system, and the real one.
//!
//! Everything is written through these two traits, redb's pages included: so a test can put a [simulated
//! disk](crate::sim) in the place of the real one, and let the power fail at any write.

use crate::error::StorageError;
use crate::lock;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory with files in it.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// The names of its files.
    ///
    /// # Errors
    /// Those of the system.
    fn names(&self) -> io::Result<Vec<String>>;

    /// Opens a file, to read and write it.
    ///
    /// # Errors
    /// If it does not exist, and other errors of the system.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a file that does not exist yet.
    ///
    /// # Errors
    /// If it exists, and other errors of the system.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, in place of the file that may have that name.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes sure that a power failure undoes no `create`, `rename` or `remove` that was called before.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_names(&self) -> io::Result<()>;

    /// Where it is, for messages.
    fn place(&self) -> String;
}

/// An open file.
#[allow(clippy::len_without_is_empty, reason = "nobody asks a file on disk that")]
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn len(&self) -> io::Result<u64>;

    /// Changes its length. New bytes are 0.
    ///
    /// # Errors
    /// Those of the system.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Reads as many bytes as `out` has, from `offset` on.
    ///
    /// # Errors
    /// If there are not so many, and other errors of the system.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Those of the system.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes sure that a power failure undoes nothing that was written before.
    ///
    /// # Errors
    /// Those of the system.
    fn sync(&self) -> io::Result<()>;
}

/// A directory of the system's.
#[derive(Debug)]
pub struct RealDisk {
    directory: PathBuf,
    /// Locked while it is open.
    _lock: Option<File>,
}

impl RealDisk {
    /// The directory at `path`, which has to exist. Whoever calls this sees to it that nobody else uses it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RealDisk { directory: path.into(), _lock: None }
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
        let directory = path.into();
        let lock = lock::take(&directory)?;
        Ok(RealDisk { directory, _lock: Some(lock) })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
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
        Ok(Arc::new(RealFile(open(&self.path(name))?)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).mode(0o600).open(self.path(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }

    fn place(&self) -> String {
        self.directory.display().to_string()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
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
