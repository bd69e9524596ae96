//! A grant belongs to its object, whatever becomes of the key that led there.

use super::support::other::{Other, say};
use super::support::{Fixture, Way, started};
use super::until;
use std::collections::BTreeSet;
use std::time::Duration;
use tarmem::modules::queue::{Queue, QueueProxy};
use tarmem::modules::threading::{
    Barrier, BarrierProxy, BoundedSemaphore, BoundedSemaphoreProxy, Condition, ConditionProxy, Event, EventProxy, Lock,
    LockProxy, RLock, RLockProxy, Semaphore, SemaphoreProxy,
};
use tarmem::{CallError, Error, Proxy, Service, Session};

crate::each_way![
    a_guard_releases_the_lock_that_it_was_taken_from,
    a_permit_returns_to_where_it_came_from,
    a_lease_is_settled_where_it_was_taken,
    a_waiting_caller_stays_with_the_object_that_the_key_led_to,
    tokens_of_all_objects_are_different,
    grants_leave_no_handle_behind,
];

/// What becomes of a key: it is mapped to another object, or deleted.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    Updated,
    Deleted,
}

/// Maps the key to `new`, or deletes it.
macro_rules! befall {
    ($session:ident, $key:literal, $fate:ident, $new:expr) => {
        match $fate {
            Fate::Updated => drop($session.update($key, $new).await.expect("replaced")),
            Fate::Deleted => $session.delete($key).await.expect("there"),
        }
    };
}

macro_rules! locks {
    ($fixture:ident, $($class:ident, $proxy:ident);+) => {$(
        for fate in [Fate::Updated, Fate::Deleted] {
            let (one, two) = ($fixture.session().await, $fixture.session().await);
            let lock = one.memoize("lock", $proxy::new()).await.expect("made");
            let old = lock.hold().await.expect("there");
            for by_release in [false, true] {
                let _ = one.delete("lock").await;
                one.update("lock", lock_again(&old)).await.expect("mapped");
                let guard = lock.acquire().await.expect("free");
                let waiting = tokio::spawn({
                    let other = two.get::<$class>("lock").await.expect("there");
                    async move { other.acquire().await.map(|guard| guard.token()) }
                });
                until("it waits", || async { old.waiting().await == Ok(1) }).await;
                befall!(one, "lock", fate, $proxy::new());
                let theirs = match fate {
                    Fate::Updated => {
                        // By the same session and the same task.
                        Some(lock.acquire().await.expect("a new lock is free"))
                    }
                    Fate::Deleted => None,
                };
                let token = guard.token();
                match by_release {
                    true => guard.release().await.expect("its own lock"),
                    false => drop(guard),
                }
                let next = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it goes on");
                assert!(next.expect("no panic").expect("granted") > token, "{fate:?}");
                if let Some(theirs) = theirs {
                    assert_eq!(lock.locked().await, Ok(true), "another's guard has nothing to do with it");
                    theirs.release().await.expect("held");
                }
                until("it is free", || async { old.locked().await == Ok(false) }).await;
            }
        }
    )+};
}

/// Returns the same object again.
fn lock_again<P: Proxy>(old: &P) -> &P {
    old
}

async fn a_guard_releases_the_lock_that_it_was_taken_from(fixture: Fixture) {
    locks!(fixture, Lock, LockProxy; RLock, RLockProxy; Condition, ConditionProxy);
    // A token of another lock releases nothing, even for the session that holds both.
    let session = fixture.session().await;
    let lock = session.update("lock", LockProxy::new()).await.expect("made");
    let old = lock.acquire_grant(None, None).await.expect("answers").expect("free");
    session.update("lock", LockProxy::new()).await.expect("replaced");
    let new = lock.acquire_grant(None, None).await.expect("answers").expect("free");
    let error = lock.release_token(Some(old.token)).await.expect_err("of the lock before");
    assert!(error.to_string().contains(&format!("held under token {}, not {}", new.token, old.token)), "{error}");
    assert_eq!(lock.locked().await, Ok(true));
}

macro_rules! semaphores {
    ($fixture:ident, $($class:ident, $proxy:ident);+) => {$(
        for fate in [Fate::Updated, Fate::Deleted] {
            let (one, two) = ($fixture.session().await, $fixture.session().await);
            let key = one.update("permits", $proxy::new(Some(3))).await.expect("made");
            let old = key.hold().await.expect("there");
            let permits = [key.acquire().await, key.acquire().await, key.acquire().await];
            let [first, second, third] = permits.map(|permit| permit.expect("there are three"));
            let waiting = tokio::spawn({
                let other = two.get::<$class>("permits").await.expect("there");
                async move { other.acquire().await.map(drop) }
            });
            until("it waits", || async { old.waiting().await == Ok(1) }).await;
            befall!(one, "permits", fate, $proxy::new(Some(1)));
            drop(first);
            let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it goes on");
            waited.expect("no panic").expect("granted");
            second.release().await.expect("its own semaphore");
            third.forget().await.expect("its own semaphore");
            until("two are back", || async { old.value().await == Ok(2) }).await;
            if fate == Fate::Updated {
                assert_eq!(key.value().await, Ok(1), "none was added to the new one");
            }
        }
    )+};
}

