//! Clients that misuse their session.

use super::{MIB, Serve, call};
use crate::support::raw::{Outcome, PROTOCOL, Raw, open, replies, request, submit};
use futures::future::{join_all, try_join_all};
use tarmem::modules::builtins::{List, ListProxy};
use tarmem::modules::queue::QueueProxy;
use tarmem::operation::{FunctionRef, Operation, SourceRef};
use tarmem::{Proxy, Session, Value};
use tarmem_remote::dispatch::Encoding;
use tokio::time::{Duration, Instant, timeout_at};

/// As `submit`, acknowledging replies up to `below`.
fn submit_with(id: u64, below: u64, first: u64, operations: &[Operation<'_>]) -> Vec<u8> {
    let mut batch = postcard::to_stdvec(&below).expect("encodes");
    for (sequence, operation) in (first..).zip(operations) {
        let operation = operation.encode().expect("encodes");
        batch.extend(postcard::to_stdvec(&(sequence, 0_u64, 0_u64, &*operation)).expect("encodes"));
    }
    request(id, 1, &batch)
}

/// The number of the batch of replies in a response.
fn number_of(message: &[u8]) -> u64 {
    let ((_, _, _), batch) = postcard::take_from_bytes::<(u8, u64, u8)>(message).expect("a header");
    u64::from_le_bytes(batch[1..9].try_into().expect("a number"))
}

/// Whether the response says that the connection ends.
fn is_fatal(message: &[u8]) -> bool {
    let ((_, _, _), batch) = postcard::take_from_bytes::<(u8, u64, u8)>(message).expect("a header");
    batch[0] & 2 != 0
}

async fn opened(serve: &Serve) -> Raw {
    let mut raw = Raw::at(&serve.address).await;
    raw.send(&open(PROTOCOL)).await;
    raw.receive_frame().await;
    raw
}

/// Reads all replies and never says so, with what is always let in, until it is let go; and with calls, which are not
/// begun any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_that_are_never_acknowledged() {
    let operations = [Operation::Cancel { sequence: 7 }, Operation::IsMemoized { key: "k" }];
    for operation in operations {
        let serve = Serve::start(&["--limit", "uncollected_bytes=2MiB", "--limit", "uncollected_batches=512"]).await;
        let taken = serve
            .under(48 * MIB, async {
                let mut raw = opened(&serve).await;
                let batch = vec![operation; 4_000];
                for n in 0..2_000_u64 {
                    raw.send(&submit(n + 2, n * 4_000 + 1, &batch)).await;
                    let Ok(frame) = tokio::time::timeout(Duration::from_secs(3), raw.receive_frame()).await else {
                        assert!(matches!(operation, Operation::IsMemoized { .. }), "it is answered, or let go");
                        return n;
                    };
                    // The flag of what ends the connection.
                    if is_fatal(&frame) {
                        let said = String::from_utf8_lossy(&frame).into_owned();
                        assert!(said.contains("not acknowledged"), "{said}");
                        raw.until_closed().await;
                        return n;
                    }
                }
                panic!("8,000,000 replies were kept");
            })
            .await;
        println!("{taken} batches of 4,000 were taken");
        assert!(taken > 1);
    }
}

/// The cancellations are valid but pointless: of calls that do not exist, that are over, and that run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_only_cancels() {
    let serve = Serve::start(&[]).await;
    serve
        .under(48 * MIB, async {
            let mut raw = opened(&serve).await;
            let mut below = 0;
            for n in 0..300_u64 {
                let first = n * 4_000 + 1;
                let cancels: Vec<_> =
                    (0..4_000).map(|at| Operation::Cancel { sequence: first.wrapping_add(at * 31) }).collect();
                raw.send(&submit_with(n + 2, below, first, &cancels)).await;
                let frame = raw.receive_frame().await;
                let mut answered = replies(&frame);
                below = number_of(&frame) + 1;
                // The replies of a batch that took more than its turn come with a poll.
                for poll in 0..100 {
                    if answered.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).count() == 4_000 {
                        break;
                    }
                    raw.send(&request((1 << 40) + n * 100 + poll, 2, &[0])).await;
                    let more = raw.receive_frame().await;
                    below = below.max(number_of(&more) + 1);
                    answered.extend(replies(&more));
                }
            }
        })
        .await;
    // Waiting calls, each cancelled by the next operation.
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    serve
        .under(48 * MIB, async {
            let mut raw = opened(&serve).await;
            let none = postcard::to_stdvec(&[Value::Null; 0][..]).expect("encodes");
            let mut below = 0;
            for n in 0..100_u64 {
                let first = n * 2_000 + 1;
                let operations: Vec<_> = (0..1_000)
                    .flat_map(|at| [call("queue", "get", &none), Operation::Cancel { sequence: first + at * 2 }])
                    .collect();
                raw.send(&submit_with(n + 2, below, first, &operations)).await;
                below = below.max(number_of(&raw.receive_frame().await) + 1);
            }
        })
        .await;
    let queue = session.get::<tarmem::modules::queue::Queue>("queue").await.expect("there");
    queue.put(1).await.expect("put");
    assert_eq!(queue.get::<i64>().await.expect("nobody who gave up has taken it"), 1);
}

