//! Objects inside objects: references are live, a copy is one call away, and cycles do not leak.

#[path = "nesting/factories.rs"]
mod factories;
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Fixture, Way};
use tarmem::modules::builtins::{Dict, DictProxy, ListProxy};
use tarmem::operation::{MethodRef, Operation, Target};
use tarmem::value::ObjectRef;
use tarmem::{Call, CallError, DynamicProxy, Error, Proxy, Session, Value, args};
use tarmem_remote::call::Name;
use tarmem_remote::codec;
use tarmem_remote::dispatch::Encoding;

each_way![
    a_list_in_a_dict_is_the_live_list,
    an_object_inside_comes_as_a_proxy_of_its_type,
    a_reference_keeps_its_object_alive,
    a_cycle_ends_in_a_reference_and_does_not_leak,
    a_copy_of_an_object_with_a_lock_shows_the_rest,
    objects_still_in_use_are_not_collected,
    a_reference_that_the_client_never_received_is_refused,
    handles_from_results_are_released,
    a_generator_takes_references,
    a_long_chain_is_dropped_without_overflowing_the_stack,
    a_copy_is_bounded_however_many_references_it_has,
    a_copy_shows_objects_in_tuples_and_keeps_references_in_sets,
    a_cycle_that_a_method_releases_is_collected,
    a_cycle_through_a_queue_is_collected,
    a_live_object_in_place_of_a_plain_value_is_in_the_error,
    an_unreadable_result_is_not_reported_as_undone,
    a_class_without_new_names_its_constructors,
    members_and_methods_are_listed,
];

async fn make(session: &Session, class: &str) -> DynamicProxy {
    let builtins = session.remote_import("builtins").await.expect("imports");
    builtins.construct(class, args![]).await.expect("made")
}

async fn named(session: &Session, key: &str, class: &str) -> DynamicProxy {
    let builtins = session.remote_import("builtins").await.expect("imports");
    session.memoize(key, builtins.function(class, args![])).await.expect("made")
}

