//! Callers of `get` and `put` that wait: for how long, and what happens to the item if they give up.

use super::{Failed, empty, full, until};
use crate::support::{Fixture, Way};
use std::time::Duration;
use tarmem::modules::queue::{Queue, QueueProxy, SimpleQueueProxy};
use tarmem::{CallError, Error, Proxy, Value, args};

crate::each_way![
    timeouts_are_pythons,
    put_waits_while_the_queue_is_full,
    a_put_that_is_given_up_puts_nothing,
    a_cancelled_get_loses_no_item,
    items_that_were_never_received_come_back,
    items_that_their_caller_cannot_decode_stay_in_the_queue,
];

async fn timeouts_are_pythons(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(Some(1))).await.expect("made");
    let dynamic = session.get_dynamic("queue").await.expect("there");
    for no in [args![false], args![true, 0], args![true, 0.01], args![false, -5]] {
        for method in ["get", "get_leased"] {
            let error = dynamic.call(method, no.clone()).await.expect_err("empty");
            assert!(matches!(&error, Error::Raised { message, .. } if message == "Empty"), "{no:?}: {error}");
        }
    }
    empty(queue.get_nowait::<i64>().await);
    empty(queue.get_timeout::<i64>(Duration::from_millis(10)).await);
    queue.put(1).await.expect("room");
    full(queue.put_nowait(2).await);
    full(queue.put_timeout(2, Duration::from_millis(10)).await);
    for no in [args![2, false], args![2, true, 0], args![2, true, 0.01]] {
        let error = dynamic.call("put", no.clone()).await.expect_err("full");
        assert!(matches!(&error, Error::Raised { message, .. } if message == "Full"), "{no:?}: {error}");
    }
    for (method, bad) in [("get", args![true, -1]), ("put", args![2, true, -0.5]), ("get", args![true, f64::NAN])] {
        let error = dynamic.call(method, bad.clone()).await.expect_err("refused").to_string();
        assert!(error.contains("ValueError"), "{method} {bad:?}: {error}");
    }
    assert_eq!((queue.qsize().await, queue.waiting().await, queue.get().await), (Ok(1), Ok(0), Ok(1)));
}

async fn put_waits_while_the_queue_is_full(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", QueueProxy::new(Some(2))).await.expect("made");
    assert_eq!(queue.full().await, Ok(false));
    let putting = tokio::spawn({
        let queue = two.get::<Queue>("queue").await.expect("there");
        async move {
            for number in 0..200 {
                queue.put(number).await?;
            }
            Ok::<_, Failed>(())
        }
    });
    until("it is full", || async { queue.full().await == Ok(true) }).await;
    until("one waits", || async { queue.waiting().await == Ok(1) }).await;
    for number in 0..200 {
        assert!(queue.qsize().await.expect("answers") <= 2);
        assert_eq!(queue.get().await, Ok(number));
    }
    putting.await.expect("no panic").expect("all were put");
}

async fn a_put_that_is_given_up_puts_nothing(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", QueueProxy::new(Some(1))).await.expect("made");
    queue.put("first").await.expect("room");
    let doomed = two.proxy::<Queue>("queue").put("second").send().await;
    until("it waits", || async { queue.waiting().await == Ok(1) }).await;
    drop(doomed);
    until("it has left", || async { queue.waiting().await == Ok(0) }).await;
    assert_eq!(queue.get().await, Ok("first".to_owned()));
    empty(queue.get_nowait::<String>().await);
}

/// Callers are cancelled while items arrive. Every item is received exactly once.
async fn a_cancelled_get_loses_no_item(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let other = two.get::<Queue>("queue").await.expect("there");
    let (mut had, mut cancelled) = (Vec::new(), 0);
    let rounds = 300_u32;
    for round in 0..rounds {
        let doomed = tokio::spawn({
            let other = other.clone();
            async move { other.get::<u32>().await }
        });
        until("it waits", || async { queue.waiting().await == Ok(1) }).await;
        let putting = queue.put(round).send().await;
        for _ in 0..round % 6 {
            tokio::task::yield_now().await;
        }
        if round % 4 == 0 {
            queue.qsize().await.expect("answers");
        }
        doomed.abort();
        putting.await.expect("room");
        match doomed.await {
            Ok(got) => had.push(got.expect("an item")),
            Err(_) => {
                cancelled += 1;
                had.push(queue.get_timeout(Duration::from_secs(20)).await.expect("it comes back"));
            }
        }
    }
    println!("{:?}: {cancelled} of {rounds} were cancelled", fixture.way);
    assert!(had.into_iter().eq(0..rounds));
    assert_eq!(queue.qsize().await, Ok(0));
}

