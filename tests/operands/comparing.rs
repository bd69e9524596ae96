//! Live objects are compared, searched for and sorted by their contents.

use super::{ints, lasting, list, make, raised, reference};
use crate::support::Fixture;
use tarmem::{Proxy, Value, args};

crate::each_way![
    live_objects_are_equal_if_their_contents_are,
    a_deque_differs_from_a_list_and_the_order_of_an_ordered_dict_counts,
    searches_find_equal_live_objects,
    live_objects_have_pythons_order,
    objects_of_other_classes_are_equal_only_to_themselves,
];

async fn live_objects_are_equal_if_their_contents_are(fixture: Fixture) {
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

/// As CPython 3.11 compares `one == other`, rather than elements.
async fn a_deque_differs_from_a_list_and_the_order_of_an_ordered_dict_counts(fixture: Fixture) {
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

async fn searches_find_equal_live_objects(fixture: Fixture) {
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
    // As elements, and on their own.
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

async fn objects_of_other_classes_are_equal_only_to_themselves(fixture: Fixture) {
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
