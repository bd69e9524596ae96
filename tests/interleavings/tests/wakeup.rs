//! The wake-up of the task that sends a session's calls, in all interleavings of two threads and most of those of
//! three.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::future::poll_fn;
use std::task::Poll;
use tarmem_test_interleavings::Wakeup;

/// The most preemptions in one interleaving: all interleavings take minutes.
fn model(test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

/// Workers queue work and signal it; the task that does the work finds all of it, and never stays asleep.
fn all_work_is_done(workers: usize) {
    let (wakeup, work) = (Arc::new(Wakeup::default()), Arc::new(AtomicUsize::new(0)));
    let others: Vec<_> = (0..workers)
        .map(|_| {
            let (wakeup, work) = (Arc::clone(&wakeup), Arc::clone(&work));
            thread::spawn(move || {
                work.fetch_add(1, Ordering::Relaxed);
                wakeup.raise();
            })
        })
        .collect();
    loom::future::block_on(async {
        let mut done = 0;
        while done < workers {
            wakeup.seen().await;
            done += work.swap(0, Ordering::Relaxed);
        }
    });
    for other in others {
        other.join().expect("it puts its work in line");
    }
}

#[test]
fn the_work_of_one_worker_is_done() {
    loom::model(|| all_work_is_done(1));
}

#[test]
fn the_work_of_two_workers_is_done() {
    model(|| all_work_is_done(2));
}

/// A task that listens without looking first is woken by an alert, even if the signal was already raised.
#[test]
fn an_alert_wakes_a_listening_task() {
    model(|| {
        let (wakeup, ended) = (Arc::new(Wakeup::default()), Arc::new(AtomicUsize::new(0)));
        let raises = {
            let wakeup = Arc::clone(&wakeup);
            thread::spawn(move || wakeup.raise())
        };
        let ends = {
            let (wakeup, ended) = (Arc::clone(&wakeup), Arc::clone(&ended));
            thread::spawn(move || {
                ended.store(1, Ordering::Release);
                wakeup.alert();
            })
        };
        loom::future::block_on(poll_fn(|cx| {
            wakeup.listen(cx);
            if ended.load(Ordering::Acquire) == 1 { Poll::Ready(()) } else { Poll::Pending }
        }));
        raises.join().expect("no panic");
        ends.join().expect("no panic");
    });
}
