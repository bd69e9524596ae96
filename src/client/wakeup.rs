//! That there is something to do, for the one task that does it.

use crate::sync::AtomicWaker;
use crate::sync::atomic::{AtomicBool, Ordering};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

/// Wakes a caller. A waker is its caller's own: if it panics, the others are woken all the same, and the session goes
/// on.
pub(super) fn wake(waker: Waker) {
    if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
        tracing::error!("the waker of a caller panicked; its call may never be looked at again");
    }
}

/// Raised by many, seen by one. However often it was raised, it is seen once. (tokio's `Notify` keeps a list of those
/// who wait, under a lock: several times the price, for each call.)
#[derive(Default)]
pub(super) struct Wakeup {
    raised: AtomicBool,
    waiter: AtomicWaker,
}

impl Wakeup {
    pub(super) fn raise(&self) {
        // Whoever raised it before has woken the waiter, which has not looked since.
        if !self.raised.swap(true, Ordering::AcqRel) {
            self.waiter.wake();
        }
    }

    /// As [`raise`](Self::raise), also for one who only [listens](Self::listen).
    pub(super) fn alert(&self) {
        self.raised.store(true, Ordering::Release);
        self.waiter.wake();
    }

    /// Has the task of `cx` woken when there is an alert, without a look at the signal.
    pub(super) fn listen(&self, cx: &mut Context<'_>) {
        self.waiter.register(cx.waker());
    }

    /// Ready if it was raised since it was last seen.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.raised.swap(false, Ordering::AcqRel) {
            return Poll::Ready(());
        }
        self.waiter.register(cx.waker());
        // It may have been raised just before somebody was there to be woken.
        if self.raised.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Returns once it was raised.
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
    async fn it_is_seen_once_and_wakes_whoever_waits() {
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
    async fn one_who_listens_is_woken_by_an_alert_though_it_was_raised_before() {
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
