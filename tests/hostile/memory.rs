//! What is small on the wire and large in memory, and what holds up a thread.

use super::{MIB, Neighbour, Serve};
use futures::future::join_all;
use std::time::Duration;
use tarmem::{Error, Proxy, Session, Value, args};

/// A byte each on the wire, and 32 in memory.
fn nulls(mebi: usize) -> Value {
    Value::List(vec![Value::Null; mebi << 20])
}

/// The most that the process has held, in bytes.
fn peak(serve: &Serve) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn arguments_that_wait_are_charged_by_what_they_take_in_memory() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let queue =
        session.remote_import("queue").await.expect("offered").construct("Queue", args![1]).await.expect("made");
    queue.call("put", args![0]).await.expect("there is room");
    let error = queue.call("put", args![nulls(15)]).await.expect_err("refused");
    assert!(matches!(error, Error::BadArguments { .. }) && error.to_string().contains("limit of"), "{error}");
    let puts = (0..24).map(|_| queue.call("put", args![nulls(1)]).timeout(Duration::from_secs(20)));
    let refused =
        join_all(puts).await.into_iter().filter(|put| matches!(put, Err(Error::LimitExceeded { .. }))).count();
    assert!(refused >= 16, "only {refused} were refused");
    let peak = peak(&serve);
    assert!(peak < 1024 * MIB, "the service held {} MiB", peak / MIB);
    // The callers know that their time is up; the service gives up what it has of theirs a little later.
    let served = async {
        loop {
            match queue.call("get", args![]).await {
                Err(Error::LimitExceeded { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
                served => break served,
            }
        }
    };
    let served = tokio::time::timeout(Duration::from_secs(20), served).await.expect("there is room again");
    assert_eq!(served, Ok(0.into()), "and it serves on");
}

#[tokio::test]
async fn snapshots_of_shared_structure_hold_nobody_up() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let builtins = session.remote_import("builtins").await.expect("offered");
    let mut list = builtins.construct("list", args![]).await.expect("made");
    for _ in 0..45 {
        let itself = Value::Ref(list.reference().expect("a proxy by id"));
        let pair = Value::List(vec![itself.clone(), itself]);
        list = builtins.construct("list", args![pair]).await.expect("made");
    }
    let neighbour = Neighbour::start(&serve.address).await;
    let shots = join_all((0..120).map(|_| list.snapshot().timeout(Duration::from_secs(8)))).await;
    let (calls, worst) = neighbour.stop();
    assert!(shots.iter().all(Result::is_err), "none of them fits");
    assert!(calls > 0 && worst < Duration::from_secs(2), "the slowest of {calls} calls took {worst:?}");
    let peak = peak(&serve);
    assert!(peak < 1024 * MIB, "the service held {} MiB", peak / MIB);
}
