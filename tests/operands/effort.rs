//! What takes long for how often it leads to the same: it holds up nobody else, and ends when nobody wants it any more.

use super::{held, ints, lasting, list, make, reference};
use std::time::Duration;
use tarmem::{DynamicProxy, Error, RunningService, Service, Session, Value, args};

/// More than what is looked at takes if each thing is looked at once; far less than what it takes otherwise.
const SOON: Duration = Duration::from_secs(20);

/// A service with one thread for all connections, and two sessions.
async fn narrow() -> (RunningService, Session, Session) {
    let service = Service::new("127.0.0.1", 0).workers(1).start().await.expect("the service starts");
    let address = service.local_addr().expect("a TCP listener").to_string();
    let session = Session::connect(&address).await.expect("a session opens");
    let other = Session::connect(&address).await.expect("a session opens");
    (service, session, other)
}

/// A list of twice the same list, of twice the same list, and so on: few objects, which are written for ever.
async fn doubled(session: &Session, levels: usize) -> DynamicProxy {
    let mut outer = list(session, "level 0", ints([])).await;
    for level in 1..=levels {
        outer = list(session, &format!("level {level}"), Value::List(vec![lasting(outer); 2])).await;
    }
    outer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_shared_structure_holds_nobody_up_and_ends_with_its_deadline() {
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
        // Which has the object no longer, or what changes it would wait.
        let changed = doubled.call("append", [Value::Null]).timeout(Duration::from_secs(3)).await;
        assert_eq!(changed, Ok(Value::Null), "after {method}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_written_than_is_shown() {
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
async fn sets_are_compared_once_however_often_they_are_met() {
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
