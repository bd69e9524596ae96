//! list, tuple and deque.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use tarmem_remote::{Value, args};

#[test]
fn list() {
    let init = |random: &mut Random| {
        let texts = random.one_in(3);
        let anything = random.one_in(3);
        vec![random.list(|r| if anything { r.value() } else { r.orderly(texts) })]
    };
    check(&Subject {
        class: "builtins.list",
        kind: "list",
        init,
        operation: list_operation,
        state: "copy",
        unordered: false,
    });
}

/// A bound of a search, or nearly one.
fn bound(r: &mut Random, from: &[i64]) -> Value {
    if r.one_in(8) { r.pick(&[Value::Null, "x".into(), 1.5.into()]) } else { r.pick(from).into() }
}

fn list_operation(r: &mut Random, len: usize) -> Operation {
    if len > 40 {
        return if r.one_in(2) { op("clear", []) } else { op("__delitem__", [r.slice()]) };
    }
    match r.below(36) {
        0 | 1 => op("append", [r.orderly(false)]),
        2 => op("extend", [if r.one_in(4) { r.value() } else { r.list(|r| r.orderly(false)) }]),
        3 => op("insert", [r.index(), r.orderly(false)]),
        4 => op("pop", []),
        5 => op(
            "pop",
            [r.pick(&[
                Value::from(-1),
                Value::from(0),
                Value::from(3),
                Value::from("x"),
                (1i128 << 70).into(),
                Value::Null,
            ])],
        ),
        6 => op("remove", [r.orderly(false)]),
        7 if r.one_in(6) => op("clear", []),
        8 => op("copy", []),
        9 => op("count", [r.value()]),
        10 => op("index", [r.orderly(false)]),
        11 => op("index", vec![r.orderly(false), bound(r, &[0, 1, -3, 50]), bound(r, &[0, 5, -1, 99])]),
        12 => op("reverse", []),
        13 => op("sort", []),
        14 => op("sort", args![; key = Value::Null]),
        15 => op("sort", args![; reverse = r.optional(true.into())]),
        16 | 17 => op("__getitem__", [r.index()]),
        18 | 19 => op("__getitem__", [r.slice()]),
        20 => op("__setitem__", [r.index(), r.value()]),
        21 | 22 => op("__setitem__", [r.slice(), if r.one_in(5) { r.value() } else { r.list(|r| r.orderly(false)) }]),
        23 => op("__delitem__", [r.index()]),
        24 => op("__delitem__", [r.slice()]),
        25 => op("__len__", []),
        26 => op("__contains__", [r.value()]),
        27 => op("__iadd__", [if r.one_in(4) { r.value() } else { r.list(Random::value) }]),
        28 => op("__imul__", [r.pick(&[Value::from(0), 1.into(), 2.into(), (-4).into(), true.into(), 1.5.into()])]),
        29 => op("__add__", [if r.one_in(3) { r.value() } else { r.list(Random::value) }]),
        30 => op(
            r.pick(&["__mul__", "__rmul__"]),
            [r.pick(&[Value::from(0), 2.into(), 3.into(), "a".into(), (1i64 << 50).into()])],
        ),
        31 => op("__reversed__", []),
        32 => op(r.pick(&["__repr__", "__str__"]), []),
        33 => op(r.pick(&["__eq__", "__ne__"]), [if r.one_in(4) { r.value() } else { r.list(|r| r.orderly(false)) }]),
        _ => op(
            r.pick(&["__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(6) { r.value() } else { r.list(|r| r.orderly(false)) }],
        ),
    }
}

#[test]
fn tuple() {
    let init = |r: &mut Random| {
        let orderly = r.one_in(2);
        vec![r.list(|r| if orderly { r.orderly(false) } else { r.value() })]
    };
    let operation = |r: &mut Random, _| match r.below(9) {
        0 => op("count", [r.value()]),
        1 if r.one_in(3) => op("index", [r.scalar(), bound(r, &[0, 1, -3, 50])]),
        1 => op("index", [r.scalar()]),
        2 => op("__getitem__", [r.index()]),
        3 => op("__getitem__", [r.slice()]),
        4 => op("__contains__", [r.value()]),
        5 => op("__add__", [if r.one_in(3) { r.value() } else { r.tuple(Random::value) }]),
        6 => op(r.pick(&["__mul__", "__rmul__"]), [r.pick(&[Value::from(0), 2.into(), (-3).into(), "a".into()])]),
        7 => op(r.pick(&["__len__", "__reversed__"]), []),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [match r.below(6) {
                0 => r.value(),
                1 => r.list(|r| r.orderly(false)),
                _ => r.tuple(|r| r.orderly(false)),
            }],
        ),
    };
    check(&Subject {
        class: "builtins.tuple",
        kind: "tuple",
        init,
        operation,
        state: "__reversed__",
        unordered: false,
    });
}

#[test]
fn deque() {
    let init = |r: &mut Random| {
        let items = if r.one_in(12) { r.value() } else { r.list(Random::value) };
        match r.below(4) {
            0 => vec![items],
            1 => vec![items, r.pick(&[Value::from(0), 1.into(), (-1).into(), 2.5.into(), Value::Null])],
            _ => vec![items, (r.below(9) as i64).into()],
        }
    };
    check(&Subject {
        class: "collections.deque",
        kind: "deque",
        init,
        operation: deque_operation,
        state: "copy",
        unordered: false,
    });
}

fn deque_operation(r: &mut Random, len: usize) -> Operation {
    if len > 40 {
        return op("clear", []);
    }
    match r.below(28) {
        0 | 1 => op("append", [r.value()]),
        2 | 3 => op("appendleft", [r.value()]),
        4 => op("extend", [if r.one_in(4) { r.value() } else { r.list(Random::value) }]),
        5 => op("extendleft", [if r.one_in(4) { r.value() } else { r.list(Random::value) }]),
        6 => op("pop", []),
        7 => op("popleft", []),
        8 if r.one_in(6) => op("clear", []),
        9 => op("copy", []),
        10 => op("count", [r.value()]),
        11 => op("index", [r.scalar()]),
        12 => op("index", vec![r.scalar(), bound(r, &[0, 1, -3, 50]), bound(r, &[0, 5, -1, 99])]),
        13 => op("insert", [r.index(), r.value()]),
        14 => op("remove", [r.scalar()]),
        15 => op("reverse", []),
        16 => op("rotate", []),
        17 => op("rotate", [r.index()]),
        18 => op("__getitem__", [r.index()]),
        19 => op("__setitem__", [r.index(), r.value()]),
        20 => op("__delitem__", [r.index()]),
        21 => op(r.pick(&["__len__", "maxlen", "__reversed__"]), []),
        22 => op("__contains__", [r.value()]),
        23 => op("__add__", [r.value()]),
        24 => op("__iadd__", [if r.one_in(4) { r.value() } else { r.list(Random::value) }]),
        25 => op(r.pick(&["__mul__", "__rmul__"]), [r.pick(&[Value::from(0), 2.into(), (-3).into(), "a".into()])]),
        26 => op("__imul__", [r.pick(&[Value::from(0), 1.into(), 2.into(), "a".into()])]),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(6) { r.value() } else { r.list(|r| r.orderly(false)) }],
        ),
    }
}
