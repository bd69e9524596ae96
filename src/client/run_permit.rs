//! A permit to run, so that one task at a time pumps a session's calls.

use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

const FREE: u8 = 0;
const TAKEN: u8 = 1;
const REVOKED: u8 = 2;

/// A task's permit to run, which can be revoked. It is held while the task is polled, so that from
/// [`revoke`](Self::revoke) on nothing more of it is done.
#[derive(Default)]
pub(super) struct RunPermit {
    state: AtomicU8,
    polled: AtomicBool,
    waker: OnceLock<Waker>,
}

impl RunPermit {
    /// One that nobody revokes.
    pub(super) fn acquired() -> Self {
        RunPermit { state: AtomicU8::new(TAKEN), ..RunPermit::default() }
    }

    fn acquire(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn release(&self) {
        // One that was revoked in the meantime stays so.
        let _ = self.state.compare_exchange(TAKEN, FREE, Ordering::Release, Ordering::Relaxed);
    }

    /// Runs what may run code of the user, such as wakers, and is nothing that only one may do; with the permit
    /// released; false if it was revoked meanwhile.
    pub(super) fn released_during(&self, work: impl FnOnce()) -> bool {
        self.release();
        work();
        self.acquire()
    }

    /// Whether the task was polled since this was last asked.
    pub(super) fn was_polled(&self) -> bool {
        self.polled.swap(false, Ordering::Relaxed)
    }

    /// Has the task polled, if it can be.
    pub(super) fn wake_task(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Revokes the permit; false if the task is at work just now.
    pub(super) fn revoke(&self) -> bool {
        self.state.compare_exchange(FREE, REVOKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// A future that holds its permit whenever it is polled, and gives `None` once that is revoked. It is the whole of a
/// task.
pub(super) struct Permitted<F> {
    permit: std::sync::Arc<RunPermit>,
    future: Pin<Box<F>>,
}

impl<F> Permitted<F> {
    pub(super) fn new(permit: std::sync::Arc<RunPermit>, future: F) -> Self {
        Permitted { permit, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Permitted<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.permit.polled.store(true, Ordering::Relaxed);
        // A task is woken by one waker all its life.
        self.permit.waker.get_or_init(|| cx.waker().clone());
        if !self.permit.acquire() {
            return Poll::Ready(None);
        }
        let polled = self.future.as_mut().poll(cx);
        self.permit.release();
        polled.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::Arc;

    #[test]
    fn nothing_is_done_once_the_permit_is_revoked() {
        let permit = Arc::new(RunPermit::default());
        let mut polls = 0;
        let mut permitted = Permitted::new(
            Arc::clone(&permit),
            std::future::poll_fn(|_| {
                polls += 1;
                Poll::<()>::Pending
            }),
        );
        assert!(!permit.was_polled());
        assert_eq!((&mut permitted).now_or_never(), None);
        assert!(permit.was_polled() && !permit.was_polled());
        assert!(permit.revoke());
        assert_eq!((&mut permitted).now_or_never(), Some(None));
        drop(permitted);
        assert_eq!(polls, 1);
    }

    #[test]
    fn a_permit_is_revoked_between_two_polls_or_while_users_are_woken() {
        let permit = RunPermit::acquired();
        assert!(!permit.revoke(), "it is at work");
        assert!(permit.released_during(|| ()), "nobody took it away");
        assert!(!permit.released_during(|| assert!(permit.revoke())));
        permit.release();
        assert!(!permit.acquire(), "it is gone for good");
    }
}
