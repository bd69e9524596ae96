//! Module threading: over real sockets, by several processes, with real kills.

mod support;

#[path = "threading/conditions.rs"]
mod conditions;
#[path = "threading/grants.rs"]
mod grants;
#[path = "threading/owners.rs"]
mod owners;
#[path = "threading/processes.rs"]
mod processes;

use std::time::{Duration, Instant};
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::threading::{
    Barrier, BarrierProxy, BoundedSemaphore, BoundedSemaphoreProxy, Condition, ConditionProxy, Event, EventProxy,
    Guard, Lock, LockProxy, RLock, RLockProxy, Semaphore, SemaphoreProxy,
};
use tarmem::{CallError, Error, Proxy, Value, args};

each_way![
    a_lock_excludes_and_a_guard_releases,
    a_guard_can_be_dropped_anywhere,
    timeouts_are_pythons,
    a_task_is_an_owner,
    a_reentrant_lock_is_released_as_often,
    a_dropped_wait_never_takes_the_lock_along,
    waits_hold_up_nothing_on_their_connection,
    a_call_whose_time_is_up_leaves_the_line,
    an_event_wakes_all,
    a_condition_is_a_bounded_buffer,
    a_notification_is_never_lost,
    a_condition_keeps_its_word,
    conditions_share_a_lock,
    a_barrier_opens_for_all_at_once,
    a_barrier_breaks,
    permits_are_counted,
    permits_are_used_up_and_made,
    bad_input_is_refused_and_changes_nothing,
];

type Failed = CallError<Exception>;

fn runtime_error(error: &Failed) -> bool {
    matches!(error, CallError::Method(Exception::RuntimeError(_)))
}

/// Asks until the answer is yes.
async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !ask().await {
        assert!(Instant::now() < limit, "{what}");
        tokio::task::yield_now().await;
    }
}

async fn a_lock_excludes_and_a_guard_releases(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let lock = one.memoize("lock", LockProxy::new()).await.expect("made");
    let other = two.get::<Lock>("lock").await.expect("there");
    assert_eq!((lock.token().await, lock.holder().await), (Ok(0), Ok(None)));
    let guard = lock.acquire().await.expect("free");
    let first = guard.token();
    assert!(first > 0 && !guard.abandoned());
    let holder = other.holder().await.expect("answers").expect("held");
    assert_eq!((holder.token, holder.depth), (first, 1));
    assert!(other.try_acquire().await.expect("answers").is_none());
    let begun = Instant::now();
    assert!(other.acquire_timeout(Duration::from_millis(20)).await.expect("answers").is_none());
    assert!((Duration::from_millis(20)..Duration::from_secs(10)).contains(&begun.elapsed()));
    let mut waiting = tokio::spawn({
        let other = other.clone();
        async move { other.acquire().await.expect("granted").token() }
    });
    until("it waits", || async { lock.waiting().await == Ok(1) }).await;
    assert!(!waiting.is_finished());
    drop(guard);
    let second = (&mut waiting).await.expect("no panic");
    assert!(second > first);
    // Its guard was dropped where it was: what is sent later comes later.
    let guard = other.try_acquire().await.expect("answers").expect("free again");
    guard.release().await.expect("held");
    let guard = lock.acquire().await.expect("free");
    drop(guard);
    let guard = lock.try_acquire().await.expect("answers").expect("released before this was asked");
    assert!(guard.token() > second + 2, "three were granted");
}

async fn a_guard_can_be_dropped_anywhere(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let guard = lock.acquire().await.expect("free");
    std::thread::spawn(move || drop(guard)).join().expect("no panic");
    let guard = lock.acquire().await.expect("released by another thread, outside of a runtime");
    tokio::spawn(guard.release()).await.expect("no panic").expect("released by another task");
    let guard = lock.acquire().await.expect("free");
    drop(guard.release());
    let guard = lock.acquire().await.expect("a release that was never polled releases, too");
    drop(session);
    drop(guard);
}

