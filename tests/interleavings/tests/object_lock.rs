//! The lock of one object, in all interleavings of two or three threads.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use tarmem_test_interleavings::{Lock, Use};

/// Who holds the lock: a reader counts one, and a writer more than all readers together.
#[derive(Default)]
struct Inside(AtomicUsize);

const WRITER: usize = 100;

impl Inside {
    fn visit(&self, wants: Use) {
        let (unit, most_others) = match wants {
            Use::Exclusive => (WRITER, 0),
            Use::Shared => (1, WRITER - 1),
        };
        let others = self.0.fetch_add(unit, Ordering::SeqCst);
        assert!(others <= most_others, "{wants:?} beside {others}");
        self.0.fetch_sub(unit, Ordering::SeqCst);
    }
}

/// Each of these threads acquires the lock once, waiting for it, and releases it.
fn each_acquires_it(uses: &'static [Use]) {
    model(uses.len(), move || {
        let (lock, inside) = (Arc::new(Lock::default()), Arc::new(Inside::default()));
        let visit = |wants: Use| {
            let (lock, inside) = (Arc::clone(&lock), Arc::clone(&inside));
            move || {
                loom::future::block_on(lock.acquire(wants));
                inside.visit(wants);
                lock.release(wants);
            }
        };
        let others: Vec<_> = uses[1..].iter().map(|wants| thread::spawn(visit(*wants))).collect();
        visit(uses[0])();
        for other in others {
            other.join().expect("nobody waits for ever");
        }
        assert!(lock.try_acquire(Use::Exclusive), "it is free afterwards");
    });
}

/// All interleavings; with more than two threads, those with at most two preemptions, which find most faults according
/// to loom's guide.
fn model(threads: usize, test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = (threads > 2).then_some(2);
    model.check(test);
}

#[test]
fn two_writers_acquire_it_one_after_the_other() {
    each_acquires_it(&[Use::Exclusive, Use::Exclusive]);
}

#[test]
fn a_writer_and_a_reader_acquire_it_one_after_the_other() {
    each_acquires_it(&[Use::Exclusive, Use::Shared]);
}

#[test]
fn a_writer_and_two_readers_all_acquire_it() {
    each_acquires_it(&[Use::Exclusive, Use::Shared, Use::Shared]);
}

#[test]
fn three_writers_all_acquire_it() {
    each_acquires_it(&[Use::Exclusive, Use::Exclusive, Use::Exclusive]);
}

/// A waiter leaves while the lock is released: if the lock was granted to it in between, the next waiter gets it.
#[test]
fn a_waiter_that_leaves_loses_no_grant() {
    model(3, || {
        let lock = Arc::new(Lock::default());
        assert!(lock.try_acquire(Use::Exclusive));
        let waits = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                loom::future::block_on(lock.acquire(Use::Exclusive));
                lock.release(Use::Exclusive);
            })
        };
        let leaves = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                if lock.acquire_at_once(Use::Shared, thread::yield_now) {
                    lock.release(Use::Shared);
                }
            })
        };
        lock.release(Use::Exclusive);
        waits.join().expect("it has its turn");
        leaves.join().expect("it went away");
        assert!(lock.try_acquire(Use::Exclusive), "it is free afterwards");
    });
}

/// A reader queued behind a writer no longer waits once that writer has left and readers hold the lock.
#[test]
fn those_behind_a_waiter_that_leaves_do_not_wait_for_it() {
    model(3, || {
        let lock = Arc::new(Lock::default());
        assert!(lock.try_acquire(Use::Shared));
        let leaves = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || assert!(!lock.acquire_at_once(Use::Exclusive, thread::yield_now)))
        };
        let waits = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                loom::future::block_on(lock.acquire(Use::Shared));
                lock.release(Use::Shared);
            })
        };
        leaves.join().expect("it went away");
        waits.join().expect("it comes in beside the other");
        lock.release(Use::Shared);
        assert!(lock.try_acquire(Use::Exclusive), "it is free afterwards");
    });
}

/// Poison is kept while others acquire and release the lock.
#[test]
fn poison_stays_after_the_lock_was_released() {
    model(2, || {
        let lock = Arc::new(Lock::default());
        let poisons = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                loom::future::block_on(lock.acquire(Use::Exclusive));
                lock.poison();
                lock.release(Use::Exclusive);
            })
        };
        loom::future::block_on(lock.acquire(Use::Shared));
        lock.release(Use::Shared);
        poisons.join().expect("it comes in");
        assert!(lock.is_poisoned() && lock.try_acquire(Use::Exclusive));
    });
}
