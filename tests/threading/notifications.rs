//! Events and conditions: waiters are woken, and no notification is lost.

use super::{Failed, until};
use crate::support::Fixture;
use std::time::Duration;
use tarmem::args;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::threading::{Condition, ConditionProxy, Event, EventProxy, Guard, LockProxy};

crate::each_way![
    an_event_wakes_all,
    a_condition_is_a_bounded_buffer,
    a_notification_is_never_lost,
    a_condition_waits_and_notifies_only_for_the_holder_of_its_lock,
    conditions_share_a_lock,
];

async fn an_event_wakes_all(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let event = one.memoize("event", EventProxy::new()).await.expect("made");
    assert_eq!(event.is_set().await, Ok(false));
    assert_eq!(event.wait_timeout(Duration::from_millis(10)).await, Ok(false));
    let waits: Vec<_> =
        (0..50).map(|i| tokio::spawn(if i % 2 == 0 { &one } else { &two }.proxy::<Event>("event").wait())).collect();
    until("all wait", || async { event.waiting().await == Ok(50) }).await;
    event.set().await.expect("answers");
    for wait in waits {
        assert_eq!(wait.await.expect("no panic"), Ok(true));
    }
    assert_eq!((event.wait().await, event.is_set().await), (Ok(true), Ok(true)));
    event.clear().await.expect("answers");
    let dynamic = two.get_dynamic("event").await.expect("there");
    for timeout in [args![0], args![-1], args![0.01]] {
        assert_eq!(dynamic.call("wait", timeout).await, Ok(false.into()));
    }
}

/// Takes numbers out of a list and puts numbers in; the list never has more than three.
async fn a_condition_is_a_bounded_buffer(fixture: Fixture) {
    const ROOM: usize = 3;
    const ITEMS: i64 = 60;
    let session = fixture.session().await;
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    session.memoize("changed", ConditionProxy::new()).await.expect("made");
    let mut tasks = Vec::new();
    for party in 0..4 {
        let session = fixture.session().await;
        tasks.push(tokio::spawn(async move {
            let (list, changed) = (session.proxy::<List>("list"), session.proxy::<Condition>("changed"));
            let mut sum = 0;
            for item in 0..ITEMS {
                let guard = changed.acquire().await?;
                let ready = async || match (party % 2, list.len().await?) {
                    (_, len @ 4..) => panic!("{len} are in it"),
                    (0, len) => Ok::<_, Failed>(len < ROOM),
                    (_, len) => Ok(len > 0),
                };
                let guard = guard.wait_for(ready).await?;
                if party % 2 == 0 {
                    list.append(item).await?;
                } else {
                    sum += list.pop_at::<i64>(0).await?;
                }
                guard.notify_all().await?;
            }
            Ok::<_, Failed>(sum)
        }));
    }
    let mut sum = 0;
    for task in tasks {
        sum += task.await.expect("no panic").expect("no failure");
    }
    assert_eq!(sum, ITEMS * (ITEMS - 1));
}

/// One of two waiters is notified. If it is cancelled at the same moment, the other one continues.
async fn a_notification_is_never_lost(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let condition = one.memoize("condition", ConditionProxy::new()).await.expect("made");
    let wait = |session: &tarmem::Session| {
        let condition = session.proxy::<Condition>("condition");
        tokio::spawn(async move { condition.acquire().await?.wait().await.map(drop) })
    };
    for round in 0..150_u32 {
        let doomed = wait(&two);
        until("the first waits", || async { condition.sleeping().await == Ok(1) }).await;
        let mut waiting = wait(&one);
        until("both wait", || async { condition.sleeping().await == Ok(2) }).await;
        let guard = condition.acquire().await.expect("free");
        guard.notify().await.expect("held");
        // It has been notified, and waits for the lock.
        until("it is woken", || async { condition.sleeping().await == Ok(1) }).await;
        if round % 2 == 0 {
            drop(guard);
        } else {
            doomed.abort();
            guard.release().await.expect("held");
        }
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        doomed.abort();
        if matches!(doomed.await, Ok(Ok(()))) {
            // The cancellation was faster, so the other caller has not been notified.
            condition.acquire().await.expect("free").notify().await.expect("held");
        }
        let goes_on = tokio::time::timeout(Duration::from_secs(20), &mut waiting).await;
        goes_on.unwrap_or_else(|_| panic!("nobody was notified in round {round}")).expect("no panic").expect("woken");
    }
}

