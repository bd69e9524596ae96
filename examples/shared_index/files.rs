//! Reads the text files of a folder, within bounds.

use crate::index::IndexError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes: 1 MiB.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The most text that is read, in bytes: 256 MiB. The index holds it all in memory.
const MAX_TOTAL_BYTES: u64 = 256 << 20;

/// Folders that are skipped, wherever they are.
const SKIPPED_FOLDERS: [&str; 2] = [".git", "target"];

/// How many files and folders were left out, and why. Symbolic links and devices are not counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) binary: u64,
    pub(crate) large: u64,
    pub(crate) unreadable: u64,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} binary, {} over 1 MiB, {} unreadable", self.binary, self.large, self.unreadable)
    }
}

/// The text files in `folder` and its subfolders, with their paths, in order.
pub(crate) fn read_texts(folder: &str) -> Result<(Vec<(String, String)>, Skipped), IndexError> {
    let root = Path::new(folder);
    let unreadable = |e: io::Error| IndexError::Unreadable { folder: folder.to_owned(), reason: e.to_string() };
    let mut skipped = Skipped::default();
    let (mut paths, mut folders) = list(root).map_err(unreadable)?;
    while let Some(inside) = folders.pop() {
        match list(&inside) {
            Ok((files, inner)) => {
                paths.extend(files);
                folders.extend(inner);
            }
            Err(_) => skipped.unreadable += 1,
        }
    }
    paths.sort();
    let (mut texts, mut bytes) = (Vec::new(), 0);
    for path in paths {
        match read_text(&path) {
            Ok(Content::Text(text)) => {
                bytes += text.len() as u64;
                if bytes > MAX_TOTAL_BYTES {
                    return Err(IndexError::TooLarge { folder: folder.to_owned(), limit: MAX_TOTAL_BYTES });
                }
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
                texts.push((name, text));
            }
            Ok(Content::Empty) => {}
            Ok(Content::Binary) => skipped.binary += 1,
            Ok(Content::Large) => skipped.large += 1,
            Err(_) => skipped.unreadable += 1,
        }
    }
    if texts.is_empty() { Err(IndexError::NoText { folder: folder.to_owned(), skipped }) } else { Ok((texts, skipped)) }
}

/// The files and the folders in `folder`. A symbolic link is neither.
fn list(folder: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir() && !SKIPPED_FOLDERS.iter().any(|name| entry.file_name() == *name) {
            folders.push(entry.path());
        }
    }
    Ok((files, folders))
}

enum Content {
    Text(String),
    Empty,
    Binary,
    Large,
}

fn read_text(path: &Path) -> io::Result<Content> {
    // Not limited by the file's stated length: it may grow meanwhile, and files in /proc say 0.
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Ok(Content::Large);
    }
    // Text is UTF-8 without zeros.
    Ok(match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => Content::Binary,
        Ok(text) if text.trim().is_empty() => Content::Empty,
        Ok(text) => Content::Text(text),
        Err(_) => Content::Binary,
    })
}
