//! The order in which items leave, and in which waiters are served.

use super::until;
use crate::support::{Fixture, Way};
use std::time::Duration;
use tarmem::modules::Exception;
use tarmem::modules::queue::{LifoQueueProxy, PriorityQueueProxy, Queue, QueueProxy, SimpleQueueProxy};
use tarmem::{CallError, Error, Proxy, Value, args};

crate::each_way![
    items_are_taken_in_order,
    waiting_callers_are_served_in_turn,
    a_priority_queue_refuses_live_objects_that_it_would_have_to_compare,
    the_smallest_item_is_taken_first_and_a_failed_call_changes_nothing,
];

async fn items_are_taken_in_order(fixture: Fixture) {
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

async fn waiting_callers_are_served_in_turn(fixture: Fixture) {
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

async fn a_priority_queue_refuses_live_objects_that_it_would_have_to_compare(fixture: Fixture) {
    let session = fixture.session().await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let mut numbers = Vec::new();
    for number in [3, 1, 2] {
        numbers.push(builtins.construct("int", args![number]).await.expect("made"));
    }
    let [three, one, two] = &numbers[..] else { panic!("three were made") };
    let [three, one, two] = [three, one, two].map(|number| Value::Ref(number.reference().expect("by id")));
    let item = |parts: &[&Value]| Value::List(parts.iter().map(|&part| part.clone()).collect());
    for (first, others) in [
        (three.clone(), [one.clone(), 1.into()]),
        (item(&[&7.into(), &three]), [item(&[&7.into(), &one]), item(&[&7.into(), &0.into()])]),
    ] {
        let queue = session.create(PriorityQueueProxy::new(None)).await.expect("made");
        queue.put(first.clone()).await.expect("it is alone");
        for other in others {
            for put in [queue.put(other.clone()).await, queue.put_nowait(other).await] {
                let CallError::Method(Exception::TypeError(words)) = put.expect_err("no order") else {
                    panic!("{first}")
                };
                assert!(words.starts_with("a PriorityQueue orders plain values"), "{words}");
                assert!(words.contains("builtins.int") && words.contains("[priority, number, object]"), "{words}");
            }
        }
        assert_eq!(queue.qsize().await, Ok(1));
    }
    // As the error advises, a number decides before the objects. Elements before it may be live if they are the same.
    let queue = session.create(PriorityQueueProxy::new(None)).await.expect("made");
    for (number, object) in [(2, &one), (1, &two), (3, &three)] {
        queue.put(item(&[&one, &number.into(), object])).await.expect("the number decides");
    }
    for object in [&two, &one, &three] {
        let found: Value = queue.get().await.expect("there are three");
        assert_eq!(found.as_list().and_then(|parts| parts.last()), Some(object));
    }
}

async fn the_smallest_item_is_taken_first_and_a_failed_call_changes_nothing(fixture: Fixture) {
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
    // An item whose lease ends goes back to its place.
    for number in [2, 1, 3] {
        queue.put(number).await.expect("room");
    }
    let leased = queue.get_leased::<i64>().await.expect("there are three");
    assert_eq!(*leased, 1);
    assert_eq!(queue.get().await, Ok(2));
    drop(leased);
    assert_eq!((queue.get().await, queue.get().await), (Ok(1), Ok(3)));
}

/// Equal items are taken in the order of Python's `heapq`, too.
#[tokio::test]
async fn a_priority_queue_has_the_order_of_pythons() {
    // Puts a number of items, and gets them. Equal ones are 1, 1.0 and True.
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
