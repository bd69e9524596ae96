//! Locks, semaphores, events, barriers and queues, with a restart of the service in the middle.

use super::detour::Detour;
use super::start_at;
use std::future::Future;
use std::time::Duration;
use tarmem::modules::queue::{LifoQueueProxy, PriorityQueueProxy, Queue, QueueProxy};
use tarmem::modules::threading::{
    BarrierProxy, BoundedSemaphoreProxy, Condition, ConditionProxy, Event, EventProxy, Lock, LockProxy, RLockProxy,
};
use tarmem::storage::MemoryDisk;
use tarmem::{RunningService, Session};
use tokio::sync::mpsc;

/// A service that is started again on the same port.
struct Restarted {
    disk: MemoryDisk,
    service: Option<RunningService>,
    port: u16,
}

impl Restarted {
    async fn start() -> Self {
        let disk = MemoryDisk::default();
        let service = start_at(0, &disk).await;
        let port = service.local_addr().expect("it listens on TCP").port();
        Restarted { disk, service: Some(service), port }
    }

    async fn session(&self) -> Session {
        Session::connect(format!("127.0.0.1:{}", self.port)).await.expect("it connects")
    }

    fn stop(&mut self) {
        self.service = None;
    }

    async fn start_again(&mut self) {
        self.stop();
        self.service = Some(start_at(self.port, &self.disk).await);
    }
}

