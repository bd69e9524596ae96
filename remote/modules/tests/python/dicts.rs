//! dict, OrderedDict and Counter.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use tarmem_remote::args::Args;
use tarmem_remote::{Value, args};

#[test]
fn dict() {
    let init = |r: &mut Random| vec![items(r)];
    check(&Subject {
        class: "builtins.dict",
        kind: "dict",
        init,
        operation: dict_operation,
        state: "copy",
        unordered: false,
    });
}

#[test]
fn ordered_dict() {
    let init = |r: &mut Random| vec![items(r)];
    let operation = |r: &mut Random, len: usize| match r.below(6) {
        0 => op("move_to_end", [r.scalar()]),
        1 => op("move_to_end", [r.scalar(), r.optional(false.into())]),
        3 if r.one_in(3) => op("move_to_end", args![; last = r.optional(true.into()), key = r.scalar()]),
        4 if r.one_in(3) => op(r.pick(&["pop", "setdefault"]), args![r.scalar(); default = r.scalar()]),
        2 => op("popitem", args![; last = r.optional(true.into())]),
        _ => loop {
            // Its `repr` differs, and a slice can be a key of a dict.
            let operation = dict_operation(r, len);
            if operation.0 != "__repr__" {
                break operation;
            }
        },
    };
    check(&Subject {
        class: "collections.OrderedDict",
        kind: "OrderedDict",
        init,
        operation,
        state: "copy",
        unordered: false,
    });
}

/// The results of CPython 3.11 for arguments by name.
#[test]
fn arguments_by_name_are_entries() {
    let service = Service::new();
    let made = |class: &str, args: Args| {
        let mut object = service.make_with(class, &args)?;
        service.call(object.as_mut(), "__repr__", &[]).map(|text| text.as_str().expect("a text").to_owned())
    };
    let pairs = || Value::from(vec![("a", 1), ("b", 2)]);
    for (class, args, expected) in [
        ("builtins.dict", args![; a = 1], "{'a': 1}"),
        (
            "builtins.dict",
            args![; items = 3, self = 4, args = 5, kwargs = 6],
            "{'items': 3, 'self': 4, 'args': 5, 'kwargs': 6}",
        ),
        ("builtins.dict", args![pairs(); c = 3, a = 4], "{'a': 4, 'b': 2, 'c': 3}"),
        ("collections.OrderedDict", args![pairs(); a = 3], "OrderedDict([('a', 3), ('b', 2)])"),
        ("collections.Counter", args!["aab"; a = 1], "Counter({'a': 3, 'b': 1})"),
        ("collections.Counter", args![; a = 1, iterable = 2], "Counter({'iterable': 2, 'a': 1})"),
        ("collections.Counter", args![Value::Null; a = 1], "Counter({'a': 1})"),
        ("types.SimpleNamespace", args![; a = 1, b = 2], "namespace(a=1, b=2)"),
    ] {
        assert_eq!(made(class, args), Ok(expected.to_owned()));
    }
    for (class, args, expected) in [
        ("builtins.dict", args![1, 2; a = 3], "TypeError: dict expected at most 1 argument, got 2"),
        ("builtins.dict", args![5; a = 1], "TypeError: 'int' object is not iterable"),
        ("collections.Counter", args![[1]; a = "x"], "TypeError: "),
    ] {
        let error = made(class, args).expect_err("refused");
        assert!(error.starts_with(expected), "{error}");
    }
}

/// Mostly something of which a dict can be made.
fn items(r: &mut Random) -> Value {
    match r.below(10) {
        0 => r.value(),
        1..=4 => Value::List((0..r.below(5)).map(|_| vec![r.scalar(), r.value()].into()).collect()),
        _ => r.map(Random::value),
    }
}