async fn a_permit_returns_to_where_it_came_from(fixture: Fixture) {
    semaphores!(fixture, Semaphore, SemaphoreProxy; BoundedSemaphore, BoundedSemaphoreProxy);
}

async fn a_lease_is_settled_where_it_was_taken(fixture: Fixture) {
    for fate in [Fate::Updated, Fate::Deleted] {
        let (one, two) = (fixture.session().await, fixture.session().await);
        let key = one.update("queue", QueueProxy::new(None)).await.expect("made");
        let old = key.hold().await.expect("there");
        for item in ["a", "b"] {
            key.put(item).await.expect("room");
        }
        let (a, b) = (key.get_leased::<String>().await.expect("a"), key.get_leased::<String>().await.expect("b"));
        let waiting = tokio::spawn({
            let other = two.get::<Queue>("queue").await.expect("there");
            async move { (other.get::<String>().await, other) }
        });
        until("it waits", || async { old.waiting().await == Ok(1) }).await;
        befall!(one, "queue", fate, QueueProxy::new(None));
        if fate == Fate::Updated {
            key.put("c").await.expect("room");
            let c = key.get_leased::<String>().await.expect("c");
            a.ack().await.expect("its own queue");
            assert_eq!(key.leased().await, Ok(1), "another's lease has nothing to do with it");
            c.ack().await.expect("its lease runs");
        } else {
            a.ack().await.expect("its own queue");
        }
        drop(b);
        let (got, _) =
            tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it goes on").expect("no panic");
        assert_eq!(got, Ok("b".to_owned()), "{fate:?}");
        old.task_done().await.expect("b is done");
        assert_eq!(old.join_timeout(Duration::ZERO).await, Ok(true));
        assert_eq!((old.leased().await, old.qsize().await), (Ok(0), Ok(0)));
    }
}

async fn a_waiting_caller_stays_with_the_object_that_the_key_led_to(fixture: Fixture) {
    for fate in [Fate::Updated, Fate::Deleted] {
        let (one, two) = (fixture.session().await, fixture.session().await);
        let limit = Duration::from_secs(30);
        // An event.
        let old = one.update("event", EventProxy::new()).await.expect("made").hold().await.expect("there");
        let waiting = tokio::spawn(two.get::<Event>("event").await.expect("there").wait());
        until("it waits", || async { old.waiting().await == Ok(1) }).await;
        befall!(one, "event", fate, EventProxy::new());
        old.set().await.expect("it is held");
        assert_eq!(tokio::time::timeout(limit, waiting).await.expect("it goes on").expect("no panic"), Ok(true));
        // A barrier.
        let key = one.update("barrier", BarrierProxy::new(2, None, None)).await.expect("made");
        let old = key.hold().await.expect("there");
        let waiting = tokio::spawn(two.get::<Barrier>("barrier").await.expect("there").wait());
        until("it waits", || async { old.n_waiting().await == Ok(1) }).await;
        befall!(one, "barrier", fate, BarrierProxy::new(2, None, None));
        assert_eq!(old.wait().await, Ok(1));
        assert_eq!(tokio::time::timeout(limit, waiting).await.expect("it goes on").expect("no panic"), Ok(0));
        // A condition: its waiter holds the old lock afterwards, and notifies there.
        let key = one.update("condition", ConditionProxy::new()).await.expect("made");
        let old = key.hold().await.expect("there");
        let waiting = tokio::spawn({
            let other = two.get::<Condition>("condition").await.expect("there");
            async move {
                let guard = other.acquire().await?.wait().await?;
                guard.notify_all().await?;
                guard.release().await
            }
        });
        until("it sleeps", || async { old.sleeping().await == Ok(1) }).await;
        let guard = key.acquire().await.expect("free meanwhile");
        befall!(one, "condition", fate, ConditionProxy::new());
        guard.notify().await.expect("its own condition");
        drop(guard);
        assert_eq!(tokio::time::timeout(limit, waiting).await.expect("it goes on").expect("no panic"), Ok(()));
        // Waiting for the end of the work.
        let old = one.update("queue", QueueProxy::new(None)).await.expect("made").hold().await.expect("there");
        old.put(1).await.expect("room");
        let key = two.get::<Queue>("queue").await.expect("there");
        let lease = key.get_leased::<i64>().await.expect("an item");
        let joining = started(&two, key.join()).await;
        befall!(one, "queue", fate, QueueProxy::new(None));
        lease.ack().await.expect("its own queue");
        assert_eq!(tokio::time::timeout(limit, joining).await.expect("it goes on").expect("no panic"), Ok(true));
    }
}

