//! A permit to run, so that only one task at a time pumps a session's calls.

use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

const FREE: u8 = 0;
const TAKEN: u8 = 1;
const REVOKED: u8 = 2;

/// A task's permit to run, which can be revoked. The task holds it while it is polled, so that it does nothing more
/// after [`revoke`](Self::revoke).
#[derive(Default)]
pub(super) struct RunPermit {
    state: AtomicU8,
    polled: AtomicBool,
    waker: OnceLock<Waker>,
}

impl RunPermit {
    /// A permit that is held and cannot be revoked.
    pub(super) fn acquired() -> Self {
        RunPermit { state: AtomicU8::new(TAKEN), ..RunPermit::default() }
    }

    fn acquire(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn release(&self) {
        // If it was revoked meanwhile, it stays revoked.
        let _ = self.state.compare_exchange(TAKEN, FREE, Ordering::Release, Ordering::Relaxed);
    }

    /// Runs `work` with the permit released. `work` may run user code, such as wakers, and must be safe to run in two
    /// tasks at a time. Returns `false` if the permit was revoked meanwhile.
    pub(super) fn released_during(&self, work: impl FnOnce()) -> bool {
        self.release();
        work();
        self.acquire()
    }

    /// Whether the task was polled since the last call.
    pub(super) fn was_polled(&self) -> bool {
        self.polled.swap(false, Ordering::Relaxed)
    }

    /// Wakes the task, so that its runtime polls it.
    pub(super) fn wake_task(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Revokes the permit. Returns `false` if the task is being polled.
    pub(super) fn revoke(&self) -> bool {
        self.state.compare_exchange(FREE, REVOKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// A future that holds its permit whenever it is polled, and returns `None` once the permit is revoked. It must be the
/// whole future of a task.
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
        // The waker of a task never changes.
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
    fn a_task_does_nothing_once_its_permit_is_revoked() {
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
    fn a_permit_can_be_revoked_between_polls_or_while_it_is_released() {
        let permit = RunPermit::acquired();
        assert!(!permit.revoke(), "it is held");
        assert!(permit.released_during(|| ()), "it was not revoked");
        assert!(!permit.released_during(|| assert!(permit.revoke())));
        permit.release();
        assert!(!permit.acquire(), "it stays revoked");
    }
}
