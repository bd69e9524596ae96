//! Module queue: over each way to reach a service, and by processes that are killed.

mod support;

use std::time::{Duration, Instant};
use support::other::{Other, Part, say};
use support::{Fixture, Way};
use tarmem::modules::Exception;
use tarmem::modules::multiprocessing::{JoinableQueue, JoinableQueueProxy, SharedQueueProxy};
use tarmem::modules::queue::{LifoQueueProxy, PriorityQueueProxy, Queue, QueueProxy, SimpleQueue, SimpleQueueProxy};
use tarmem::{CallError, Error, Proxy, Session, Value, args};

each_way![
    items_leave_in_order,
    what_waits_is_served_in_turn,
    timeouts_are_pythons,
    a_full_queue_makes_its_putters_wait,
    a_putter_that_gives_up_has_put_nothing,
    a_cancelled_getter_loses_nothing,
    what_was_never_received_comes_back,
    the_least_leaves_first_or_nothing_changes,
    the_work_is_done_when_all_is_done,
    leases_end_in_three_ways,
    what_its_caller_cannot_read_stays_in_the_queue,
    bad_input_is_refused_and_changes_nothing,
    a_joinable_queue_is_done_when_every_item_is,
    a_closed_queue_is_closed_for_its_session_alone,
];

type Failed = CallError<Exception>;

fn empty<T: std::fmt::Debug>(result: Result<T, Failed>) {
    let error = result.expect_err("there is nothing in it");
    assert_eq!(error, CallError::Method(Exception::Empty(String::new())));
}

fn full(result: Result<(), Failed>) {
    assert_eq!(result, Err(CallError::Method(Exception::Full(String::new()))));
}

/// Asks until the answer is yes.
async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !ask().await {
        assert!(Instant::now() < limit, "{what}");
        tokio::task::yield_now().await;
    }
}

async fn a_joinable_queue_is_done_when_every_item_is(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", JoinableQueueProxy::new(2)).await.expect("made");
    queue.put("a").await.expect("room");
    queue.put_nowait("b").await.expect("room");
    full(queue.put_nowait("c").await);
    assert_eq!((queue.full().await, queue.qsize().await), (Ok(true), Ok(2)));
    let joins = tokio::spawn(queue.join());
    let theirs = two.get::<JoinableQueue>("queue").await.expect("there");
    assert_eq!(theirs.get().await, Ok("a".to_owned()));
    // What its worker did not finish is there again; what it did counts.
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
    // As CPython's, and not as queue.Queue: no time is no time, however little.
    let dynamic = queue.dynamic();
    for args in [args![true, -1], args![true, 0], args![false]] {
        let error = dynamic.call("get", args).await.expect_err("empty");
        assert!(matches!(&error, Error::Raised { message, .. } if message == "Empty"), "{error}");
    }
    // Any number without a maxsize, or with one that is no size.
    for none in [JoinableQueueProxy::default(), JoinableQueueProxy::new(0), JoinableQueueProxy::new(-5)] {
        let queue = one.create(none).await.expect("made");
        queue.put(1).await.expect("room");
        assert_eq!((queue.full().await, queue.get::<i64>().await), (Ok(false), Ok(1)));
    }
}

async fn a_closed_queue_is_closed_for_its_session_alone(fixture: Fixture) {
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
    // What was put is there, and others go on.
    let theirs = two.proxy::<tarmem::modules::multiprocessing::SharedQueue>("queue");
    assert_eq!(theirs.get().await, Ok(1));
    theirs.put(3).await.expect("room");
    assert_eq!(queue.qsize().await, Ok(1));
    let error = theirs.dynamic().call("task_done", args![]).await.expect_err("that is a JoinableQueue's");
    assert!(matches!(error, Error::NoSuchMethod { .. }), "{error}");
}