async fn timeouts_are_pythons(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let lock = one.memoize("lock", LockProxy::new()).await.expect("made");
    let dynamic = two.get_dynamic("lock").await.expect("there");
    let guard = lock.acquire().await.expect("free");
    for no in [args![false], args![true, 0], args![true, 0.01], args![true, 0.0], args![false, -1]] {
        assert_eq!(dynamic.call("acquire", no.clone()).await, Ok(false.into()), "{no:?}");
        assert_eq!(dynamic.call("acquire_token", no.clone()).await, Ok(Value::Null), "{no:?}");
    }
    for (bad, kind) in [
        (args![true, -2], "ValueError: timeout value must be a non-negative number"),
        (args![true, -0.5], "ValueError"),
        (args![false, 5], "ValueError: can't specify a timeout for a non-blocking call"),
        (args![true, 1e300], "OverflowError"),
        (args![true, f64::NAN], "ValueError"),
        (args![true, f64::INFINITY], "OverflowError"),
    ] {
        let error = dynamic.call("acquire", bad.clone()).await.expect_err("refused").to_string();
        assert!(error.contains(kind), "{bad:?}: {error}");
    }
    for bad in [args![Value::Null, 0], args!["yes"], args![true, "long"], args![true, 1, 1], args![[1]]] {
        let error = dynamic.call("acquire", bad.clone()).await.expect_err("refused");
        assert!(matches!(error, Error::BadArguments { .. }), "{bad:?}: {error}");
    }
    assert_eq!((lock.waiting().await, lock.token().await), (Ok(0), Ok(guard.token())));
}

/// The session is not enough: its tasks exclude one another, and none releases for another without the token.
async fn a_task_is_an_owner(fixture: Fixture) {
    let (session, stranger) = (fixture.session().await, fixture.session().await);
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let grant = lock.acquire_grant(None, None).await.expect("answers").expect("free");
    let elsewhere = |token: Option<u64>| {
        let lock = lock.clone();
        async move { tokio::spawn(async move { lock.release_token(token).await }).await.expect("no panic") }
    };
    let error = elsewhere(None).await.expect_err("another task");
    assert!(runtime_error(&error) && error.to_string().contains(&format!("release({})", grant.token)), "{error}");
    assert!(runtime_error(&elsewhere(Some(7)).await.expect_err("another token")));
    let theirs = stranger.get::<Lock>("lock").await.expect("there");
    let error = theirs.release_token(Some(grant.token)).await.expect_err("another session");
    assert!(error.to_string().contains("another session holds it"), "{error}");
    elsewhere(Some(grant.token)).await.expect("with the token");
    for token in [None, Some(grant.token)] {
        let error = lock.release_token(token).await.expect_err("nobody holds it");
        assert_eq!(error.to_string(), "RuntimeError: release unlocked lock");
    }
    // A task that waits for itself waits for ever, as in Python.
    let _guard = lock.acquire().await.expect("free");
    assert!(lock.acquire_timeout(Duration::from_millis(10)).await.expect("answers").is_none());
}

async fn a_reentrant_lock_is_released_as_often(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("made");
    let (outer, inner) = (lock.acquire().await.expect("free"), lock.acquire().await.expect("mine"));
    let token = outer.token();
    assert_eq!(inner.token(), token);
    assert_eq!(lock.holder().await.expect("answers").map(|holder| holder.depth), Some(2));
    let other = || {
        let lock = lock.clone();
        tokio::spawn(async move { lock.try_acquire().await.expect("answers").map(|guard| guard.token()) })
    };
    drop(outer);
    assert_eq!(other().await.expect("no panic"), None, "another task");
    drop(inner);
    assert!(other().await.expect("no panic").is_some_and(|later| later > token));
    let error = lock.release_token(None).await.expect_err("not held");
    assert_eq!(error.to_string(), "RuntimeError: cannot release un-acquired lock");
    assert_eq!(session.get::<RLock>("lock").await.expect("there").locked().await, Ok(false));
}

