//! The functions of the modules on live objects: each call is one step, whoever else uses the objects.

mod support;

use futures::future::join_all;
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::modules::bisect::{bisect_left, insort};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::heapq::{heapify, heappop, heappush, heappushpop, heapreplace};
use tarmem::modules::itertools::Count;
use tarmem::modules::itertools::CountProxy;
use tarmem::{CallError, Error, Proxy, Value, args};

each_way![
    a_heap_is_used_by_many_at_one_time,
    a_heap_is_as_it_was_after_an_error,
    a_list_stays_in_order,
    no_number_of_a_count_is_given_twice,
    dynamic_callers_name_the_list,
];

async fn a_heap_is_used_by_many_at_one_time(fixture: Fixture) {
    let session = fixture.session().await;
    let heap = session.memoize("heap", ListProxy::new(Some([5, 3, 9].into()))).await.expect("made");
    heapify::remote(&heap).call(&session).await.expect("numbers have an order");
    let sessions = join_all((0..3).map(|_| fixture.session())).await;
    let pushes = (0..60).map(|n| heappush::remote(&heap, (n * 7 % 60).into()).call(&sessions[n % 3]));
    for pushed in join_all(pushes).await {
        pushed.expect("numbers have an order");
    }
    assert_eq!(heapreplace::remote(&heap, 100.into()).call(&session).await, Ok(0.into()));
    assert_eq!(heappushpop::remote(&heap, (-1).into()).call(&session).await, Ok((-1).into()), "it would be the least");
    let popped = join_all((0..63).map(|n| heappop::remote(&heap).call(&sessions[n % 3]))).await;
    let mut popped: Vec<i64> =
        popped.into_iter().map(|item| item.expect("there").as_f64().expect("a number") as i64).collect();
    popped.sort_unstable();
    let mut all: Vec<i64> = (1..60).chain([3, 5, 9, 100]).collect();
    all.sort_unstable();
    assert_eq!(popped, all, "each once");
    let error = heappop::remote(&heap).call(&session).await.expect_err("it is empty");
    assert_eq!(error, CallError::Method(Exception::IndexError("index out of range".into())));
}

async fn a_heap_is_as_it_was_after_an_error(fixture: Fixture) {
    let session = fixture.session().await;
    let heap = session.memoize("heap", ListProxy::new(Some([1, 3, 2].into()))).await.expect("made");
    let error = heappush::remote(&heap, "a".into()).call(&session).await.expect_err("it has no order with numbers");
    let words = "'<' not supported between instances of 'str' and 'int'";
    assert_eq!(error, CallError::Method(Exception::TypeError(words.into())));
    assert_eq!(heap.to_vec::<i64>().await, Ok(vec![1, 3, 2]));
    assert_eq!(heap.is_poisoned().await, Ok(false));
}

async fn a_list_stays_in_order(fixture: Fixture) {
    let session = fixture.session().await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    let sessions = join_all((0..3).map(|_| fixture.session())).await;
    let puts = (0..60).map(|n| insort::remote(&list, (n * 7 % 60).into(), None, None).call(&sessions[n % 3]));
    for put in join_all(puts).await {
        put.expect("numbers have an order");
    }
    assert_eq!(list.to_vec::<i64>().await, Ok((0..60).collect()));
    assert_eq!(bisect_left::remote(&list, 7.into(), None, None).call(&session).await, Ok(7));
    assert_eq!(bisect_left::remote(&list, 7.into(), 9, None).call(&session).await, Ok(9));
    let error = bisect_left::remote(&list, 7.into(), -1, None).call(&session).await.expect_err("before the list");
    assert_eq!(error, CallError::Method(Exception::ValueError("lo must be non-negative".into())));
}

async fn no_number_of_a_count_is_given_twice(fixture: Fixture) {
    let session = fixture.session().await;
    let ids = session.memoize("ids", CountProxy::new(Some(10.into()), None)).await.expect("made");
    let sessions = join_all((0..3).map(|_| fixture.session())).await;
    let proxies: Vec<CountProxy> =
        join_all(sessions.iter().map(|session| async { session.get::<Count>("ids").await.expect("there") })).await;
    let mut numbers: Vec<i64> = join_all((0..60).map(|n| proxies[n % 3].next::<i64>()))
        .await
        .into_iter()
        .map(|number| number.expect("a number"))
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (10..70).collect::<Vec<_>>());
    assert_eq!(ids.repr().await, Ok("count(70)".to_owned()));
}

async fn dynamic_callers_name_the_list(fixture: Fixture) {
    let session = fixture.session().await;
    session.memoize("heap", ListProxy::new(None)).await.expect("made");
    let heapq = session.remote_import("heapq").await.expect("offered");
    for item in [3, 1, 2] {
        assert_eq!(heapq.call("heappush", args!["heap", item]).await, Ok(Value::Null));
    }
    assert_eq!(heapq.call("heappop", args!["heap"]).await, Ok(1.into()));
    assert_eq!(heapq.call("merge", args![[1, 4], [2, 3]]).await, Ok([1, 2, 3, 4].into()));
    session.memoize("ids", CountProxy::new(None, None)).await.expect("made");
    let error = heapq.call("heappush", args!["ids", 1]).await.expect_err("no list");
    assert!(matches!(&error, Error::WrongClass { found, .. } if found == "itertools.count"), "{error}");
    let builtins = session.remote_import("builtins").await.expect("offered");
    let least = builtins.call("min", args![[3, 1], [2, 5]; ]).await;
    assert_eq!(least, Ok([2, 5].into()));
    let zipped = builtins.call("zip", args![[1, 2], "ab"; strict = true]).await;
    assert_eq!(zipped, Ok(Value::List(vec![(1, "a").into(), (2, "b").into()])));
    let error = builtins.call("sum", args![5]).await.expect_err("no elements");
    assert_eq!(error.raised_class(), Some("TypeError"));
}
