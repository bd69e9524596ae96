//! Why a Unix socket cannot be connected to, in words.

use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// What is wrong, with what to do about it.
pub(super) fn explain(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
                format!("there is no folder {}; check the path", folder.display())
            }
            _ => "there is no such file; the service is not running, or has another path".to_owned(),
        },
        ErrorKind::PermissionDenied => "this user may not use it: that takes the right to write to the socket, and to \
                                        search the folders that it is in; see their owners and modes"
            .to_owned(),
        ErrorKind::ConnectionRefused => match std::fs::metadata(path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_socket() => {
                "the socket is there, but nobody listens on it: the service that made it is gone; start it again"
                    .to_owned()
            }
            Ok(kind) if kind.is_dir() => "it is a folder, and no socket; give the path of the socket in it".to_owned(),
            Ok(_) => "it is a file, and no socket; check the path".to_owned(),
            Err(error) => error.to_string(),
        },
        ErrorKind::WouldBlock => "too many wait to be accepted there; the service is busy, or stopped".to_owned(),
        ErrorKind::InvalidInput => {
            "the path is too long for a socket, which may have about 100 bytes; use a shorter one".to_owned()
        }
        ErrorKind::NotADirectory => "a part of the path is no folder; check the path".to_owned(),
        _ => error.to_string(),
    }
}
