//! Why an address cannot be listened on, and what to do about it, after a look at what is there.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The longest path of a Unix socket, in bytes: what a `sockaddr_un` holds, without the terminating zero.
const PATH_BYTES: usize = 107;

/// The cause, with the remedy.
pub(in crate::server) fn why(address: &str, cause: &io::Error) -> String {
    match address.strip_prefix("unix:") {
        Some(path) => why_not_unix(Path::new(path), cause),
        None => format!("{cause}{}", tcp_remedy(cause)),
    }
}

fn tcp_remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "; stop what listens there, or use port 0 for any free port",
        io::ErrorKind::PermissionDenied => "; use a port of 1024 or more",
        _ => "; check the host name",
    }
}

fn why_not_unix(path: &Path, cause: &io::Error) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.as_os_str().len() > PATH_BYTES {
        return format!(
            "the path has {} bytes, over the limit of {PATH_BYTES}; give a shorter one",
            path.as_os_str().len()
        );
    }
    match cause.kind() {
        io::ErrorKind::AddrInUse => match fs::symlink_metadata(path) {
            Ok(there) if there.file_type().is_socket() => {
                "another process listens there; stop it, or give another path".to_owned()
            }
            Ok(there) => {
                let what = match there.file_type() {
                    kind if kind.is_dir() => "a folder",
                    kind if kind.is_symlink() => "a symbolic link",
                    kind if kind.is_file() => "a file",
                    _ => "something else",
                };
                format!("{what} is there, not a socket; give another path, or remove it if nobody needs it")
            }
            Err(_) => format!("{cause}; give another path"),
        },
        io::ErrorKind::NotFound => format!("there is no folder {}; create it, or give another path", folder.display()),
        io::ErrorKind::NotADirectory => format!("{} is not a folder; give another path", folder.display()),
        io::ErrorKind::PermissionDenied => {
            format!("no socket can be created in {}; make that folder writable, or give another path", folder.display())
        }
        _ => format!("{cause}; give another path"),
    }
}
