//! References as operands: a live object where Python takes an iterable, a mapping, or something to compare with.

mod support;

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use support::Fixture;
use tarmem::modules::Exception;
use tarmem::modules::builtins::List;
use tarmem::modules::python::LOOK_DEPTH;
use tarmem::{CallError, DynamicProxy, Error, Proxy, Session, Value, args, remote};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

each_way![
    a_list_is_extended_by_what_another_one_holds,
    an_operand_in_use_is_waited_for,
    a_wait_for_an_operand_has_a_deadline,
    lists_that_extend_each_other_do_not_wait_in_a_circle,
    whatever_python_iterates_over_is_an_operand,
    what_python_refuses_is_refused,
    an_object_is_its_own_operand,
    a_new_object_is_made_of_what_another_one_holds,
    live_objects_are_equal_by_what_they_hold,
    a_deque_is_no_list_and_the_order_of_an_ordered_dict_counts,
    what_is_equal_is_found,
    live_objects_have_pythons_order,
    what_is_inside_is_written_as_python_writes_it,
    circles_are_written_with_an_end_and_not_compared,
    what_is_nested_too_deep_is_a_recursion_error,
    shared_structure_is_compared_once,
    whatever_is_in_use_is_waited_for_together,
    objects_of_other_classes_are_equal_to_themselves_alone,
    users_code_runs_once_and_looks_into_nothing,
];

async fn a_list_is_extended_by_what_another_one_holds(fixture: Fixture) {
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

async fn an_operand_in_use_is_waited_for(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    let extend = xs.call("extend", [reference(&ys)]).no_timeout().send().await;
    let extend = tokio::spawn(extend.into_future());
    // It holds nothing while it waits for what comes first, whichever that is; and is not over.
    session.is_memoized("xs").await.expect("answers");
    assert!(!extend.is_finished());
    in_use.end().await;
    extend.await.expect("no panic").expect("the list is free");
    assert_eq!(xs.snapshot().await, Ok(ints((1..3).chain(3..5).chain([9]))), "with what was put in meanwhile");
}

async fn a_wait_for_an_operand_has_a_deadline(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints(1..3)).await, list(&session, "ys", ints(3..5)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    let error = xs.call("extend", [reference(&ys)]).timeout(Duration::from_millis(50)).await.expect_err("in use");
    assert!(matches!(error, Error::DeadlineExceeded { .. }), "{error:?}");
    xs.call("append", args![3]).await.expect("nobody holds it");
    in_use.end().await;
    assert_eq!(xs.snapshot().await, Ok(ints(1..4)), "what came too late was not done");
}

async fn lists_that_extend_each_other_do_not_wait_in_a_circle(fixture: Fixture) {
    const ROUNDS: i64 = 300;
    let session = fixture.session().await;
    list(&session, "xs", ints([])).await;
    list(&session, "ys", ints([])).await;
    let mut running = Vec::new();
    for (this, that) in [("xs", "ys"), ("ys", "xs"), ("xs", "ys"), ("ys", "xs")] {
        let session = fixture.session().await;
        let (this, that) = (held(&session, this).await, held(&session, that).await);
        running.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                this.call("append", args![round]).await.expect("appended");
                this.call("extend", [reference(&that)]).await.expect("extended");
                // Or they would double with each round.
                this.call("__delitem__", args![Value::Map(vec![("slice".into(), Value::from(vec![8_i64, i64::MAX]))])])
                    .await
                    .expect("cut off");
            }
        }));
    }
    for running in running {
        running.await.expect("every call comes to its end");
    }
}

