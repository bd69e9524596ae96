//! Values in the collections of a service: anything that serde can carry goes in and comes out through their proxies.

mod support;

use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap, VecDeque};
use support::Fixture;
use tarmem::blocking::{self, Wait};
use tarmem::modules::Exception;
use tarmem::modules::builtins::{DictProxy, List, ListProxy, SetProxy, TupleProxy};
use tarmem::modules::collections::{CounterProxy, DequeProxy, OrderedDictProxy};
use tarmem::modules::queue::{LifoQueueProxy, PriorityQueueProxy, QueueProxy, SimpleQueueProxy};
use tarmem::modules::types::SimpleNamespaceProxy;
use tarmem::{CallError, Error, Proxy, Service, Value};

each_way![
    a_struct_goes_into_every_collection_and_comes_out_as_it_was,
    a_tuple_is_a_tuple_and_an_array_a_list,
    a_proxy_goes_in_as_its_object,
    an_unsupported_value_is_named_and_the_call_not_made,
    collections_are_made_from_nothing_or_from_rust_collections,
    proxies_have_the_names_of_rusts_collections,
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    path: String,
    kind: Kind,
    size: Option<(u32, u32)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Scan,
    Resize { to: [u16; 2] },
}

fn job(path: &str) -> Job {
    Job { path: path.to_owned(), kind: Kind::Resize { to: [640, 480] }, size: Some((1, 2)) }
}

fn scan() -> Job {
    Job { path: "/tmp".to_owned(), kind: Kind::Scan, size: None }
}

async fn a_struct_goes_into_every_collection_and_comes_out_as_it_was(fixture: Fixture) {
    let session = fixture.session().await;
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    queue.put(job("a")).await.expect("room");
    let (borrowed, other) = (scan(), job("d"));
    queue.put_nowait(&borrowed).await.expect("room");
    assert_eq!(queue.get().await, Ok(job("a")));
    let leased = queue.get_leased::<Job>().await.expect("an item");
    assert_eq!(*leased, scan());
    leased.ack().await.expect("it is leased");
    let lifo = session.memoize("lifo", LifoQueueProxy::new(None)).await.expect("made");
    let simple = session.memoize("simple", SimpleQueueProxy::new()).await.expect("made");
    let least = session.memoize("least", PriorityQueueProxy::new(None)).await.expect("made");
    lifo.put(scan()).await.expect("room");
    simple.put(scan()).await.expect("room");
    least.put((2, job("second"))).await.expect("room");
    least.put((1, job("first"))).await.expect("room");
    assert_eq!((lifo.get().await, simple.get().await), (Ok(scan()), Ok(scan())));
    assert_eq!(least.get().await, Ok((1, job("first"))));

    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    list.append(job("b")).await.expect("appends");
    list.extend([scan(), job("c")]).await.expect("extends");
    list.insert(0, Some(job("a"))).await.expect("inserts");
    list.set(-1, &other).await.expect("is there");
    assert_eq!(list.to_vec::<Job>().await, Ok(vec![job("a"), job("b"), scan(), job("d")]));
    assert_eq!((list.index(scan()).await, list.contains(job("z")).await), (Ok(2), Ok(false)));
    list.remove(job("b")).await.expect("is there");

    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set("a", job("a")).await.expect("sets");
    dict.update(BTreeMap::from([("b", job("b")), ("c", scan())])).await.expect("updates");
    assert_eq!(dict.get("a").await, Ok(Some(job("a"))));
    assert_eq!(dict.setdefault("d", scan()).await, Ok(scan()));
    assert_eq!(dict.compare_and_set("a", job("a"), job("e")).await, Ok(true));
    assert_eq!(dict.pop("a").await, Ok(Some(job("e"))));
    assert_eq!(dict.values::<Job>().await, Ok(vec![job("b"), scan(), scan()]));
    let ordered = session.memoize("ordered", OrderedDictProxy::new(None)).await.expect("made");
    ordered.set(Kind::Scan, scan()).await.expect("a unit variant is a text");
    assert_eq!(ordered.item("Scan").await, Ok(scan()));
    let namespace = session.memoize("namespace", SimpleNamespaceProxy::new(None)).await.expect("made");
    namespace.set("job", scan()).await.expect("sets");
    assert_eq!(namespace.get("job").await, Ok(scan()));

    let deque = session.memoize("deque", DequeProxy::new(None, None)).await.expect("made");
    deque.append(job("right")).await.expect("appends");
    deque.appendleft(scan()).await.expect("appends");
    assert_eq!((deque.pop().await, deque.popleft().await), (Ok(job("right")), Ok(scan())));

    // Many calls on their way at one time.
    let puts = ["x", "y", "z"].map(|path| queue.put(job(path)));
    assert!(session.pipeline(puts).await.iter().all(Result::is_ok));
    let got = session.pipeline([queue.get::<Job>(), queue.get(), queue.get()]).await;
    assert_eq!(got, [Ok(job("x")), Ok(job("y")), Ok(job("z"))]);
}

