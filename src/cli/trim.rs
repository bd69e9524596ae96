//! Returns free memory to the system when the service is idle.
//!
//! glibc keeps freed memory in arenas, for later allocations by the same thread. Without this, a service in which a
//! million lists were made and deleted would keep hundreds of megabytes. `malloc_trim` returns all free whole pages,
//! but holds each arena's lock meanwhile, so it is called only when the service is idle. docs/performance.md has the
//! figures.

use std::io;
use std::thread;
use std::time::Duration;

/// How often to check whether the service is idle.
const PAUSE: Duration = Duration::from_secs(1);

/// An idle service uses at most this much processor time per pause, in hundredths of a second.
const QUIET: u64 = 5;

/// After this much processor time there may be memory to return, in hundredths of a second.
const WORTHWHILE: u64 = 20;

/// Starts a thread that returns memory until the end of the process.
pub(super) fn begin() -> io::Result<()> {
    let mut quiet = Quiet::default();
    thread::Builder::new().name("tarmem-trim".into()).spawn(move || {
        // On systems without `/proc/self/stat`, the thread ends.
        while let Some(used) = used() {
            if quiet.after_work(used) {
                give_back();
            }
            thread::sleep(PAUSE);
        }
    })?;
    Ok(())
}

/// The processor time that the process had used at two moments.
#[derive(Debug, Default)]
struct Quiet {
    /// At the last check.
    last: u64,
    /// When memory was last returned.
    given_back: u64,
}

impl Quiet {
    /// Whether the service is idle now, and has worked since memory was last returned.
    fn after_work(&mut self, used: u64) -> bool {
        let is_quiet = used.saturating_sub(self.last) <= QUIET;
        let has_worked = used.saturating_sub(self.given_back) >= WORTHWHILE;
        self.last = used;
        if is_quiet && has_worked {
            self.given_back = used;
        }
        is_quiet && has_worked
    }
}

/// The processor time that the process has used, in hundredths of a second (the 14th and 15th field of
/// `/proc/self/stat`).
fn used() -> Option<u64> {
    fields(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn fields(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may contain spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_back() {
    // SAFETY: it takes a number, is safe to call on any thread at any time, and touches nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators return memory by themselves.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_after_work() {
        let mut quiet = Quiet::default();
        let given_back: Vec<bool> =
            [3, 6, 60, 160, 163, 166, 183, 186, 400, 402, 402].map(|used| quiet.after_work(used)).to_vec();
        assert_eq!(
            given_back,
            [false, false, false, false, true, false, false, true, false, true, false],
            "not while it works, and only once after it"
        );
    }

    #[test]
    fn the_processor_time_is_read_from_proc() {
        let stat = "7 (a) (b) S 1 7 7 0 -1 4194560 1107 0 0 0 25 17 0 0 20 0 5 0 8721 9 10";
        assert_eq!(fields(stat), Some(42));
        assert_eq!(fields("7 (a"), None);
        assert!(!cfg!(target_os = "linux") || used().is_some());
    }
}
