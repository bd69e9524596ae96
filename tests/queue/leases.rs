//! Leased items, and `task_done`.

use super::until;
use crate::support::{Fixture, started};
use std::time::Duration;
use tarmem::CallError;
use tarmem::modules::Exception;
use tarmem::modules::queue::{QueueProxy, SimpleQueue, SimpleQueueProxy};

crate::each_way![join_returns_when_every_item_is_done, leases_end_in_three_ways];

async fn join_returns_when_every_item_is_done(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    assert_eq!(queue.join().await, Ok(true), "nothing to do");
    for number in 0..3 {
        queue.put(number).await.expect("room");
    }
    assert_eq!(queue.join_timeout(Duration::from_millis(10)).await, Ok(false));
    let joining = started(&session, queue.join()).await;
    for _ in 0..2 {
        queue.get::<i64>().await.expect("an item");
        queue.task_done().await.expect("one is done");
    }
    let leased = queue.get_leased::<i64>().await.expect("an item");
    assert!(!joining.is_finished());
    leased.ack().await.expect("its lease runs");
    assert_eq!(joining.await.expect("no panic"), Ok(true));
    let error = queue.task_done().await.expect_err("all are done");
    assert_eq!(error.to_string(), "ValueError: task_done() called too many times");
}

async fn leases_end_in_three_ways(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", SimpleQueueProxy::new()).await.expect("made");
    let other = two.get::<SimpleQueue>("queue").await.expect("there");
    for number in 0..4 {
        queue.put(number).await.expect("room");
    }
    let (first, second) = (
        other.get_leased::<i64>().await.expect("an item"),
        other.get_leased_timeout::<i64>(Duration::ZERO).await.expect("an item"),
    );
    assert_eq!((*first, *second, queue.leased().await, queue.qsize().await), (0, 1, Ok(2), Ok(2)));
    for call in [queue.ack(first.token()), queue.nack(first.token()), other.ack(99), other.nack(0)] {
        let error = call.await.expect_err("not its lease");
        assert!(matches!(error, CallError::Method(Exception::ValueError(_))), "{error}");
    }
    let token = first.token();
    first.ack().await.expect("its lease runs");
    assert!(other.ack(token).await.is_err(), "once");
    drop(second);
    until("it is back", || async { queue.qsize().await == Ok(3) }).await;
    let text = other.get_leased::<String>().await.expect_err("it is a number");
    let words = "is the int 1, where a String was expected; what it took was put back";
    assert_eq!(text.to_string(), format!("the result of queue.SimpleQueue.get_leased {words}"));
    until("it is back again", || async { queue.qsize().await == Ok(3) }).await;
    // At the end of the session, leased items come back in order, before those that were never taken.
    let leased = (other.get_leased_value(None, None).await, other.get_leased_value(None, None).await);
    assert!(leased.0.is_ok() && leased.1.is_ok());
    two.close().await;
    drop((two, other));
    until("they are back", || async { queue.leased().await == Ok(0) }).await;
    for number in 1..4 {
        assert_eq!(queue.get().await, Ok(number));
    }
}
