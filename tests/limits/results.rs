//! Results that their client has not received: calls wait for room before they start, and no result is lost.

use super::support::raw::{Outcome, Raw, replies, request, submit};
use super::support::{Fixture, Way};
use super::{assert_well, call, encoded, fixture};
use futures::future::join_all;
use std::time::Duration;
use tarmem::modules::builtins::{DictProxy, List, ListProxy};
use tarmem::modules::queue::QueueProxy;
use tarmem::{Error, Limits, Value, args};
use tarmem_test_models::{Account, AccountProxy};

/// Limits with frames of 1 MiB, and 4 MiB of results that were not received.
fn narrow() -> Limits {
    let mut limits = Limits::default();
    (limits.frame_bytes, limits.uncollected_bytes) = (1 << 20, 4 << 20);
    limits
}

/// The size of an item. No two of them fit a frame.
const LARGE: usize = 640 * 1024;

/// An item that contains its number.
fn large(number: usize) -> Value {
    let mut bytes = vec![0; LARGE];
    bytes[..8].copy_from_slice(&(number as u64).to_le_bytes());
    Value::Bytes(bytes)
}

fn number(bytes: &[u8]) -> usize {
    assert_eq!(bytes.len(), LARGE);
    u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize
}

/// A typed result of bytes.
type Bytes = serde_bytes::ByteBuf;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_popped_by_concurrent_calls_arrive_or_stay() {
    for way in [Way::Memory, Way::Tcp] {
        let fixture = Fixture::with(way, narrow()).await;
        let session = fixture.session().await;
        let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
        let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
        for index in 0..40 {
            list.append(large(index)).await.expect("appended");
            dict.set(index as i64, large(index)).await.expect("set");
        }
        let popped = join_all((0..40).map(|_| list.pop_at::<Bytes>(0))).await;
        for (index, item) in popped.into_iter().enumerate() {
            assert_eq!(number(&item.expect("it arrives")), index, "in their order");
        }
        assert_eq!(list.len().await, Ok(0));
        let popped = join_all((0..40).map(|index| dict.pop::<Bytes>(index))).await;
        for (index, item) in popped.into_iter().enumerate() {
            assert_eq!(number(&item.expect("it arrives").expect("it was there")), index);
        }
        assert_eq!(dict.len().await, Ok(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_concurrent_large_reads_is_answered() {
    let fixture = Fixture::with(Way::Tcp, narrow()).await;
    let session = fixture.session().await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    list.append(large(7)).await.expect("appended");
    for read in join_all((0..60).map(|_| list.get::<Bytes>(0))).await {
        assert_eq!(number(&read.expect("it arrives")), 7);
    }
    // Calls that had to wait for the object once there was room are answered, too.
    let account = session.memoize("k", AccountProxy::open(5)).await.expect("made");
    let held = tokio::spawn(account.deposit_slowly(1, 300).send().await);
    let reads = join_all((0..60).map(|_| account.large(LARGE as u64))).await;
    assert!(reads.into_iter().all(|read| read.is_ok_and(|bytes| bytes.len() == LARGE)));
    held.await.expect("no panic").expect("made");
    // So are calls that began to wait before there was an item.
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let waiting: Vec<_> = (0..60).map(|_| tokio::spawn(queue.get::<Bytes>())).collect();
    let other = fixture.session().await.get::<tarmem::modules::queue::Queue>("queue").await.expect("there");
    while other.waiting().await != Ok(60) {
        tokio::task::yield_now().await;
    }
    for index in 0..60 {
        other.put(large(index)).await.expect("room");
    }
    let mut numbers = Vec::new();
    for item in waiting {
        numbers.push(number(&item.await.expect("no panic").expect("it arrives")));
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..60).collect::<Vec<_>>());
}

/// The service reads on, although more is waiting than it usually reads ahead; otherwise neither side would ever go
/// on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_arguments_and_large_results_do_not_wait_for_one_another() {
    let mut limits = narrow();
    limits.unserved_bytes = 64 * 1024;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set("k", large(0)).await.expect("set");
    let calls = (1..100).map(|index| {
        let dict = dict.clone();
        async move {
            let (read, set) = tokio::join!(dict.get::<Bytes>("k"), dict.set("k", large(index)));
            set.expect("set");
            number(&read.expect("it arrives").expect("it is there"))
        }
    });
    let all = tokio::time::timeout(Duration::from_secs(60), join_all(calls)).await.expect("they go on");
    assert!(all.into_iter().all(|number| number < 100));
}

/// A client that reads nothing, and a list of `items` items of 30,000 bytes; a frame holds two of them.
async fn unread(items: usize) -> (Fixture, Raw, ListProxy) {
    let fixture = fixture(|limits| (limits.frame_bytes, limits.uncollected_bytes) = (64 * 1024, 50_000)).await;
    let session = fixture.session().await;
    let items = vec![Value::Bytes(vec![1; 30_000]); items];
    let list = session.update("list", ListProxy::new(None)).await.expect("made");
    for item in items {
        list.append(item).await.expect("appended");
    }
    let raw = Raw::opened(&fixture).await;
    (fixture, raw, list)
}

/// Asks until the list is so long. Now and then only: a call that finds the list in use waits in a line of its own, and
/// fewer of those are begun than of calls that are answered at once.
async fn until_len(list: &ListProxy, len: usize) {
    let asking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if list.len().await == Ok(len) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it comes to that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_starts_whose_result_a_client_that_does_not_read_could_not_receive() {
    let (fixture, mut raw, list) = unread(10).await;
    let args = encoded(args![0]);
    let pop = tarmem::operation::Operation::Call {
        target: tarmem::operation::Target::Key("list"),
        method: tarmem_remote::operation::MethodRef::Name("pop"),
        encoding: tarmem_remote::dispatch::Encoding::Dynamic,
        args: &args,
    };
    raw.send(&submit(2, 1, &[pop; 10])).await;
    // Two results fill a frame, and of the next two the second is over the limit.
    until_len(&list, 6).await;
    // Its polls bring results, but it never acknowledges them, so no further call starts.
    let mut outcomes = Vec::new();
    for id in 3..5 {
        raw.send(&request(id, 2, &[0])).await;
        outcomes.extend(replies(&raw.receive_frame().await));
    }
    outcomes.retain(|(_, outcome)| matches!(outcome, Outcome::Done(_)));
    assert!((3..=4).contains(&outcomes.len()), "{outcomes:?}");
    assert_eq!(list.len().await, Ok(6));
    // Once it acknowledges them, the other calls run, once each and in order.
    let mut received = 1;
    let mut id = 5;
    while outcomes.len() < 10 {
        received += 1;
        raw.send(&request(id, 2, &[received])).await;
        let frame = raw.receive_frame().await;
        outcomes.extend(replies(&frame).into_iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Pending)));
        id += 1;
    }
    outcomes.sort_by_key(|(sequence, _)| *sequence);
    for (index, (sequence, outcome)) in outcomes.iter().enumerate() {
        assert!(*sequence == index as u64 + 1 && matches!(outcome, Outcome::Done(_)), "{sequence}: {outcome:?}");
    }
    assert_eq!(list.len().await, Ok(0));
    assert_well(&fixture).await;
}

/// A batch with one operation, its sequence number and its timeout in milliseconds.
fn submit_within(id: u64, first: u64, millis: u64, operation: tarmem::operation::Operation<'_>) -> Vec<u8> {
    let operation = operation.encode().expect("encodes");
    let mut batch = vec![0];
    batch.extend(postcard::to_stdvec(&(first, 0u64, millis + 1, &*operation)).expect("encodes"));
    request(id, 1, &batch)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_times_out_or_is_cancelled_while_it_waits_for_room_never_runs() {
    let (fixture, mut raw, list) = unread(10).await;
    let args = encoded(args![0]);
    let pop = tarmem::operation::Operation::Call {
        target: tarmem::operation::Target::Key("list"),
        method: tarmem_remote::operation::MethodRef::Name("pop"),
        encoding: tarmem_remote::dispatch::Encoding::Dynamic,
        args: &args,
    };
    raw.send(&submit(2, 1, &[pop; 4])).await;
    until_len(&list, 6).await;
    // This fills the rest of the limit, so the next calls wait.
    raw.send(&submit_within(3, 5, 50, pop)).await;
    raw.send(&submit(4, 6, &[pop])).await;
    raw.send(&submit(
        5,
        7,
        &[tarmem::operation::Operation::Cancel { sequence: 6 }, call("balance", &encoded(args![]))],
    ))
    .await;
    let mut outcomes = Vec::new();
    let (mut received, mut id) = (0_u8, 6);
    while !outcomes.iter().any(|(sequence, _)| *sequence == 8) {
        let frame = raw.receive_frame().await;
        let came = replies(&frame);
        let answers = came.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Pending));
        outcomes.extend(came.into_iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Pending)));
        received += u8::from(answers);
        // The client begins to receive only after the fifth call has timed out.
        if outcomes.iter().any(|(sequence, _)| *sequence == 5) || outcomes.is_empty() || id < 8 {
            let below = if outcomes.iter().any(|(sequence, _)| *sequence == 5) { received + 1 } else { 0 };
            raw.send(&request(id, 2, &[below])).await;
            id += 1;
        }
    }
    let of = |wanted: u64| &outcomes.iter().find(|(sequence, _)| *sequence == wanted).expect("answered").1;
    assert!(matches!(of(5), Outcome::Failed(Error::DeadlineExceeded { .. })), "{:?}", of(5));
    assert!(matches!(of(6), Outcome::Failed(Error::Cancelled)), "{:?}", of(6));
    assert!(matches!(of(8), Outcome::Done(_)), "{:?}", of(8));
    assert_eq!(list.len().await, Ok(6), "neither was made");
    assert_well(&fixture).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_waits_for_room_does_not_delay_others() {
    let (fixture, mut raw, list) = unread(10).await;
    let args = encoded(args![30_000]);
    raw.send(&submit(2, 1, &vec![call("large", &args); 50])).await;
    let other = fixture.session().await;
    let account = other.proxy::<Account>("k");
    for _ in 0..100 {
        assert_eq!(account.balance().await, Ok(5));
    }
    assert_eq!(list.len().await, Ok(10));
    let list = other.get::<List>("list").await.expect("there");
    assert_eq!(list.pop_at::<Bytes>(0).timeout(Duration::from_secs(30)).await.map(|item| item.len()), Ok(30_000));
}
