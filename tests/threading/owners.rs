//! Owners that a caller names: many on one session, independent of its tasks.

use super::support::Fixture;
use super::{Failed, runtime_error, until};
use tarmem::blocking::{self, Wait};
use tarmem::modules::threading::{ConditionProxy, LockProxy, RLockProxy};
use tarmem::{CallError, Error, OwnerId, Proxy, Service, args};

crate::each_way![
    owners_exclude_one_another_on_one_session,
    an_owner_is_the_same_from_any_task,
    guards_and_conditions_belong_to_the_owner_of_their_proxy,
    dynamic_calls_and_pipelines_name_owners,
    an_id_beyond_the_range_is_refused,
];

async fn owners_exclude_one_another_on_one_session(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    assert_eq!(lock.acquire_bool(None, None).owner(1).await, Ok(true));
    // Neither another owner, nor the task itself.
    assert_eq!(lock.acquire_bool(false, None).owner(2).await, Ok(false));
    assert_eq!(lock.acquire_bool(false, None).await, Ok(false));
    let holder = lock.holder().await.expect("answers").expect("held");
    assert_eq!((holder.owner(), OwnerId::of_task(holder.task)), (Some(1), OwnerId::new(1).ok()));
    for release in [lock.release_token(None).owner(2), lock.release_token(None)] {
        let error = release.await.expect_err("another's");
        assert!(runtime_error(&error) && error.to_string().contains("another task"), "{error}");
    }
    lock.release_token(None).owner(1).await.expect("its own");
    assert_eq!(lock.holder().await, Ok(None));

    let lock = session.memoize("rlock", RLockProxy::new()).await.expect("made");
    for _ in 0..3 {
        assert_eq!(lock.acquire_bool(None, None).owner(0).await, Ok(true));
    }
    assert_eq!(lock.acquire_bool(false, None).owner(1).await, Ok(false));
    let waits = tokio::spawn(lock.acquire_bool(None, None).owner(1).no_timeout());
    until("it waits", || async { lock.waiting().await == Ok(1) }).await;
    for _ in 0..3 {
        lock.release_token(None).owner(0).await.expect("its own");
    }
    assert_eq!(waits.await.expect("no panic"), Ok(true));
    assert!(runtime_error(&lock.release_token(None).owner(0).await.expect_err("it has none left")));
    lock.release_token(None).owner(1).await.expect("its own");
}

async fn an_owner_is_the_same_from_any_task(fixture: Fixture) {
    let (session, stranger) = (fixture.session().await, fixture.session().await);
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("made");
    for _ in 0..3 {
        let acquired = tokio::spawn(lock.acquire_bool(None, None).owner(7)).await;
        assert_eq!(acquired.expect("no panic"), Ok(true));
    }
    // The same number in another session is another owner.
    let theirs = stranger.get::<tarmem::modules::threading::RLock>("lock").await.expect("there");
    assert_eq!(theirs.acquire_bool(false, None).owner(7).await, Ok(false));
    assert!(runtime_error(&theirs.release_token(None).owner(7).await.expect_err("another session's")));
    lock.release_token(None).owner(7).detach();
    let mine = lock.clone();
    let released = std::thread::spawn(move || mine.release_token(None).owner(7).wait()).join().expect("no panic");
    assert_eq!(released, Ok(()));
    assert_eq!(lock.release_token(None).owner(7).await, Ok(()));
    assert_eq!(lock.holder().await, Ok(None));
}

