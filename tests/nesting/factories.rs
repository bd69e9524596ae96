//! The factories of defaultdicts, and the attributes of collections.

use super::{eventually, proxy_of};
use crate::support::Fixture;
use tarmem::args::Kwargs;
use tarmem::modules::builtins::DictProxy;
use tarmem::modules::collections::DefaultDictProxy;
use tarmem::{Proxy, Value, args};

crate::each_way![
    a_defaultdict_makes_live_objects_by_any_generator,
    a_defaultdict_makes_live_objects_by_a_named_constructor,
    a_defaultdict_can_be_given_another_factory_or_none,
    arguments_by_name_are_entries_of_dicts,
    attributes_are_read_as_python_has_them,
];

async fn a_defaultdict_makes_live_objects_by_any_generator(fixture: Fixture) {
    let session = fixture.session().await;
    let collections = session.remote_import("collections").await.expect("imports");
    let dict =
        session.memoize("d", collections.function("defaultdict", args!["collections.deque"])).await.expect("made");
    assert_eq!(dict.call("default_factory", args![]).await, Ok("collections.deque".into()));
    let made = dict.call("__getitem__", args!["a"]).await.expect("it is made");
    assert!(matches!(&made, Value::Ref(reference) if reference.class() == "collections.deque"), "{made}");
    let deque = proxy_of(made);
    deque.call("append", args![1]).await.expect("appended");
    drop(deque);
    session.is_memoized("k").await.expect("answers");
    // It is the same object, and is made only once.
    let again = proxy_of(dict.call("__getitem__", args!["a"]).await.expect("it is there"));
    assert_eq!(again.snapshot().await, Ok(Value::from(vec![1])));
    assert_eq!(fixture.service.object_count(), 2);
    drop(again);
    dict.call("clear", args![]).await.expect("cleared");
    eventually("what only the dict held goes", || fixture.service.object_count() == 1).await;

    // A factory that fails leaves the dict unchanged.
    let broken = collections.construct("defaultdict", args!["lab.broken_account"]).await.expect("made");
    let error = broken.call("__getitem__", args!["a"]).await.expect_err("it panics").to_string();
    assert!(
        error.contains("RuntimeError: the factory lab.broken_account failed") && error.contains("panicked"),
        "{error}"
    );
    assert_eq!(broken.call("__len__", args![]).await, Ok(0.into()));
    for (factory, reason) in [
        ("lab.DAYS", "it is a constant"),
        ("lab.add", "it is a function that makes no object"),
        ("lab.nothing", "has no member"),
        ("nowhere.list", "no module"),
        ("bank.Account", "a class without a constructor `new`; name one that it has: bank.Account.open"),
        ("bank.Account.open", "it is called without arguments, and needs cents"),
        ("builtins.dict.fromkeys", "it is called without arguments, and needs iterable"),
        ("bank.Account.shut", "module \"bank\" has no member \"Account.shut\""),
    ] {
        let error = collections.construct("defaultdict", args![factory]).await.expect_err("no generator").to_string();
        assert!(error.contains("TypeError") && error.contains(factory) && error.contains(reason), "{error}");
    }
}

async fn a_defaultdict_makes_live_objects_by_a_named_constructor(fixture: Fixture) {
    let session = fixture.session().await;
    let named = "queue.Queue.new";
    let dict = session.create(DefaultDictProxy::new(Some(named.into()), None)).await.expect("made");
    assert_eq!(dict.default_factory().await, Ok(Some(named.to_owned())));
    let made = dict.item::<Value>("a").await.expect("it is made");
    assert!(matches!(&made, Value::Ref(reference) if reference.class() == "queue.Queue"), "{made}");
    dict.set_default_factory(None).await.expect("taken away");
    dict.set_default_factory(Some(named.into())).await.expect("given again");
    assert!(matches!(dict.item::<Value>("b").await, Ok(Value::Ref(_))));
}