/// A single frame with far more operations than a batch may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_a_million() {
    let operations = vec![Operation::IsMemoized { key: "k" }; 1_000_000];
    let batch = submit(2, 1, &operations);
    let serve = Serve::start(&[]).await;
    serve
        .under(96 * MIB, async {
            let mut raw = opened(&serve).await;
            raw.send(&batch).await;
            let said = raw.until_closed().await;
            assert!(String::from_utf8_lossy(&said).contains("operations in one batch"));
        })
        .await;
}

/// Cycles of objects, many and large, and something let go all the time, so that the collector looks at them over and
/// over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cycles_that_are_expensive_to_search() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    serve
        .under(1024 * MIB, async {
            // Each object refers to itself.
            let lists = try_join_all((0..5_000).map(|_| session.create(ListProxy::new(None)))).await.expect("made");
            let cycles = lists.iter().map(|list| list.append(Value::Ref(list.reference().expect("it is unnamed"))));
            try_join_all(cycles).await.expect("appended");
            let numbers = || Value::List((0..200_000).map(Value::from).collect());
            let large =
                try_join_all((0..8).map(|_| session.create(ListProxy::new(Some(numbers()))))).await.expect("made");
            let cycles = large.iter().map(|list| list.append(Value::Ref(list.reference().expect("it is unnamed"))));
            try_join_all(cycles).await.expect("appended");
            // The collector looks at it whenever a handle has been released.
            for _ in 0..200 {
                drop(session.create(ListProxy::new(None)).await.expect("made"));
                let calls = large.iter().map(|list| list.append(1));
                join_all(calls).await.into_iter().for_each(|appended| appended.expect("nobody holds it for long"));
            }
            drop((lists, large));
        })
        .await;
    session.memoize("after", ListProxy::new(None)).await.expect("made");
    assert!(session.get::<List>("after").await.is_ok());
}

/// Arguments that take long to decode are not decoded on a connection's thread, so that no other client waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_do_not_hold_up_a_connection_thread() {
    let serve = Serve::start(&["--workers", "1"]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    session.memoize("list", ListProxy::new(Some(vec![Value::Null, 1.into()].into()))).await.expect("made");
    let nulls = vec![Value::Null; 1_000_000];
    let args = postcard::to_stdvec(&[Value::List(nulls.clone())][..]).expect("encodes");
    let value = postcard::to_stdvec(&Value::List(nulls)).expect("encodes");
    let source = SourceRef::ValueByNames { class: "builtins.list", value: &value };
    let large = call("list", "count", &args);
    let update = Operation::Update { key: "large", source, generation: None, expect: "" };
    let mut raw = opened(&serve).await;
    raw.send(&submit(2, 1, &[large, update, Operation::IsMemoized { key: "list" }])).await;
    let mut answered = replies(&raw.receive_frame().await);
    let mut poll = 3..;
    while answered.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).count() < 3 {
        raw.send(&request(poll.next().expect("there is no end"), 2, &[0])).await;
        answered.extend(replies(&raw.receive_frame().await));
    }
    // An operation that was not answered as pending had finished on another thread by then.
    let done: Vec<u64> =
        answered.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Done(_))).map(|reply| reply.0).collect();
    assert_eq!(done.first(), Some(&3), "{answered:?}");
    assert_eq!(session.get::<List>("large").await.expect("it was made").len().await, Ok(1_000_000));
    // They took effect in the order in which they were sent, whatever their size.
    let list = session.memoize("order", ListProxy::new(None)).await.expect("made");
    let texts: Vec<Value> = (0..20).map(|n| "x".repeat(if n % 3 == 0 { 400 << 10 } else { n }).into()).collect();
    for (n, appended) in session.pipeline(texts.iter().map(|text| list.append(text.clone()))).await.iter().enumerate() {
        assert_eq!(appended, &Ok(()), "{n}");
    }
    let lengths: Vec<usize> = list.to_vec::<String>().await.expect("shown").iter().map(String::len).collect();
    assert_eq!(lengths, (0..20).map(|n| if n % 3 == 0 { 400 << 10 } else { n }).collect::<Vec<_>>());
}