/// The grant races with the cancellation: whoever wins, the lock is free in the end.
async fn a_dropped_wait_never_takes_the_lock_along(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let lock = one.memoize("lock", LockProxy::new()).await.expect("made");
    let other = two.get::<Lock>("lock").await.expect("there");
    let (mut granted, mut cancelled, mut last) = (0, 0, 0);
    for round in 0..400_u32 {
        let guard = lock.acquire_timeout(Duration::from_secs(20)).await.expect("answers");
        let guard = guard.unwrap_or_else(|| panic!("the lock is stuck in round {round}"));
        assert!(guard.token() > last, "tokens only ever grow");
        last = guard.token();
        let waiting = tokio::spawn({
            let other = other.clone();
            async move { other.acquire().await.map(|guard| guard.token()) }
        });
        until("it waits", || async { lock.waiting().await == Ok(1) }).await;
        if round % 2 == 0 {
            drop(guard);
        } else {
            guard.release().await.expect("held");
        }
        // Sometimes before the grant is on its way, sometimes while it is, sometimes when it is there.
        for _ in 0..round % 7 {
            tokio::task::yield_now().await;
        }
        if round % 3 == 0 {
            lock.waiting().await.expect("answers");
        }
        waiting.abort();
        match waiting.await {
            Ok(token) => granted += u32::from(token.is_ok()),
            Err(_) => cancelled += 1,
        }
    }
    println!("{:?}: {granted} were granted, {cancelled} cancelled", fixture.way);
    let guard = lock.acquire_timeout(Duration::from_secs(20)).await.expect("answers").expect("free in the end");
    assert!(!guard.abandoned() && guard.token() > last);
}

async fn waits_hold_up_nothing_on_their_connection(fixture: Fixture) {
    let (holder, session) = (fixture.session().await, fixture.session().await);
    let lock = holder.memoize("lock", LockProxy::new()).await.expect("made");
    let _guard = lock.acquire().await.expect("free");
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    let lock = session.get::<Lock>("lock").await.expect("there");
    let mut waits = Vec::new();
    for _ in 0..200 {
        waits.push(lock.acquire_bool(None, None).no_timeout().send().await);
    }
    for number in 0..100 {
        list.append(number).await.expect("answers");
    }
    assert_eq!((list.len().await, lock.waiting().await), (Ok(100), Ok(200)));
    drop(waits);
    until("all have left", || async { lock.waiting().await == Ok(0) }).await;
}

async fn a_call_whose_time_is_up_leaves_the_line(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let lock = one.memoize("lock", LockProxy::new()).await.expect("made");
    let guard = lock.acquire().await.expect("free");
    let other = two.get_dynamic("lock").await.expect("there");
    let error = other.call("acquire", args![]).timeout(Duration::from_millis(20)).await.expect_err("held");
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error}");
    until("it has left", || async { lock.waiting().await == Ok(0) }).await;
    drop(guard);
    assert_eq!(other.call("acquire", args![]).await, Ok(true.into()));
}

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

/// Takes numbers out of a list and puts numbers in, with never more than three in it.
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

/// One of two is notified; if it is cancelled in the same moment, the other one goes on.
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
            // It was faster; then the other one was not notified.
            condition.acquire().await.expect("free").notify().await.expect("held");
        }
        let goes_on = tokio::time::timeout(Duration::from_secs(20), &mut waiting).await;
        goes_on.unwrap_or_else(|_| panic!("nobody was notified in round {round}")).expect("no panic").expect("woken");
    }
}

