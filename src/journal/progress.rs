//! How far the disk is, and who waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Notify, watch};

/// Batches are committed one after the other, and nobody waits for one that is not open yet: so those who wait for
/// different batches are in different places, and each commit wakes those only whom it concerns.
const PLACES: usize = 4;

/// How far the disk is.
pub(super) struct Progress {
    /// The last batch that is on disk.
    committed: AtomicU64,
    /// Why no later one ever will be.
    ended: watch::Sender<Option<End>>,
    has_ended: AtomicBool,
    /// Who waits for a batch, by its number.
    waiting: [Notify; PLACES],
}

/// Why no more batches get to the disk.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// The service has ended.
    Over,
    /// The disk has failed.
    Failed(Arc<str>),
}

impl End {
    fn failure(&self) -> Option<Arc<str>> {
        match self {
            End::Failed(reason) => Some(Arc::clone(reason)),
            End::Over => None,
        }
    }
}

impl Progress {
    pub(super) fn new(committed: u64) -> Self {
        Progress {
            committed: AtomicU64::new(committed),
            ended: watch::Sender::new(None),
            has_ended: AtomicBool::new(false),
            waiting: Default::default(),
        }
    }

    /// The last batch that is on disk.
    #[inline]
    pub(super) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// Whether no more batches get to the disk.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Batch `number` is on disk.
    pub(super) fn commit(&self, number: u64) {
        self.committed.store(number, Ordering::Release);
        self.place(number).notify_waiters();
    }

    /// No later batch will be on disk.
    pub(super) fn end(&self, why: End) {
        self.ended.send_modify(|ended| {
            ended.get_or_insert(why);
            self.has_ended.store(true, Ordering::Release);
        });
        self.waiting.iter().for_each(Notify::notify_waiters);
    }

    /// Waits until `is_over` says so, which depends on what is committed, and is asked when batch `number` is; or until
    /// no more batches get to the disk.
    pub(super) async fn wait_for(&self, number: u64, is_over: impl Fn() -> bool) {
        loop {
            let mut notified = std::pin::pin!(self.place(number).notified());
            // Before it is asked: what is committed in between is not missed then. (Both take the lock of the place.)
            notified.as_mut().enable();
            if is_over() || self.has_ended() {
                return;
            }
            notified.await;
        }
    }

    /// Why the disk has failed, if it has.
    pub(super) fn failure(&self) -> Option<Arc<str>> {
        self.ended.borrow().as_ref().and_then(End::failure)
    }

    /// Completes when the disk has failed. Returns why.
    pub(super) async fn failed(&self) -> Arc<str> {
        let mut ended = self.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.as_ref()?.failure());
        match ended {
            Some(reason) => reason,
            None => std::future::pending().await,
        }
    }

    fn place(&self, number: u64) -> &Notify {
        &self.waiting[number as usize % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_commit_wakes_those_who_wait_for_it_and_an_end_wakes_all() {
        let progress = Arc::new(Progress::new(0));
        let wait = |number| {
            let progress = Arc::clone(&progress);
            tokio::spawn(async move {
                progress.wait_for(number, || progress.committed() >= number).await;
                progress.committed()
            })
        };
        let mut waiting: Vec<_> = (1..=6).map(wait).collect();
        for number in 1..=4 {
            progress.commit(number);
            // It may be told of a later one, too, which was committed meanwhile.
            assert!(waiting.remove(0).await.expect("it does not panic") >= number);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        progress.end(End::Failed("planted".into()));
        for waiting in waiting {
            assert_eq!(waiting.await.expect("it does not panic"), 4);
        }
        progress.end(End::Over);
        assert_eq!(&*progress.failed().await, "planted");
    }

    #[test]
    fn no_commit_is_missed_by_those_who_begin_to_wait_meanwhile() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let progress = Arc::new(Progress::new(0));
        let last = 20_000;
        let waiting = {
            let progress = Arc::clone(&progress);
            runtime.spawn(async move {
                while progress.committed() < last {
                    let number = progress.committed() + 1;
                    progress.wait_for(number, || progress.committed() >= number).await;
                }
            })
        };
        (1..=last).for_each(|number| progress.commit(number));
        let waited = async { tokio::time::timeout(Duration::from_secs(30), waiting).await };
        runtime.block_on(waited).expect("it was woken").expect("it does not panic");
    }
}