fn dict_operation(r: &mut Random, len: usize) -> Operation {
    // Rarely a list, which cannot be a key.
    let key = if r.one_in(25) { r.value() } else { r.scalar() };
    if len > 40 {
        return op("clear", []);
    }
    match r.below(28) {
        0 => op("get", [key]),
        1 => op("get", [key, r.scalar()]),
        2 => op("setdefault", [key]),
        3 => op("setdefault", [key, r.value()]),
        4 => op("pop", [key]),
        5 => op("pop", [key, r.optional(7.into())]),
        6 => op("pop_or", [key, r.value()]),
        7 => op("popitem", []),
        8 => op("update", [items(r)]),
        9 if r.one_in(5) => op("update", args![; a = r.value(), items = r.value()]),
        9 => op("update", args![items(r); a = r.value(), kwargs = r.value()]),
        10 if r.one_in(5) => op("clear", []),
        11 => op("copy", []),
        12 => op("keys", []),
        13 => op("values", []),
        14 => op("items", []),
        15 => op("__getitem__", [key]),
        16..=18 => op("__setitem__", [key, r.value()]),
        19 => op("__delitem__", [key]),
        20 => op("__contains__", [key]),
        21 => op("__len__", []),
        22 => op("__ior__", [items(r)]),
        23 => op(r.pick(&["__or__", "__ror__"]), [items(r)]),
        24 => op(r.pick(&["__eq__", "__ne__"]), [items(r)]),
        25 => op("incr", if r.one_in(3) { vec![key] } else { vec![key, r.orderly(false)] }),
        26 => op("compare_and_set", [key, r.scalar(), r.value()]),
        _ => op(r.pick(&["__repr__", "__str__", "__reversed__"]), []),
    }
}

#[test]
fn counter() {
    let init = |r: &mut Random| vec![counted(r)];
    check(&Subject {
        class: "collections.Counter",
        kind: "Counter",
        init,
        operation: counter_operation,
        state: "copy",
        unordered: false,
    });
}

fn counts(r: &mut Random) -> Value {
    r.map(|r| if r.one_in(60) { r.scalar() } else { r.small().into() })
}

fn counted(r: &mut Random) -> Value {
    match r.below(12) {
        0 => r.value(),
        1..=5 => r.list(Random::scalar),
        _ => counts(r),
    }
}

fn counter_operation(r: &mut Random, len: usize) -> Operation {
    if len > 30 || r.one_in(60) {
        return op("clear", []);
    }
    let key = if r.one_in(25) { r.value() } else { r.scalar() };
    match r.below(24) {
        0..=2 => op("__getitem__", [key]),
        3 => op("__setitem__", [key, r.small().into()]),
        4 => op("__delitem__", [key]),
        5 => op("update", [counted(r)]),
        7 => op("subtract", [counted(r)]),
        6 | 8 if r.one_in(9) => op(r.pick(&["update", "subtract"]), args![Value::Null; a = r.small()]),
        6 | 8 if r.one_in(2) => op(r.pick(&["update", "subtract"]), args![; a = r.small(), iterable = r.small()]),
        6 | 8 => op(
            r.pick(&["update", "subtract"]),
            args![counted(r); a = if r.one_in(20) { r.scalar() } else { r.small().into() }],
        ),
        9 => op("most_common", []),
        10 => op("most_common", [r.pick(&[Value::from(0), 1.into(), 3.into(), (-1).into(), "a".into(), 100.into()])]),
        11 => op("total", []),
        12 => op("elements", []),
        13 => op("get", [key]),
        14 => op("pop", [key]),
        15 => op("popitem", []),
        16 => op(r.pick(&["__pos__", "__neg__", "__len__", "copy"]), []),
        17 | 18 => op(r.pick(&["__add__", "__sub__", "__or__", "__and__"]), [counts(r)]),
        19 => op(r.pick(&["__iadd__", "__isub__", "__ior__", "__iand__"]), [counts(r)]),
        20 | 21 => op(r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]), [counts(r)]),
        22 => op("setdefault", [key, r.small().into()]),
        _ => op("incr", [key]),
    }
}