/// Few are decoded at a time, however many threads there are, since each takes 60 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_are_decoded_in_turns() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    session.memoize("list", ListProxy::new(None)).await.expect("made");
    let args = postcard::to_stdvec(&[Value::List(vec![Value::Null; 1_900_000])][..]).expect("encodes");
    serve
        .under(512 * MIB, async {
            let mut raw = opened(&serve).await;
            for n in 0..3 {
                raw.send(&submit(2 + n, 1 + n * 8, &[call("list", "count", &args); 8])).await;
            }
            let (mut done, mut poll) = (0, 100..);
            while done < 24 {
                let answered = replies(&raw.receive_frame().await);
                done += answered.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Pending)).count();
                raw.send(&request(poll.next().expect("there is no end"), 2, &[0])).await;
            }
        })
        .await;
}

/// The same of those that run on threads of their own for as long as they like: of a generator, and of a function over
/// objects.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_of_generators_and_functions_are_decoded_in_turns() {
    let args = postcard::to_stdvec(&[Value::List(vec![Value::Null; 1_900_000])][..]).expect("encodes");
    // Neither keeps its arguments: they make no dict, and there is no such heap.
    let function = FunctionRef::Name { module: "builtins", name: "dict" };
    let source = SourceRef::Generator { function, encoding: Encoding::Dynamic, args: &args };
    let push = postcard::to_stdvec(&[Value::from("no heap"), Value::List(vec![Value::Null; 1_900_000])][..]);
    let push = push.expect("encodes");
    let function = FunctionRef::Name { module: "heapq", name: "heappush" };
    let run = Operation::Run { function, encoding: Encoding::Dynamic, args: &push };
    for operation in [Operation::Create { source, expect: "" }, run] {
        let serve = Serve::start(&[]).await;
        serve
            .under(512 * MIB, async {
                let mut raw = opened(&serve).await;
                for n in 0..4 {
                    raw.send(&submit(2 + n, 1 + n * 8, &[operation; 8])).await;
                }
                let (mut done, mut poll) = (0, 100..);
                while done < 32 {
                    let answered = replies(&raw.receive_frame().await);
                    for (_, outcome) in answered.into_iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Pending))
                    {
                        let said = format!("{outcome:?}");
                        assert!(said.contains("TypeError") || said.contains("no heap"), "{said}");
                        done += 1;
                    }
                    raw.send(&request(poll.next().expect("there is no end"), 2, &[0])).await;
                }
            })
            .await;
    }
}

/// The same of what waits for others, once it is decoded, for as long as these like.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_of_waiting_calls_are_bounded() {
    let serve = Serve::start(&[]).await;
    let session = Session::connect(&serve.address).await.expect("a session opens");
    let queue = session.memoize("queue", QueueProxy::new(Some(1))).await.expect("made");
    queue.put(0).await.expect("there is room");
    let args = postcard::to_stdvec(&[Value::List(vec![Value::Null; 1_900_000])][..]).expect("encodes");
    let refused = serve
        .under(768 * MIB, async {
            let mut clients = Vec::new();
            for _ in 0..30 {
                let mut raw = opened(&serve).await;
                raw.send(&submit(2, 1, &[call("queue", "put", &args)])).await;
                clients.push(raw);
            }
            // Each has a poll out until its call is over. Those that are refused are by then.
            let end = Instant::now() + Duration::from_secs(20);
            let told = clients.iter_mut().map(|raw| async move {
                for poll in 3.. {
                    let Ok(frame) = timeout_at(end, raw.receive_frame()).await else { break };
                    let outcomes = replies(&frame);
                    if let Some((_, outcome)) =
                        outcomes.iter().find(|(_, outcome)| !matches!(outcome, Outcome::Pending))
                    {
                        assert!(format!("{outcome:?}").contains("running_bytes"), "{outcome:?}");
                        return true;
                    }
                    raw.send(&request(poll, 2, &[0])).await;
                }
                false
            });
            join_all(told).await.into_iter().filter(|refused| *refused).count()
        })
        .await;
    assert!(refused >= 20, "only {refused} were refused");
    assert_eq!(queue.get::<i64>().await, Ok(0), "and it serves on");
}
