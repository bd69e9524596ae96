//! The functions of the modules on live objects: each call is one step, even while others use the objects.

mod support;

use futures::future::join_all;
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::modules::bisect::{bisect_left, insort};
use tarmem::modules::builtins::ListProxy;
use tarmem::modules::heapq::{heapify, heappop, heappush, heappushpop, heapreplace};
use tarmem::modules::itertools::Count;
use tarmem::modules::itertools::CountProxy;
use tarmem::value::to_value;
use tarmem::{CallError, DynamicProxy, Error, Proxy, Value, args};

each_way![
    a_heap_is_used_by_many_at_one_time,
    a_heap_is_unchanged_after_an_error,
    a_list_stays_in_order,
    a_count_returns_no_number_twice,
    dynamic_callers_name_the_list,
    live_objects_are_read_on_the_service,
    live_objects_may_hold_live_objects,
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

async fn a_heap_is_unchanged_after_an_error(fixture: Fixture) {
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
    let puts = (0..60).map(|n| insort::remote(&list, (n * 7 % 60).into(), None, None, None).call(&sessions[n % 3]));
    for put in join_all(puts).await {
        put.expect("numbers have an order");
    }
    assert_eq!(list.to_vec::<i64>().await, Ok((0..60).collect()));
    let held = list.hold().await.expect("it is there");
    let live = || to_value(&held).expect("a reference");
    assert_eq!(bisect_left::remote(live(), 7.into(), None, None, None).call(&session).await, Ok(7));
    assert_eq!(bisect_left::remote(live(), 7.into(), 9, None, None).call(&session).await, Ok(9));
    let error =
        bisect_left::remote(live(), 7.into(), -1, None, None).call(&session).await.expect_err("before the list");
    assert_eq!(error, CallError::Method(Exception::ValueError("lo must be non-negative".into())));
}

async fn a_count_returns_no_number_twice(fixture: Fixture) {
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
    assert_eq!(error.raised_class(), Some("TypeError"));
    assert_eq!(raised(&error), "TypeError: heappush() argument 1 must be list, not itertools.count");
    // The messages of CPython 3.11.
    let bisect = session.remote_import("bisect").await.expect("offered");
    for (module, function, args, says) in [
        (&heapq, "heapify", args![5], "TypeError: heapify() argument must be list, not int"),
        (&heapq, "heappop", args![Value::Null], "TypeError: heappop() argument must be list, not NoneType"),
        (&heapq, "heappush", args![(1, 2), 1], "TypeError: heappush() argument 1 must be list, not tuple"),
        (&bisect, "insort", args![5, 2], "TypeError: object of type 'int' has no len()"),
        (&bisect, "insort", args![(1, 2), 2], "AttributeError: 'tuple' object has no attribute 'insert'"),
        (&bisect, "insort_left", args![Value::Map(vec![]), 2], "TypeError: dict is not a sequence"),
    ] {
        let error = module.call(function, args).await.expect_err(says);
        assert_eq!(raised(&error), says);
    }
    let error = heapq.call("heapify", args![[3, 1]]).await.expect_err("nobody would see it");
    assert!(error.to_string().contains("an object is passed by its key, as text, or by a reference"), "{error}");
    let builtins = session.remote_import("builtins").await.expect("offered");
    let least = builtins.call("min", args![[3, 1], [2, 5]; ]).await;
    assert_eq!(least, Ok([2, 5].into()));
    let zipped = builtins.call("zip", args![[1, 2], "ab"; strict = true]).await;
    assert_eq!(zipped, Ok(Value::List(vec![(1, "a").into(), (2, "b").into()])));
    let error = builtins.call("sum", args![5]).await.expect_err("no elements");
    assert_eq!(error.raised_class(), Some("TypeError"));
}

async fn live_objects_are_read_on_the_service(fixture: Fixture) {
    let session = fixture.session().await;
    let builtins = session.remote_import("builtins").await.expect("offered");
    let collections = session.remote_import("collections").await.expect("offered");
    let list = builtins.construct("list", args![[3, 1, 2]]).await.expect("made");
    let text = builtins.construct("str", args!["bca"]).await.expect("made");
    let deque = collections.construct("deque", args![[3, 1, 2], 2]).await.expect("made");
    let counter = collections.construct("Counter", args!["bcab"]).await.expect("made");
    let number = builtins.construct("int", args![5]).await.expect("made");
    let call = async |function: &str, args: args::Args| builtins.call(function, args).await;
    let of = |object: &DynamicProxy| to_value(object).expect("by id");
    let alone = |object: &DynamicProxy| args::Args::from([of(object)]);
    for (object, len, sorted) in [
        (&list, 3, Value::from([1, 2, 3])),
        (&text, 3, ["a", "b", "c"].into()),
        (&deque, 2, [1, 2].into()),
        (&counter, 3, ["a", "b", "c"].into()),
    ] {
        assert_eq!(call("len", alone(object)).await, Ok(len.into()));
        assert_eq!(call("sorted", alone(object)).await, Ok(sorted.clone()));
        assert_eq!(call("min", alone(object)).await, Ok(sorted.as_list().expect("a list")[0].clone()));
        assert_eq!(call("any", alone(object)).await, Ok(true.into()));
        assert_eq!(call("all", alone(object)).await, Ok(true.into()));
        let reversed = call("reversed", alone(object)).await.expect("it has an order");
        assert_eq!(reversed.as_list().expect("a list").len(), len as usize);
    }
    assert_eq!(call("sum", args![of(&list), of(&number)].into()).await, Ok(11.into()));
    assert_eq!(call("max", args![of(&list); default = 0]).await, Ok(3.into()));
    let pairs = Value::List(vec![(3, "b").into(), (1, "c").into(), (2, "a").into()]);
    assert_eq!(call("zip", args![of(&list), of(&text); strict = true]).await, Ok(pairs));
    let numbered = Value::List(vec![(1, 1).into(), (2, 2).into()]);
    assert_eq!(call("enumerate", args![of(&deque); start = 1]).await, Ok(numbered));
    assert_eq!(call("repr", alone(&list)).await, Ok("[3, 1, 2]".into()));
    assert_eq!(call("repr", alone(&deque)).await, Ok("deque([1, 2], maxlen=2)".into()));
    let heapq = session.remote_import("heapq").await.expect("offered");
    assert_eq!(heapq.call("nlargest", args![2, of(&list)]).await, Ok([3, 2].into()));
    assert_eq!(heapq.call("merge", args![of(&deque), [0, 9]]).await, Ok([0, 1, 2, 9].into()));
    for (function, words) in [("len", "object of type 'int' has no len()"), ("sorted", "'int' object is not iterable")]
    {
        let error = call(function, alone(&number)).await.expect_err("a number has no elements");
        assert_eq!(error.raised_args(), Some(&[words.into()][..]));
    }
}

async fn live_objects_may_hold_live_objects(fixture: Fixture) {
    let session = fixture.session().await;
    let builtins = session.remote_import("builtins").await.expect("offered");
    let empty = builtins.construct("list", args![]).await.expect("made");
    let pair = builtins.construct("list", args![[1, 2]]).await.expect("made");
    let (empty, pair) = (to_value(&empty).expect("by id"), to_value(&pair).expect("by id"));
    let both = Value::List(vec![pair.clone(), empty.clone()]);
    assert_eq!(builtins.call("any", [Value::List(vec![empty.clone()])]).await, Ok(false.into()), "it holds nothing");
    assert_eq!(builtins.call("all", [both.clone()]).await, Ok(false.into()));
    assert_eq!(builtins.call("sum", args![both.clone(), Value::List(vec![])]).await, Ok([1, 2].into()));
    assert_eq!(builtins.call("repr", [both.clone()]).await, Ok("[[1, 2], []]".into()));
    let sorted = builtins.call("sorted", [both]).await.expect("lists have an order");
    assert_eq!(sorted, Value::List(vec![empty, pair]), "and stay the objects that they are");
}

/// The message of a Python exception.
fn raised(error: &Error) -> &str {
    let Error::Raised { message, .. } = error else { panic!("{error:?}") };
    message
}