async fn guards_and_conditions_belong_to_the_owner_of_their_proxy(fixture: Fixture) {
    let session = fixture.session().await;
    let named = session.memoize("lock", LockProxy::new()).await.expect("made");
    let held = named.hold().await.expect("there");
    for lock in [named, held] {
        let (one, two) = (lock.as_owner(1), lock.as_owner(2));
        let guard = one.acquire().await.expect("free");
        assert_eq!(lock.holder().await.expect("answers").expect("held").owner(), Some(1));
        assert!(two.try_acquire().await.expect("answers").is_none());
        drop(guard);
        two.acquire().await.expect("released").release().await.expect("held");
    }
    // A wait belongs to its owner, from any task.
    let condition = session.memoize("condition", ConditionProxy::new()).await.expect("made");
    let guard = condition.as_owner(5).acquire().await.expect("free");
    let waits = tokio::spawn(async move { guard.wait().await.expect("notified").token() });
    until("it sleeps", || async { condition.sleeping().await == Ok(1) }).await;
    // It sleeps a moment before it releases the lock.
    let notifier = condition.as_owner(6).acquire().await.expect("free");
    let error = condition.as_owner(5).notify_all().await.expect_err("it has released the lock");
    assert!(runtime_error(&error));
    tokio::spawn(async move { notifier.notify().await.map(|()| drop(notifier)) })
        .await
        .expect("no panic")
        .expect("it is the owner's, not the task's");
    assert!(waits.await.expect("no panic") > 0);
    // Everything that a session asks for.
    let api = session.as_owner(9);
    let lock = api.memoize("lock", LockProxy::new()).await.expect("there");
    assert_eq!(lock.acquire_bool(None, None).await, Ok(true));
    assert_eq!(lock.holder().await.expect("answers").expect("held").owner(), Some(9));
    // A call's own choice takes precedence.
    assert!(runtime_error(&lock.release_token(None).owner(8).await.expect_err("another's")));
    lock.release_token(None).await.expect("its own");
}

async fn dynamic_calls_and_pipelines_name_owners(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made").dynamic();
    assert_eq!(lock.call("acquire", args![]).owner(3).await, Ok(true.into()));
    assert_eq!(lock.call("acquire", args![false]).owner(4).await, Ok(false.into()));
    let error = lock.call("release", args![]).owner(4).await.expect_err("another's");
    assert!(error.to_string().contains("another task"), "{error}");
    let both = session.pipeline([3, 4].map(|owner| lock.call("release", args![]).owner(owner))).await;
    assert!(both[0].is_ok() && both[1].is_err(), "{both:?}");
    let won = session.pipeline([5, 6, 7].map(|owner| lock.call("acquire", args![false]).owner(owner))).await;
    assert_eq!(won, [Ok(true.into()), Ok(false.into()), Ok(false.into())]);
}

async fn an_id_beyond_the_range_is_refused(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", LockProxy::new()).await.expect("made");
    let refused = |result: Result<bool, Failed>| {
        let error = result.expect_err("out of range");
        assert!(matches!(error, CallError::Failed(Error::LimitExceeded { .. })), "{error:?}");
        assert!(error.to_string().contains("the id of an owner"), "{error}");
    };
    refused(lock.acquire_bool(None, None).owner(OwnerId::LIMIT).await);
    refused(lock.as_owner(u64::MAX).acquire_bool(None, None).await);
    assert_eq!(lock.holder().await, Ok(None));
    assert_eq!(lock.acquire_bool(None, None).owner(OwnerId::LIMIT - 1).await, Ok(true));
}

#[test]
fn a_blocking_caller_names_owners_too() {
    let service = blocking::start(Service::new("127.0.0.1", 0)).expect("starts");
    let session = blocking::Session::connect(service.address()).expect("connects");
    let lock = session.memoize("lock", RLockProxy::new()).wait().expect("made");
    assert_eq!(lock.acquire_bool(None, None).owner(1).wait(), Ok(true));
    let mine = lock.clone();
    let elsewhere = std::thread::spawn(move || {
        (mine.acquire_bool(false, None).owner(1).wait(), mine.acquire_bool(false, None).owner(2).wait())
    });
    assert_eq!(elsewhere.join().expect("no panic"), (Ok(true), Ok(false)));
    assert_eq!(lock.as_owner(1).release_token(None).wait(), Ok(()));
    blocking::shutdown(service);
}