/// Waits until `count` returns this.
async fn until<F: Future<Output = usize>>(wanted: usize, count: impl Fn() -> F) {
    while count().await != wanted {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn lock_is_still_held_and_those_who_wait_get_it_in_order() {
    let mut service = Restarted::start().await;
    let holder = service.session().await;
    let lock = holder.memoize("lock", LockProxy::new()).await.expect("it is made");
    let guard = lock.acquire().await.expect("nobody holds it");
    let (told, mut order) = mpsc::unbounded_channel();
    let watcher = service.session().await.get::<Lock>("lock").await.expect("it is there");
    let mut waiters = Vec::new();
    for n in 0..5 {
        let (session, told) = (service.session().await, told.clone());
        let lock = session.get::<Lock>("lock").await.expect("it is there");
        waiters.push(tokio::spawn(async move {
            let guard = lock.acquire().await.expect("it gets it");
            told.send((n, guard.token())).expect("the test listens");
            guard.release().await.expect("it holds it");
            drop(session);
        }));
        until(n + 1, || async { watcher.waiting().await.expect("it is there") }).await;
    }
    let before = watcher.holder().await.expect("it is there");
    service.start_again().await;
    assert_eq!(watcher.holder().await.expect("it is there"), before);
    assert_eq!(watcher.waiting().await.expect("it is there"), 5);
    assert_eq!(before.map(|holder| holder.token), Some(guard.token()));
    let mut last = guard.token();
    guard.release().await.expect("it holds it");
    for n in 0..5 {
        let (next, token) = order.recv().await.expect("somebody gets it");
        assert_eq!(next, n);
        assert!(token > last, "{token} is not higher than {last}");
        last = token;
    }
    for waiter in waiters {
        waiter.await.expect("it does not panic");
    }
    until(0, || async { usize::from(watcher.locked().await.expect("it is there")) }).await;
    service.start_again().await;
    assert!(!watcher.locked().await.expect("it is there"));
}

#[tokio::test]
async fn waiter_that_gives_up_while_the_service_is_down_does_not_get_the_lock() {
    let mut service = Restarted::start().await;
    let (holder, leaver) = (service.session().await, service.session().await);
    let lock = holder.memoize("lock", LockProxy::new()).await.expect("it is made");
    let guard = lock.acquire().await.expect("nobody holds it");
    let theirs = leaver.get::<Lock>("lock").await.expect("it is there");
    let waiter = tokio::spawn(async move { theirs.acquire().await.map(drop) });
    until(1, || async { lock.waiting().await.expect("it is there") }).await;
    service.stop();
    waiter.abort();
    assert!(waiter.await.is_err(), "it has ended");
    service.start_again().await;
    guard.release().await.expect("it holds it");
    let again = lock.acquire().await.expect("nobody holds it for long");
    assert!(!again.abandoned());
    again.release().await.expect("it holds it");
    // The client that has given up says so when it is there again.
    leaver.get::<Lock>("lock").await.expect("it is there");
    until(0, || async { lock.waiting().await.expect("it is there") }).await;
}

#[tokio::test]
async fn what_did_not_reach_its_caller_before_the_restart_is_given_back_after_it() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    let jobs = session.memoize("jobs", QueueProxy::new(None)).await.expect("it is made");
    let guard = lock.acquire().await.expect("nobody holds it");
    let detour = Detour::to(([127, 0, 0, 1], service.port).into()).await;
    let distant = Session::connect(detour.address.to_string()).await.expect("it connects");
    let (theirs, items) = (distant.get::<Lock>("lock").await, distant.get::<Queue>("jobs").await);
    let (theirs, items) = (theirs.expect("it is there"), items.expect("it is there"));
    let acquires = tokio::spawn(async move { theirs.acquire().await.map(std::mem::forget) });
    let gets = tokio::spawn(async move { items.get::<i64>().await });
    until(1, || async { lock.waiting().await.expect("it is there") }).await;
    until(1, || async { jobs.waiting().await.expect("it is there") }).await;
    // From here on the client hears nothing.
    detour.close();
    guard.release().await.expect("it holds it");
    jobs.put(7).await.expect("there is room");
    until(0, || async { jobs.qsize().await.expect("it is there") }).await;
    service.start_again().await;
    assert!(lock.try_acquire().await.expect("it is there").is_none());
    assert_eq!(jobs.qsize().await, Ok(0));
    for given_up in [acquires.abort_handle(), gets.abort_handle()] {
        given_up.abort();
    }
    assert!(acquires.await.is_err() && gets.await.is_err(), "they have ended");
    detour.lead_to(([127, 0, 0, 1], service.port).into());
    assert_eq!(jobs.get::<i64>().await, Ok(7));
    let guard = lock.acquire().await.expect("it is given back");
    assert!(!guard.abandoned());
    guard.release().await.expect("it holds it");
    distant.close().await;
}

#[tokio::test]
async fn lock_of_a_session_that_is_not_there_any_more_is_abandoned() {
    let mut service = Restarted::start().await;
    // A session within the process ends with it.
    let inside = service.service.as_ref().expect("it runs").session();
    let lock = inside.memoize("lock", LockProxy::new()).await.expect("it is made");
    std::mem::forget(lock.acquire().await.expect("nobody holds it"));
    let outside = service.session().await;
    let lock = outside.get::<Lock>("lock").await.expect("it is there");
    assert!(lock.locked().await.expect("it is there"));
    service.start_again().await;
    let guard = lock.acquire().await.expect("nobody holds it");
    assert!(guard.abandoned());
    guard.release().await.expect("it holds it");
}

#[tokio::test]
async fn reentrant_lock_is_held_as_often_as_before() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("it is made");
    let (outer, inner) = (lock.acquire().await.expect("nobody holds it"), lock.acquire().await.expect("it is ours"));
    service.start_again().await;
    assert_eq!(lock.holder().await.expect("it is there").map(|holder| holder.depth), Some(2));
    inner.release().await.expect("it holds it");
    assert!(lock.locked().await.expect("it is there"));
    outer.release().await.expect("it holds it");
    assert!(!lock.locked().await.expect("it is there"));
}

