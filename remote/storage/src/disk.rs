//! What the storage needs of a file system.
//!
//! Everything is written through these two traits, redb's pages included: so a test can put a [simulated
//! disk](crate::sim) in the place of the real one, and let the power fail at any write.

use std::fmt;
use std::io;
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

    /// How many bytes are left on it; `None` if that is not known.
    ///
    /// # Errors
    /// Those of the system.
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }

    /// Whether it was opened to be read only.
    fn is_read_only(&self) -> bool {
        false
    }

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

    /// How many bytes of the disk it takes: a file may have gaps.
    ///
    /// # Errors
    /// Those of the system.
    fn taken(&self) -> io::Result<u64> {
        self.len()
    }

    /// Changes its length. New bytes are 0.
    ///
    /// # Errors
    /// Those of the system.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Takes as much of the disk as so many bytes need.
    ///
    /// # Errors
    /// If there is not so much, and other errors of the system.
    fn allocate(&self, length: u64) -> io::Result<()> {
        const ZEROS: &[u8] = &[0; 1 << 16];
        let mut at = 0;
        while at < length {
            let piece = (length - at).min(ZEROS.len() as u64);
            self.write_at(at, &ZEROS[..piece as usize])?;
            at += piece;
        }
        Ok(())
    }

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
