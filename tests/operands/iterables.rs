//! Live objects where Python takes an iterable or a mapping.

use super::{held, ints, list, make, raised, reference};
use crate::support::Fixture;
use tarmem::{Proxy, Value, args};

crate::each_way![
    a_list_is_extended_by_the_elements_of_another_one,
    every_class_that_python_iterates_over_is_an_operand,
    operands_that_python_refuses_are_refused,
    an_object_can_be_its_own_operand,
];

async fn a_list_is_extended_by_the_elements_of_another_one(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    xs.call("extend", [reference(&ys)]).await.expect("a list is iterable");
    assert_eq!(xs.snapshot().await, Ok(ints(1..5)));
    assert_eq!(ys.snapshot().await, Ok(ints(3..5)), "it is as it was");
    xs.call("extend", [reference(&xs)]).await.expect("by itself, too");
    assert_eq!(xs.snapshot().await, Ok(ints((1..5).chain(1..5))));
    let lock = session.remote_import("threading").await.expect("imports");
    let lock = lock.construct("Lock", args![]).await.expect("made");
    let error = xs.call("extend", [reference(&lock)]).await.expect_err("a lock is not iterable");
    assert_eq!(raised(&error), "TypeError: 'threading.Lock' object is not iterable");
}

async fn every_class_that_python_iterates_over_is_an_operand(fixture: Fixture) {
    let session = fixture.session().await;
    let pairs = || Value::List(vec![(1, "a").into(), (2, "b").into()]);
    let map = || Value::Map(vec![(1.into(), "a".into()), (2.into(), "b".into())]);
    let operands = [
        ("builtins.list", ints([1, 2]), ints([1, 2])),
        ("builtins.tuple", ints([1, 2]), ints([1, 2])),
        ("builtins.set", ints([1, 2]), ints([1, 2])),
        ("builtins.dict", map(), ints([1, 2])),
        ("builtins.str", "xy".into(), Value::from(vec!["x", "y"])),
        ("builtins.bytes", Value::Bytes(vec![1, 2]), ints([1, 2])),
        ("collections.deque", ints([1, 2]), ints([1, 2])),
        ("collections.OrderedDict", pairs(), ints([1, 2])),
        ("collections.Counter", ints([1, 2, 1]), ints([1, 2])),
    ];
    for (class, made_of, elements) in operands {
        let operand = make(&session, class, class, made_of).await;
        let list = list(&session, &format!("list of {class}"), ints([])).await;
        list.call("__iadd__", [reference(&operand)]).await.expect("it is iterable");
        let slice = Value::Map(vec![("slice".into(), ints([0, 0]))]);
        list.call("__setitem__", [slice, reference(&operand)]).await.expect("it is iterable");
        let twice = [&elements, &elements].into_iter().flat_map(|items| items.as_list().expect("a list").to_vec());
        assert_eq!(list.snapshot().await, Ok(Value::List(twice.collect())), "{class}");
        let set = make(&session, &format!("set of {class}"), "builtins.set", ints([7])).await;
        set.call("update", [reference(&operand)]).await.expect("it is iterable");
        set.call("difference_update", [ints([7])]).await.expect("answers");
        assert_eq!(set.call("issuperset", [reference(&operand)]).await, Ok(true.into()), "{class}");
        assert_eq!(set.call("__len__", args![]).await, Ok(2.into()), "{class}");
    }
    let dict = make(&session, "dict", "builtins.dict", Value::Map(vec![])).await;
    for class in ["builtins.dict", "collections.OrderedDict"] {
        dict.call("update", [reference(&held(&session, class).await)]).await.expect("it is a mapping");
        assert_eq!(dict.snapshot().await, Ok(map()));
        dict.call("clear", args![]).await.expect("answers");
    }
    let of_pairs = list(&session, "pairs", pairs()).await;
    dict.call("__ior__", [reference(&of_pairs)]).await.expect("they are pairs");
    assert_eq!(dict.call("__or__", [reference(&dict)]).await, Ok(map()));
    let counter = held(&session, "collections.Counter").await;
    counter.call("update", [reference(&counter)]).await.expect("it is a counter");
    assert_eq!(counter.call("__getitem__", args![1]).await, Ok(4.into()));
    let comma = make(&session, "comma", "builtins.str", ",").await;
    let words = list(&session, "words", Value::List(vec!["a".into(), reference(&comma), "b".into()])).await;
    assert_eq!(comma.call("join", [reference(&words)]).await, Ok("a,,,b".into()));
}

