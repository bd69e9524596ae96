//! Conditions on existing locks, and what they need from a reentrant lock.

use super::support::Fixture;
use super::{runtime_error, until};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::threading::{Condition, ConditionProxy, LockProxy, RLock, RLockProxy};
use tarmem::{DynamicProxy, Error, Proxy, Session, Value, args};

crate::each_way![
    a_wait_releases_every_level_of_an_rlock_and_acquires_them_again,
    a_condition_is_made_of_any_live_lock_by_name,
    a_reentrant_lock_is_saved_and_restored,
    a_restored_lock_waits_for_its_turn,
];

async fn a_wait_releases_every_level_of_an_rlock_and_acquires_them_again(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("made");
    let condition = session.memoize("condition", ConditionProxy::on_rlock(&lock)).await.expect("made");
    for _ in 0..3 {
        assert_eq!(lock.acquire_bool(None, None).owner(1).await, Ok(true));
    }
    // The condition's own `acquire` acquires the same lock.
    assert_eq!(condition.acquire_bool(None, None).owner(1).await, Ok(true));
    assert_eq!(condition.acquire_bool(false, None).owner(2).await, Ok(false));
    let waits = tokio::spawn(condition.wait_bool(None).owner(1).no_timeout());
    until("it sleeps", || async { condition.sleeping().await == Ok(1) }).await;
    until("all four levels are released", || async { lock.holder().await == Ok(None) }).await;
    assert_eq!((lock.is_owned().owner(1).await, condition.is_owned().owner(1).await), (Ok(false), Ok(false)));
    assert_eq!(lock.acquire_bool(None, None).owner(2).await, Ok(true));
    condition.notify_some(None).owner(2).await.expect("it holds the lock");
    until("it waits for the lock", || async { lock.waiting().await == Ok(1) }).await;
    lock.release_token(None).owner(2).await.expect("its own");
    assert_eq!(waits.await.expect("no panic"), Ok(true));
    let holder = lock.holder().await.expect("answers").expect("held");
    assert_eq!((holder.owner(), holder.depth), (Some(1), 4));
    for _ in 0..4 {
        lock.release_token(None).owner(1).await.expect("held so often");
    }
    assert!(runtime_error(&lock.release_token(None).owner(1).await.expect_err("no more")));
    // A guard of the condition and one of the lock exclude one another.
    let guard = condition.as_owner(1).acquire().await.expect("free");
    assert!(lock.as_owner(2).try_acquire().await.expect("answers").is_none());
    let (guard, notified) = guard.wait_timeout(std::time::Duration::ZERO).await.expect("waits");
    assert!(!notified);
    drop(guard);
    let error = condition.wait_bool(None).owner(1).await.expect_err("it holds nothing");
    assert_eq!(error.to_string(), "RuntimeError: cannot wait on un-acquired lock");
}

async fn made(session: &Session, class: &str, args: Vec<Value>) -> Result<DynamicProxy, Error> {
    session.remote_import("threading").await?.construct(class, args).await
}

