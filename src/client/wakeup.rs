//! Wakes the one task that does a session's work.

use crate::sync::AtomicWaker;
use crate::sync::atomic::{AtomicBool, Ordering};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

/// Wakes a caller. Wakers are user code: if one panics, the others are woken all the same, and the session goes on.
pub(super) fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!("the waker of a caller panicked; the caller may never get its reply");
    }
}

/// A signal that many tasks raise and one task waits for. However often it was raised, it is seen once. (tokio's
/// `Notify` keeps a list of waiting tasks under a lock, which costs several times as much for each call.)
#[derive(Default)]
pub(super) struct Wakeup {
    raised: AtomicBool,
    waiter: AtomicWaker,
}

impl Wakeup {
    pub(super) fn raise(&self) {
        // If it was raised already, the waiter has been woken, and has not looked since.
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.waiter.wake();
        }
    }

    /// As [`raise`](Self::raise), but also wakes a task that only [listens](Self::listen).
    pub(super) fn alert(&self) {
        self.raised.store(true, Ordering::Release);
        self.waiter.wake();
    }

    /// Registers the task of `cx` to be woken by an alert, without looking at the signal.
    pub(super) fn listen(&self, cx: &mut Context<'_>) {
        self.waiter.register(cx.waker());
    }

    /// Ready if it was raised since it was last seen.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.raised.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.waiter.register(cx.waker());
        // It may have been raised just before the waker was registered.
        if self.raised.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until it is raised.
    pub(super) async fn seen(&self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::Arc;

    #[tokio::test]
    async fn it_is_seen_once_and_wakes_the_waiting_task() {
        let wakeup = Arc::new(Wakeup::default());
        wakeup.raise();
        wakeup.raise();
        assert!(wakeup.seen().now_or_never().is_some());
        assert!(wakeup.seen().now_or_never().is_none());
        let waiting = tokio::spawn({
            let wakeup = Arc::clone(&wakeup);
            async move { wakeup.seen().await }
        });
        tokio::task::yield_now().await;
        wakeup.raise();
        waiting.await.expect("it is woken");
    }

    #[tokio::test]
    async fn a_listening_task_is_woken_by_an_alert_even_if_the_signal_was_raised_before() {
        let wakeup = Arc::new(Wakeup::default());
        let listening = tokio::spawn({
            let wakeup = Arc::clone(&wakeup);
            let mut polls = 0;
            poll_fn(move |cx| {
                wakeup.listen(cx);
                polls += 1;
                if polls > 1 { Poll::Ready(()) } else { Poll::Pending }
            })
        });
        tokio::task::yield_now().await;
        wakeup.raised.store(true, Ordering::Release);
        wakeup.alert();
        listening.await.expect("it is woken");
        assert!(wakeup.seen().now_or_never().is_some());
    }
}
