//! Classes of the modules over a service, together with live objects.

mod support;

use support::Fixture;
use tarmem::{DynamicProxy, Proxy, Session, Value, args};

each_way![
    a_chain_map_shows_live_dicts_as_they_are,
    a_range_is_taken_for_its_integers,
    complex_numbers_and_frozensets_are_operands,
];

async fn make(session: &Session, class: &str, args: Vec<Value>) -> DynamicProxy {
    let (module, name) = class.split_once('.').expect("a path");
    session.remote_import(module).await.expect("imports").construct(name, args).await.expect("made")
}

fn reference(proxy: &DynamicProxy) -> Value {
    proxy.reference().expect("by id").into()
}

async fn a_chain_map_shows_live_dicts_as_they_are(fixture: Fixture) {
    let session = fixture.session().await;
    let defaults = make(&session, "builtins.dict", args![Value::Map(vec![("a".into(), 1.into())])].to_vec()).await;
    let chain = make(&session, "collections.ChainMap", vec![Value::Map(vec![]), reference(&defaults)]).await;
    assert_eq!(chain.call("__getitem__", args!["a"]).await, Ok(1.into()));
    defaults.call("__setitem__", args!["b", 2]).await.expect("changed");
    assert_eq!(chain.call("keys", args![]).await, Ok(vec!["a", "b"].into()));
    chain.call("__setitem__", args!["a", 9]).await.expect("the first map is its own");
    assert_eq!(chain.call("get", args!["a"]).await, Ok(9.into()));
    assert_eq!(defaults.call("get", args!["a"]).await, Ok(1.into()), "what is behind it is as it was");
    let live = make(&session, "collections.ChainMap", vec![reference(&defaults)]).await;
    let error = live.call("__setitem__", args!["a", 3]).await.expect_err("it is not its own").to_string();
    assert!(error.contains("TypeError") && error.contains("new_child"), "{error}");
    drop(defaults);
    assert_eq!(live.call("__len__", args![]).await, Ok(2.into()), "the chain keeps it");
}

async fn a_range_is_taken_for_its_integers(fixture: Fixture) {
    let session = fixture.session().await;
    let range = make(&session, "builtins.range", args![0, 10, 3].to_vec()).await;
    let list = make(&session, "builtins.list", vec![]).await;
    list.call("extend", vec![reference(&range)]).await.expect("it is iterable");
    assert_eq!(list.snapshot().await, Ok(vec![0, 3, 6, 9].into()));
    let same = make(&session, "builtins.range", args![0, 12, 3].to_vec()).await;
    assert_eq!(range.call("__eq__", vec![reference(&same)]).await, Ok(true.into()));
    let of_it = make(&session, "builtins.list", vec![vec![reference(&range)].into()]).await;
    assert_eq!(of_it.call("__eq__", vec![vec![reference(&same)].into()]).await, Ok(true.into()));
    let long = make(&session, "builtins.range", args![1i64 << 40].to_vec()).await;
    let error = list.call("extend", vec![reference(&long)]).await.expect_err("it would be too long").to_string();
    assert!(error.contains("MemoryError"), "{error}");
    assert_eq!(long.call("__contains__", args![1i64 << 39]).await, Ok(true.into()));
}

async fn complex_numbers_and_frozensets_are_operands(fixture: Fixture) {
    let session = fixture.session().await;
    let one = make(&session, "builtins.complex", args![1, 2].to_vec()).await;
    let other = make(&session, "builtins.complex", args!["3-1j"].to_vec()).await;
    let sum = one.call("__add__", vec![reference(&other)]).await.expect("a number");
    assert_eq!((sum.get("real"), sum.get("imag")), (Some(&4.0.into()), Some(&1.0.into())));
    assert_eq!(one.snapshot().await.map(|value| value.to_string()), Ok(r#"{"real":1.0,"imag":2.0}"#.into()));
    let one = make(&session, "builtins.frozenset", args![vec![1, 2]].to_vec()).await;
    let other = make(&session, "builtins.set", args![vec![2, 3]].to_vec()).await;
    let both = one.call("__and__", vec![reference(&other)]).await.expect("a set");
    assert_eq!(both, Value::set([2.into()]).expect("a set"));
    let array = make(&session, "builtins.bytearray", vec![Value::Bytes(b"ab".to_vec())]).await;
    array.call("extend", vec![reference(&array)]).await.expect("by itself, too");
    assert_eq!(array.snapshot().await, Ok(Value::Bytes(b"abab".to_vec())));
}