/// A session ends while items are on their way that nobody has received.
async fn items_that_were_never_received_come_back(fixture: Fixture) {
    if fixture.way == Way::InProcess {
        return;
    }
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    for number in 0..5 {
        queue.put(number).await.expect("room");
    }
    let other = fixture.session().await;
    let mut gets = Vec::new();
    for _ in 0..3 {
        gets.push(other.proxy::<Queue>("queue").get_value(None, None).send().await);
    }
    until("they are out", || async { queue.qsize().await == Ok(2) }).await;
    other.close().await;
    until("they are back", || async { queue.qsize().await == Ok(5) }).await;
    drop(gets);
    for number in 0..5 {
        assert_eq!(queue.get().await, Ok(number), "in their order");
    }
}

/// Every way to take an item, typed; also for an item that refers to live objects.
async fn items_that_their_caller_cannot_decode_stay_in_the_queue(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let simple = session.memoize("simple", SimpleQueueProxy::new()).await.expect("made");
    for number in [5, 6] {
        queue.put(number).await.expect("room");
        simple.put(number).await.expect("room");
    }
    let undone = |error: Failed, number: i64| {
        let CallError::Failed(Error::UnexpectedResult { what, reason, value: None, undone: true }) = error else {
            panic!("{error}")
        };
        assert!(what.contains("Queue.get"), "{what}");
        assert!(reason.contains(&format!("int {number}")) && reason.contains("Vec<String>"), "{reason}");
    };
    undone(queue.get::<Vec<String>>().await.expect_err("a number"), 5);
    undone(queue.get_nowait::<Vec<String>>().await.expect_err("a number"), 5);
    undone(queue.get_timeout::<Vec<String>>(Duration::ZERO).await.expect_err("a number"), 5);
    undone(queue.get_leased::<Vec<String>>().await.map(|_| ()).expect_err("a number"), 5);
    undone(simple.get::<Vec<String>>().await.expect_err("a number"), 5);
    let by_id = queue.hold().await.expect("there");
    undone(by_id.get_leased_timeout::<Vec<String>>(Duration::ZERO).await.map(|_| ()).expect_err("a number"), 5);
    // A getter that waits for its item.
    let waiting = tokio::spawn({
        let empty = session.memoize("empty", QueueProxy::new(None)).await.expect("made");
        async move { empty.get::<Vec<String>>().await }
    });
    let empty = session.get::<Queue>("empty").await.expect("there");
    until("it waits", || async { empty.waiting().await == Ok(1) }).await;
    empty.put(7).await.expect("room");
    undone(waiting.await.expect("no panic").expect_err("a number"), 7);
    assert_eq!(empty.get().await, Ok(7));
    for number in [5, 6] {
        assert_eq!((queue.get().await, simple.get().await), (Ok(number), Ok(number)));
    }
    // A handle in a refused result is released once, and not twice.
    let held = session.create(QueueProxy::new(None)).await.expect("made");
    queue.put(Value::List(vec![held.reference().expect("by id").into(), 1.into()])).await.expect("room");
    for _ in 0..3 {
        let error = queue.get::<(tarmem::DynamicProxy, String)>().await.expect_err("no text");
        assert!(matches!(error, CallError::Failed(Error::UnexpectedResult { undone: true, .. })), "{error}");
    }
    held.put("still there").await.expect("its handle is its own");
    let (reference, one): (tarmem::DynamicProxy, i64) = queue.get().await.expect("it stayed");
    assert_eq!((reference.call("get", args![]).await, one), (Ok("still there".into()), 1));
}
