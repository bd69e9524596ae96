//! Limits that the service enforces whatever a client does.

mod support;

#[path = "limits/results.rs"]
mod results;

use std::time::{Duration, Instant};
use support::raw::{Outcome, PROTOCOL, Raw, open, replies, request, signature_id, submit};
use support::{Fixture, Way};
use tarmem::modules::builtins::ListProxy;
use tarmem::operation::{Operation, Target};
use tarmem::{Error, Limits, Value, args};
use tarmem_remote::dispatch::Encoding;
use tarmem_remote::operation::MethodRef;
use tarmem_test_models::{Account, AccountProxy, heavy_account, runs, slow_account};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A service with an account under `k`.
async fn fixture(limit: impl FnOnce(&mut Limits)) -> Fixture {
    let mut limits = Limits::default();
    limit(&mut limits);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    fixture.session().await.memoize("k", AccountProxy::open(5)).await.expect("made");
    fixture
}

async fn assert_well(fixture: &Fixture) {
    assert_eq!(fixture.session().await.proxy::<Account>("k").balance().await, Ok(5));
}

fn encoded(args: Vec<Value>) -> Vec<u8> {
    postcard::to_stdvec(&args).expect("encodes")
}

fn call<'a>(method: &'a str, args: &'a [u8]) -> Operation<'a> {
    Operation::Call { target: Target::Key("k"), method: MethodRef::Name(method), encoding: Encoding::Dynamic, args }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_over_the_limit_in_flight_are_refused() {
    let fixture = fixture(|limits| limits.calls_in_flight = 4).await;
    let mut raw = Raw::opened(&fixture).await;
    let args = encoded(args![60_000]);
    let calls: Vec<_> = (0..6).map(|_| call("balance_slowly", &args)).collect();
    raw.send(&submit(2, 1, &calls)).await;
    let replies = replies(&raw.receive_frame().await);
    let pending = replies.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Pending)).count();
    assert_eq!((pending, replies.len()), (4, 6), "{replies:?}");
    for (_, outcome) in &replies[4..] {
        let Outcome::Failed(Error::LimitExceeded { what, limit: 4, found: 5, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(what, "calls in flight in this session");
    }
    assert_well(&fixture).await;
}

/// In process, a call without its own timeout runs on its caller's thread. A result that comes too late is discarded
/// all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_after_the_default_deadline_is_discarded() {
    for (call_time, takes) in [(1_000, 2_500), (200, 1_500)] {
        let mut limits = Limits::default();
        limits.call_time = Duration::from_millis(call_time);
        let fixture = Fixture::with(Way::InProcess, limits).await;
        let session = fixture.session().await;
        let account = session.memoize("k", AccountProxy::open(5)).await.expect("made");
        let begun = Instant::now();
        let late = account.balance_holding(takes).await;
        assert!(matches!(late, Err(Error::DeadlineExceeded { .. })), "{late:?}");
        // A call with a short timeout fails in time.
        assert!(call_time >= 1_000 || begun.elapsed() < Duration::from_millis(takes), "{:?}", begun.elapsed());
        assert_eq!(account.balance().await, Ok(5));
        let none = account.balance().timeout(Duration::ZERO).await;
        assert!(matches!(none, Err(Error::DeadlineExceeded { .. })), "{none:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_too_many_operations_ends_its_connection() {
    let fixture = fixture(|limits| limits.batch_operations = 3).await;
    let session = fixture.session().await;
    let args = postcard::to_stdvec(&(1_i64,)).expect("encodes");
    let (target, method) = (Target::Key("k"), MethodRef::Id(signature_id("bank.Account", "deposit")));
    let deposit = Operation::Call { target, method, encoding: Encoding::Typed, args: &args };
    let before = session.get::<Account>("k").await.expect("there").balance().await.expect("answered");
    for operations in [3, 4, 1_000] {
        let mut raw = Raw::opened(&fixture).await;
        raw.send(&submit(2, 1, &vec![deposit; operations])).await;
        if operations == 3 {
            assert_eq!(replies(&raw.receive_frame().await).len(), 3);
            continue;
        }
        let said = raw.until_closed().await;
        let said = String::from_utf8_lossy(&said);
        assert!(said.contains("operations in one batch is 4, over the limit of 3"), "{said}");
    }
    let after = session.get::<Account>("k").await.expect("there").balance().await.expect("answered");
    assert_eq!(after - before, 9, "what was within the limit was done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_too_many_requests_is_disconnected() {
    let fixture = fixture(|limits| limits.requests_in_flight = 8).await;
    let mut raw = Raw::opened(&fixture).await;
    for id in 2..11 {
        // A poll waits while there is nothing to collect.
        raw.send(&request(id, 2, &[0])).await;
    }
    raw.until_closed().await;
    assert_well(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_far_over_the_limit_are_closed_without_an_answer() {
    /// How many connections over the limit are told about it.
    const TOLD: usize = 128;
    let mut limits = Limits::default();
    limits.connections = 1;
    limits.handshake_time = Duration::from_secs(3600);
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    let mut told = Vec::new();
    for _ in 0..TOLD {
        told.push(Raw::connect(&fixture).await);
    }
    let mut dropped = Raw::connect(&fixture).await;
    dropped.send(&open(PROTOCOL)).await;
    assert_eq!(dropped.until_closed().await, b"");
    for raw in [0, TOLD - 1].map(|index| told.swap_remove(index.min(told.len() - 1))) {
        let mut raw = raw;
        raw.send(&open(PROTOCOL)).await;
        let answer = String::from_utf8_lossy(&raw.receive_frame().await).into_owned();
        assert!(answer.contains("limit of 1"), "{answer:?}");
    }
    assert_eq!(session.is_memoized("k").await, Ok(false), "who was there first is served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_over_the_limit_are_refused() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp] {
        let mut limits = Limits::default();
        limits.keys = 2;
        let fixture = Fixture::with(way, limits).await;
        let session = fixture.session().await;
        session.memoize("a", AccountProxy::open(1)).await.expect("made");
        session.update("b", AccountProxy::open(2)).await.expect("made");
        let expected =
            "the number of keys is 3, over the limit of 2; delete some, or raise the service's limit".to_owned();
        let errors = [
            session.memoize("c", AccountProxy::open(3)).await.map(drop),
            session.update("c", AccountProxy::open(3)).await.map(drop),
            session.update_if("c", 0, Account::open(3)).await.map(drop),
        ];
        for error in errors {
            assert_eq!(error.map_err(|error| error.to_string()), Err(expected.clone()), "{way:?}");
        }
        assert_eq!(session.keys("", "", 0).await.expect("answers").keys, ["a", "b"]);
        session.memoize("a", AccountProxy::open(1)).await.expect("it is there");
        session.update("b", AccountProxy::open(4)).await.expect("it is there");
        session.delete("a").await.expect("it is there");
        session.memoize("c", AccountProxy::open(3)).await.expect("there is room again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_over_their_time_limit_fail() {
    for way in [Way::InProcess, Way::Memory, Way::Tcp] {
        let mut limits = Limits::default();
        limits.generator_time = Duration::from_millis(100);
        let fixture = Fixture::with(way, limits).await;
        let session = fixture.session().await;
        let slow = || slow_account::remote("time".into(), 1, 60_000);
        let asked = async {
            [
                (session.memoize("a", slow()).await.map(drop), "memoize of \"a\" by lab.slow_account"),
                (session.update("b", slow()).await.map(drop), "update of \"b\" by lab.slow_account"),
                (session.create(slow()).await.map(drop), "create by lab.slow_account"),
            ]
        };
        let asked = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("they are not waited for");
        for (result, what) in asked {
            let error = result.expect_err("it takes a minute").to_string();
            let remedy = "that is the service's generator_time; make it quicker, or raise the limit";
            assert_eq!(error, format!("{what} is not done within 100ms; {remedy}"), "{way:?}");
        }
        assert_eq!(session.keys("", "", 0).await.expect("answers").keys, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_not_read_from() {
    const UNSENT: usize = 1 << 20;
    const ECHO: usize = 64 * 1024;
    let fixture = fixture(|limits| {
        limits.unsent_bytes = UNSENT;
        limits.requests_in_flight = 100_000;
        limits.uncollected_batches = 1_000_000;
        limits.uncollected_bytes = 1 << 30;
    })
    .await;
    let raw = Raw::opened(&fixture).await;
    let (mut reads, mut writes) = raw.0.into_split();
    // Each answer is as large as its request.
    let args = postcard::to_stdvec(&("x".repeat(ECHO), Vec::<String>::new(), None::<String>)).expect("encodes");
    let (target, method) = (Target::Key("k"), MethodRef::Id(signature_id("bank.Account", "label")));
    let call = Operation::Call { target, method, encoding: Encoding::Typed, args: &args };
    // The test reads nothing until nothing more can be written for a second.
    let mut sent = 0_u64;
    let cut_off = 'writing: loop {
        let request = submit(sent + 2, sent + 1, &[call; 1]);
        let mut written = 0;
        while written < request.len() {
            match tokio::time::timeout(Duration::from_secs(1), writes.write(&request[written..])).await {
                Ok(more) => written += more.expect("the service does not hang up"),
                Err(_) => break 'writing request[written..].to_vec(),
            }
        }
        sent += 1;
        // Two sockets hold some megabytes in each direction: Linux lets a receiving one grow to 32 MiB, depending on
        // the load.
        assert!(sent < 128 * (1 << 20) / ECHO as u64, "the service reads on");
    };
    assert_well(&fixture).await;
    // The service goes on as soon as its answers are read, and nothing is lost. The answer to a call that took a whole
    // turn comes with a poll.
    let mut to_be_written = vec![cut_off];
    to_be_written.extend((0..10).map(|poll| request((1 << 32) + poll, 2, &[0])));
    let (mut answers, mut found) = (0, Vec::new());
    while found.len() < sent as usize + 1 {
        if answers >= sent {
            assert!(!to_be_written.is_empty(), "{} of {} calls were answered", found.len(), sent + 1);
            writes.write_all(&to_be_written.remove(0)).await.expect("the service reads again");
        }
        let mut length = [0; 4];
        reads.read_exact(&mut length).await.expect("an answer");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        reads.read_exact(&mut answer).await.expect("a whole answer");
        answers += 1;
        for (sequence, outcome) in replies(&answer) {
            assert!(matches!(&outcome, Outcome::Done(body) if body.0.len() > ECHO), "{outcome:?}");
            found.push(sequence);
        }
    }
    found.sort_unstable();
    assert_eq!(found, (1..=sent + 1).collect::<Vec<_>>());
}

/// Slow generators of one session wait for one another, and not for those of other sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_that_hold_threads_are_limited_per_session() {
    const EACH: Duration = Duration::from_millis(100);
    let fixture = fixture(|limits| limits.blocking_calls = 2).await;
    let (greedy, modest) = (fixture.session().await, fixture.session().await);
    let heavy = |tag: &str| heavy_account::remote(tag.to_owned(), 1, EACH.as_millis() as u64);
    let begun = Instant::now();
    let many = async {
        let made = (0..10).map(|n| greedy.create(heavy(&format!("greedy {n}"))));
        for account in futures::future::join_all(made).await {
            assert_eq!(account.expect("made").balance().await, Ok(1));
        }
        begun.elapsed()
    };
    let one = async {
        modest.create(heavy("modest")).await.expect("made");
        begun.elapsed()
    };
    let (many, one) = tokio::join!(many, one);
    assert!(many >= EACH * 5, "ten of {EACH:?}, two at a time, took {many:?}");
    assert!(one < many, "the other session's took {one:?}, and these {many:?}");
    // A call that is given up while it waits never begins.
    let given_up = "given up";
    let busy = futures::future::join_all((0..2).map(|n| greedy.create(heavy(&format!("busy {n}")))));
    let late = greedy.create(heavy(given_up)).timeout(EACH / 2);
    let (busy, late) = tokio::join!(busy, late);
    assert!(busy.iter().all(Result::is_ok));
    assert!(late.is_err());
    tokio::time::sleep(EACH * 2).await;
    assert_eq!(runs::remote(given_up.to_owned()).call(&greedy).await, Ok(0));
}

/// A counted handle is released if the client never gets the result. The service keeps that in mind until the client
/// acknowledges it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_nobody_acknowledges_are_bounded() {
    const LIMIT: usize = 1024;
    let fixture = fixture(|limits| limits.unacknowledged = LIMIT).await;
    let mut raw = Raw::opened(&fixture).await;
    let hold = Operation::Hold { target: Target::Key("k"), expect: "" };
    raw.send(&submit(2, 1, &vec![hold; LIMIT + 2])).await;
    let answers = raw.receive_replies(LIMIT + 2).await;
    assert!(answers[..LIMIT].iter().all(|(_, outcome)| matches!(outcome, Outcome::Provisional(_))));
    for (_, outcome) in &answers[LIMIT..] {
        let Outcome::Failed(Error::LimitExceeded { what, limit: 1024, found: 1025, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(what, "results not acknowledged");
    }
    let next = LIMIT as u64 + 3;
    raw.send(&submit(3, next, &[Operation::Acknowledge { sequence: 1 }, hold, hold])).await;
    let answers = replies(&raw.receive_frame().await);
    assert!(
        matches!(answers[..], [(_, Outcome::Done(_)), (_, Outcome::Provisional(_)), (_, Outcome::Failed(_))]),
        "{answers:?}"
    );
    assert_well(&fixture).await;
}

/// While a batch takes long, the service does not buffer without bound what the client sends after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_too_many_unserved_bytes_is_not_read_from() {
    const BATCH: usize = 1 << 20;
    let fixture = fixture(|limits| {
        limits.unserved_bytes = 4 << 20;
        limits.lease = Duration::from_millis(500);
        limits.batch_operations = 1 << 20;
    })
    .await;
    let items = Value::List((0..16_000).map(Value::from).collect());
    fixture.session().await.memoize("list", ListProxy::new(Some(items))).await.expect("made");
    let mut raw = Raw::opened(&fixture).await;
    // Each call looks through the whole list, which is just too small to leave the connection's thread. All of them
    // take seconds, one turn after the other.
    let args = encoded(args![-1]);
    let (target, method) = (Target::Key("list"), MethodRef::Name("count"));
    let slow = Operation::Call { target, method, encoding: Encoding::Dynamic, args: &args };
    raw.send(&submit(2, 1, &vec![slow; 12_000])).await;
    let large = vec![0; BATCH];
    let mut sent = 0;
    for batch in 0..120_u64 {
        let request = submit(3 + batch, 13_000 + batch, &[call("nothing", &large)]);
        // Longer than the lease: a client that is not read from is not taken for dead.
        let written = tokio::time::timeout(Duration::from_secs(1), raw.0.write_all(&request)).await;
        if written.is_err() {
            break;
        }
        written.expect("in time").expect("it is still connected");
        sent += 1;
    }
    // Up to the limit, and what two sockets hold: Linux lets a receiving one grow to 32 MiB, depending on the load.
    assert!(sent < 60, "{sent} MiB were taken");
    assert_well(&fixture).await;
}