async fn whatever_python_iterates_over_is_an_operand(fixture: Fixture) {
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

async fn what_python_refuses_is_refused(fixture: Fixture) {
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
    // What CPython 3.11 says.
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

async fn an_object_is_its_own_operand(fixture: Fixture) {
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

async fn a_new_object_is_made_of_what_another_one_holds(fixture: Fixture) {
    let session = fixture.session().await;
    let xs = list(&session, "xs", ints([1, 2])).await;
    for class in ["builtins.tuple", "builtins.list", "builtins.set", "collections.deque", "collections.Counter"] {
        let made = make(&session, class, class, reference(&xs)).await;
        assert_eq!(made.call("__len__", args![]).await, Ok(2.into()), "{class}");
    }
    let collections = session.remote_import("collections").await.expect("imports");
    let pairs = list(&session, "pairs", Value::List(vec![(1, 2).into()])).await;
    let made = collections.construct("defaultdict", args!["list", reference(&pairs)]).await.expect("made");
    assert_eq!(made.call("get", args![1]).await, Ok(2.into()), "by an async constructor, too");
    // One that is in use is waited for, by sources of every kind.
    list(&session, "of one", Value::List(vec![reference(&xs)])).await;
    let in_use = InUse::begin(&fixture, "xs").await;
    let builtins = session.remote_import("builtins").await.expect("imports");
    let memoized = session.memoize("waits", builtins.function("list", [reference(&xs)])).into_future();
    let created = builtins.construct("tuple", [reference(&xs)]).into_future();
    let run = builtins.call("list", [reference(&xs)]).into_future();
    // Its elements are to be pairs, which three are not.
    let pairs = held(&session, "of one").await;
    let defaulted = collections.construct("defaultdict", args!["list", reference(&pairs)]).into_future();
    let waiting = tokio::spawn(async move { tokio::join!(memoized, created, run, defaulted) });
    session.is_memoized("xs").await.expect("answers");
    assert!(!waiting.is_finished());
    in_use.end().await;
    let (memoized, created, run, defaulted) = waiting.await.expect("no panic");
    let error = defaulted.expect_err("the list has three elements now");
    assert_eq!(raised(&error), "ValueError: dictionary update sequence element #0 has length 3; 2 is required");
    assert_eq!(memoized.expect("made").snapshot().await, Ok(ints([1, 2, 9])));
    assert_eq!(created.expect("made").call("__len__", args![]).await, Ok(3.into()));
    assert_eq!(run, Ok(ints([1, 2, 9])));
}

async fn live_objects_are_equal_by_what_they_hold(fixture: Fixture) {
    let session = fixture.session().await;
    let one = |name: &'static str, class: &'static str, made_of: Value| {
        let session = &session;
        async move { lasting(make(session, name, class, made_of).await) }
    };
    let map = |pairs: &[(&str, i64)]| Value::Map(pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect());
    let (ab, ba) = (map(&[("a", 1), ("b", 2)]), map(&[("b", 2), ("a", 1)]));
    let xs = one("xs", "builtins.list", ints([1])).await;
    let same = one("same", "builtins.list", Value::List(vec![1.0.into()])).await;
    let deque = one("deque", "collections.deque", ints([1])).await;
    let other_deque = one("other deque", "collections.deque", ints([1])).await;
    let ordered = one("ordered", "collections.OrderedDict", ab).await;
    let otherwise = one("otherwise", "collections.OrderedDict", ba.clone()).await;
    let counter = one("counter", "collections.Counter", map(&[("a", 1)])).await;
    let zero = one("zero", "collections.Counter", map(&[("a", 1), ("b", 0)])).await;
    let set = one("set", "builtins.set", ints([2, 1])).await;
    let tuple = one("tuple", "builtins.tuple", ints([1])).await;
    let int = one("int", "builtins.int", 1.into()).await;
    let text = one("text", "builtins.str", "ab".into()).await;
    // As CPython compares `[one] == [other]`.
    for (one, other, equal) in [
        (&xs, &ints([1]), true),
        (&xs, &same, true),
        (&xs, &tuple, false),
        (&xs, &deque, false),
        (&deque, &other_deque, true),
        (&deque, &ints([1]), false),
        (&ordered, &otherwise, false),
        (&ordered, &ba, true),
        (&counter, &zero, true),
        (&counter, &map(&[("a", 1), ("b", 0)]), false),
        (&set, &Value::set([1.into(), 2.into()]).expect("hashable"), true),
        (&set, &ints([2, 1]), false),
        (&tuple, &Value::Tuple(vec![true.into()]), true),
        (&int, &1.0.into(), true),
        (&text, &"ab".into(), true),
        (&text, &Value::Bytes(b"ab".to_vec()), false),
        (&xs, &Value::Null, false),
    ] {
        let left = list(&session, "left", Value::List(vec![one.clone()])).await;
        let plain = Value::List(vec![other.clone()]);
        let live = lasting(list(&session, "right", plain.clone()).await);
        for right in [plain, live] {
            assert_eq!(left.call("__eq__", [right.clone()]).await, Ok(equal.into()), "[{one}] == {right}");
            assert_eq!(left.call("__ne__", [right.clone()]).await, Ok((!equal).into()), "[{one}] != {right}");
        }
        let nested = make(&session, "nested", "builtins.dict", Value::Map(vec![(1.into(), one.clone())])).await;
        let map = Value::Map(vec![(1.into(), other.clone())]);
        assert_eq!(nested.call("__eq__", [map]).await, Ok(equal.into()), "{one} == {other}");
        for key in ["left", "right", "nested"] {
            session.delete(key).await.expect("there");
        }
    }
}

/// As CPython 3.11 compares `one == other`, and not elements.
async fn a_deque_is_no_list_and_the_order_of_an_ordered_dict_counts(fixture: Fixture) {
    let session = fixture.session().await;
    let deque = make(&session, "deque", "collections.deque", ints([1, 2])).await;
    let same = make(&session, "same", "collections.deque", ints([1, 2])).await;
    let more = make(&session, "more", "collections.deque", ints([1, 3])).await;
    let xs = list(&session, "xs", ints([1, 2])).await;
    for (other, equal) in [
        (reference(&deque), true),
        (reference(&same), true),
        (reference(&more), false),
        (reference(&xs), false),
        (ints([1, 2]), false),
        (Value::from((1, 2)), false),
    ] {
        assert_eq!(deque.call("__eq__", [other.clone()]).await, Ok(equal.into()), "deque == {other}");
        assert_eq!(deque.call("__ne__", [other.clone()]).await, Ok((!equal).into()), "deque != {other}");
    }
    assert_eq!(xs.call("__eq__", [reference(&deque)]).await, Ok(false.into()));
    assert_eq!(xs.call("__eq__", [Value::from((1, 2))]).await, Ok(false.into()));
    assert_eq!(deque.call("__lt__", [reference(&more)]).await, Ok(true.into()));
    assert_eq!(deque.call("__ge__", [reference(&same)]).await, Ok(true.into()));
    assert_eq!(deque.call("__add__", [reference(&more)]).await, Ok(ints([1, 2, 1, 3])));
    for (method, says) in [
        ("__lt__", "'<' not supported between instances of 'collections.deque' and 'list'"),
        ("__add__", "can only concatenate deque (not \"list\") to deque"),
    ] {
        for list in [reference(&xs), ints([3])] {
            let error = deque.call(method, [list]).await.expect_err(says);
            assert_eq!(raised(&error), format!("TypeError: {says}"));
        }
    }

    let map = |pairs: [(&str, i64); 2]| Value::Map(pairs.map(|(key, value)| (key.into(), value.into())).to_vec());
    let (ab, ba) = (map([("a", 1), ("b", 2)]), map([("b", 2), ("a", 1)]));
    let ordered = make(&session, "ordered", "collections.OrderedDict", ab.clone()).await;
    let alike = make(&session, "alike", "collections.OrderedDict", ab).await;
    let otherwise = make(&session, "otherwise", "collections.OrderedDict", ba.clone()).await;
    let dict = make(&session, "dict", "builtins.dict", ba.clone()).await;
    for (other, equal) in
        [(reference(&alike), true), (reference(&otherwise), false), (reference(&dict), true), (ba, true)]
    {
        assert_eq!(ordered.call("__eq__", [other.clone()]).await, Ok(equal.into()), "OrderedDict == {other}");
        assert_eq!(ordered.call("__ne__", [other.clone()]).await, Ok((!equal).into()), "OrderedDict != {other}");
    }
    assert_eq!(dict.call("__eq__", [reference(&ordered)]).await, Ok(true.into()));
}

async fn what_is_equal_is_found(fixture: Fixture) {
    let session = fixture.session().await;
    let inner = list(&session, "inner", ints([1])).await;
    for class in ["builtins.list", "builtins.tuple", "collections.deque"] {
        let outer = make(&session, class, class, Value::List(vec![0.into(), reference(&inner), ints([1])])).await;
        assert_eq!(outer.call("__contains__", [ints([1])]).await, Ok(true.into()), "{class}");
        assert_eq!(outer.call("index", [ints([1])]).await, Ok(1.into()), "{class}");
        assert_eq!(outer.call("count", [ints([1])]).await, Ok(2.into()), "{class}");
        if class != "builtins.tuple" {
            outer.call("remove", [ints([1])]).await.expect("it is there");
            assert_eq!(outer.snapshot().await, Ok(Value::List(vec![0.into(), ints([1])])), "{class}");
        }
    }
    let dict = make(&session, "dict", "builtins.dict", Value::Map(vec![("k".into(), reference(&inner))])).await;
    assert_eq!(dict.call("compare_and_set", [Value::from("k"), ints([1]), 2.into()]).await, Ok(true.into()));
    assert_eq!(dict.call("__getitem__", args!["k"]).await, Ok(2.into()));
}

async fn live_objects_have_pythons_order(fixture: Fixture) {
    let session = fixture.session().await;
    let mut lists = Vec::new();
    for n in [3, 1, 2] {
        lists.push(lasting(list(&session, &n.to_string(), ints([n])).await));
    }
    let outer = list(&session, "outer", Value::List(lists.clone())).await;
    outer.call("append", [ints([0])]).await.expect("appended");
    outer.call("sort", args![]).await.expect("lists have an order");
    assert_eq!(outer.call("__repr__", args![]).await, Ok("[[0], [1], [2], [3]]".into()));
    assert_eq!(outer.call("__lt__", [Value::List(vec![ints([1])])]).await, Ok(true.into()));
    assert_eq!(outer.call("__ge__", [reference(&outer)]).await, Ok(true.into()));
    // As elements, and by themselves.
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    for (class, less, greater) in [
        ("builtins.set", ints([1, 2]), ints([1, 2, 3])),
        ("builtins.frozenset", ints([1]), ints([1, 2])),
        ("builtins.tuple", ints([1, 2]), ints([1, 3])),
        ("builtins.list", ints([1, 2]), ints([1, 3])),
        ("collections.deque", ints([1]), ints([1, 0])),
        ("builtins.str", "a".into(), "b".into()),
        ("builtins.bytes", bytes(b"a"), bytes(b"b")),
        ("builtins.bytearray", bytes(b"a"), bytes(b"ab")),
        ("builtins.int", 1.into(), 2.into()),
        ("builtins.float", 1.5.into(), 2.5.into()),
    ] {
        let less = make(&session, &format!("less {class}"), class, less).await;
        let greater = make(&session, &format!("greater {class}"), class, greater).await;
        assert_eq!(less.call("__lt__", [reference(&greater)]).await, Ok(true.into()), "{class}");
        assert_eq!(greater.call("__le__", [reference(&less)]).await, Ok(false.into()), "{class}");
        let (one, other) = (Value::List(vec![reference(&less)]), Value::List(vec![reference(&greater)]));
        let one = make(&session, &format!("list of {class}"), "builtins.list", one).await;
        assert_eq!(one.call("__lt__", [other.clone()]).await, Ok(true.into()), "of {class}");
        assert_eq!(one.call("__gt__", [other]).await, Ok(false.into()), "of {class}");
    }
}

async fn what_is_inside_is_written_as_python_writes_it(fixture: Fixture) {
    let session = fixture.session().await;
    let mut inside = Vec::new();
    for (class, made_of) in [
        ("builtins.tuple", ints([1])),
        ("builtins.set", ints([1])),
        ("builtins.frozenset", ints([1])),
        ("builtins.bytes", Value::Bytes(b"x".to_vec())),
        ("builtins.bytearray", Value::Bytes(b"x".to_vec())),
        ("builtins.range", 3.into()),
        ("builtins.complex", 1.into()),
        ("builtins.str", "s".into()),
        ("collections.Counter", "aab".into()),
        ("collections.OrderedDict", Value::List(vec![("a", 1).into()])),
    ] {
        inside.push(lasting(make(&session, class, class, made_of).await));
    }
    let outer = list(&session, "outer", Value::List(inside)).await;
    // CPython 3.11's.
    let written = "[(1,), {1}, frozenset({1}), b'x', bytearray(b'x'), range(0, 3), (1+0j), 's', \
                   Counter({'a': 2, 'b': 1}), OrderedDict([('a', 1)])]";
    assert_eq!(outer.call("__repr__", args![]).await, Ok(written.into()));
}

async fn circles_are_written_with_an_end_and_not_compared(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints([])).await, list(&session, "ys", ints([])).await);
    let deque = make(&session, "deque", "collections.deque", ints([1])).await;
    for circle in [&xs, &ys, &deque] {
        circle.call("append", [reference(circle)]).await.expect("appended");
    }
    let empty = || Value::Map(vec![]);
    let dict = make(&session, "dict", "builtins.dict", empty()).await;
    let ordered = make(&session, "ordered", "collections.OrderedDict", empty()).await;
    let counter = make(&session, "counter", "collections.Counter", empty()).await;
    let default = session.remote_import("collections").await.expect("imports");
    let default = default.construct("defaultdict", args!["list"]).await.expect("made");
    for circle in [&dict, &ordered, &counter, &default] {
        circle.call("__setitem__", [Value::from("me"), reference(circle)]).await.expect("put");
    }
    let inner = list(&session, "inner", ints([])).await;
    let tuple = make(&session, "tuple", "builtins.tuple", Value::List(vec![reference(&inner)])).await;
    inner.call("append", [reference(&tuple)]).await.expect("appended");
    for (circle, written) in [
        (&xs, "[[...]]"),
        (&deque, "deque([1, [...]])"),
        (&dict, "{'me': {...}}"),
        (&ordered, "OrderedDict([('me', ...)])"),
        (&default, "defaultdict(<class 'list'>, {'me': defaultdict(<class 'list'>, {...})})"),
        (&tuple, "([(...)],)"),
        (&inner, "[([...],)]"),
    ] {
        assert_eq!(circle.call("__repr__", args![]).await, Ok(written.into()));
        assert_eq!(circle.call("__str__", args![]).await, Ok(written.into()));
    }
    let error = counter.call("__repr__", args![]).await.expect_err("CPython does not see that circle");
    assert_eq!(error.raised_class(), Some("RecursionError"));
    // Each is equal to itself.
    assert_eq!(xs.call("__eq__", [reference(&xs)]).await, Ok(true.into()));
    assert_eq!(xs.call("__contains__", [reference(&xs)]).await, Ok(true.into()));
    for method in ["__eq__", "__ne__", "__lt__", "__ge__", "__contains__", "count", "remove"] {
        let error = xs.call(method, [reference(&ys)]).await.expect_err("it goes round for ever");
        assert_eq!(raised(&error), "RecursionError: maximum recursion depth exceeded in comparison", "{method}");
    }
    assert_eq!(xs.call("__len__", args![]).await, Ok(1.into()), "nothing was taken out");
}

async fn what_is_nested_too_deep_is_a_recursion_error(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (chain(&session, "x", LOOK_DEPTH).await, chain(&session, "y", LOOK_DEPTH).await);
    assert_eq!(xs.call("__eq__", [reference(&ys)]).await, Ok(true.into()));
    let written = format!("{}1{}", "[".repeat(LOOK_DEPTH), "]".repeat(LOOK_DEPTH));
    assert_eq!(xs.call("__repr__", args![]).await, Ok(written.into()));
    let xs = list(&session, "deeper", Value::List(vec![reference(&xs)])).await;
    let ys = list(&session, "and deeper", Value::List(vec![reference(&ys)])).await;
    let error = xs.call("__eq__", [reference(&ys)]).await.expect_err("too deep");
    assert_eq!(raised(&error), "RecursionError: maximum recursion depth exceeded in comparison");
    let error = xs.call("__repr__", args![]).await.expect_err("too deep");
    let says = "RecursionError: maximum recursion depth exceeded while getting the repr of an object";
    assert_eq!(raised(&error), says);
}

/// A list in a list, and so on.
async fn chain(session: &Session, name: &str, depth: usize) -> DynamicProxy {
    let mut outer = list(session, &format!("{name} 0"), ints([1])).await;
    for level in 1..depth {
        outer = list(session, &format!("{name} {level}"), Value::List(vec![lasting(outer)])).await;
    }
    outer
}

async fn shared_structure_is_compared_once(fixture: Fixture) {
    let session = fixture.session().await;
    let mut ends = Vec::new();
    for name in ["x", "y"] {
        let mut outer = list(&session, &format!("{name} 0"), ints([1])).await;
        for level in 1..45 {
            let twice = vec![lasting(outer); 2];
            outer = list(&session, &format!("{name} {level}"), Value::List(twice)).await;
        }
        ends.push(outer);
    }
    // 2⁴⁴ comparisons, for whoever does not remember.
    let equal = ends[0].call("__eq__", [reference(&ends[1])]).timeout(Duration::from_secs(20)).await;
    assert_eq!(equal, Ok(true.into()));
    // What is compared again and again has a bound, too.
    let inner = list(&session, "inner", ints(0..1_000)).await;
    let many = list(&session, "many", Value::List(vec![reference(&inner); 10_000])).await;
    let unequal = ints((0..999).chain([-1]));
    let error = many.call("count", [unequal]).timeout(Duration::from_secs(20)).await.expect_err("too much work");
    assert!(raised(&error).starts_with("RuntimeError: the comparison looks again at more than"), "{error}");
}

async fn whatever_is_in_use_is_waited_for_together(fixture: Fixture) {
    let session = fixture.session().await;
    let mut lists = Vec::new();
    let mut in_use = Vec::new();
    for n in 0..20 {
        let key = format!("list {n}");
        lists.push(lasting(list(&session, &key, ints([n])).await));
        in_use.push(InUse::begin(&fixture, &key).await);
    }
    let outer = list(&session, "outer", Value::List(lists)).await;
    let expected = Value::List((0..20).map(|n| ints([n, 9])).collect());
    let equal = outer.call("__eq__", [expected]).no_timeout().send().await;
    let equal = tokio::spawn(equal.into_future());
    session.is_memoized("outer").await.expect("answers");
    for in_use in in_use {
        assert!(!equal.is_finished());
        in_use.end().await;
    }
    assert_eq!(equal.await.expect("no panic"), Ok(true.into()));
}

async fn objects_of_other_classes_are_equal_to_themselves_alone(fixture: Fixture) {
    let session = fixture.session().await;
    let threading = session.remote_import("threading").await.expect("imports");
    let one = threading.construct("Lock", args![]).await.expect("made");
    let other = threading.construct("Lock", args![]).await.expect("made");
    let (one, other) = (reference(&one), reference(&other));
    let xs = list(&session, "xs", Value::List(vec![one.clone()])).await;
    assert_eq!(xs.call("__eq__", [Value::List(vec![one.clone()])]).await, Ok(true.into()));
    assert_eq!(xs.call("__eq__", [Value::List(vec![other.clone()])]).await, Ok(false.into()));
    assert_eq!(xs.call("__contains__", [other]).await, Ok(false.into()));
    let written = xs.call("__repr__", args![]).await.expect("answers");
    assert_eq!(written.as_str().map(|text| text.starts_with("[<threading.Lock ")), Some(true), "{written}");
}

/// Holds a list until somebody lets it go, and puts something in.
#[remote(module = "operands")]
pub async fn occupy(list: &mut List, gate: String) {
    let gate = gate_of(&gate);
    gate.entered.add_permits(1);
    gate.leave.acquire().await.expect("it is never closed").forget();
    list.append_value(9.into()).expect("an integer may be in a list");
}

struct Gate {
    entered: Semaphore,
    leave: Semaphore,
}

fn gate_of(name: &str) -> Arc<Gate> {
    static GATES: LazyLock<Mutex<HashMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);
    let mut gates = GATES.lock().expect("nobody panicked");
    let new = || Arc::new(Gate { entered: Semaphore::new(0), leave: Semaphore::new(0) });
    Arc::clone(gates.entry(name.to_owned()).or_insert_with(new))
}

