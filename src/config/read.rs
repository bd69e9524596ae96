//! Reads files that a user names, up to a limit. Files that could block are refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The maximum size of a file, in bytes.
const LARGEST: u64 = 16 << 20;

/// Reads a whole regular file.
///
/// # Errors
/// If it cannot be read, is not a regular file, or is over the limit.
pub(crate) fn read_file(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Without O_NONBLOCK, opening a pipe that no process writes to would block.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file; name one"));
    }
    read_all(file)
}

/// As [`read_file`], for a text.
///
/// # Errors
/// As [`read_file`], or if it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text_of(read_file(path)?)
}

/// As [`read_text`], but also reads from pipes and devices, such as the output of another program. Blocks as long as
/// they do.
///
/// # Errors
/// As [`read_text`], except that the file need not be a regular one.
pub(crate) fn read_text_of_any(path: &Path) -> io::Result<String> {
    text_of(read_all(File::open(path)?)?)
}

fn read_all(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("it is over the limit of {LARGEST} bytes")));
    }
    Ok(bytes)
}

fn text_of(mut bytes: Zeroizing<Vec<u8>>) -> io::Result<String> {
    String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_endless_or_block_are_refused() {
        for (path, part) in
            [("/dev/zero", "not a regular file"), ("/", "not a regular file"), ("/nowhere", "os error 2")]
        {
            let error = read_file(Path::new(path)).expect_err(path).to_string();
            assert!(error.contains(part), "{path}: {error}");
        }
        let error = read_text_of_any(Path::new("/dev/zero")).expect_err("it has no end").to_string();
        assert!(error.contains("over the limit of 16777216 bytes"), "{error}");
    }

    #[test]
    fn a_file_may_be_as_large_as_the_limit() {
        let path = std::env::temp_dir().join(format!("tarmem-read-{}", std::process::id()));
        let file = File::create(&path).expect("made");
        file.set_len(LARGEST).expect("set");
        assert_eq!(read_text(&path).expect("read").len() as u64, LARGEST);
        file.set_len(LARGEST + 1).expect("set");
        let error = read_text(&path).expect_err("it is over the limit").to_string();
        assert!(error.contains("over the limit"), "{error}");
        std::fs::write(&path, [0xff]).expect("written");
        assert_eq!(read_text(&path).expect_err("no text").to_string(), "it is not UTF-8");
        std::fs::remove_file(&path).expect("removed");
    }
}
