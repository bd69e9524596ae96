//! Other processes take items, and give them back when they are killed.

use super::until;
use crate::support::other::{Other, Part, say};
use crate::support::{Fixture, Way};
use std::time::Duration;
use tarmem::Session;
use tarmem::modules::queue::{Queue, QueueProxy};

/// The part of another process. This is not a test.
#[test]
#[ignore = "runs in processes that other tests start"]
fn role() {
    let Some(part) = Part::mine() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let session = Session::connect(&part.address).await.expect("connects");
        let queue = session.get::<Queue>("queue").await.expect("there");
        match part.role.as_str() {
            "get" => say(queue.get::<i64>().await.expect("an item")),
            "lease" => {
                let leased = queue.get_leased::<i64>().await.expect("an item");
                say(*leased);
                std::future::pending::<()>().await;
            }
            other => panic!("no role {other}"),
        }
        session.close().await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_getter_leaves_the_line_and_gives_back_its_leases() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let waiting = Other::start("get", &fixture.address(), "");
    until("it waits", || async { queue.waiting().await == Ok(1) }).await;
    waiting.kill();
    until("it has left", || async { queue.waiting().await == Ok(0) }).await;
    for number in 0..3 {
        queue.put(number).await.expect("room");
    }
    let mut leasers = Vec::new();
    for number in 0..3 {
        let (leaser, said) = Other::start("lease", &fixture.address(), "").hears().await;
        assert_eq!(said, Some(number.to_string()));
        leasers.push(leaser);
    }
    assert_eq!((queue.qsize().await, queue.leased().await), (Ok(0), Ok(3)));
    let waiting = tokio::spawn(queue.get_leased_value(None, Some(20.0)).no_timeout());
    until("it waits", || async { queue.waiting().await == Ok(1) }).await;
    leasers.remove(1).kill();
    let lease = waiting.await.expect("no panic").expect("it has come back");
    assert_eq!(lease.item, 1.into());
    drop(leasers);
    until("all are back", || async { queue.qsize().await == Ok(2) }).await;
    queue.ack(lease.token).await.expect("its lease runs");
    // A process that takes an item and ends in order has taken it.
    let (taker, said) = Other::start("get", &fixture.address(), "").hears().await;
    taker.ends().await;
    let left: i64 = queue.get_timeout(Duration::from_secs(20)).await.expect("one is left");
    assert_eq!(said.map(|said| said.parse::<i64>().expect("a number") + left), Some(2));
    assert_eq!((queue.qsize().await, queue.leased().await), (Ok(0), Ok(0)));
}