async fn a_tuple_is_a_tuple_and_an_array_a_list(fixture: Fixture) {
    let session = fixture.session().await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    list.append((1, "a")).await.expect("appends");
    let pair = (1, [2, 3]);
    list.append(pair).await.expect("appends");
    list.append([1, 2]).await.expect("appends");
    list.append(vec![(1, 2)]).await.expect("appends");
    list.append(Value::from((1,))).await.expect("appends");
    list.append(Some((1, ()))).await.expect("appends");
    let expected = [
        Value::from((1, "a")),
        Value::from((1, Value::from([2, 3]))),
        [1, 2].into(),
        Value::List(vec![Value::from((1, 2))]),
        Value::from((1,)),
        Value::from((1, Value::Null)),
    ];
    assert_eq!(list.to_vec::<Value>().await, Ok(expected.to_vec()));
    // So it can be a key, unlike a list.
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set((1, "a"), 5).await.expect("sets");
    dict.update([((2, "b"), 6)]).await.expect("updates");
    assert_eq!(dict.get::<i64>((1, "a")).await, Ok(Some(5)));
    assert_eq!(dict.contains_key((2, "b")).await, Ok(true));
    assert!(matches!(dict.set([1, 2], 5).await, Err(CallError::Method(Exception::TypeError(_)))));
    let set = session.memoize("set", SetProxy::new(None)).await.expect("made");
    set.add((1, 2)).await.expect("adds");
    assert_eq!(set.contains((1, 2)).await, Ok(true));
    let counter = session.memoize("counter", CounterProxy::new(None)).await.expect("made");
    counter.count([(1, 2), (1, 2)]).await.expect("counts");
    assert_eq!(counter.item::<i64>((1, 2)).await, Ok(2));
    // Inside a struct, both are what serde makes of them.
    list.append(job("a")).await.expect("appends");
    let last: Value = list.get(-1).await.expect("there");
    assert_eq!(last.get("size"), Some(&Value::from([1, 2])));
}

async fn a_proxy_goes_in_as_its_object(fixture: Fixture) {
    #[derive(Serialize, Deserialize)]
    struct Task {
        name: String,
        results: ListProxy,
    }

    let session = fixture.session().await;
    let inner = session.create(ListProxy::new(None)).await.expect("made");
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    dict.set("typed", &inner).await.expect("sets");
    dict.set("dynamic", inner.dynamic()).await.expect("sets");
    dict.set("task", Task { name: "t".to_owned(), results: inner.clone() }).await.expect("sets");
    dict.set("reference", inner.reference().expect("by id")).await.expect("sets");
    for key in ["typed", "dynamic", "reference"] {
        dict.item::<ListProxy>(key).await.expect("a list").append(key).await.expect("appends");
    }
    let task: Task = dict.item("task").await.expect("a task");
    task.results.append(task.name).await.expect("appends");
    assert_eq!(inner.to_vec::<String>().await, Ok(["typed", "dynamic", "reference", "t"].map(str::to_owned).to_vec()));
    // A proxy by key stands for no particular object.
    let named = session.memoize("named", ListProxy::new(None)).await.expect("made");
    let error = dict.set("named", &named).await.expect_err("by key");
    assert!(error.to_string().contains("proxy.hold()") && error.to_string().contains("\"named\""), "{error}");
    // A temporary object is kept until the collection holds it.
    dict.set("named", named.hold().await.expect("there")).await.expect("sets");
    dict.set("fresh", session.create(ListProxy::new(None)).await.expect("made")).await.expect("sets");
    dict.item::<ListProxy>("fresh").await.expect("a list").append(1).await.expect("appends");
    assert_eq!(dict.len().await, Ok(6));
}