#[tokio::test]
async fn queue_keeps_its_items_its_leases_and_what_is_unfinished() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let jobs = session.memoize("jobs", QueueProxy::new(Some(3))).await.expect("it is made");
    for n in 1..=3 {
        jobs.put(n).await.expect("there is room");
    }
    let leased = jobs.get_leased::<i64>().await.expect("there are some");
    jobs.put(4).await.expect("there is room");
    let producer = service.session().await;
    let theirs = producer.get::<Queue>("jobs").await.expect("it is there");
    let putter = tokio::spawn(async move { theirs.put(5).await });
    until(1, || async { jobs.waiting().await.expect("it is there") }).await;
    service.start_again().await;
    assert_eq!((jobs.qsize().await, jobs.leased().await), (Ok(3), Ok(1)));
    assert_eq!(jobs.waiting().await, Ok(1));
    leased.ack().await.expect("it is leased");
    assert_eq!(jobs.leased().await, Ok(0));
    let mut items = Vec::new();
    for _ in 0..4 {
        items.push(jobs.get::<i64>().await.expect("there are some"));
    }
    assert_eq!(items, [2, 3, 4, 5]);
    putter.await.expect("it does not panic").expect("there was room in the end");
    service.start_again().await;
    assert_eq!(jobs.qsize().await, Ok(0));
    for _ in 0..3 {
        jobs.task_done().await.expect("it is unfinished");
    }
    assert!(!jobs.join_timeout(Duration::from_millis(1)).await.expect("it is there"));
    jobs.task_done().await.expect("it is unfinished");
    assert!(jobs.join().await.expect("it is there"));
}

#[tokio::test]
async fn callers_that_wait_for_items_get_them_in_order_after_a_restart() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let jobs = session.memoize("jobs", QueueProxy::new(None)).await.expect("it is made");
    let mut getters = Vec::new();
    for n in 0..4 {
        let session = service.session().await;
        let theirs = session.get::<Queue>("jobs").await.expect("it is there");
        getters.push(tokio::spawn(async move {
            let item = theirs.get::<usize>().await;
            drop(session);
            item
        }));
        until(n + 1, || async { jobs.waiting().await.expect("it is there") }).await;
    }
    service.start_again().await;
    for n in 0..4 {
        jobs.put(n).await.expect("there is room");
    }
    for (n, getter) in getters.into_iter().enumerate() {
        assert_eq!(getter.await.expect("it does not panic"), Ok(n));
    }
}

#[tokio::test]
async fn other_queues_keep_their_orders() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let last = session.memoize("last", LifoQueueProxy::new(None)).await.expect("it is made");
    let least = session.memoize("least", PriorityQueueProxy::new(None)).await.expect("it is made");
    for n in [2, 3, 1] {
        last.put(n).await.expect("there is room");
        least.put(n).await.expect("there is room");
    }
    service.start_again().await;
    let (mut from_last, mut from_least) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        from_last.push(last.get::<i64>().await.expect("there are some"));
        from_least.push(least.get::<i64>().await.expect("there are some"));
    }
    assert_eq!((from_last, from_least), (vec![1, 3, 2], vec![1, 2, 3]));
}

#[tokio::test]
async fn permits_are_still_held() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let permits = session.memoize("permits", BoundedSemaphoreProxy::new(Some(2))).await.expect("it is made");
    let permit = permits.acquire().await.expect("there are some");
    service.start_again().await;
    assert_eq!((permits.value().await, permits.held().await), (Ok(1), Ok(1)));
    permit.release().await.expect("it is held");
    assert_eq!((permits.value().await, permits.held().await), (Ok(2), Ok(0)));
    session.close().await;
}

