//! Frames that have begun to arrive and are not whole.

use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// When the frame began that is arriving on a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partial(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    since: Mutex<Option<Instant>>,
    began: Notify,
}

impl Partial {
    /// All that has arrived makes whole frames (`false`), or there is the beginning of another one.
    pub(crate) fn note(&self, is_partial: bool) {
        let mut since = self.0.since.lock();
        if is_partial && since.is_none() {
            *since = Some(Instant::now());
            self.0.began.notify_one();
        } else if !is_partial {
            *since = None;
        }
    }

    /// The bytes before this belong to another frame, which is whole.
    pub(crate) fn next(&self) {
        *self.0.since.lock() = None;
    }

    /// Ready once a frame has been arriving for as long as `time`, while it was read; `paused` says whether it was not.
    pub(crate) async fn overdue(&self, time: Duration, paused: impl Fn() -> bool) {
        loop {
            let Some(since) = *self.0.since.lock() else {
                self.0.began.notified().await;
                continue;
            };
            tokio::time::sleep_until(since + time).await;
            let mut now = self.0.since.lock();
            if *now != Some(since) {
                continue;
            }
            if !paused() {
                return;
            }
            // It was this side that did not read.
            *now = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::poll;
    use std::pin::pin;

    const TIME: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn only_a_frame_that_takes_too_long_is_overdue() {
        let partial = Partial::default();
        let mut overdue = pin!(partial.overdue(TIME, || false));
        assert!(poll!(overdue.as_mut()).is_pending());
        // Whole frames, one after the other, and a pause in which there is none.
        for _ in 0..10 {
            partial.note(true);
            assert!(poll!(overdue.as_mut()).is_pending());
            partial.note(false);
            tokio::time::advance(TIME).await;
            assert!(poll!(overdue.as_mut()).is_pending());
        }
        partial.note(true);
        tokio::time::advance(TIME / 2).await;
        // More of it does not begin its time anew.
        partial.note(true);
        assert!(poll!(overdue.as_mut()).is_pending());
        tokio::time::timeout(TIME, overdue).await.expect("overdue");
    }

    #[tokio::test(start_paused = true)]
    async fn a_frame_that_is_not_read_is_not_overdue() {
        let partial = Partial::default();
        partial.note(true);
        assert!(tokio::time::timeout(TIME * 3, partial.overdue(TIME, || true)).await.is_err());
    }
}
