//! Semaphores: permits are counted.

use super::until;
use crate::support::Fixture;
use std::time::Duration;
use tarmem::modules::threading::{BoundedSemaphore, BoundedSemaphoreProxy, Semaphore, SemaphoreProxy};

crate::each_way![permits_are_counted, permits_can_be_used_up_and_added];

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
    // A grant that races with its cancellation comes back.
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

async fn permits_can_be_used_up_and_added(fixture: Fixture) {
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