#[tokio::test]
async fn callers_wait_on_for_an_event_and_at_a_barrier() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let event = session.memoize("event", EventProxy::new()).await.expect("it is made");
    let barrier = session.memoize("barrier", BarrierProxy::new(2, None, None)).await.expect("it is made");
    let other = service.session().await;
    let theirs = other.get::<Event>("event").await.expect("it is there");
    let waiter = tokio::spawn(async move { theirs.wait().await });
    let first = tokio::spawn({
        let barrier = barrier.clone();
        async move { barrier.wait().await }
    });
    until(1, || async { event.waiting().await.expect("it is there") }).await;
    until(1, || async { barrier.n_waiting().await.expect("it is there") }).await;
    service.start_again().await;
    assert_eq!((event.waiting().await, barrier.n_waiting().await), (Ok(1), Ok(1)));
    event.set().await.expect("it is there");
    assert_eq!(waiter.await.expect("it does not panic"), Ok(true));
    assert_eq!(barrier.wait().await, Ok(1));
    assert_eq!(first.await.expect("it does not panic"), Ok(0));
    service.start_again().await;
    assert!(event.is_set().await.expect("it is there"));
}

/// Tasks that wait for a notification, each in a session of its own, and tell their numbers when they get it.
async fn sleepers(service: &Restarted, key: &str, numbers: std::ops::Range<usize>) -> mpsc::UnboundedReceiver<usize> {
    let (told, woken) = mpsc::unbounded_channel();
    let watcher = service.session().await.get::<Condition>(key).await.expect("it is there");
    for n in numbers {
        let (session, told) = (service.session().await, told.clone());
        let changed = session.get::<Condition>(key).await.expect("it is there");
        let before = watcher.sleeping().await.expect("it is there");
        tokio::spawn(async move {
            let guard = changed.acquire().await.expect("it gets it");
            let token = guard.token();
            let guard = guard.wait().await.expect("it is notified");
            assert!(guard.token() > token, "{} is not higher than {token}", guard.token());
            told.send(n).expect("the test listens");
            guard.release().await.expect("it holds it");
            drop(session);
        });
        until(before + 1, || async { watcher.sleeping().await.expect("it is there") }).await;
    }
    woken
}

#[tokio::test]
async fn callers_sleep_on_a_condition_until_they_are_notified() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let changed = session.memoize("changed", ConditionProxy::new()).await.expect("it is made");
    let mut woken = sleepers(&service, "changed", 0..4).await;
    service.start_again().await;
    assert_eq!(changed.sleeping().await, Ok(4));
    let guard = changed.acquire().await.expect("nobody holds it");
    guard.notify_many(2).await.expect("it is ours");
    // They are awake, and wait for the lock.
    until(2, || async { changed.waiting().await.expect("it is there") }).await;
    service.start_again().await;
    assert_eq!((changed.sleeping().await, changed.waiting().await), (Ok(2), Ok(2)));
    assert!(woken.try_recv().is_err(), "the lock is still held");
    guard.release().await.expect("it is ours");
    // Both were awake, and have come to the lock in any order.
    let mut first = [woken.recv().await, woken.recv().await];
    first.sort_unstable();
    assert_eq!(first, [Some(0), Some(1)]);
    let guard = changed.acquire().await.expect("nobody holds it for long");
    guard.notify_all().await.expect("it is ours");
    guard.release().await.expect("it is ours");
    let mut others = [woken.recv().await, woken.recv().await];
    others.sort_unstable();
    assert_eq!(others, [Some(2), Some(3)]);
    until(0, || async { usize::from(changed.locked().await.expect("it is there")) }).await;
}

#[tokio::test]
async fn a_condition_shares_its_lock_with_others_as_before() {
    let mut service = Restarted::start().await;
    let session = service.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("it is made");
    session.memoize("full", ConditionProxy::on(&lock)).await.expect("it is made");
    let full = session.get::<Condition>("full").await.expect("it is there");
    let empty = session.memoize("empty", ConditionProxy::sharing(&full)).await.expect("it is made");
    let mut woken = sleepers(&service, "empty", 0..1).await;
    // The lock stays there with those that use it.
    session.delete("lock").await.expect("it is there");
    let own = session.memoize("own", ConditionProxy::new()).await.expect("it is made");
    let sharing = session.memoize("sharing", ConditionProxy::sharing(&own)).await.expect("it is made");
    let held = own.acquire().await.expect("nobody holds it");
    for _ in 0..2 {
        service.start_again().await;
        assert!(sharing.locked().await.expect("it is there"));
        let guard = full.acquire().await.expect("nobody holds it");
        assert_eq!((empty.holder().await, empty.sleeping().await), (full.holder().await, Ok(1)));
        assert!(!empty.acquire_bool(Some(false), None).await.expect("it is there"), "it is one lock");
        guard.release().await.expect("it is ours");
    }
    held.release().await.expect("it is ours");
    assert!(!sharing.locked().await.expect("it is there"));
    let guard = empty.acquire().await.expect("nobody holds it");
    guard.notify().await.expect("it is ours");
    guard.release().await.expect("it is ours");
    assert_eq!(woken.recv().await, Some(0));
}