async fn a_condition_waits_and_notifies_only_for_the_holder_of_its_lock(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let condition = one.memoize("condition", ConditionProxy::new()).await.expect("made");
    // A caller cannot wait or notify without the lock.
    let dynamic = two.get_dynamic("condition").await.expect("there");
    for (method, message) in [
        ("wait", "RuntimeError: cannot wait on un-acquired lock"),
        ("wait_token", "RuntimeError: cannot wait on un-acquired lock"),
        ("notify", "RuntimeError: cannot notify on un-acquired lock"),
        ("notify_all", "RuntimeError: cannot notify on un-acquired lock"),
        ("release", "RuntimeError: cannot release un-acquired lock"),
    ] {
        let error = dynamic.call(method, args![]).await.expect_err("not held").to_string();
        assert!(error.contains(message), "{error}");
    }
    // A timeout is not a notification; and the lock is held again, with another token, at the same depth.
    let (outer, inner) = (condition.acquire().await.expect("free"), condition.acquire().await.expect("mine"));
    let (inner, notified) = inner.wait_timeout(Duration::from_millis(10)).await.expect("held");
    assert!(!notified && inner.token() > outer.token());
    let holder = condition.holder().await.expect("answers").expect("held");
    assert_eq!((holder.depth, holder.token), (2, inner.token()));
    let (inner, notified) = inner.wait_timeout(Duration::ZERO).await.expect("held");
    assert!(!notified);
    drop(outer);
    assert_eq!(condition.locked().await, Ok(true));
    drop(inner);
    assert_eq!(condition.locked().await, Ok(false));
    // While it waits, others hold the lock. A wait that is dropped releases the lock.
    let (waiting, begun) = (condition.clone(), condition.acquire().await.expect("free"));
    let task = tokio::spawn(async move { waiting.acquire().await?.wait().await.map(|guard| guard.token()) });
    drop(begun);
    until("it waits", || async { condition.sleeping().await == Ok(1) }).await;
    let guard: Guard<ConditionProxy> = condition.try_acquire().await.expect("answers").expect("free meanwhile");
    guard.notify_many(5).await.expect("held");
    let token = guard.token();
    drop(guard);
    assert!(task.await.expect("no panic").expect("woken") > token);
    assert_eq!((condition.sleeping().await, condition.locked().await), (Ok(0), Ok(false)));
    let guard = condition.acquire().await.expect("free");
    drop(guard.wait());
    assert_eq!(condition.locked().await, Ok(false), "a wait that never began gives it up as well");
}

async fn conditions_share_a_lock(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let items = session.memoize("items", ConditionProxy::on(&lock)).await.expect("made");
    let room = session.memoize("room", ConditionProxy::sharing(&items)).await.expect("made");
    let wait = |condition: &ConditionProxy| {
        let condition = condition.clone();
        tokio::spawn(async move { condition.acquire().await?.wait().await.map(|guard| guard.token()) })
    };
    let (for_items, for_room) = (wait(&items), wait(&room));
    until("both wait", || async { (items.sleeping().await, room.sleeping().await) == (Ok(1), Ok(1)) }).await;
    let guard = lock.acquire().await.expect("free while they wait");
    let token = guard.token();
    assert!(room.try_acquire().await.expect("answers").is_none(), "it is not reentrant");
    room.notify_all().await.expect("this task holds the lock");
    drop(guard);
    assert!(for_room.await.expect("no panic").is_ok_and(|later| later > token));
    assert_eq!(items.sleeping().await, Ok(1));
    items.acquire().await.expect("free").notify().await.expect("held");
    assert!(for_items.await.expect("no panic").is_ok());
    assert_eq!(lock.locked().await, Ok(false));
}
