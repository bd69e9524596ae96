//! The thread of this process on which its sessions live, whatever becomes of the runtimes that they were made on.
//!
//! There is one for all of them, started with the first. No code of the user runs on it but wakers: hooks run beside it, and calls
//! are made elsewhere. So nothing that a user's runtime does can hold up a heartbeat, or a reconnection.

use super::fork;
use parking_lot::Mutex;
use std::io;
use std::sync::mpsc;
use tarmem_remote::error::Error;
use tokio::runtime::{Builder, Handle};

/// The runtime of that thread, and how often this process had been forked when it was started: a child has none of its
/// parent's threads.
static RUNTIME: Mutex<Option<(u64, Handle)>> = Mutex::new(None);

/// The runtime of that thread, which is started if need be.
///
/// # Errors
/// If it cannot be.
pub(super) fn runtime() -> Result<Handle, Error> {
    fork::watch();
    let forks = fork::count();
    let mut runtime = RUNTIME.lock();
    match &*runtime {
        Some((started, handle)) if *started == forks => Ok(handle.clone()),
        _ => {
            let reason = |error: io::Error| format!("no thread can be started that keeps its session: {error}");
            let handle = start().map_err(|error| Error::Refused { reason: reason(error) })?;
            // A parent's is left as it is: it belongs to threads that are not here.
            std::mem::forget(runtime.replace((forks, handle.clone())));
            Ok(handle)
        }
    }
}

fn start() -> io::Result<Handle> {
    let (sender, started) = mpsc::sync_channel(1);
    let live = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let _ = sender.send(Ok(runtime.handle().clone()));
            runtime.block_on(std::future::pending())
        }
        Err(error) => drop(sender.send(Err(error))),
    };
    std::thread::Builder::new().name("tarmem-client".to_owned()).spawn(live)?;
    started.recv().unwrap_or_else(|_| Err(io::Error::other("it has ended")))
}
