//! The outbox's lock. No caller is woken while it is held: wakers are user code, which may make calls.

use super::super::wakeup::wake;
use super::Outbox;
use crate::sync::{Mutex, MutexGuard};
use std::ops::{Deref, DerefMut};

/// An outbox that is shared by callers and the task that pumps their calls.
pub(in crate::client) struct SharedOutbox(Mutex<Outbox>);

impl SharedOutbox {
    pub(in crate::client) fn new(outbox: Outbox) -> Self {
        SharedOutbox(Mutex::new(outbox))
    }

    pub(in crate::client) fn lock(&self) -> OutboxGuard<'_> {
        OutboxGuard(self.0.lock())
    }
}

/// The held lock. When it is dropped, callers for which there is room now are woken.
pub(in crate::client) struct OutboxGuard<'a>(MutexGuard<'a, Outbox>);

impl Deref for OutboxGuard<'_> {
    type Target = Outbox;

    fn deref(&self) -> &Outbox {
        &self.0
    }
}

impl DerefMut for OutboxGuard<'_> {
    fn deref_mut(&mut self) -> &mut Outbox {
        &mut self.0
    }
}

impl Drop for OutboxGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.0.admitted.is_empty() {
            self.admit();
        }
    }
}

impl OutboxGuard<'_> {
    #[cold]
    fn admit(&mut self) {
        let admitted = std::mem::take(&mut self.0.admitted);
        MutexGuard::unlocked(&mut self.0, || admitted.into_iter().for_each(wake));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pushed, SendLimits};
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Wake, Waker};
    use tarmem_remote::call::Terms;
    use tarmem_remote::payload::Payload;

    /// A waker that checks whether the lock is free.
    struct Looking(Arc<SharedOutbox>, AtomicBool);

    impl Wake for Looking {
        fn wake(self: Arc<Self>) {
            self.1.store(self.0.0.try_lock().is_some(), Ordering::Relaxed);
        }
    }

    #[test]
    fn callers_are_woken_after_the_lock_is_released() {
        let limits = SendLimits { frame_bytes: 4096, batch: 8, in_flight: 2 };
        let locked = Arc::new(SharedOutbox::new(Outbox::new(limits)));
        let looking = Arc::new(Looking(Arc::clone(&locked), AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&looking));
        let push = || locked.lock().push(&mut Payload::from(&b"one"[..]), None, Terms::default(), &waker);
        let Pushed::Queued { sequence, .. } = push() else { panic!("there is room") };
        let Pushed::Queued { sequence: second, .. } = push() else { panic!("there is room") };
        assert!(matches!(push(), Pushed::NoRoom));
        locked.lock().cancel(sequence);
        locked.lock().cancel(second);
        assert!(looking.1.load(Ordering::Relaxed), "it was woken under the lock, or not at all");
    }
}