/// A list that somebody uses alone.
struct InUse {
    gate: Arc<Gate>,
    running: JoinHandle<()>,
}

impl InUse {
    async fn begin(fixture: &Fixture, key: &str) -> Self {
        let session = fixture.session().await;
        let list = session.proxy::<List>(key);
        let name = session.describe(key).await.expect("there").id.to_string();
        let gate = gate_of(&name);
        let running = tokio::spawn(async move {
            occupy::remote(&list, name).call(&session).no_timeout().await.expect("it is let go");
        });
        gate.entered.acquire().await.expect("it is never closed").forget();
        InUse { gate, running }
    }

    async fn end(self) {
        self.gate.leave.add_permits(1);
        self.running.await.expect("it ends");
    }
}

async fn make(session: &Session, key: &str, class: &str, items: impl Into<Value>) -> DynamicProxy {
    let (module, class) = class.split_once('.').expect("a module, and a name in it");
    let module = session.remote_import(module).await.expect("imports");
    session.memoize(key, module.function(class, [items.into()])).await.expect("made");
    held(session, key).await
}

async fn list(session: &Session, key: &str, items: Value) -> DynamicProxy {
    make(session, key, "builtins.list", items).await
}

async fn held(session: &Session, key: &str) -> DynamicProxy {
    session.get_dynamic(key).await.expect("there").hold().await.expect("held")
}