async fn a_condition_keeps_its_word(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let condition = one.memoize("condition", ConditionProxy::new()).await.expect("made");
    // Nobody may wait or notify without the lock.
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
    // A timeout is no notification; and the lock is held again, under another token, as deep as before.
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
    // While it waits, others hold the lock; a wait that is dropped gives up the lock.
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

async fn a_barrier_opens_for_all_at_once(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let barrier = one.memoize("barrier", BarrierProxy::new(5, None, None)).await.expect("made");
    assert_eq!((barrier.parties().await, barrier.broken().await), (Ok(5), Ok(false)));
    for _ in 0..20 {
        let early: Vec<_> = (0..4)
            .map(|i| tokio::spawn(if i % 2 == 0 { &one } else { &two }.proxy::<Barrier>("barrier").wait()))
            .collect();
        until("four wait", || async { barrier.n_waiting().await == Ok(4) }).await;
        assert!(early.iter().all(|wait| !wait.is_finished()));
        assert_eq!(barrier.wait().await, Ok(4), "the last one");
        let mut indices = Vec::new();
        for wait in early {
            indices.push(wait.await.expect("no panic").expect("it opened"));
        }
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 2, 3]);
        assert_eq!(barrier.n_waiting().await, Ok(0));
    }
}

async fn a_barrier_breaks(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let barrier = one.memoize("barrier", BarrierProxy::new(3, None, None)).await.expect("made");
    let broken = |result: Result<usize, Failed>| {
        assert_eq!(result, Err(CallError::Method(Exception::BrokenBarrierError(String::new()))));
    };
    for way in ["timeout", "try", "cancel", "abort", "reset"] {
        let waiting = tokio::spawn(barrier.wait());
        until("it waits", || async { barrier.n_waiting().await == Ok(1) }).await;
        let other = two.proxy::<Barrier>("barrier");
        match way {
            "timeout" => broken(other.wait_timeout(Duration::from_millis(10)).await),
            "try" => broken(other.wait_timeout(Duration::ZERO).await),
            "cancel" => {
                let doomed = other.wait().send().await;
                until("both wait", || async { barrier.n_waiting().await == Ok(2) }).await;
                drop(doomed);
            }
            "abort" => other.abort().await.expect("answers"),
            _ => other.reset().await.expect("answers"),
        }
        broken(waiting.await.expect("no panic"));
        assert_eq!(barrier.broken().await, Ok(way != "reset"), "{way}");
        if way != "reset" {
            broken(barrier.wait().await);
            barrier.reset().await.expect("answers");
        }
        assert_eq!((barrier.broken().await, barrier.n_waiting().await), (Ok(false), Ok(0)), "{way}");
    }
    let hasty = one.memoize("hasty", BarrierProxy::new(2, None, Some(0.01))).await.expect("made");
    broken(hasty.wait().await);
}

async fn permits_are_counted(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let semaphore = one.memoize("semaphore", BoundedSemaphoreProxy::new(Some(2))).await.expect("made");
    let other = two.get::<BoundedSemaphore>("semaphore").await.expect("there");
    let (first, second) = (semaphore.acquire().await.expect("free"), other.acquire().await.expect("free"));
    assert!(semaphore.try_acquire().await.expect("answers").is_none());
    assert!(semaphore.acquire_timeout(Duration::from_millis(10)).await.expect("answers").is_none());
    let waiting = tokio::spawn({
        let semaphore = semaphore.clone();
        async move { semaphore.acquire().await.expect("granted").release().await }
    });
    until("it waits", || async { semaphore.waiting().await == Ok(1) }).await;
    drop(second);
    waiting.await.expect("no panic").expect("released");
    assert_eq!((semaphore.value().await, semaphore.held().await, other.held().await), (Ok(1), Ok(1), Ok(0)));
    for (proxy, n) in [(&other, 1), (&semaphore, 2)] {
        let error = proxy.release(Some(n)).await.expect_err("over-release").to_string();
        assert!(error.contains("ValueError: Semaphore released too many times"), "{error}");
    }
    first.release().await.expect("held");
    assert_eq!(semaphore.value().await, Ok(2));
    // A grant that races with its cancellation returns.
    for round in 0..100 {
        let both = (semaphore.acquire().await.expect("free"), semaphore.acquire().await.expect("free"));
        let other = other.clone();
        let doomed = tokio::spawn(async move { other.acquire().await.map(drop) });
        until("it waits", || async { semaphore.waiting().await == Ok(1) }).await;
        drop(both);
        for _ in 0..round % 5 {
            tokio::task::yield_now().await;
        }
        doomed.abort();
        let _ = doomed.await;
        until("both are free", || async { semaphore.value().await == Ok(2) }).await;
    }
}

