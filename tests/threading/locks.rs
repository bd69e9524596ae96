//! Locks: who holds a lock, who waits for it, and who can release it.

use super::{runtime_error, until};
use crate::support::Fixture;
use std::time::{Duration, Instant};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::threading::{Lock, LockProxy, RLock, RLockProxy};
use tarmem::{Error, Value, args};

crate::each_way![
    a_lock_excludes_and_a_guard_releases,
    a_guard_can_be_dropped_anywhere,
    timeouts_are_pythons,
    a_task_is_an_owner,
    a_reentrant_lock_is_released_as_often_as_it_is_acquired,
    a_dropped_wait_never_keeps_the_lock,
    waits_hold_up_nothing_on_their_connection,
    a_call_that_times_out_leaves_the_line,
];

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
    // The guard was dropped here, so calls sent later run later.
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

/// An owner is more than a session: the tasks of a session exclude one another, and none releases for another without
/// the token.
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
    // A task that waits for itself waits forever, as in Python.
    let _guard = lock.acquire().await.expect("free");
    assert!(lock.acquire_timeout(Duration::from_millis(10)).await.expect("answers").is_none());
}

async fn a_reentrant_lock_is_released_as_often_as_it_is_acquired(fixture: Fixture) {
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

/// The grant races with the cancellation. Whichever wins, the lock is free in the end.
async fn a_dropped_wait_never_keeps_the_lock(fixture: Fixture) {
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
        // Sometimes before the grant is sent, sometimes while it is on its way, sometimes after it has arrived.
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

async fn a_call_that_times_out_leaves_the_line(fixture: Fixture) {
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
