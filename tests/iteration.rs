//! Iteration over collections on the service: in chunks, and what happens if the collection changes meanwhile.

mod support;

use futures::stream::FusedStream;
use futures::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};
use support::{Fixture, Way};
use tarmem::modules::builtins::{BytesProxy, Dict, DictProxy, List, ListProxy, SetProxy, StrProxy, TupleProxy};
use tarmem::modules::collections::{CounterProxy, DefaultDictProxy, DequeProxy, OrderedDictProxy};
use tarmem::modules::{Elements, Exception, Iterable};
use tarmem::{CallError, DynamicProxy, Error, Limits, Proxy, Session, Value, args};

each_way![
    every_collection_gives_its_elements_in_order,
    a_change_of_the_collection_fails_its_iteration,
    a_change_after_the_last_element_is_an_error_too,
    values_under_keys_may_change,
    a_list_continues_by_position,
    a_deleted_key_ends_it,
    another_object_under_the_key_ends_it,
    by_id_it_outlives_the_key,
    an_element_of_another_type_ends_it,
    an_abandoned_iteration_leaves_nothing_behind,
    by_name_it_needs_no_types,
    a_cursor_without_an_element_notices_what_changes_before_the_first,
];

async fn all<T: DeserializeOwned>(elements: Elements<T>) -> Vec<T> {
    elements.try_collect().await.expect("nothing changes meanwhile")
}

/// The elements and the error of an iteration in which `change` happens after the first element.
async fn changed<T: DeserializeOwned>(
    elements: Elements<T>,
    change: impl Future<Output = ()>,
) -> (Vec<T>, Option<String>) {
    let mut elements = elements.chunks_of(1);
    let mut seen = vec![elements.next().await.expect("there is one").expect("it comes")];
    change.await;
    let mut error = None;
    while let Some(next) = elements.next().await {
        assert_eq!(error, None, "the first error is the last item");
        match next {
            Ok(element) => seen.push(element),
            Err(failure) => error = Some(failure.to_string()),
        }
    }
    assert!(elements.is_terminated() && elements.next().await.is_none());
    (seen, error)
}

async fn every_collection_gives_its_elements_in_order(fixture: Fixture) {
    let session = fixture.session().await;
    let numbers: Vec<i64> = (0..10).collect();
    let given = || Some(Value::from(numbers.clone()));
    let list = session.create(ListProxy::new(given())).await.expect("made");
    let tuple = session.create(TupleProxy::new(given())).await.expect("made");
    let set = session.create(SetProxy::new(given())).await.expect("made");
    let deque = session.create(DequeProxy::new(given(), None)).await.expect("made");
    for limit in [1, 3, 5, 10, 11, u32::MAX, 0] {
        assert_eq!(all(list.iter::<i64>().chunks_of(limit)).await, numbers, "{limit}");
        assert_eq!(all(tuple.iter::<i64>().chunks_of(limit)).await, numbers, "{limit}");
        assert_eq!(all(set.iter::<i64>().chunks_of(limit)).await, numbers, "{limit}");
        assert_eq!(all(deque.iter::<i64>().chunks_of(limit)).await, numbers, "{limit}");
    }
    let text = session.create(StrProxy::new(Some("añ😀b".into()), None, None)).await.expect("made");
    assert_eq!(all::<String>(text.iter().chunks_of(2)).await, ["a", "ñ", "😀", "b"]);
    let bytes = session.create(BytesProxy::new(Some(Value::Bytes(vec![0, 255, 7])), None, None)).await.expect("made");
    assert_eq!(all::<u8>(bytes.iter().chunks_of(2)).await, [0, 255, 7]);
    let nothing = session.create(ListProxy::new(None)).await.expect("made");
    assert!(all::<i64>(nothing.iter()).await.is_empty());

    let pairs: Vec<(String, i64)> = (0..10).map(|n| (format!("k{n}"), n)).collect();
    let entries = || Some(Value::Map(pairs.iter().map(|(key, n)| (key.as_str().into(), (*n).into())).collect()));
    let dict = session.create(DictProxy::new(entries())).await.expect("made");
    let counter = session.create(CounterProxy::new(entries())).await.expect("made");
    let ordered = session.create(OrderedDictProxy::new(entries())).await.expect("made");
    let defaults = session.create(DefaultDictProxy::new(None, entries())).await.expect("made");
    assert_eq!(all(dict.items_iter::<String, i64>().chunks_of(3)).await, pairs);
    assert_eq!(all(counter.items_iter::<String, i64>().chunks_of(3)).await, pairs);
    assert_eq!(all(ordered.items_iter::<String, i64>().chunks_of(3)).await, pairs);
    assert_eq!(all(defaults.items_iter::<String, i64>().chunks_of(3)).await, pairs);
    assert_eq!(all(dict.values_iter::<i64>().chunks_of(4)).await, numbers);
    assert_eq!(all(dict.iter::<String>().chunks_of(4)).await.len(), 10);
    // With gaps where keys were removed.
    for n in [0, 4, 5, 9] {
        dict.delete(format!("k{n}")).await.expect("there");
    }
    assert_eq!(all(dict.values_iter::<i64>().chunks_of(2)).await, [1, 2, 3, 6, 7, 8]);
}

