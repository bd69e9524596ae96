//! The queues of module multiprocessing.

use super::full;
use crate::support::{Fixture, started};
use std::time::Duration;
use tarmem::modules::multiprocessing::{JoinableQueue, JoinableQueueProxy, SharedQueueProxy};
use tarmem::{Error, Proxy, args};

crate::each_way![a_joinable_queue_is_done_when_every_item_is, a_queue_is_closed_only_for_the_session_that_closed_it];

async fn a_joinable_queue_is_done_when_every_item_is(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", JoinableQueueProxy::new(2)).await.expect("made");
    queue.put("a").await.expect("room");
    queue.put_nowait("b").await.expect("room");
    full(queue.put_nowait("c").await);
    assert_eq!((queue.full().await, queue.qsize().await), (Ok(true), Ok(2)));
    let joins = started(&one, queue.join()).await;
    let theirs = two.get::<JoinableQueue>("queue").await.expect("there");
    assert_eq!(theirs.get().await, Ok("a".to_owned()));
    // Items that its worker did not finish are there again; those that it finished count.
    let leased = theirs.get_leased::<String>().await.expect("an item");
    assert_eq!(
        (&*leased, queue.empty().await, queue.join_timeout(Duration::ZERO).await),
        (&"b".to_owned(), Ok(true), Ok(false))
    );
    drop(leased);
    theirs.task_done().await.expect("one was not done with");
    assert!(!joins.is_finished());
    theirs.get_leased::<String>().await.expect("it came back").ack().await.expect("leased");
    assert_eq!(joins.await.expect("no panic"), Ok(true));
    let error = theirs.task_done().await.expect_err("all are done with");
    assert_eq!(error.to_string(), "ValueError: task_done() called too many times");
    // Like CPython's, and unlike `queue.Queue`: a timeout of zero or less does not wait.
    let dynamic = queue.dynamic();
    for args in [args![true, -1], args![true, 0], args![false]] {
        let error = dynamic.call("get", args).await.expect_err("empty");
        assert!(matches!(&error, Error::Raised { message, .. } if message == "Empty"), "{error}");
    }
    // A queue is unbounded without a `maxsize`, or if that is not positive.
    for none in [JoinableQueueProxy::default(), JoinableQueueProxy::new(0), JoinableQueueProxy::new(-5)] {
        let queue = one.create(none).await.expect("made");
        queue.put(1).await.expect("room");
        assert_eq!((queue.full().await, queue.get::<i64>().await), (Ok(false), Ok(1)));
    }
}

async fn a_queue_is_closed_only_for_the_session_that_closed_it(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", SharedQueueProxy::default()).await.expect("made");
    queue.put(1).await.expect("room");
    let error = queue.join_thread().await.expect_err("it is open");
    assert_eq!(error.to_string(), "RuntimeError: Queue <multiprocessing.Queue> not closed");
    queue.close().await.expect("closes");
    queue.close().await.expect("again");
    queue.join_thread().await.expect("closed");
    queue.cancel_join_thread().await.expect("nothing to cancel");
    let closed = "ValueError: Queue <multiprocessing.Queue> is closed";
    for refused in [queue.put(2).await, queue.put_nowait(2).await, queue.get().await, queue.get_nowait().await] {
        assert_eq!(refused.expect_err("closed").to_string(), closed);
    }
    assert_eq!(queue.get_leased::<()>().await.expect_err("closed").to_string(), closed);
    // What was put before is there, and other sessions continue.
    let theirs = two.proxy::<tarmem::modules::multiprocessing::SharedQueue>("queue");
    assert_eq!(theirs.get().await, Ok(1));
    theirs.put(3).await.expect("room");
    assert_eq!(queue.qsize().await, Ok(1));
    let error = theirs.dynamic().call("task_done", args![]).await.expect_err("that is a JoinableQueue's");
    assert!(matches!(error, Error::NoSuchMethod { .. }), "{error}");
}