fn reference(proxy: &DynamicProxy) -> Value {
    Value::Ref(proxy.reference().expect("a proxy by id"))
}

/// A reference to what the session holds from now on.
fn lasting(proxy: DynamicProxy) -> Value {
    let reference = reference(&proxy);
    std::mem::forget(proxy);
    reference
}

fn ints(items: impl IntoIterator<Item = i64>) -> Value {
    Value::List(items.into_iter().map(Value::from).collect())
}

/// What Python says.
fn raised(error: &Error) -> &str {
    let Error::Raised { message, .. } = error else { panic!("{error:?}") };
    message
}

/// What has a list inside, and does something before that list is used.
#[remote(module = "operands")]
#[derive(Default, Serialize, Deserialize)]
struct Shelf {
    items: List,
    runs: u32,
}

#[remote]
impl Shelf {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn fill(&mut self, items: Value) -> Result<(), Exception> {
        self.runs += 1;
        self.items.extend_values(items)
    }

    pub fn runs(&self) -> u32 {
        self.runs
    }
}

/// If it did look into an object that others use, it would have to be run again.
async fn users_code_runs_once_and_looks_into_nothing(fixture: Fixture) {
    let session = fixture.session().await;
    let ys = list(&session, "ys", ints(3..5)).await;
    let shelf = session.create(ShelfProxy::new()).await.expect("made");
    let is_refused = |filled: Result<(), CallError<Exception>>| {
        let error = filled.expect_err("it looks into nothing").to_string();
        assert!(error.contains("TypeError: 'list' object is not iterable"), "{error}");
    };
    is_refused(shelf.fill(reference(&ys)).await);
    let in_use = InUse::begin(&fixture, "ys").await;
    is_refused(shelf.fill(reference(&ys)).await);
    in_use.end().await;
    assert_eq!(shelf.runs().await, Ok(2));
}