async fn permits_are_used_up_and_made(fixture: Fixture) {
    let (maker, user) = (fixture.session().await, fixture.session().await);
    let made = maker.memoize("made", SemaphoreProxy::new(Some(0))).await.expect("made");
    made.release(Some(3)).await.expect("anybody may");
    let used = user.get::<Semaphore>("made").await.expect("there");
    for _ in 0..2 {
        used.acquire().await.expect("free").forget().await.expect("held");
    }
    assert!(used.forget(None).await.is_err(), "it holds none");
    assert_eq!((made.value().await, used.held().await), (Ok(1), Ok(0)));
    let waiting = made.try_acquire().await.expect("answers").expect("free");
    drop(waiting);
    until("it is free", || async { made.value().await == Ok(1) }).await;
    let error = made.release(Some(i64::MAX)).await.expect_err("too many").to_string();
    assert!(error.contains("OverflowError"), "{error}");
    assert_eq!(made.value().await, Ok(1));
}

async fn bad_input_is_refused_and_changes_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let threading = session.remote_import("threading").await.expect("imports");
    for (class, bad, kind) in [
        ("Semaphore", args![-1], "ValueError: semaphore initial value must be >= 0"),
        ("BoundedSemaphore", args![-1], "ValueError"),
        ("Barrier", args![0], "ValueError: parties must be >= 1"),
        ("Barrier", args![-3], "ValueError"),
        ("Barrier", args![2, "print"], "TypeError"),
        ("Barrier", args![2, Value::Null, f64::NAN], "ValueError"),
        ("Barrier", args![], "takes 1 to 3 arguments"),
        ("Semaphore", args!["many"], "Semaphore.new"),
        ("Lock", args![1], "takes 0 arguments"),
        ("Mutex", args![], "no member"),
    ] {
        let error = threading.construct(class, bad.clone()).await.expect_err("refused").to_string();
        assert!(error.contains(kind), "{class} {bad:?}: {error}");
    }
    for class in ["Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore"] {
        let object = threading.construct(class, args![]).await.expect("made");
        assert_eq!(object.call("__enter__", args![]).await, Ok(true.into()), "{class}");
        object.call("__exit__", args![Value::Null, Value::Null, Value::Null]).await.expect("held");
        assert_eq!(object.call("acquire", args![]).await, Ok(true.into()), "{class}: it was released");
        object.call("release", args![]).await.expect("held");
        for bad in [args![-1, 2, 3], args!["x"]] {
            let error = object.call("release", bad).await.expect_err("refused");
            assert!(matches!(error, Error::BadArguments { .. }), "{class}: {error}");
        }
        let error = object.call("acquire", args![false, 1]).await.expect_err("refused").to_string();
        assert!(error.contains("ValueError"), "{class}: {error}");
        assert!(object.snapshot().await.is_err(), "{class} has no value");
    }
    for n in [0, -1] {
        let semaphore = threading.construct("Semaphore", args![]).await.expect("made");
        let error = semaphore.call("release", args![n]).await.expect_err("refused").to_string();
        assert!(error.contains("ValueError: n must be one or more"), "{error}");
    }
    let described = session.memoize("lock", LockProxy::new()).await.expect("made").describe().await.expect("answers");
    assert!(described.methods.iter().all(|method| !method.docs.is_empty()), "each says what it does");
}
