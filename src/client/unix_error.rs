//! Explains why a Unix socket cannot be connected to.

use std::io::{self, ErrorKind};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The cause of `error`, with the remedy.
pub(super) fn explain(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
                format!("there is no folder {}; check the path", folder.display())
            }
            _ => "there is no such file; start the service, or check the path".to_owned(),
        },
        ErrorKind::PermissionDenied => "this user may not use it: the user needs the right to write to the socket and \
                                        to search the folders that it is in; check their owners and modes"
            .to_owned(),
        ErrorKind::ConnectionRefused => match std::fs::metadata(path).map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_socket() => {
                "the socket exists, but no process listens on it: the service that made it is gone; start it again"
                    .to_owned()
            }
            Ok(kind) if kind.is_dir() => "it is a folder, not a socket; give the path of the socket in it".to_owned(),
            Ok(_) => "it is a file, not a socket; check the path".to_owned(),
            Err(error) => error.to_string(),
        },
        ErrorKind::WouldBlock => "too many connections wait to be accepted; the service is busy or stopped".to_owned(),
        ErrorKind::InvalidInput => {
            "the path is too long: that of a socket may have about 100 bytes; use a shorter one".to_owned()
        }
        ErrorKind::NotADirectory => "a part of the path is not a folder; check the path".to_owned(),
        _ => error.to_string(),
    }
}