fn reference(proxy: &DynamicProxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

fn proxy_of(value: Value) -> DynamicProxy {
    match value {
        Value::Ref(reference) => DynamicProxy::from_reference(&reference).expect("it came in a result"),
        other => panic!("{other} is no reference"),
    }
}

/// Waits for something that becomes true some time later.
async fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < limit, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn a_list_in_a_dict_is_the_live_list(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = named(&session, "d", "dict").await;
    let list = make(&session, "list").await;
    dict.call("__setitem__", [Value::from("xs"), reference(&list)]).await.expect("put");
    // Another client finds it there, and changes it.
    let other = fixture.session().await;
    let found = other.get_dynamic("d").await.expect("there").call("get", args!["xs"]).await.expect("there");
    proxy_of(found).call("append", args![7]).await.expect("answers");
    assert_eq!(list.snapshot().await, Ok(Value::from(vec![7])));
    // A plain copy contains the list's value.
    let copy = dict.snapshot().await.expect("copied");
    assert_eq!(copy, Value::Map(vec![("xs".into(), vec![7].into())]));
}

async fn an_object_inside_comes_as_a_proxy_of_its_type(fixture: Fixture) {
    let (session, other) = (fixture.session().await, fixture.session().await);
    let dict = session.memoize("d", DictProxy::new(None)).await.expect("made");
    let list = session.create(ListProxy::new(None)).await.expect("made");
    dict.set("xs", list.reference().expect("a proxy by id")).await.expect("put");
    dict.set("n", 1).await.expect("put");
    let theirs = other.get::<Dict>("d").await.expect("there");
    let found: ListProxy = theirs.get("xs").await.expect("answered").expect("there");
    found.append(7).await.expect("appended");
    assert_eq!(list.snapshot_as::<Vec<i64>>().await, Ok(vec![7]));
    assert!(theirs.get::<ListProxy>("nothing").await.expect("answered").is_none());
    let error = theirs.get::<ListProxy>("n").await.expect_err("a number is no object");
    assert!(matches!(error, CallError::Failed(Error::UnexpectedResult { .. })), "{error:?}");
    // Also inside a value of another type, and without a type.
    let all: Vec<(String, Value)> = theirs.items().await.expect("answered");
    assert_eq!(all.len(), 2);
    let values: Vec<DynamicProxy> = other
        .create(ListProxy::new(Some(vec![Value::from(found.reference().expect("by id"))].into())))
        .await
        .expect("made")
        .to_vec()
        .await
        .expect("references, all of them");
    assert_eq!(values[0].call("__len__", args![]).await, Ok(1.into()));
    // If the type is wrong, the first call says so.
    let wrong: DictProxy = theirs.get("xs").await.expect("answered").expect("there");
    let error = wrong.len().await.expect_err("it is a list");
    assert!(error.to_string().contains("builtins.list"), "{error}");
}

async fn a_reference_keeps_its_object_alive(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = named(&session, "d", "dict").await;
    let list = make(&session, "list").await;
    dict.call("__setitem__", [Value::from("xs"), reference(&list)]).await.expect("put");
    drop(list);
    let found = proxy_of(dict.call("get", args!["xs"]).await.expect("there"));
    found.call("append", args![1]).await.expect("it lives");
    drop(found);
    assert_eq!(fixture.service.object_count(), 2);
    dict.call("__delitem__", args!["xs"]).await.expect("there");
    session.is_memoized("d").await.expect("answers");
    eventually("the list goes with the last reference", || fixture.service.object_count() == 1).await;
}

async fn a_copy_of_an_object_with_a_lock_shows_the_rest(fixture: Fixture) {
    let session = fixture.session().await;
    let lock = session.remote_import("threading").await.expect("imports");
    let lock = lock.construct("Lock", args![]).await.expect("made");
    let list = make(&session, "list").await;
    list.call("extend", args![[1.into(), reference(&lock), Value::from([2])]]).await.expect("put");
    for shown in [
        list.snapshot().await.expect("it is shown"),
        list.snapshot_with_info().await.expect("it is shown").value,
        list.snapshot_as().await.expect("any value is one"),
    ] {
        let Some([one, Value::Ref(inside), two]) = shown.as_list() else { panic!("{shown}") };
        assert_eq!((one, two), (&1.into(), &[2].into()));
        assert_eq!((Some(inside.id()), inside.class()), (lock.id(), "threading.Lock"));
        let again = DynamicProxy::from_reference(inside).expect("it came in a result");
        assert_eq!(again.call("locked", args![]).await, Ok(false.into()), "it is the lock");
    }
    let error = list.snapshot_as::<Vec<i64>>().await.expect_err("a lock is no integer").to_string();
    assert!(error.contains("threading.Lock"), "{error}");
    let outer = make(&session, "dict").await;
    outer.call("__setitem__", ["xs".into(), reference(&list)]).await.expect("put");
    let shown = outer.snapshot().await.expect("it is shown");
    assert!(shown.get("xs").and_then(Value::as_list).is_some_and(|xs| xs.len() == 3), "{shown}");
    let alone = lock.snapshot().await.expect_err("it has no value");
    assert!(matches!(&alone, Error::BadResult { .. }) && alone.to_string().contains("threading.Lock"), "{alone}");
}

async fn a_cycle_ends_in_a_reference_and_does_not_leak(fixture: Fixture) {
    let session = fixture.session().await;
    for round in 0..3 {
        let dict = named(&session, "d", "dict").await.hold().await.expect("held");
        let list = make(&session, "list").await;
        dict.call("__setitem__", [Value::from("list"), reference(&list)]).await.expect("put");
        list.call("append", [reference(&dict)]).await.expect("put");
        list.call("append", [reference(&list)]).await.expect("in itself, too");
        let shown = list.snapshot().await.expect("it has an end");
        let Some([Value::Map(_), Value::Ref(itself)]) = shown.as_list() else { panic!("{shown}") };
        assert_eq!(Some(itself.id()), list.id());
        drop(shown);
        drop((dict, list));
        session.is_memoized("d").await.expect("answers");
        assert!(fixture.service.object_count() >= 2, "round {round}: the key holds them");
        session.delete("d").await.expect("there");
        eventually("nothing outside refers to them", || fixture.service.object_count() == 0).await;
    }
}

async fn a_cycle_through_a_queue_is_collected(fixture: Fixture) {
    let session = fixture.session().await;
    let queues = session.remote_import("queue").await.expect("it comes with tarmem");
    let used =
        session.memoize("used", queues.function("Queue", args![])).await.expect("made").hold().await.expect("held");
    used.call("put", [reference(&used)]).await.expect("put");
    for kind in ["Queue", "LifoQueue", "PriorityQueue", "SimpleQueue"] {
        let queue = queues.construct(kind, args![]).await.expect("made");
        let list = make(&session, "list").await;
        list.call("append", [reference(&queue)]).await.expect("put");
        queue.call("put", [reference(&list)]).await.expect("put");
        if kind != "SimpleQueue" {
            // An item that is leased still belongs to the queue.
            let leased = queue.call("get_leased", args![]).await.expect("there is one");
            drop(leased);
        }
        drop((queue, list));
        eventually("nothing outside refers to them", || fixture.service.object_count() == 1).await;
    }
    assert_eq!(used.call("qsize", args![]).await, Ok(Value::from(1)), "it is under a key");
}

async fn objects_still_in_use_are_not_collected(fixture: Fixture) {
    let session = fixture.session().await;
    let (kept, garbage) = (make(&session, "list").await, make(&session, "list").await);
    for list in [&kept, &garbage] {
        list.call("append", [reference(list)]).await.expect("in itself");
    }
    // It is reachable from an object that is kept, although nobody holds it.
    let inner = make(&session, "list").await;
    inner.call("append", [reference(&kept)]).await.expect("put");
    kept.call("append", [reference(&inner)]).await.expect("put");
    drop((inner, garbage));
    eventually("the garbage goes", || fixture.service.object_count() == 2).await;
    let inner = proxy_of(kept.call("__getitem__", args![1]).await.expect("there"));
    assert_eq!(inner.call("__len__", args![]).await, Ok(Value::from(1)));
}

async fn a_reference_that_the_client_never_received_is_refused(fixture: Fixture) {
    let (owner, thief) = (fixture.session().await, fixture.session().await);
    let secret = make(&owner, "list").await;
    let list = make(&thief, "list").await;
    let guessed = ObjectRef::new(secret.id().expect("by id"), "builtins.list");
    let error = list.call("append", [Value::Ref(guessed)]).await.expect_err("not theirs");
    assert!(error.to_string().contains("holds no object"), "{error}");
    assert_eq!(list.call("__len__", args![]).await, Ok(Value::from(0)));
}

async fn handles_from_results_are_released(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = named(&session, "d", "dict").await;
    let list = make(&session, "list").await;
    dict.call("__setitem__", [Value::from("xs"), reference(&list)]).await.expect("put");
    for _ in 0..100 {
        drop(dict.call("get", args!["xs"]).await.expect("there"));
        // Dropped unread.
        drop(dict.call("get", args!["xs"]).send().await);
    }
    let id = list.id().expect("by id");
    drop(list);
    dict.call("clear", args![]).await.expect("cleared");
    if fixture.way != Way::InProcess {
        session.is_memoized("d").await.expect("answers");
    }
    eventually("no handle is left", || fixture.service.object_count() == 1).await;
    let gone = list_by(id);
    let error = dict.call("__setitem__", [Value::from("xs"), gone]).await.expect_err("gone");
    assert!(matches!(error, Error::BadArguments { .. }), "{error}");
}

fn list_by(id: uuid::Uuid) -> Value {
    Value::Ref(ObjectRef::new(id, "builtins.list"))
}

async fn a_generator_takes_references(fixture: Fixture) {
    let session = fixture.session().await;
    let list = make(&session, "list").await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let of_lists = builtins.function("list", [Value::List(vec![reference(&list)])]);
    let outer = session.memoize("outer", of_lists).await.expect("made");
    list.call("append", args![1]).await.expect("answers");
    drop(list);
    let inner = proxy_of(outer.call("__getitem__", args![0]).await.expect("it is kept"));
    assert_eq!(inner.snapshot().await, Ok(Value::from(vec![1])));
}

async fn a_long_chain_is_dropped_without_overflowing_the_stack(fixture: Fixture) {
    let session = fixture.session().await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let mut head = builtins.construct("list", args![]).await.expect("made");
    for _ in 0..8_000 {
        head = builtins.construct("list", args![[reference(&head)]]).await.expect("made");
    }
    drop(head);
    session.is_memoized("k").await.expect("the service lives");
    eventually("the chain goes", || fixture.service.object_count() == 0).await;
}

async fn a_copy_is_bounded_however_many_references_it_has(fixture: Fixture) {
    let session = fixture.session().await;
    for pair in [Value::List as fn(Vec<Value>) -> Value, Value::Tuple] {
        let mut list = make(&session, "list").await;
        for _ in 0..40 {
            let next = make(&session, "list").await;
            next.call("append", [pair(vec![reference(&list), reference(&list)])]).await.expect("put");
            list = next;
        }
        let error = list.snapshot().no_timeout().await.expect_err("2^40 lists");
        assert!(matches!(error, Error::BadResult { ref reason, .. } if reason.contains("frame limit")), "{error}");
    }
}

async fn a_copy_shows_objects_in_tuples_and_keeps_references_in_sets(fixture: Fixture) {
    let session = fixture.session().await;
    let (outer, inner) = (make(&session, "list").await, make(&session, "list").await);
    inner.call("append", args![1]).await.expect("put");
    let set = Value::set([reference(&inner)]).expect("a reference can be an element");
    outer.call("append", [Value::Tuple(vec![reference(&inner), set.clone()])]).await.expect("put");
    let shown = outer.snapshot().await.expect("it is shown");
    assert_eq!(shown, vec![Value::Tuple(vec![[1].into(), set])].into());
}

async fn a_cycle_that_a_method_releases_is_collected(fixture: Fixture) {
    let session = fixture.session().await;
    let outer = named(&session, "k", "list").await;
    let inner = make(&session, "list").await;
    inner.call("append", [reference(&inner)]).await.expect("in itself");
    outer.call("append", [reference(&inner)]).await.expect("put");
    drop(inner);
    session.is_memoized("k").await.expect("answers");
    outer.call("clear", args![]).await.expect("cleared");
    eventually("the cycle goes", || fixture.service.object_count() == 1).await;
}

async fn a_live_object_in_place_of_a_plain_value_is_in_the_error(fixture: Fixture) {
    let session = fixture.session().await;
    let inner = session.create(ListProxy::new(vec![1, 2])).await.expect("made");
    let reference = Value::Ref(inner.reference().expect("by id"));
    let outer = session.memoize("outer", ListProxy::new([reference.clone()])).await.expect("made");
    let dict = session.memoize("dict", DictProxy::new([("k", reference.clone())])).await.expect("made");
    drop((inner, reference));
    let looked = dict.get::<Vec<i64>>("k").await.expect_err("it is live");
    assert!(looked.to_string().ends_with("the call was made, and its result is in this error"), "{looked}");
    dict.clear().await.expect("cleared");
    // The removed element is only in the error; nothing has put it back.
    let taken = outer.pop::<Vec<i64>>().await.expect_err("it is live");
    drop(looked);
    session.is_memoized("outer").await.expect("answers");
    assert_eq!(outer.len().await, Ok(0));
    assert!(!taken.is_not_applied(), "{taken}");
    let CallError::Failed(Error::UnexpectedResult { value: Some(value), undone: false, .. }) = taken else {
        panic!("{taken}")
    };
    assert_eq!(proxy_of(*value).snapshot().await, Ok(Value::from(vec![1, 2])));
    eventually("its handle is given up", || fixture.service.object_count() == 2).await;
}

/// If a caller of another build cannot read a result at all, only the service knows whether it was undone: a handle in
/// it is released, and an element that the call removed stays removed.
async fn an_unreadable_result_is_not_reported_as_undone(fixture: Fixture) {
    static POP: Name = Name { scope: "builtins.list", name: "pop", idempotent: false, signature: None };
    let session = fixture.session().await;
    let inner = session.create(ListProxy::new(vec![1, 2])).await.expect("made");
    let outer = session.memoize("outer", ListProxy::new([Value::Ref(inner.reference().expect("by id"))])).await;
    let outer = outer.expect("made");
    drop(inner);
    let args = codec::encode(&[Value::Null; 0][..]).expect("encodes");
    let (target, method, encoding) = (Target::Key("outer"), MethodRef::Name("pop"), Encoding::Dynamic);
    let operation = Operation::Call { target, method, encoding, args: &args }.encode();
    let unread = Call::<i64>::new(Arc::clone(session.caller()), operation, &POP, encoding).await.expect_err("no i64");
    assert!(matches!(unread, Error::UnexpectedResult { undone: false, value: None, .. }), "{unread:?}");
    assert!(!unread.is_not_applied(), "{unread}");
    assert_eq!(outer.len().await, Ok(0));
    eventually("its handle is given up", || fixture.service.object_count() == 1).await;
}

async fn a_class_without_new_names_its_constructors(fixture: Fixture) {
    let session = fixture.session().await;
    let bank = session.remote_import("bank").await.expect("imports");
    let error = session.memoize("x", bank.function("Account", args![])).await.expect_err("it has no new");
    let expected = Error::NoConstructor {
        class: "bank.Account".to_owned(),
        constructors: vec!["bank.Account.open".to_owned(), "bank.Account.open_checked".to_owned()],
    };
    assert_eq!(error, expected);
    let words = "bank.Account is a class without a constructor `new`; name one that it has: bank.Account.open, \
                 bank.Account.open_checked";
    assert_eq!(error.to_string(), words);
}

async fn members_and_methods_are_listed(fixture: Fixture) {
    let session = fixture.session().await;
    let lab = session.remote_import("lab").await.expect("imports");
    let names = lab.dir();
    assert!(names.is_sorted() && ["DAYS", "add", "runs"].iter().all(|name| names.contains(name)), "{names:?}");
    let days = lab.member("DAYS").expect("it is there");
    assert_eq!((days.value.clone(), &*days.signature), (Some(7.into()), "i64"));
    let Err(Error::NoSuchMember { near, .. }) = lab.member("DAY") else { panic!("there is none") };
    assert_eq!(near, ["DAYS"]);
    let list = named(&session, "k", "list").await;
    let names = list.dir().await.expect("it is there");
    assert!(
        names.is_sorted() && ["__len__", "append", "iter_chunk"].iter().all(|name| names.iter().any(|n| n == name))
    );
    let methods = list.describe().await.expect("it is there").methods;
    let append = methods.iter().find(|method| method.name == "append").expect("it is there");
    assert!(
        append.receiver == "&mut self" && append.signature.contains("value: Value") && !append.docs.is_empty(),
        "{append:?}"
    );
}
