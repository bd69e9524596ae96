//! Operations that take long because they reach the same objects again and again: they hold up no other call, and end
//! when nobody wants their results any more.

use super::{held, ints, lasting, list, make, raised, reference};
use std::time::Duration;
use tarmem::{DynamicProxy, Error, Limits, RunningService, Service, Session, Value, args};

/// More than it takes to look at everything once, and far less than it takes otherwise.
const SOON: Duration = Duration::from_secs(20);

/// A service with one thread for all connections, and two sessions.
async fn narrow() -> (RunningService, Session, Session) {
    let service = Service::new("127.0.0.1", 0).workers(1).start().await.expect("the service starts");
    let address = service.local_addr().expect("a TCP listener").to_string();
    let session = Session::connect(&address).await.expect("a session opens");
    let other = Session::connect(&address).await.expect("a session opens");
    (service, session, other)
}

/// A list that contains the same list twice, which contains the same list twice, and so on: there are few objects, but
/// writing them takes forever.
async fn doubled(session: &Session, levels: usize) -> DynamicProxy {
    let mut outer = list(session, "level 0", ints([])).await;
    for level in 1..=levels {
        outer = list(session, &format!("level {level}"), Value::List(vec![lasting(outer); 2])).await;
    }
    outer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_shared_structure_holds_up_no_call_and_ends_at_its_deadline() {
    let (_service, session, other) = narrow().await;
    let doubled = doubled(&session, 60).await;
    let text = make(&session, "text", "builtins.str", "{}").await;
    for (method, call) in [
        ("__repr__", doubled.call("__repr__", args![])),
        ("__str__", doubled.call("__str__", args![])),
        ("format", text.call("format", [reference(&doubled)])),
    ] {
        let call = call.timeout(Duration::from_millis(500)).send().await;
        for _ in 0..20 {
            let asked = other.is_memoized("level 0").timeout(Duration::from_secs(3)).await;
            assert_eq!(asked, Ok(true), "beside {method}");
        }
        let error = call.await.expect_err("it takes far longer");
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{method}: {error:?}");
        // The call no longer holds the object; otherwise a change would wait.
        let changed = doubled.call("append", [Value::Null]).timeout(Duration::from_secs(3)).await;
        assert_eq!(changed, Ok(Value::Null), "after {method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generators_end_when_nobody_wants_their_objects_any_more() {
    let mut limits = Limits::default();
    limits.generator_time = Duration::from_secs(1);
    let service = Service::new("127.0.0.1", 0).limits(limits).start().await.expect("the service starts");
    let session = Session::connect(service.address()).await.expect("a session opens");
    let doubled = doubled(&session, 60).await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    // The arguments of the second one are large.
    let padding = Value::from("x".repeat(100_000));
    for (n, object) in [reference(&doubled), Value::List(vec![reference(&doubled), padding])].into_iter().enumerate() {
        let changes = async || {
            let changed = doubled.call("append", [Value::Null]).timeout(Duration::from_secs(5)).await;
            assert_eq!(changed, Ok(Value::Null), "whoever made text {n} has it no longer");
        };
        let create = session.create(builtins.function("str", [object.clone()])).timeout(Duration::from_millis(500));
        let error = create.await.map(drop).expect_err("it takes far longer");
        assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
        changes().await;
        // The service itself stops a generator whose result is for everybody.
        let memoize = session.memoize(&format!("text {n}"), builtins.function("str", [object]));
        let error = memoize.await.map(drop).expect_err("it takes far longer");
        assert!(matches!(error, Error::GeneratorLate { .. }), "{error:?}");
        changes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_as_much_is_written_as_is_shown() {
    let (_service, session, _) = narrow().await;
    let doubled = doubled(&session, 60).await;
    for (template, shown) in [("{!r:.5}", "[[[[["), ("{!s:.3}", "[[["), ("{!a:>4.2}", "  [["), ("{:.0}", "")] {
        let text = make(&session, template, "builtins.str", template).await;
        let formatted = text.call("format", [reference(&doubled)]).timeout(SOON).await;
        match shown {
            "" => assert!(formatted.expect_err("it takes no spec").to_string().contains("unsupported format string")),
            shown => assert_eq!(formatted, Ok(shown.into()), "{template}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_has_begun_ends_with_its_session() {
    let (service, session, other) = narrow().await;
    let doubled = doubled(&session, 60).await;
    let call = doubled.call("__repr__", args![]).no_timeout().send().await;
    other.is_memoized("level 0").await.expect("it is asked");
    session.close().await;
    call.await.expect_err("its session has ended");
    let top = held(&other, "level 60").await;
    let changed = top.call("append", [Value::Null]).timeout(Duration::from_secs(5)).await;
    assert_eq!(changed, Ok(Value::Null));
    drop(service);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sets_are_compared_once_however_often_they_occur() {
    let (_service, session, other) = narrow().await;
    let plain = |of: std::ops::Range<i64>| Value::set(of.map(Value::from)).expect("hashable");
    let set = make(&session, "set", "builtins.set", plain(0..8_000)).await;
    let more = make(&session, "more", "builtins.frozenset", plain(0..8_001)).await;
    let many = list(&session, "many", Value::List(vec![reference(&set); 8_000])).await;
    let tuple = Value::Tuple(vec![plain(0..8_000), "x".into()]);
    let nested = make(&session, "nested", "builtins.tuple", Value::List(vec![reference(&set), "x".into()])).await;
    let tuples = list(&session, "tuples", Value::List(vec![reference(&nested); 8_000])).await;
    let unsorted =
        list(&session, "unsorted", Value::List(vec![[reference(&more), reference(&set)]; 8_000].concat())).await;
    let calls = [
        (many.call("count", [plain(0..8_000)]), Value::from(8_000)),
        (many.call("count", [plain(1..8_001)]), 0.into()),
        (many.call("count", [reference(&more)]), 0.into()),
        (many.call("__contains__", [plain(1..8_001)]), false.into()),
        (tuples.call("count", [tuple]), 8_000.into()),
        (many.call("__lt__", [Value::List(vec![reference(&more)])]), true.into()),
        (unsorted.call("sort", args![]), Value::Null),
    ];
    for (call, answer) in calls {
        let call = call.timeout(SOON).send().await;
        let asked = other.is_memoized("set").timeout(Duration::from_secs(3)).await;
        assert_eq!(asked, Ok(true));
        assert_eq!(call.await, Ok(answer));
    }
    assert_eq!(unsorted.call("__getitem__", [Value::from(0)]).await, Ok(reference(&set)));
    assert_eq!(unsorted.call("pop", args![]).await, Ok(reference(&more)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dict_counts_once_in_a_chain_however_often_it_occurs() {
    let (_service, session, other) = narrow().await;
    let pairs = |of: std::ops::Range<i64>| Value::Map(of.map(|n| (n.into(), n.into())).collect());
    let dict = make(&session, "dict", "builtins.dict", pairs(0..10_000)).await;
    let more = make(&session, "more", "builtins.dict", Value::Map(vec![(1.into(), "more".into())])).await;
    let mut maps = vec![reference(&dict); 20_000];
    maps[10_000] = reference(&more);
    let collections = session.remote_import("collections").await.expect("imports");
    let chain = collections.construct("ChainMap", maps).await.expect("made");
    let calls = [
        (chain.call("__bool__", args![]), Value::from(true)),
        (chain.call("__len__", args![]), 10_000.into()),
        (chain.call("get", args![1]), 1.into()),
        (chain.call("get", args![-1]), Value::Null),
        (chain.call("__eq__", [pairs(0..10_000)]), true.into()),
        (chain.call("__contains__", args![-1]), false.into()),
    ];
    for (call, answer) in calls {
        let call = call.timeout(SOON).send().await;
        assert_eq!(other.is_memoized("dict").timeout(Duration::from_secs(3)).await, Ok(true));
        assert_eq!(call.await, Ok(answer));
    }
    // As in CPython: the keys of the last map come first, and the values of the first map win.
    let order = collections.construct("ChainMap", [reference(&more), reference(&dict), reference(&more)]).await;
    let items = order.expect("made").call("items", args![]).await.expect("some");
    assert_eq!(items.as_items().expect("a list")[..2], [Value::from((1, "more")), (0, 0).into()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joined_texts_are_counted_each_time_they_occur() {
    let (_service, session, _) = narrow().await;
    let text = make(&session, "text", "builtins.str", "x".repeat(1 << 20).as_str()).await;
    let many = list(&session, "many", Value::List(vec![reference(&text); 500])).await;
    let comma = make(&session, "comma", "builtins.str", ",").await;
    let error = comma.call("join", [reference(&many)]).timeout(SOON).await.expect_err("500 MiB");
    assert!(raised(&error).starts_with("MemoryError: the result would take"), "{error}");
    let all = session.remote_import("builtins").await.expect("imports");
    assert_eq!(all.call("all", [reference(&many)]).timeout(SOON).await, Ok(true.into()));
}

/// As CPython 3.11 answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_requested_part_of_a_range_is_looked_at() {
    let (_service, session, _) = narrow().await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let range = |start: i64, stop: i64| {
        let builtins = &builtins;
        async move { lasting(builtins.construct("range", args![start, stop]).await.expect("made")) }
    };
    let long = 1_000_000_000_000_000_000;
    for (start, stop, any, all) in [
        (1, long, true, true),
        (0, long, true, false),
        (-5, long, true, false),
        (0, 1, false, false),
        (0, 2, true, false),
        (7, 8, true, true),
        (0, 0, false, true),
    ] {
        let range = range(start, stop).await;
        assert_eq!(builtins.call("any", [range.clone()]).await, Ok(any.into()), "any(range({start}, {stop}))");
        assert_eq!(builtins.call("all", [range]).await, Ok(all.into()), "all(range({start}, {stop}))");
    }
    let (long, one) = (range(0, long).await, Value::from(vec![Value::from(1)]));
    let pairs = |pair: (i64, i64)| Ok(Value::List(vec![pair.into()]));
    assert_eq!(builtins.call("zip", [long.clone(), one.clone()]).await, pairs((0, 1)));
    assert_eq!(builtins.call("zip", [one.clone(), long.clone()]).await, pairs((1, 0)));
    let error = builtins.call("zip", args![one, long; strict = true]).await.expect_err("one is longer");
    assert_eq!(raised(&error), "ValueError: zip() argument 2 is longer than argument 1");
}

/// As CPython 3.11 answers, which asks whether no inner count is higher, and whether some differ.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_of_counters_have_an_order() {
    let (_service, session, _) = narrow().await;
    let mut outer = Vec::new();
    for (name, count) in [("low", 1), ("same", 1), ("high", 2)] {
        let counts = |key: &str, count: Value| Value::Map(vec![(key.into(), count)]);
        let inner = make(&session, name, "collections.Counter", counts("x", count.into())).await;
        let of = counts("a", lasting(inner));
        outer.push(make(&session, &format!("of {name}"), "collections.Counter", of).await);
    }
    let [low, same, high] = &outer[..] else { panic!("three were made") };
    for (one, method, other, holds) in [
        (low, "__lt__", high, true),
        (low, "__lt__", same, false),
        (low, "__le__", same, true),
        (high, "__le__", low, false),
        (high, "__gt__", low, true),
        (same, "__ge__", low, true),
    ] {
        assert_eq!(one.call(method, [reference(other)]).await, Ok(holds.into()), "{method}");
    }
    let wrong = make(&session, "wrong", "collections.Counter", Value::Map(vec![("a".into(), "s".into())])).await;
    let error = wrong.call("__lt__", [Value::Map(vec![("a".into(), 1.into())])]).await.expect_err("no order");
    assert_eq!(raised(&error), "TypeError: '<=' not supported between instances of 'str' and 'int'");
}
