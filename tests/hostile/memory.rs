//! Data that is small on the wire and large in memory, and operations that hold up a thread.

use super::{MIB, Neighbour, Serve};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use std::time::Duration;
use tarmem::modules::builtins::{List, ListProxy, Set, Tuple};
use tarmem::value::from_value;
use tarmem::{Error, Proxy, Session, Value, args};

/// A list of nulls, each of which takes one byte on the wire and 32 in memory.
fn nulls(mebi: usize) -> Value {
    Value::List(vec![Value::Null; mebi << 20])
}

/// The largest list that one call may have: nearly 64 MiB in memory.
fn largest() -> Value {
    Value::List(vec![Value::Null; (2 << 20) - 64])
}

/// The peak memory of the process, in bytes.
fn peak(serve: &Serve) -> u64 {
    status(serve, "VmHWM:")
}

/// A value of the process's status in `/proc`, in bytes.
fn status(serve: &Serve, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serve.child.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux says so");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[tokio::test]
async fn a_list_is_decoded_in_place_and_not_copied() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let builtins = session.remote_import("builtins").await.expect("offered");
    builtins.construct("list", args![1]).await.expect_err("an integer has no elements");
    let before = peak(&serve);
    let list = builtins.construct("list", args![largest()]).await.expect("within the limit");
    let grown = peak(&serve) - before;
    assert!(grown > 60 * MIB && grown < 80 * MIB, "a list of 64 MiB took {} MiB while it was made", grown / MIB);
    assert_eq!(list.call("__len__", args![]).await, Ok(((2 << 20) - 64).into()));
}

#[tokio::test]
async fn objects_sent_by_value_are_bounded_like_arguments() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let (list, tuple): (List, Tuple) = ((0..3 << 20).map(|_| Value::Null).collect(), Tuple::default());
    let set: Set = from_value((0..2 << 20).map(Value::from).collect::<Vec<_>>().into()).expect("a set");
    let refused = [
        session.update("list", list).await.map(drop).expect_err("refused"),
        session.update("set", set).await.map(drop).expect_err("refused"),
    ];
    for error in refused {
        assert!(matches!(error, Error::BadValue { .. }) && error.to_string().contains("limit of 67108864"), "{error}");
    }
    session.update("tuple", tuple).await.expect("it is small");
    let peak = peak(&serve);
    assert!(peak < 512 * MIB, "the service held {} MiB", peak / MIB);
}

#[tokio::test]
async fn a_lack_of_memory_fails_the_call_and_not_the_service() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let builtins = session.remote_import("builtins").await.expect("offered");
    let small = builtins.construct("list", args![[1, 2]]).await.expect("made");
    // There is room for one large list, but not for two.
    let limit = status(&serve, "VmSize:") + 96 * MIB;
    let limited = std::process::Command::new("prlimit")
        .args([format!("--pid={}", serve.child.id()), format!("--as={limit}")])
        .status();
    assert!(limited.expect("util-linux is there").success());
    let mut lists = Vec::new();
    let error = loop {
        assert!(lists.len() < 2, "two are more than there is room for");
        match builtins.construct("list", args![largest()]).await {
            Ok(list) => lists.push(list),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("there is no memory for"), "{error}");
    assert_eq!(small.call("__len__", args![]).await, Ok(2.into()), "and it serves on");
}

#[tokio::test]
async fn waiting_arguments_count_with_their_size_in_memory() {
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
    // The callers have timed out; the service drops their arguments a little later.
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
async fn an_empty_service_returns_the_memory_of_a_full_one() {
    const LISTS: usize = 20_000;
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let before = serve.resident();
    let elements = Value::List(vec![Value::from(7); 100]);
    let make = async |number: usize| {
        session.memoize(&number.to_string(), ListProxy::new(Some(elements.clone()))).await.expect("made");
    };
    let delete = async |number: usize| session.delete(&number.to_string()).await.expect("it is there");
    stream::iter(0..LISTS).for_each_concurrent(1000, make).await;
    let full = serve.resident() - before;
    assert!(full > 60 * MIB, "{LISTS} lists took {} MiB", full / MIB);
    stream::iter(0..LISTS).for_each_concurrent(1000, delete).await;
    // Memory is returned after an idle second, and a service without calls is idle.
    let given_back = async {
        while serve.resident() > before + full / 4 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let given_back = tokio::time::timeout(Duration::from_secs(30), given_back).await;
    assert!(given_back.is_ok(), "{} MiB are kept of {}", (serve.resident() - before) / MIB, full / MIB);
}

#[tokio::test]
async fn snapshots_of_shared_structure_do_not_delay_other_clients() {
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