fn reference(proxy: &impl Proxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

async fn a_condition_is_made_of_any_live_lock_by_name(fixture: Fixture) {
    let session = fixture.session().await;
    for class in ["Lock", "RLock", "Condition"] {
        let lock = made(&session, class, args![]).await.expect("made");
        let condition = made(&session, "Condition", args![reference(&lock)]).await.expect("made");
        assert_eq!(lock.call("acquire", args![]).owner(1).await, Ok(true.into()));
        assert_eq!(condition.call("acquire", args![false]).owner(2).await, Ok(false.into()), "{class}");
        assert_eq!(condition.call("_is_owned", args![]).owner(1).await, Ok(true.into()), "{class}");
        assert_eq!(condition.call("wait", args![0]).owner(1).await, Ok(false.into()), "{class}");
        condition.call("notify_all", args![]).owner(1).await.expect("it holds the lock");
        condition.call("release", args![]).owner(1).await.expect("it holds the lock");
        assert_eq!(lock.call("locked", args![]).await, Ok(false.into()), "{class}");
        // The condition holds the state of the lock, even if the lock object is gone.
        drop(lock);
        assert_eq!(condition.call("acquire", args![false]).owner(3).await, Ok(true.into()), "{class}");
    }
    let named = session.memoize("rlock", RLockProxy::new()).await.expect("made");
    let held = named.hold().await.expect("there");
    let condition = session.memoize("typed", ConditionProxy::with_lock(reference(&held))).await.expect("made");
    assert_eq!(session.get::<RLock>("rlock").await.expect("there").acquire_bool(None, None).owner(1).await, Ok(true));
    assert_eq!(condition.is_owned().owner(1).await, Ok(true));
    // Python's None makes a new lock; a value that is not a lock is an error.
    let own = made(&session, "Condition", args![None::<i64>]).await.expect("made");
    assert_eq!(own.call("acquire", args![]).await, Ok(true.into()));
    let list = session.create(ListProxy::default()).await.expect("made");
    for (bad, found) in [(5.into(), "'int'"), (reference(&list), "'builtins.list'")] {
        let error = made(&session, "Condition", args![bad]).await.expect_err("no lock").to_string();
        assert!(
            error.contains("TypeError: a Condition needs a reference to a threading.Lock") && error.contains(found),
            "{error}"
        );
    }
}

async fn a_reentrant_lock_is_saved_and_restored(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("made").dynamic();
    let call = |method: &str, args: Vec<Value>| lock.call(method, args).owner(1);
    let refused = |result: Result<Value, Error>, words: &str| {
        let error = result.expect_err("refused").to_string();
        assert!(error.contains(words), "{error}");
    };
    assert_eq!(call("_is_owned", args![]).await, Ok(false.into()));
    refused(call("_release_save", args![]).await, "RuntimeError: cannot release un-acquired lock");
    for _ in 0..2 {
        call("acquire", args![]).await.expect("free");
    }
    assert_eq!(call("_is_owned", args![]).await, Ok(true.into()));
    assert_eq!(lock.call("_is_owned", args![]).owner(2).await, Ok(false.into()));
    refused(lock.call("_release_save", args![]).owner(2).await, "RuntimeError: cannot release un-acquired lock");
    let state = call("_release_save", args![]).await.expect("held");
    assert_eq!(state.as_tuple().map(|state| state[0].clone()), Some(2.into()));
    assert_eq!((call("_is_owned", args![]).await, call("locked", args![]).await), (Ok(false.into()), Ok(false.into())));
    call("_acquire_restore", args![state]).await.expect("free");
    for _ in 0..2 {
        call("release", args![]).await.expect("held so often");
    }
    refused(call("release", args![]).await, "RuntimeError: cannot release un-acquired lock");
    for (bad, words) in [
        (Value::Null, "TypeError: _acquire_restore() argument 1 must be 2-item sequence, not NoneType"),
        (5.into(), "TypeError: _acquire_restore() argument 1 must be 2-item sequence, not int"),
        (Value::from((1,)), "TypeError: _acquire_restore() argument 1 must be sequence of length 2, not 1"),
        (Value::from((0, 0)), "ValueError: a lock can be held 1 to 65536 times, not 0"),
        (Value::from((1 << 20, 0)), "ValueError: a lock can be held 1 to 65536 times, not 1048576"),
        (Value::from((-1, 0)), "TypeError"),
    ] {
        refused(call("_acquire_restore", args![bad]).await, words);
    }
    assert_eq!(lock.call("locked", args![]).await, Ok(false.into()));
    // A condition on a plain lock has no levels to save.
    let plain = session.memoize("plain", LockProxy::new()).await.expect("made");
    let condition = session.memoize("condition", ConditionProxy::on(&plain)).await.expect("made").dynamic();
    condition.call("acquire", args![]).await.expect("free");
    assert_eq!(condition.call("_release_save", args![]).await, Ok(Value::Null));
    condition.call("_acquire_restore", args![None::<i64>]).await.expect("free");
    assert_eq!(condition.call("_is_owned", args![]).await, Ok(true.into()));
    refused(condition.call("_release_save", args![]).owner(1).await, "RuntimeError: release unlocked lock");
}

async fn a_restored_lock_waits_for_its_turn(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.memoize("lock", RLockProxy::new()).await.expect("made");
    let condition = session.memoize("condition", ConditionProxy::on_rlock(&lock)).await.expect("made");
    for _ in 0..5 {
        condition.acquire_bool(None, None).owner(1).await.expect("free");
    }
    let state = lock.release_save().owner(1).await.expect("held");
    let guard = lock.as_owner(2).acquire().await.expect("released");
    let restored = tokio::spawn(lock.acquire_restore(state.clone()).owner(1).no_timeout());
    until("it waits", || async { lock.waiting().await == Ok(1) }).await;
    drop(guard);
    restored.await.expect("no panic").expect("restored");
    assert_eq!(lock.holder().await.expect("answers").expect("held").depth, 5);
    // A wait that is given up does not keep the lock.
    let again = lock.release_save().owner(1).await.expect("held");
    let guard = lock.as_owner(2).acquire().await.expect("released");
    let doomed = lock.acquire_restore(again).owner(1).no_timeout().send().await;
    until("it waits", || async { lock.waiting().await == Ok(1) }).await;
    drop(doomed);
    until("it has left", || async { lock.waiting().await == Ok(0) }).await;
    drop(guard);
    let condition = session.get::<Condition>("condition").await.expect("there");
    until("nobody holds it", || async { condition.locked().await == Ok(false) }).await;
}