async fn operands_that_python_refuses_are_refused(fixture: Fixture) {
    let session = fixture.session().await;
    for (class, made_of) in [
        ("builtins.list", ints([1])),
        ("builtins.tuple", ints([1])),
        ("builtins.set", ints([1])),
        ("builtins.dict", Value::Map(vec![(1.into(), 2.into())])),
        ("builtins.int", 5.into()),
        ("collections.deque", ints([1])),
    ] {
        make(&session, class, class, made_of).await;
    }
    // The messages of CPython 3.11.
    for (class, method, other, says) in [
        ("list", "__add__", "tuple", "can only concatenate list (not \"tuple\") to list"),
        ("list", "__add__", "deque", "can only concatenate list (not \"collections.deque\") to list"),
        ("tuple", "__add__", "list", "can only concatenate tuple (not \"list\") to tuple"),
        ("deque", "__add__", "list", "can only concatenate deque (not \"list\") to deque"),
        ("set", "__or__", "list", "unsupported operand type(s) for |: 'set' and 'list'"),
        ("dict", "__or__", "list", "unsupported operand type(s) for |: 'dict' and 'list'"),
        ("list", "extend", "int", "'int' object is not iterable"),
        ("set", "__lt__", "list", "'<' not supported between instances of 'set' and 'list'"),
        ("dict", "update", "list", "cannot convert dictionary update sequence element #0 to a sequence"),
        ("list", "__lt__", "deque", "'<' not supported between instances of 'list' and 'collections.deque'"),
    ] {
        let key = |class: &str| format!("{}.{class}", if class == "deque" { "collections" } else { "builtins" });
        let (object, other) = (held(&session, &key(class)).await, held(&session, &key(other)).await);
        let error = object.call(method, [reference(&other)]).await.expect_err(says);
        assert_eq!(raised(&error), format!("TypeError: {says}"));
    }
}

async fn an_object_can_be_its_own_operand(fixture: Fixture) {
    let session = fixture.session().await;
    let xs = list(&session, "xs", ints([1, 2])).await;
    assert_eq!(xs.call("__add__", [reference(&xs)]).await, Ok(ints([1, 2, 1, 2])));
    assert_eq!(xs.call("__eq__", [reference(&xs)]).await, Ok(true.into()));
    xs.call("append", [reference(&xs)]).await.expect("appended");
    xs.call("append", args![3]).await.expect("appended");
    xs.call("remove", [reference(&xs)]).await.expect("it is in itself");
    assert_eq!(xs.snapshot().await, Ok(ints([1, 2, 3])));
    let deque = make(&session, "deque", "collections.deque", ints([1, 2])).await;
    deque.call("extendleft", [reference(&deque)]).await.expect("extended");
    assert_eq!(deque.snapshot().await, Ok(ints([2, 1, 1, 2])));
    let bytes = make(&session, "bytes", "builtins.bytearray", Value::Bytes(vec![1, 2])).await;
    bytes.call("extend", [reference(&bytes)]).await.expect("extended");
    assert_eq!(bytes.call("__eq__", [Value::Bytes(vec![1, 2, 1, 2])]).await, Ok(true.into()));
    let set = make(&session, "set", "builtins.set", ints([1, 2])).await;
    set.call("symmetric_difference_update", [reference(&set)]).await.expect("updated");
    assert_eq!(set.call("__len__", args![]).await, Ok(0.into()));
}