/// Cannot be serialized.
struct Secret;

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it is secret"))
    }
}

/// Nested deeper than values may be.
#[derive(Serialize)]
struct Deep(Option<Box<[Deep; 1]>>);

async fn an_unsupported_value_is_named_and_the_call_not_made(fixture: Fixture) {
    let session = fixture.session().await;
    let list = session.memoize("list", ListProxy::new(None)).await.expect("made");
    let dict = session.memoize("dict", DictProxy::new(None)).await.expect("made");
    let queue = session.memoize("queue", QueueProxy::new(None)).await.expect("made");
    let deep = (0..100).fold(Deep(None), |inner, _| Deep(Some(Box::new([inner]))));
    let refusals = [
        (list.append(&deep).await, "builtins.list.append(", "a &Deep cannot be a value: "),
        (list.extend([Secret]).await, "builtins.list.extend(", "a Secret cannot be a value: it is secret; "),
        (dict.set("k", Secret).await, "builtins.dict.__setitem__(", "a Secret cannot be a value: it is secret; "),
        (dict.set(Secret, &deep).await, "builtins.dict.__setitem__(", "a Secret cannot be a value: it is secret; "),
        (dict.update([("k", Secret)]).await, "builtins.dict.update(", "a Secret cannot be a value: it is secret; "),
        (queue.put(Secret).await, "queue.Queue.put(", "a Secret cannot be a value: it is secret; "),
    ];
    for (refused, method, words) in refusals {
        let error = refused.expect_err("it is no value");
        assert!(matches!(error, CallError::Failed(Error::BadArguments { .. })), "{error:?}");
        let said = error.to_string();
        assert!(said.starts_with(method) && said.contains(words) && said.contains("`Value`"), "{error}");
    }
    queue.put(Secret).detach();
    let error = session.pipeline([list.append(Secret)]).await.remove(0).expect_err("it is no value");
    assert!(error.to_string().contains("a Secret cannot be a value"), "{error}");
    assert_eq!((list.len().await, dict.len().await, queue.qsize().await), (Ok(0), Ok(0), Ok(0)));
}

async fn collections_are_made_from_nothing_or_from_rust_collections(fixture: Fixture) {
    let session = fixture.session().await;
    let empty: [(&str, usize); 9] = [
        ("list", session.create(ListProxy::default()).await.expect("made").len().await.expect("answers")),
        ("nothing", session.create(ListProxy::new(())).await.expect("made").len().await.expect("answers")),
        ("dict", session.create(DictProxy::default()).await.expect("made").len().await.expect("answers")),
        ("set", session.create(SetProxy::default()).await.expect("made").len().await.expect("answers")),
        ("tuple", session.create(TupleProxy::default()).await.expect("made").len().await.expect("answers")),
        ("deque", session.create(DequeProxy::default()).await.expect("made").len().await.expect("answers")),
        ("counter", session.create(CounterProxy::default()).await.expect("made").len().await.expect("answers")),
        ("queue", session.create(QueueProxy::default()).await.expect("made").qsize().await.expect("answers")),
        ("bounded", session.create(QueueProxy::new(())).await.expect("made").qsize().await.expect("answers")),
    ];
    assert!(empty.iter().all(|(_, len)| *len == 0), "{empty:?}");
    assert_eq!(session.create(QueueProxy::default()).await.expect("made").full().await, Ok(false));

    let list = session.create(ListProxy::new(vec!["a", "b"])).await.expect("made");
    assert_eq!(list.to_vec::<String>().await, Ok(vec!["a".to_owned(), "b".to_owned()]));
    let list = session.create(ListProxy::new([(1, "a")])).await.expect("made");
    assert_eq!(list.get::<(i64, String)>(0).await, Ok((1, "a".to_owned())));
    let list = session.create(ListProxy::new((1..4).map(|n| n * n).collect::<Value>())).await.expect("made");
    assert_eq!(list.to_vec::<i64>().await, Ok(vec![1, 4, 9]));
    let dict = session.create(DictProxy::new(BTreeMap::from([("a", 1), ("b", 2)]))).await.expect("made");
    assert_eq!(dict.items::<String, i64>().await, Ok(vec![("a".to_owned(), 1), ("b".to_owned(), 2)]));
    let dict = session.create(DictProxy::new(HashMap::from([("a", [1])]))).await.expect("made");
    assert_eq!(dict.get::<Vec<i64>>("a").await, Ok(Some(vec![1])));
    let dict = session.create(DictProxy::new(Value::map([(1, "x"), (2, "y")]))).await.expect("made");
    assert_eq!(dict.get::<String>(2).await, Ok(Some("y".to_owned())));
    let deque = session.create(DequeProxy::new(VecDeque::from([1, 2, 3]), Some(2.into()))).await.expect("made");
    assert_eq!(deque.to_vec::<i64>().await, Ok(vec![2, 3]));
}