async fn a_defaultdict_can_be_given_another_factory_or_none(fixture: Fixture) {
    let session = fixture.session().await;
    let dict = session.create(DefaultDictProxy::new(Some("int".into()), None)).await.expect("made");
    assert_eq!(dict.item::<i64>("a").await, Ok(0));
    dict.set_default_factory(Some("tuple".into())).await.expect("there is one");
    assert_eq!(dict.item::<Value>("b").await, Ok(Value::Tuple(vec![])));
    let error = dict.set_default_factory(Some("lab.nothing".into())).await.expect_err("there is none").to_string();
    assert!(error.starts_with("TypeError: lab.nothing cannot be the factory"), "{error}");
    assert_eq!(dict.default_factory().await, Ok(Some("builtins.tuple".to_owned())), "nothing has changed");
    dict.set_default_factory(None).await.expect("taken away");
    assert_eq!(dict.item::<Value>("c").await.expect_err("nothing is made").to_string(), "KeyError: 'c'");

    // The factory as an attribute.
    let dict = dict.dynamic();
    let attribute = "default_factory";
    dict.call("__setattr__", args![attribute, "collections.deque"]).await.expect("set");
    assert_eq!(dict.call("__getattr__", args![attribute]).await, Ok("collections.deque".into()));
    assert!(matches!(dict.call("__getitem__", args!["c"]).await, Ok(Value::Ref(_))));
    dict.call("__setattr__", args![attribute, Value::Null]).await.expect("taken away");
    assert_eq!(dict.call("__getattr__", args![attribute]).await, Ok(Value::Null));
    for (name, value, message) in [
        (
            attribute,
            Value::from(5),
            "TypeError: default_factory must be the name of a generator of the service, or null, not int",
        ),
        (attribute, "lists".into(), "TypeError: the first argument must name a generator of the service"),
        ("foo", 5.into(), "AttributeError: 'collections.defaultdict' object has no attribute 'foo'"),
    ] {
        let error = dict.call("__setattr__", args![name, value]).await.expect_err("refused").to_string();
        assert!(error.contains(message), "{error}");
    }
}

async fn arguments_by_name_are_entries_of_dicts(fixture: Fixture) {
    let session = fixture.session().await;
    let collections = session.remote_import("collections").await.expect("imports");
    let given = || Value::from(vec![("b", 1)]);
    for (args, expected) in [
        (args!["int", given(); a = 2], "defaultdict(<class 'int'>, {'b': 1, 'a': 2})"),
        (args![; factory = 3, a = 2], "defaultdict(None, {'factory': 3, 'a': 2})"),
    ] {
        let dict = collections.construct("defaultdict", args).await.expect("made");
        assert_eq!(dict.call("__repr__", args![]).await, Ok(expected.into()));
    }
    let error = collections.construct("defaultdict", args!["int", given(), 1]).await.expect_err("too many");
    assert!(error.to_string().ends_with("TypeError: dict expected at most 1 argument, got 2"), "{error}");
    let error = collections.construct("defaultdict", args![5]).await.expect_err("no name");
    assert!(error.to_string().contains("TypeError: the first argument must name a generator"), "{error}");

    // From a typed caller.
    let source = DictProxy::from_args(vec![given()], Kwargs::new().with("items", 2));
    let dict = session.create(source).await.expect("made");
    dict.update_values(vec![], Kwargs::new().with("b", 3)).await.expect("put");
    assert_eq!(dict.items::<String, i64>().await, Ok(vec![("b".to_owned(), 3), ("items".to_owned(), 2)]));
}

async fn attributes_are_read_as_python_has_them(fixture: Fixture) {
    let session = fixture.session().await;
    let collections = session.remote_import("collections").await.expect("imports");
    for (bound, expected) in [(args!["abc", 2], Value::from(2)), (args!["abc"], Value::Null)] {
        let deque = collections.construct("deque", bound).await.expect("made");
        assert_eq!(deque.call("__getattr__", args!["maxlen"]).await, Ok(expected));
        for (method, args, message) in [
            ("__getattr__", args!["foo"], "AttributeError: 'collections.deque' object has no attribute 'foo'"),
            ("__setattr__", args!["foo", 1], "AttributeError: 'collections.deque' object has no attribute 'foo'"),
            (
                "__setattr__",
                args!["maxlen", 1],
                "AttributeError: attribute 'maxlen' of 'collections.deque' objects is not writable",
            ),
        ] {
            let error = deque.call(method, args).await.expect_err("refused").to_string();
            assert!(error.ends_with(message), "{error}");
        }
    }
}
