//! Module queue: over each way to reach a service, and with processes that are killed.

mod support;

#[path = "queue/leases.rs"]
mod leases;
#[path = "queue/multiprocessing.rs"]
mod multiprocessing;
#[path = "queue/order.rs"]
mod order;
#[path = "queue/processes.rs"]
mod processes;
#[path = "queue/waiting.rs"]
mod waiting;

use std::time::{Duration, Instant};
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::{CallError, Error, Proxy, Value, args};

each_way![bad_input_is_refused_and_changes_nothing];

type Failed = CallError<Exception>;

fn empty<T: std::fmt::Debug>(result: Result<T, Failed>) {
    let error = result.expect_err("there is nothing in it");
    assert_eq!(error, CallError::Method(Exception::Empty(String::new())));
}

fn full(result: Result<(), Failed>) {
    assert_eq!(result, Err(CallError::Method(Exception::Full(String::new()))));
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
    let module = session.remote_import("queue").await.expect("imports");
    let queue = module.construct("Queue", args![1]).await.expect("made");
    let deep = (0..70).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    assert!(queue.call("put", [deep]).await.is_err(), "too deep");
    let deep = (0..63).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let error = queue.call("put", [deep]).await.expect_err("too deep to be an item").to_string();
    assert!(error.contains("ValueError"), "{error}");
    for (method, bad) in [
        ("put", args![]),
        ("put", args![1, true, "soon"]),
        ("put_nowait", args![1, true]),
        ("get", args![true, 1, 1]),
        ("ack", args![-1]),
        ("ack", args!["1"]),
        ("qsize", args![1]),
    ] {
        let error = queue.call(method, bad.clone()).await.expect_err("refused");
        assert!(matches!(error, Error::BadArguments { .. }), "{method} {bad:?}: {error}");
    }
    assert!(matches!(queue.call("shutdown", args![]).await, Err(Error::NoSuchMethod { .. })));
    assert_eq!(queue.call("empty", args![]).await, Ok(true.into()));
    assert!(module.construct("Queue", args!["many"]).await.is_err());
    let endless = module.construct("Queue", args![-3]).await.expect("any number");
    assert_eq!(endless.call("full", args![]).await, Ok(false.into()));
    assert!(queue.describe().await.expect("answers").methods.iter().all(|method| !method.docs.is_empty()));
}