async fn items_leave_in_order(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let lifo = session.memoize("lifo", LifoQueueProxy::new(Some(0))).await.expect("made");
    let simple = session.memoize("simple", SimpleQueueProxy::new()).await.expect("made");
    for number in 0..5 {
        queue.put(number).await.expect("room");
        lifo.put_nowait(number).await.expect("room");
        simple.put(number).await.expect("room");
    }
    assert_eq!((queue.qsize().await, lifo.qsize().await, simple.qsize().await), (Ok(5), Ok(5), Ok(5)));
    for number in 0..5 {
        assert_eq!(queue.get().await, Ok(number));
        assert_eq!(lifo.get_nowait().await, Ok(4 - number));
        assert_eq!(simple.get_timeout(Duration::ZERO).await, Ok(number));
    }
    assert_eq!((queue.empty().await, lifo.empty().await, simple.empty().await), (Ok(true), Ok(true), Ok(true)));
    queue.put(Value::List(vec![1.into(), "two".into()])).await.expect("room");
    assert_eq!(queue.get().await, Ok((1, "two".to_owned())));
    queue.put("text").await.expect("room");
    let error = queue.get::<i64>().await.expect_err("no number");
    let CallError::Failed(unexpected) = &error else { panic!("{error}") };
    assert!(matches!(unexpected, Error::UnexpectedResult { undone: true, .. }), "{error}");
    let words = "is the text \"text\", where an i64 was expected; what it took was put back";
    assert_eq!(error.to_string(), format!("the result of queue.Queue.get {words}"));
    assert_eq!(queue.get().await, Ok("text".to_owned()), "it is not lost");
}

async fn what_waits_is_served_in_turn(fixture: Fixture) {
    let (one, two) = (fixture.session().await, fixture.session().await);
    let queue = one.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let mut waits = Vec::new();
    for i in 0..20 {
        let session = if i % 2 == 0 { &one } else { &two };
        waits.push(tokio::spawn(session.proxy::<Queue>("queue").get::<usize>()));
        until("it waits", || async { queue.waiting().await == Ok(i + 1) }).await;
    }
    for i in 0..20 {
        queue.put(i).await.expect("room");
    }
    for (i, wait) in waits.into_iter().enumerate() {
        assert_eq!(wait.await.expect("no panic"), Ok(i));
    }
}

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