#[tokio::test]
async fn a_reentrant_lock_is_held_as_often_again_after_a_wait_with_a_restart() {
    let mut service = Restarted::start().await;
    let (session, other) = (service.session().await, service.session().await);
    let changed = session.memoize("changed", ConditionProxy::new()).await.expect("it is made");
    let theirs = other.get::<Condition>("changed").await.expect("it is there");
    let waiter = tokio::spawn(async move {
        let outer = theirs.acquire().await.expect("it gets it");
        let guard = theirs.acquire().await.expect("it is its own").wait().await.expect("it is notified");
        let depth = theirs.holder().await.expect("it is there").map(|holder| holder.depth);
        drop((outer, guard));
        depth
    });
    until(1, || async { changed.sleeping().await.expect("it is there") }).await;
    service.start_again().await;
    let guard = changed.acquire().await.expect("nobody holds it");
    guard.notify().await.expect("it is ours");
    guard.release().await.expect("it is ours");
    assert_eq!(waiter.await.expect("it does not panic"), Some(2));
}

#[tokio::test]
async fn a_sleeper_that_gives_up_while_the_service_is_down_leaves_its_notification_to_the_next() {
    let mut service = Restarted::start().await;
    let (session, leaver) = (service.session().await, service.session().await);
    let changed = session.memoize("changed", ConditionProxy::new()).await.expect("it is made");
    let theirs = leaver.get::<Condition>("changed").await.expect("it is there");
    let leaving = tokio::spawn(async move { theirs.acquire().await.expect("it gets it").wait().await.map(drop) });
    until(1, || async { changed.sleeping().await.expect("it is there") }).await;
    let mut woken = sleepers(&service, "changed", 1..2).await;
    // It is notified, and waits for the lock.
    let guard = changed.acquire().await.expect("nobody holds it");
    guard.notify().await.expect("it is ours");
    until(1, || async { changed.waiting().await.expect("it is there") }).await;
    service.stop();
    leaving.abort();
    assert!(leaving.await.is_err(), "it has ended");
    service.start_again().await;
    leaver.get::<Condition>("changed").await.expect("it is there");
    until(0, || async { changed.sleeping().await.expect("it is there") }).await;
    guard.release().await.expect("it is ours");
    assert_eq!(woken.recv().await, Some(1));
}

#[tokio::test]
async fn a_wait_with_a_timeout_goes_on_for_what_was_left_of_it() {
    let mut service = Restarted::start().await;
    let (session, other) = (service.session().await, service.session().await);
    let changed = session.memoize("changed", ConditionProxy::new()).await.expect("it is made");
    let theirs = other.get::<Condition>("changed").await.expect("it is there");
    let begun = std::time::Instant::now();
    let waiter = tokio::spawn(async move {
        let guard = theirs.acquire().await.expect("it gets it");
        let (guard, notified) = guard.wait_timeout(Duration::from_secs(2)).await.expect("it waits");
        guard.release().await.expect("it is its own");
        notified
    });
    until(1, || async { changed.sleeping().await.expect("it is there") }).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    service.start_again().await;
    assert!(!waiter.await.expect("it does not panic"));
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_millis(2_900), "{took:?}");
}
