//! What waits for nobody lets others use the processor first.

/// How nice the threads of the background are: about a quarter of a processor is theirs where others want all of it.
/// (If they do not keep up, commits wait for them, and then they have more.)
#[cfg(target_os = "linux")]
const NICE: i32 = 6;

/// From now on the calling thread has the processor mainly when other threads of the process do not need it. On systems
/// where only whole processes have priorities, this does nothing.
///
/// ```
/// std::thread::spawn(|| {
///     tarmem_storage::yield_to_others();
///     // A long computation.
/// });
/// ```
pub fn yield_to_others() {
    // On Linux it is the thread's.
    #[cfg(target_os = "linux")]
    if rustix::process::getpriority_process(None).is_ok_and(|now| now < NICE) {
        // One that may not do this goes on as it is.
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;
    use std::thread;

    #[test]
    fn only_the_calling_thread_yields() {
        let before = getpriority_process(None).expect("it can be asked for");
        let inside = thread::spawn(|| {
            yield_to_others();
            getpriority_process(None).expect("it can be asked for")
        });
        assert_eq!(inside.join().expect("it does not panic"), before.max(NICE));
        assert_eq!(getpriority_process(None).expect("it can be asked for"), before);
    }
}