async fn a_full_queue_makes_its_putters_wait(fixture: Fixture) {
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

async fn a_putter_that_gives_up_has_put_nothing(fixture: Fixture) {
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

/// Getters are cancelled while items come: each item is had exactly once.
async fn a_cancelled_getter_loses_nothing(fixture: Fixture) {
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

/// A session ends with items on their way that nobody has looked at.
async fn what_was_never_received_comes_back(fixture: Fixture) {
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

async fn the_least_leaves_first_or_nothing_changes(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", PriorityQueueProxy::new(Some(100))).await.expect("made");
    let pair = |priority: f64, name: &str| Value::List(vec![priority.into(), name.into()]);
    for item in [pair(3.0, "c"), pair(1.0, "b"), pair(2.5, "x"), pair(1.0, "a")] {
        queue.put(item).await.expect("room");
    }
    for bad in [Value::from("text"), 7.into(), Value::Null, Value::List(vec!["text".into()])] {
        let error = queue.put(bad.clone()).await.expect_err("no order");
        assert!(matches!(error, CallError::Method(Exception::TypeError(_))), "{bad:?}: {error}");
    }
    assert_eq!(queue.qsize().await, Ok(4));
    for name in ["a", "b", "x", "c"] {
        let (_, found) = queue.get::<(f64, String)>().await.expect("there are four");
        assert_eq!(found, name);
    }
    // An item whose lease ends takes its place again.
    for number in [2, 1, 3] {
        queue.put(number).await.expect("room");
    }
    let leased = queue.get_leased::<i64>().await.expect("there are three");
    assert_eq!(*leased, 1);
    assert_eq!(queue.get().await, Ok(2));
    drop(leased);
    assert_eq!((queue.get().await, queue.get().await), (Ok(1), Ok(3)));
}

async fn the_work_is_done_when_all_is_done(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    assert_eq!(queue.join().await, Ok(true), "nothing to do");
    for number in 0..3 {
        queue.put(number).await.expect("room");
    }
    assert_eq!(queue.join_timeout(Duration::from_millis(10)).await, Ok(false));
    let joining = tokio::spawn(queue.join());
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
    assert!(text.to_string().contains(words), "{text}");
    until("it is back again", || async { queue.qsize().await == Ok(3) }).await;
    // The end of the session: they come back in their order, before what was not out.
    let leased = (other.get_leased_value(None, None).await, other.get_leased_value(None, None).await);
    assert!(leased.0.is_ok() && leased.1.is_ok());
    two.close().await;
    drop((two, other));
    until("they are back", || async { queue.leased().await == Ok(0) }).await;
    for number in 1..4 {
        assert_eq!(queue.get().await, Ok(number));
    }
}

/// Each way to take an item, typed; with what an item that refers to live objects counts, too.
async fn what_its_caller_cannot_read_stays_in_the_queue(fixture: Fixture) {
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
        assert!(what.contains("Queue.get") || what.contains("get_held"), "{what}");
        assert!(reason.contains(&format!("int {number}")) && reason.contains("Vec<String>"), "{reason}");
    };
    undone(queue.get::<Vec<String>>().await.expect_err("a number"), 5);
    undone(queue.get_nowait::<Vec<String>>().await.expect_err("a number"), 5);
    undone(queue.get_timeout::<Vec<String>>(Duration::ZERO).await.expect_err("a number"), 5);
    undone(queue.get_leased::<Vec<String>>().await.map(|_| ()).expect_err("a number"), 5);
    undone(simple.get::<Vec<String>>().await.expect_err("a number"), 5);
    let by_id = queue.hold().await.expect("there");
    undone(by_id.get_leased_timeout::<Vec<String>>(Duration::ZERO).await.map(|_| ()).expect_err("a number"), 5);
    // One that waits for its item.
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
    // A handle that came with what was refused is given up once, and not twice.
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

/// What another process does. Not a test of its own.
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
    // One that takes an item and goes in order has taken it.
    let (taker, said) = Other::start("get", &fixture.address(), "").hears().await;
    taker.ends().await;
    let left: i64 = queue.get_timeout(Duration::from_secs(20)).await.expect("one is left");
    assert_eq!(said.map(|said| said.parse::<i64>().expect("a number") + left), Some(2));
    assert_eq!((queue.qsize().await, queue.leased().await), (Ok(0), Ok(0)));
}

/// The order of what is equal is that of Python's heapq, too.
#[tokio::test]
async fn a_priority_queue_agrees_with_pythons() {
    // Puts that many, and gets that many; equal are 1, 1.0 and True.
    const SCRIPT: &str = "import heapq, json, sys\n\
        h, out = [], []\n\
        for op in json.loads(sys.stdin.read()):\n\
        \x20   heapq.heappush(h, op) if op is not None else out.append(heapq.heappop(h))\n\
        print(json.dumps(out))";
    let mut seed: u64 = 2026;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let (mut operations, mut size) = (Vec::new(), 0);
    for _ in 0..3000 {
        if size > 0 && random(5) < 2 {
            size -= 1;
            operations.push(Value::Null);
        } else {
            size += 1;
            let number = random(9);
            operations.push(match random(3) {
                0 => Value::from(number),
                1 => Value::Float(number as f64),
                _ => Value::Bool(number > 4),
            });
        }
    }
    let json = Value::List(operations.clone()).to_json().to_string();
    let python = std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        return println!("skipped: there is no python3 to compare with");
    };
    let mut stdin = python.stdin.take().expect("piped");
    tokio::task::spawn_blocking(move || std::io::Write::write_all(&mut stdin, json.as_bytes()))
        .await
        .expect("no panic")
        .expect("it reads");
    let output = python.wait_with_output().expect("it ends");
    let expected = Value::parse_json(&String::from_utf8(output.stdout).expect("text")).expect("JSON");
    let fixture = Fixture::new(Way::InProcess).await;
    let session = fixture.session().await;
    let queue = session.create(PriorityQueueProxy::new(None)).await.expect("made");
    let mut got = Vec::new();
    for operation in operations {
        match operation {
            Value::Null => got.push(queue.get_nowait_value().await.expect("not empty")),
            item => queue.put_nowait(item).await.expect("numbers have an order"),
        }
    }
    assert_eq!(Value::List(got), expected);
}
