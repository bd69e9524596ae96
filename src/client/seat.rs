//! Who may carry a session's calls: one task at a time.

use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

const FREE: u8 = 0;
const TAKEN: u8 = 1;
const REVOKED: u8 = 2;

/// A task's leave to do its work. It is taken while the task is polled, so that from [`revoke`](Self::revoke) on nothing more
/// of it is done.
#[derive(Default)]
pub(super) struct Seat {
    state: AtomicU8,
    polled: AtomicBool,
    waker: OnceLock<Waker>,
}

impl Seat {
    /// One that nobody revokes.
    pub(super) fn taken() -> Self {
        Seat { state: AtomicU8::new(TAKEN), ..Seat::default() }
    }

    fn enter(&self) -> bool {
        self.state.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn leave(&self) {
        // One that was revoked in the meantime stays so.
        let _ = self.state.compare_exchange(TAKEN, FREE, Ordering::Release, Ordering::Relaxed);
    }

    /// Runs what may run code of the user, such as wakers, and is nothing that only one may do; false if the seat is gone
    /// after that.
    pub(super) fn aside(&self, work: impl FnOnce()) -> bool {
        self.leave();
        work();
        self.enter()
    }

    /// Whether the task was polled since this was last asked.
    pub(super) fn was_polled(&self) -> bool {
        self.polled.swap(false, Ordering::Relaxed)
    }

    /// Has the task polled, if it can be.
    pub(super) fn nudge(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Takes the seat away; false if the task is at work just now.
    pub(super) fn revoke(&self) -> bool {
        self.state.compare_exchange(FREE, REVOKED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

/// A future that takes its seat whenever it is polled: `None` once it is gone. It is the whole of a task.
pub(super) struct Seated<F> {
    seat: std::sync::Arc<Seat>,
    future: Pin<Box<F>>,
}

impl<F> Seated<F> {
    pub(super) fn new(seat: std::sync::Arc<Seat>, future: F) -> Self {
        Seated { seat, future: Box::pin(future) }
    }
}

impl<F: Future> Future for Seated<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.seat.polled.store(true, Ordering::Relaxed);
        // A task is woken by one waker all its life.
        self.seat.waker.get_or_init(|| cx.waker().clone());
        if !self.seat.enter() {
            return Poll::Ready(None);
        }
        let polled = self.future.as_mut().poll(cx);
        self.seat.leave();
        polled.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::Arc;

    #[test]
    fn nothing_is_done_once_the_seat_is_revoked() {
        let seat = Arc::new(Seat::default());
        let mut polls = 0;
        let mut seated = Seated::new(
            Arc::clone(&seat),
            std::future::poll_fn(|_| {
                polls += 1;
                Poll::<()>::Pending
            }),
        );
        assert!(!seat.was_polled());
        assert_eq!((&mut seated).now_or_never(), None);
        assert!(seat.was_polled() && !seat.was_polled());
        assert!(seat.revoke());
        assert_eq!((&mut seated).now_or_never(), Some(None));
        drop(seated);
        assert_eq!(polls, 1);
    }

    #[test]
    fn a_seat_is_revoked_between_two_polls_or_while_users_are_woken() {
        let seat = Seat::taken();
        assert!(!seat.revoke(), "it is at work");
        assert!(seat.aside(|| ()), "nobody took it away");
        assert!(!seat.aside(|| assert!(seat.revoke())));
        seat.leave();
        assert!(!seat.enter(), "it is gone for good");
    }
}
