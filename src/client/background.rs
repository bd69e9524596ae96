//! The background thread, which keeps all sessions of this process connected, whatever happens to the runtimes that
//! they were made on.
//!
//! It starts with the first session. No user code runs on it except wakers: hooks run on other threads, and so do the
//! calls. So nothing that a user's runtime does can delay a heartbeat or a reconnection.

use super::fork;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc;
use tarmem_remote::error::Error;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The runtime of the background thread, and how often this process had been forked when it was started. A forked child
/// has none of its parent's threads, so it starts its own.
struct Background {
    forks: u64,
    handle: Handle,
}

/// The current one; null before the first session. There is no lock around it: in a forked child, the lock could be
/// held by a thread of the parent. What is stored here is never freed or changed.
static BACKGROUND: AtomicPtr<Background> = AtomicPtr::new(ptr::null_mut());

/// Returns the runtime of the background thread, and starts the thread if necessary.
///
/// # Errors
/// If the thread cannot be started.
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
        let reason = |error: io::Error| format!("the thread that keeps sessions connected cannot start: {error}");
        let (handle, stop) = start().map_err(|error| Error::Refused { reason: reason(error) })?;
        let own = Box::into_raw(Box::new(Background { forks, handle: handle.clone() }));
        // The background of a parent process is left as it is: it belongs to threads that this process does not have.
        if BACKGROUND.compare_exchange(known, own, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            // The thread runs until the process ends.
            std::mem::forget(stop);
            return Ok(handle);
        }
        // Another thread was faster: its background is used, and this one ends.
        // SAFETY: it was made of a box above, and nobody else has seen it.
        drop(unsafe { Box::from_raw(own) });
    }
}

/// Starts a runtime on its own thread, which ends when the sender is dropped.
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
    let handle = started.recv().unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))?;
    Ok((handle, stop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_callers_get_the_same_runtime() {
        let ids: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..16).map(|_| scope.spawn(|| runtime().expect("starts").id())).collect();
            asking.into_iter().map(|asked| asked.join().expect("no panic")).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }
}