async fn a_change_of_the_collection_fails_its_iteration(fixture: Fixture) {
    let session = fixture.session().await;
    let entries = || Some(Value::from(vec![("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)]));
    let dict = session.create(DictProxy::new(entries())).await.expect("made");
    let ordered = session.create(OrderedDictProxy::new(entries())).await.expect("made");
    let counter = session.create(CounterProxy::new(Some("abcde".into()))).await.expect("made");
    let defaults = session.create(DefaultDictProxy::new(Some("int".into()), entries())).await.expect("made");
    let set = session.create(SetProxy::new(Some("abcde".into()))).await.expect("made");
    let deque = session.create(DequeProxy::new(Some("abcde".into()), None)).await.expect("made");

    let size = Some("RuntimeError: dictionary changed size during iteration".to_owned());
    let (seen, error) = changed(dict.iter::<String>(), async { dict.set("f", 6).await.expect("put") }).await;
    assert_eq!(error, size);
    // After the change, only the chunks that were on their way still arrived.
    assert!(seen.len() <= 2, "{seen:?}");
    let (_, error) = changed(dict.values_iter::<i64>(), async { dict.delete("a").await.expect("there") }).await;
    assert_eq!(error, size);
    let (_, error) = changed(dict.items_iter::<String, i64>(), async { dict.clear().await.expect("cleared") }).await;
    assert_eq!(error, size);
    let (_, error) = changed(defaults.iter::<String>(), async {
        defaults.item::<i64>("missing").await.expect("made");
    })
    .await;
    assert_eq!(error, size);
    let (_, error) = changed(counter.iter::<String>(), async { counter.count(["z"]).await.expect("counted") }).await;
    assert_eq!(error, size);
    let (_, error) = changed(counter.iter::<String>(), async {
        counter.delete("a").await.expect("there");
        counter.count(["y"]).await.expect("counted");
    })
    .await;
    assert_eq!(error.as_deref(), Some("RuntimeError: dictionary keys changed during iteration"));
    let (_, error) = changed(ordered.iter::<String>(), async {
        ordered.move_to_end("a", true).await.expect("there");
    })
    .await;
    assert_eq!(error.as_deref(), Some("RuntimeError: OrderedDict mutated during iteration"));
    let (_, error) = changed(set.iter::<String>(), async { set.add("f").await.expect("put") }).await;
    assert_eq!(error.as_deref(), Some("RuntimeError: Set changed size during iteration"));
    let (_, error) = changed(deque.iter::<String>(), async { deque.rotate(1).await.expect("turned") }).await;
    assert_eq!(error.as_deref(), Some("RuntimeError: deque mutated during iteration"));
    let (_, error) = changed(deque.iter::<String>(), async {
        let taken: String = deque.pop().await.expect("there");
        deque.append(taken).await.expect("put");
    })
    .await;
    assert_eq!(error.as_deref(), Some("RuntimeError: deque mutated during iteration"), "though it looks the same");
}

async fn a_change_after_the_last_element_is_an_error_too(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = session.create(DictProxy::new(Some(vec![("a", 1), ("b", 2)].into()))).await.expect("made");
    // All of it came in one chunk.
    let mut keys = dict.iter::<String>();
    assert_eq!(keys.next().await, Some(Ok("a".to_owned())));
    dict.set("c", 3).await.expect("put");
    assert_eq!(keys.next().await, Some(Ok("b".to_owned())));
    let error = Exception::RuntimeError("dictionary changed size during iteration".into());
    assert_eq!(keys.next().await, Some(Err(CallError::Method(error))));
    assert_eq!(keys.next().await, None);
}

async fn values_under_keys_may_change(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = session.create(DictProxy::new(Some(vec![("a", 1), ("b", 2), ("c", 3), ("d", 4)].into()))).await;
    let dict = dict.expect("made");
    let (seen, error) = changed(dict.items_iter::<String, i64>(), async {
        dict.set("d", 40).await.expect("put");
        dict.incr::<i64>("a", 1).await.expect("added");
        dict.delete("nothing").await.expect_err("not there");
    })
    .await;
    assert_eq!((seen.len(), error), (4, None));
    assert_eq!(seen[3], ("d".to_owned(), 40));
    let counter = session.create(CounterProxy::new(Some("abcd".into()))).await.expect("made");
    let more = Value::Map(vec![("b".into(), 5.into())]);
    let add = async { counter.iadd(more).await.expect("added") };
    assert_eq!(changed(counter.iter::<String>(), add).await.1, None);
    let deque = session.create(DequeProxy::new(Some("abcd".into()), None)).await.expect("made");
    let set = async { deque.setitem((-1).into(), "z".into()).await.expect("put") };
    let (seen, error) = changed(deque.iter::<String>(), set).await;
    assert_eq!((seen.concat(), error), ("abcz".to_owned(), None));
}

async fn a_list_continues_by_position(fixture: Fixture) {
    let session = fixture.session().await;
    let of = |n: i64| session.create(ListProxy::new(Some(Value::from((0..n).collect::<Vec<_>>()))));
    // `for x in xs: xs.append(…)` sees what it appends.
    let list = of(3).await.expect("made");
    let (seen, error) = changed(list.iter::<i64>(), async { list.extend([7, 8]).await.expect("put") }).await;
    assert_eq!((seen, error), (vec![0, 1, 2, 7, 8], None));
    // An element that moves to a position already passed is not seen.
    let list = of(6).await.expect("made");
    let mut items = list.iter::<i64>().chunks_of(2);
    let mut seen =
        vec![items.next().await.expect("one").expect("comes"), items.next().await.expect("one").expect("comes")];
    list.delete_slice(..2).await.expect("there");
    seen.extend(items.try_collect::<Vec<_>>().await.expect("goes on"));
    // The second chunk was sent before or after the change.
    assert!(seen == [0, 1, 2, 3] || seen == [0, 1, 4, 5], "{seen:?}");
    // A list may grow after all of it was seen, and shrink below the current position.
    let list = of(2).await.expect("made");
    let mut items = list.iter::<i64>();
    assert_eq!(items.by_ref().take(2).try_collect::<Vec<_>>().await.expect("comes"), [0, 1]);
    list.append(2).await.expect("put");
    assert_eq!(items.next().await, Some(Ok(2)));
    list.clear().await.expect("cleared");
    assert_eq!(items.next().await, None);
    list.extend([1, 2, 3, 4]).await.expect("put");
    assert_eq!(items.next().await, None, "an end is an end");
}

async fn a_deleted_key_ends_it(fixture: Fixture) {
    let session = fixture.session().await;
    let made = ListProxy::new(Some(Value::from((0..100).collect::<Vec<i64>>())));
    let list = session.memoize("xs", made).await.expect("made");
    let mut items = list.iter::<i64>().chunks_of(10);
    assert_eq!(items.next().await, Some(Ok(0)));
    session.delete("xs").await.expect("there");
    let rest: Vec<_> = items.by_ref().collect().await;
    // The rest of the current chunk, and the chunk that was on its way.
    assert!(rest.len() <= 20, "{}", rest.len());
    let no_such_key = CallError::Failed(Error::NoSuchKey { key: "xs".into() });
    assert_eq!(rest.last(), Some(&Err(no_such_key.clone())));
    assert!(rest[..rest.len() - 1].iter().all(Result::is_ok));
    // The same from the beginning.
    assert_eq!(list.iter::<i64>().collect::<Vec<_>>().await, [Err(no_such_key)]);
}

async fn another_object_under_the_key_ends_it(fixture: Fixture) {
    let session = fixture.session().await;
    let numbers = || (0..100i64).map(|n| (n, n));
    let table = || {
        Dict::from(
            numbers()
                .map(|(key, n)| (tarmem::modules::python::Key::new(key.into()).expect("a key"), n.into()))
                .collect::<tarmem::modules::python::Table<Value>>(),
        )
    };
    let dict = session.update("d", table()).await.expect("stored");
    let mut items = dict.iter::<i64>().chunks_of(10);
    assert_eq!(items.next().await, Some(Ok(0)));
    session.update("d", table()).await.expect("stored");
    let last = items.collect::<Vec<_>>().await.pop().expect("an error");
    assert!(matches!(last, Err(CallError::Method(Exception::RuntimeError(_)))), "{last:?}");

    let list = session.update("xs", List::from_iter(0..100i64)).await.expect("stored");
    let mut items = list.iter::<i64>().chunks_of(10);
    assert_eq!(items.next().await, Some(Ok(0)));
    session.update("xs", List::from_iter(0..100i64)).await.expect("stored");
    let error = items.collect::<Vec<_>>().await.pop().expect("an error").expect_err("not the same list");
    assert_eq!(error.to_string(), "RuntimeError: another list took its place during iteration");
}

async fn by_id_it_outlives_the_key(fixture: Fixture) {
    let session = fixture.session().await;
    let made = ListProxy::new(Some(Value::from((0..100).collect::<Vec<i64>>())));
    let list = session.memoize("xs", made).await.expect("made").hold().await.expect("there");
    let mut items = list.iter::<i64>().chunks_of(10);
    assert_eq!(items.next().await, Some(Ok(0)));
    session.delete("xs").await.expect("there");
    drop(list);
    assert_eq!(items.try_collect::<Vec<_>>().await.expect("it lives").len(), 99);
    session.is_memoized("xs").await.expect("answers");
    eventually("it goes with the stream", || fixture.service.object_count() == 0).await;
}

async fn an_element_of_another_type_ends_it(fixture: Fixture) {
    let session = fixture.session().await;
    let mixed = Value::List(vec![1.into(), "two".into(), 3.into()]);
    let list = session.create(ListProxy::new(Some(mixed))).await.expect("made");
    let got: Vec<_> = list.iter::<i64>().collect().await;
    assert_eq!(got.len(), 2);
    assert_eq!(got[0], Ok(1));
    let Err(CallError::Failed(error @ Error::UnexpectedResult { .. })) = &got[1] else { panic!("{got:?}") };
    let message = "the result of iter_chunk is the text \"two\", where an i64 was expected; the call was made";
    assert_eq!(error.to_string(), message);
    let error = list.snapshot_as::<Vec<i64>>().await.expect_err("one is a text");
    assert!(matches!(&error, Error::UnexpectedResult { what, .. } if what == "snapshot"), "{error}");
    assert!(error.to_string().starts_with("the result of snapshot is not a Vec<i64>: "), "{error}");
}

async fn an_abandoned_iteration_leaves_nothing_behind(fixture: Fixture) {
    let session = fixture.session().await;
    let list = session.memoize("xs", ListProxy::new(None)).await.expect("made");
    for _ in 0..30 {
        let inner = session.create(ListProxy::new(None)).await.expect("made");
        list.append(Value::Ref(inner.reference().expect("by id"))).await.expect("put");
    }
    assert_eq!(fixture.service.object_count(), 31);
    for taken in 0..12 {
        let mut items = list.iter::<Value>().chunks_of(5);
        for _ in 0..taken {
            assert!(matches!(items.next().await, Some(Ok(Value::Ref(_)))));
        }
        // With references in the current chunk, and more of them on their way.
        drop(items);
    }
    list.clear().await.expect("cleared");
    eventually("no handle is left", || fixture.service.object_count() == 1).await;
}

async fn by_name_it_needs_no_types(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = session.create(DictProxy::new(Some(vec![("a", 1), ("b", 2), ("c", 3)].into()))).await.expect("made");
    let dict = dict.dynamic();
    assert_eq!(all::<String>(dict.iter().chunks_of(2)).await, ["a", "b", "c"]);
    let first = dict.call("items_chunk", args![null(), 2]).await.expect("a chunk");
    assert_eq!(
        first.get("items"),
        Some(&Value::from(vec![("a", 1), ("b", 2)].into_iter().map(Value::from).collect::<Vec<_>>()))
    );
    assert_eq!(first.get("more"), Some(&true.into()));
    let next = first.get("next").expect("a cursor").clone();
    let second = dict.call("items_chunk", [next.clone(), 2.into()]).await.expect("a chunk");
    assert_eq!(second.get("more"), Some(&false.into()));
    let end = dict.call("items_chunk", [second.get("next").expect("a cursor").clone()]).await.expect("a chunk");
    assert_eq!((end.get("items"), end.get("next")), (Some(&Value::List(vec![])), Some(&Value::Null)));
    dict.call("__setitem__", args!["d", 4]).await.expect("put");
    let error = dict.call("items_chunk", [next]).await.expect_err("it changed");
    assert!(error.to_string().ends_with("RuntimeError: dictionary changed size during iteration"), "{error}");
    // Cursors that no iteration has returned.
    let error = dict.call("iter_chunk", args!["first"]).await.expect_err("no cursor");
    assert!(matches!(error, Error::BadArguments { .. }), "{error}");

    let threading = session.remote_import("threading").await.expect("imports");
    let lock = threading.construct("Lock", args![]).await.expect("made");
    let error = lock.iter::<Value>().next().await.expect("an item").expect_err("no collection");
    assert!(matches!(error, CallError::Failed(Error::NoSuchMethod { .. })), "{error}");
}

/// In Python: `elements = iter(d)`, then a change, then `next(elements)`.
async fn a_cursor_without_an_element_notices_what_changes_before_the_first(fixture: Fixture) {
    let session = fixture.session().await;
    let begin = async |object: &DynamicProxy| {
        let chunk = object.call("iter_chunk", args![null(), 0]).await.expect("a chunk");
        assert_eq!(chunk.get("items"), Some(&Value::List(vec![])));
        chunk.get("next").expect("a cursor").clone()
    };
    let builtins = session.remote_import("builtins").await.expect("imports");
    let collections = session.remote_import("collections").await.expect("imports");

    let dict = "RuntimeError: dictionary changed size during iteration";
    let ordered = "RuntimeError: OrderedDict mutated during iteration";
    let set = "RuntimeError: Set changed size during iteration";
    let deque = "RuntimeError: deque mutated during iteration";
    for (module, class, change, message) in [
        (&builtins, "dict", ("__setitem__", args!["b", 2]), dict),
        (&builtins, "set", ("add", args!["b"]), set),
        (&collections, "deque", ("append", args!["b"]), deque),
        (&collections, "Counter", ("update", args!["b"]), dict),
        (&collections, "OrderedDict", ("__setitem__", args!["b", 2]), ordered),
    ] {
        // The same for an empty one.
        for empty in [true, false] {
            let object = module.construct(class, args![]).await.expect("made");
            let (method, args) = &change;
            if !empty {
                object.call(method, args.clone()).await.expect("put");
                object.call("clear", args![]).await.expect("cleared");
                let mut first = args.clone();
                first[0] = "a".into();
                object.call(method, first).await.expect("put");
            }
            let unchanged = begin(&object).await;
            let items = object.call("iter_chunk", args![unchanged.clone(), 1]).await.expect("nothing changed");
            let items = items.get("items").and_then(Value::as_list).expect("a list").len();
            assert_eq!(items, usize::from(!empty), "{class}");
            object.call(method, args.clone()).await.expect("put");
            let error = object.call("iter_chunk", args![unchanged]).await.expect_err("it changed");
            assert!(error.to_string().ends_with(message), "{class}: {error}");
        }
    }

    // A list may change, since only the position counts. A collection that cannot change has no cursor at its end.
    let list = builtins.construct("list", args![]).await.expect("made");
    let cursor = begin(&list).await;
    list.call("append", args![7]).await.expect("put");
    let items = list.call("iter_chunk", [cursor]).await.expect("it goes on");
    assert_eq!(items.get("items"), Some(&Value::from([7])));
    let tuple = builtins.construct("tuple", args![]).await.expect("made");
    assert_eq!(begin(&tuple).await, Value::Null);
}

fn null() -> Value {
    Value::Null
}

async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < limit, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A list of `count` strings of `bytes` bytes each.
async fn list_of_texts(session: &Session, count: i64, bytes: usize) -> ListProxy {
    let list = session.create(ListProxy::new(Some(vec!["x".repeat(bytes)].into()))).await.expect("made");
    list.imul(count.into()).await.expect("repeated");
    list
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_elements_are_more_than_a_frame() {
    let fixture = Fixture::new(Way::Tcp).await;
    let session = fixture.session().await;
    let list = list_of_texts(&session, 1_000_000, 20).await;
    let whole = list.to_vec::<String>().await.expect_err("over the frame limit");
    assert!(matches!(whole, CallError::Failed(Error::BadResult { .. })), "{whole}");
    let count = list.iter::<String>().chunks_of(u32::MAX).try_fold(0, async |count, text| {
        assert_eq!(text.len(), 20);
        Ok(count + 1)
    });
    assert_eq!(count.await.expect("all of them come"), 1_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_fits_a_frame_of_any_size() {
    for frame_bytes in [16 << 10, 64 << 10, 1 << 20] {
        let mut limits = Limits::default();
        limits.frame_bytes = frame_bytes;
        let fixture = Fixture::with(Way::Tcp, limits).await;
        let session = fixture.session().await;
        let list = list_of_texts(&session, 3_000, 1_000).await;
        let texts = all::<String>(list.iter().chunks_of(u32::MAX)).await;
        assert_eq!(texts.len(), 3_000, "with frames of {frame_bytes}");
        let chunk = list.dynamic().call("iter_chunk", [Value::Null, 3_000.into()]).await.expect("a chunk");
        let items = chunk.get("items").and_then(Value::as_list).expect("a list").len();
        let most = frame_bytes.min(256 << 10) / 1_000;
        assert!(items <= most && items > most * 8 / 10, "{items} with frames of {frame_bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_element_over_the_frame_is_an_error_not_a_hang() {
    let mut limits = Limits::default();
    limits.frame_bytes = 64 << 10;
    let fixture = Fixture::with(Way::Tcp, limits).await;
    let session = fixture.session().await;
    let inner = List::from_iter(["small", "x"]);
    let list = session.update("xs", inner).await.expect("stored");
    // Made on the service, since it would not have fitted in one frame.
    let text = session.create(StrProxy::new(Some("x".into()), None, None)).await.expect("made");
    drop(text);
    let large = fixture.service.session();
    large.proxy::<List>("xs").set(1, "x".repeat(100 << 10)).await.expect("in process there is no frame");
    let got: Vec<_> = list.iter::<String>().collect().await;
    assert_eq!(got[0], Ok("small".to_owned()));
    assert!(matches!(&got[1..], [Err(CallError::Failed(Error::BadResult { .. }))]), "{got:?}");
}

#[test]
fn blocking_iteration_is_an_iterator() {
    use tarmem::blocking::{self, Wait, WaitEach};
    let service = blocking::start(tarmem::Service::new("127.0.0.1", 0)).expect("starts");
    let session = blocking::Session::connect(service.address()).expect("connects");
    let list = session.memoize("xs", ListProxy::new(Some(vec![1, 2, 3].into()))).wait().expect("made");
    let mut sum = 0;
    for item in list.iter::<i64>().chunks_of(2).wait_each() {
        sum += item.expect("nothing changes");
    }
    assert_eq!(sum, 6);
    blocking::shutdown(service);
}
