//! Module threading: over real sockets, with several processes, with real kills.

mod support;

#[path = "threading/barriers.rs"]
mod barriers;
#[path = "threading/conditions.rs"]
mod conditions;
#[path = "threading/grants.rs"]
mod grants;
#[path = "threading/locks.rs"]
mod locks;
#[path = "threading/notifications.rs"]
mod notifications;
#[path = "threading/owners.rs"]
mod owners;
#[path = "threading/permits.rs"]
mod permits;
#[path = "threading/processes.rs"]
mod processes;

use std::time::{Duration, Instant};
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::modules::threading::LockProxy;
use tarmem::{CallError, Error, Proxy, Value, args};

each_way![bad_input_is_refused_and_changes_nothing];

type Failed = CallError<Exception>;

fn runtime_error(error: &Failed) -> bool {
    matches!(error, CallError::Method(Exception::RuntimeError(_)))
}

/// Repeats the question until the answer is yes.
async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !ask().await {
        assert!(Instant::now() < limit, "{what}");
        tokio::task::yield_now().await;
    }
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
        ("Semaphore", args!["many"], "threading.Semaphore(value=1): its argument `value`: expected i64"),
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