async fn proxies_have_the_names_of_rusts_collections(fixture: Fixture) {
    let session = fixture.session().await;
    let list = session.memoize("list", ListProxy::default()).await.expect("made");
    list.push(scan()).await.expect("pushes");
    assert_eq!((list.len().await, list.pop().await), (Ok(1), Ok(scan())));
    let dict = session.memoize("dict", DictProxy::default()).await.expect("made");
    dict.insert("a", scan()).await.expect("inserts");
    assert_eq!((dict.len().await, dict.contains_key("a").await), (Ok(1), Ok(true)));
    assert_eq!((dict.remove("a").await, dict.remove::<Job>("a").await), (Ok(Some(scan())), Ok(None)));
    let set = session.memoize("set", SetProxy::default()).await.expect("made");
    set.insert(5).await.expect("inserts");
    assert_eq!((set.contains(5).await, set.len().await), (Ok(true), Ok(1)));
    let deque = session.memoize("deque", DequeProxy::default()).await.expect("made");
    deque.push_back(2).await.expect("pushes");
    deque.push_front(1).await.expect("pushes");
    deque.insert(2, 4).await.expect("inserts");
    deque.set(-1, 3).await.expect("sets");
    deque.extendleft([0, -1]).await.expect("extends");
    assert_eq!(deque.to_vec::<i64>().await, Ok(vec![-1, 0, 1, 2, 3]));
    assert_eq!((deque.contains(3).await, deque.count(9).await, deque.index(1).await), (Ok(true), Ok(0), Ok(2)));
    deque.remove(0).await.expect("is there");
    deque.delete(1).await.expect("is there");
    assert_eq!((deque.pop_front().await, deque.pop_back().await), (Ok(-1), Ok(3)));
    assert_eq!(deque.len().await, Ok(1));
    let tuple = session.create(TupleProxy::new([1, 2])).await.expect("made");
    assert_eq!((tuple.to_vec::<i64>().await, tuple.contains(2).await), (Ok(vec![1, 2]), Ok(true)));
}

#[test]
fn a_blocking_caller_puts_structs_in_too() {
    let service = blocking::start(Service::new("127.0.0.1", 0)).expect("starts");
    let session = blocking::Session::connect(service.address()).expect("connects");
    let queue = session.memoize("queue", QueueProxy::new(None)).wait().expect("made");
    queue.put(job("a")).wait().expect("room");
    assert_eq!(queue.get().wait(), Ok(job("a")));
    let error = queue.put(Secret).wait().expect_err("it is no value");
    assert!(error.to_string().contains("a Secret cannot be a value: it is secret"), "{error}");
    assert_eq!(queue.qsize().wait(), Ok(0));
    let list = session.update("list", List::from_iter([1, 2])).wait().expect("made");
    list.append(scan()).wait().expect("appends");
    assert_eq!(list.get(-1).wait(), Ok(scan()));
    blocking::shutdown(service);
}
