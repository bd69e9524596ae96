//! Live objects inside live objects: how they are shown, and how deeply they are looked into.

use super::{ints, lasting, list, make, raised, reference};
use crate::support::Fixture;
use std::time::Duration;
use tarmem::modules::python::LOOK_DEPTH;
use tarmem::{DynamicProxy, Session, Value, args};

crate::each_way![
    objects_inside_are_written_as_python_writes_them,
    cycles_are_written_with_an_ellipsis_and_cannot_be_compared,
    values_nested_up_to_the_limit_are_sorted,
    values_nested_beyond_the_limit_are_a_recursion_error,
    shared_structure_is_compared_once,
];

async fn objects_inside_are_written_as_python_writes_them(fixture: Fixture) {
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
    // As CPython 3.11 writes it.
    let written = "[(1,), {1}, frozenset({1}), b'x', bytearray(b'x'), range(0, 3), (1+0j), 's', \
                   Counter({'a': 2, 'b': 1}), OrderedDict([('a', 1)])]";
    assert_eq!(outer.call("__repr__", args![]).await, Ok(written.into()));
}

async fn cycles_are_written_with_an_ellipsis_and_cannot_be_compared(fixture: Fixture) {
    let session = fixture.session().await;
    let (xs, ys) = (list(&session, "xs", ints([])).await, list(&session, "ys", ints([])).await);
    let deque = make(&session, "deque", "collections.deque", ints([1])).await;
    for cycle in [&xs, &ys, &deque] {
        cycle.call("append", [reference(cycle)]).await.expect("appended");
    }
    let empty = || Value::Map(vec![]);
    let dict = make(&session, "dict", "builtins.dict", empty()).await;
    let ordered = make(&session, "ordered", "collections.OrderedDict", empty()).await;
    let counter = make(&session, "counter", "collections.Counter", empty()).await;
    let default = session.remote_import("collections").await.expect("imports");
    let default = default.construct("defaultdict", args!["list"]).await.expect("made");
    for cycle in [&dict, &ordered, &counter, &default] {
        cycle.call("__setitem__", [Value::from("me"), reference(cycle)]).await.expect("put");
    }
    let inner = list(&session, "inner", ints([])).await;
    let tuple = make(&session, "tuple", "builtins.tuple", Value::List(vec![reference(&inner)])).await;
    inner.call("append", [reference(&tuple)]).await.expect("appended");
    for (cycle, written) in [
        (&xs, "[[...]]"),
        (&deque, "deque([1, [...]])"),
        (&dict, "{'me': {...}}"),
        (&ordered, "OrderedDict([('me', ...)])"),
        (&default, "defaultdict(<class 'list'>, {'me': defaultdict(<class 'list'>, {...})})"),
        (&tuple, "([(...)],)"),
        (&inner, "[([...],)]"),
    ] {
        assert_eq!(cycle.call("__repr__", args![]).await, Ok(written.into()));
        assert_eq!(cycle.call("__str__", args![]).await, Ok(written.into()));
    }
    let error = counter.call("__repr__", args![]).await.expect_err("CPython does not see that cycle");
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

async fn values_nested_up_to_the_limit_are_sorted(fixture: Fixture) {
    let session = fixture.session().await;
    for class in ["builtins.list", "builtins.tuple"] {
        let mut ends = Vec::new();
        for end in [1, 2] {
            let mut inner = Value::from(end);
            for level in 0..LOOK_DEPTH - 1 {
                let made_of = Value::List(vec![inner]);
                inner = lasting(make(&session, &format!("{class} {end} {level}"), class, made_of).await);
            }
            ends.push(super::held(&session, &format!("{class} {end} {}", LOOK_DEPTH - 2)).await);
        }
        assert_eq!(ends[0].call("__lt__", [reference(&ends[1])]).await, Ok(true.into()), "{class}");
        assert_eq!(ends[0].call("__ge__", [reference(&ends[1])]).await, Ok(false.into()), "{class}");
    }
}

async fn values_nested_beyond_the_limit_are_a_recursion_error(fixture: Fixture) {
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
    // 2⁴⁴ comparisons, if results were not remembered.
    let equal = ends[0].call("__eq__", [reference(&ends[1])]).timeout(Duration::from_secs(20)).await;
    assert_eq!(equal, Ok(true.into()));
    // The same holds for plain values.
    let inner = list(&session, "inner", ints(0..1_000)).await;
    let many = list(&session, "many", Value::List(vec![reference(&inner); 10_000])).await;
    let unequal = ints((0..999).chain([-1]));
    assert_eq!(many.call("count", [unequal]).timeout(Duration::from_secs(20)).await, Ok(0.into()));
}
