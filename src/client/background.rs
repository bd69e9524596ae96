//! The thread of this process on which its sessions live, whatever becomes of the runtimes that they were made on.
//!
//! There is one for all of them, started with the first. No code of the user runs on it but wakers: hooks run beside
//! it, and calls are made elsewhere. So nothing that a user's runtime does can hold up a heartbeat, or a reconnection.

use super::fork;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc;
use tarmem_remote::error::Error;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The runtime of that thread, and how often this process had been forked when it was started: a child has none of its
/// parent's threads.
struct Background {
    forks: u64,
    handle: Handle,
}

/// The one there is; null before the first. There is no lock around it, which a child could find taken by a thread of
/// its parent. What is put here is never freed, and never changed.
static BACKGROUND: AtomicPtr<Background> = AtomicPtr::new(ptr::null_mut());

/// The runtime of that thread, which is started if need be.
///
/// # Errors
/// If it cannot be.
pub(super) fn runtime() -> Result<Handle, Error> {
    fork::watch();
    let forks = fork::count();
    loop {
        let known = BACKGROUND.load(Ordering::Acquire);
        // SAFETY: it is null, or was leaked from a box below, and is never freed or changed from then on. The load
        // acquires what was written before it was put there.
        if let Some(background) = unsafe { known.as_ref() }
            && background.forks == forks
        {
            return Ok(background.handle.clone());
        }
        let reason = |error: io::Error| format!("no thread can be started that keeps its session: {error}");
        let (handle, stop) = start().map_err(|error| Error::Refused { reason: reason(error) })?;
        let own = Box::into_raw(Box::new(Background { forks, handle: handle.clone() }));
        // A parent's is left as it is: it belongs to threads that are not here.
        if BACKGROUND.compare_exchange(known, own, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // It runs as long as the process.
            std::mem::forget(stop);
            return Ok(handle);
        }
        // Another thread was faster: its one is used, and this one ends.
        // SAFETY: it was made of a box above, and nobody else has seen it.
        drop(unsafe { Box::from_raw(own) });
    }
}

/// A runtime on a thread of its own, which ends when the sender is dropped.
fn start() -> io::Result<(Handle, oneshot::Sender<()>)> {
    let (sender, started) = mpsc::sync_channel(1);
    let (stop, stopped) = oneshot::channel();
    let live = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let _ = sender.send(Ok(runtime.handle().clone()));
            let _ = runtime.block_on(stopped);
        }
        Err(error) => drop(sender.send(Err(error))),
    };
    std::thread::Builder::new().name("tarmem-client".to_owned()).spawn(live)?;
    let handle = started.recv().unwrap_or_else(|_| Err(io::Error::other("it has ended")))?;
    Ok((handle, stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_ask_at_one_time_get_one_runtime() {
        let ids: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| runtime().expect("starts").id())).collect();
            asking.into_iter().map(|asked| asked.join().expect("no panic")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}