async fn tokens_of_all_objects_are_different(fixture: Fixture) {
    let session = fixture.session().await;
    let mut tokens = BTreeSet::new();
    let mut last = 0;
    for _ in 0..20 {
        let lock = session.update("lock", LockProxy::new()).await.expect("made");
        let condition = session.update("condition", ConditionProxy::new()).await.expect("made");
        let queue = session.update("queue", QueueProxy::new(None)).await.expect("made");
        queue.put(1).await.expect("room");
        let (lock, condition) = (lock.acquire().await.expect("free"), condition.acquire().await.expect("free"));
        let lease = queue.get_leased::<i64>().await.expect("an item");
        for token in [lock.token(), condition.token(), lease.token()] {
            assert!(token > last, "{token} after {last}");
            last = token;
            assert!(tokens.insert(token));
        }
    }
}

async fn grants_leave_no_handle_behind(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let held = lock.hold().await.expect("there");
    let permits = session.memoize("permits", SemaphoreProxy::new(Some(1))).await.expect("made");
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    queue.put(1).await.expect("room");
    let held_queue = queue.hold().await.expect("there");
    for _ in 0..50 {
        drop(lock.acquire().await.expect("free"));
        drop(permits.acquire().await.expect("free"));
        drop(queue.get_leased::<i64>().await.expect("an item"));
        assert!(lock.acquire_timeout(Duration::from_secs(30)).await.expect("answers").is_some());
    }
    // The user's own handles are not among those that were released.
    assert_eq!(held_queue.qsize().await, Ok(1));
    held.acquire().await.expect("free").release().await.expect("held");
    let id = held.id().expect("by id");
    drop((held, held_queue));
    session.delete("lock").await.expect("there");
    // Nothing keeps the lock alive now, so a reference to it is dead.
    let reference = tarmem_remote::value::ObjectRef::new(id, "threading.Lock");
    let list = session.create(tarmem::modules::builtins::ListProxy::new(None)).await.expect("made");
    let error = list.append(reference).await.expect_err("there is no such object any more");
    assert!(error.to_string().contains("holds no object"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_from_before_a_restart_have_no_effect_after_it() {
    let service = Service::new("127.0.0.1", 0).start().await.expect("starts");
    let address = service.local_addr().expect("a listener").to_string();
    let session = Session::builder(&address).max_retry(50).connect().await.expect("opens");
    let (lock, queue) = (
        session.memoize("lock", LockProxy::new()).await.expect("made"),
        session.memoize("queue", QueueProxy::new(None)).await.expect("made"),
    );
    queue.put("old").await.expect("room");
    let (guard, lease) = (lock.acquire().await.expect("free"), queue.get_leased::<String>().await.expect("an item"));
    let permits = session.memoize("permits", SemaphoreProxy::new(Some(1))).await.expect("made");
    let permit = permits.acquire().await.expect("free");
    service.shutdown().await;
    let service = Service::new("127.0.0.1", address.rsplit_once(':').expect("a port").1.parse().expect("a port"));
    let _service = service.start().await.expect("starts again");
    session.reconnect().await.expect("it is back");
    // The session object and the keys are the same as before.
    session.memoize("lock", LockProxy::new()).await.expect("made");
    session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    session.memoize("permits", SemaphoreProxy::new(Some(1))).await.expect("made");
    queue.put("new").await.expect("room");
    let (again, theirs) = (lock.acquire().await.expect("free"), queue.get_leased::<String>().await.expect("an item"));
    assert!(again.token() > guard.token() && theirs.token() > lease.token());
    let gone = |error: Option<CallError<_>>| {
        assert!(matches!(error, Some(CallError::Failed(Error::NoSuchObject { .. }))), "{error:?}");
    };
    gone(guard.release().await.err());
    gone(lease.ack().await.err());
    drop(permit);
    assert_eq!((lock.locked().await, queue.leased().await, permits.value().await), (Ok(true), Ok(1), Ok(1)));
    again.release().await.expect("held");
    theirs.ack().await.expect("its lease runs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_keep_growing_when_a_service_is_restarted() {
    let mut last = 0;
    for _ in 0..3 {
        let mut other = Other::start("tokens", "", "");
        for _ in 0..100 {
            let (heard, said) = other.hears().await;
            let token: u64 = said.expect("it says a token").parse().expect("a number");
            assert!(token > last && token < 1 << 53, "{token} after {last}");
            (other, last) = (heard, token);
        }
        other.ends().await;
    }
}

/// A service in its own process, which grants something a hundred times.
pub(super) async fn tokens() {
    let fixture = Fixture::new(Way::InProcess).await;
    let lock = fixture.session().await.memoize("lock", LockProxy::new()).await.expect("made");
    for _ in 0..100 {
        say(lock.acquire().await.expect("free").token());
    }
}
