//! CPython as the oracle: random operations are applied to the classes of `remote::modules` and to Python's own types,
//! and results, kinds of errors and states have to agree after each.
//!
//! `TARMEM_SEED` sets the seed, which is printed when something differs; without python3 the tests are skipped with a
//! notice. What is known to differ is left out here, and listed in docs/modules.md.

#[path = "python/mod.rs"]
mod python;

use python::{Oracle, Outcome, Random, Service};
use tarmem_remote::Value;
use tarmem_remote::modules::python::repr;

/// Operations for each type, at least.
const OPERATIONS: usize = 20_000;
/// Operations on one object.
const BATCH: usize = 100;

type Operation = (String, Vec<Value>);

/// One of the types, and how to come by arguments for it.
struct Subject {
    class: &'static str,
    kind: &'static str,
    init: fn(&mut Random) -> Vec<Value>,
    /// Given the size of the object.
    operation: fn(&mut Random, usize) -> Operation,
    /// What gives its state as a plain value.
    state: &'static str,
    /// Whether the order of what it holds is not to be compared.
    unordered: bool,
}

fn op(name: &str, args: impl Into<Vec<Value>>) -> Operation {
    (name.to_owned(), args.into())
}

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
            [r.pick(&[Value::from(-1), Value::from(0), Value::from(3), Value::from("x"), (1i128 << 70).into()])],
        ),
        6 => op("remove", [r.orderly(false)]),
        7 if r.one_in(6) => op("clear", []),
        8 => op("copy", []),
        9 => op("count", [r.value()]),
        10 => op("index", [r.orderly(false)]),
        11 => op("index", vec![r.orderly(false), r.pick(&[0, 1, -3, 50]).into(), r.pick(&[0, 5, -1, 99]).into()]),
        12 => op("reverse", []),
        13 | 14 => op("sort", []),
        15 => op("sort", [r.one_in(2).into()]),
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
        30 => op("__mul__", [r.pick(&[Value::from(0), 2.into(), 3.into(), "a".into(), (1i64 << 50).into()])]),
        31 => op("__reversed__", []),
        32 => op("__repr__", []),
        33 => op(r.pick(&["__eq__", "__ne__"]), [if r.one_in(4) { r.value() } else { r.list(|r| r.orderly(false)) }]),
        _ => op(
            r.pick(&["__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(6) { r.value() } else { r.list(|r| r.orderly(false)) }],
        ),
    }
}

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
        1 => op("move_to_end", [r.scalar(), r.one_in(2).into()]),
        2 => op("popitem", [r.one_in(2).into()]),
        _ => loop {
            // It is written otherwise, and a slice is a key in a dict.
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

/// What a dict can be made of, for the most part.
fn items(r: &mut Random) -> Value {
    match r.below(10) {
        0 => r.value(),
        1..=4 => Value::List((0..r.below(5)).map(|_| vec![r.scalar(), r.value()].into()).collect()),
        _ => r.map(Random::value),
    }
}

fn dict_operation(r: &mut Random, len: usize) -> Operation {
    // Not so often a list, which cannot be one.
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
        5 => op("pop", [key, 7.into()]),
        6 => op("pop_or", [key, r.value()]),
        7 => op("popitem", []),
        8 | 9 => op("update", [items(r)]),
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
        23 => op("__or__", [items(r)]),
        24 => op(r.pick(&["__eq__", "__ne__"]), [items(r)]),
        25 => op("incr", if r.one_in(3) { vec![key] } else { vec![key, r.orderly(false)] }),
        26 => op("compare_and_set", [key, r.scalar(), r.value()]),
        _ => op(r.pick(&["__repr__", "__reversed__"]), []),
    }
}

#[test]
fn set() {
    let init = |r: &mut Random| vec![if r.one_in(12) { r.value() } else { r.list(Random::scalar) }];
    check(&Subject {
        class: "builtins.set",
        kind: "set",
        init,
        operation: set_operation,
        state: "copy",
        unordered: true,
    });
}

fn set_operation(r: &mut Random, len: usize) -> Operation {
    if len > 40 {
        return op("clear", []);
    }
    let element = if r.one_in(20) { r.value() } else { r.scalar() };
    let other = if r.one_in(10) { r.value() } else { r.list(Random::scalar) };
    match r.below(16) {
        0..=2 => op("add", [element]),
        3 => op("discard", [element]),
        4 => op("remove", [element]),
        5 => op("pop", []),
        6 if r.one_in(5) => op("clear", []),
        7 => op("copy", []),
        8 => op("__contains__", [element]),
        9 => op("__len__", []),
        10 => op(r.pick(&["union", "intersection", "difference", "symmetric_difference"]), [other]),
        11 => {
            op(r.pick(&["update", "intersection_update", "difference_update", "symmetric_difference_update"]), [other])
        }
        12 => op(r.pick(&["isdisjoint", "issubset", "issuperset"]), [other]),
        13 => op(r.pick(&["__or__", "__and__", "__sub__", "__xor__"]), [other]),
        14 => op(r.pick(&["__ior__", "__iand__", "__isub__", "__ixor__"]), [other]),
        _ => op(r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]), [other]),
    }
}

#[test]
fn deque() {
    let init = |r: &mut Random| {
        let items = if r.one_in(12) { r.value() } else { r.list(Random::value) };
        // Before other arguments a null means that nothing is given.
        let items = if items.is_null() { Value::List(Vec::new()) } else { items };
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
        12 => op("index", vec![r.scalar(), r.pick(&[0, 1, -3, 50]).into(), r.pick(&[0, 5, -1, 99]).into()]),
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
        23 => op("__add__", [r.list(Random::value)]),
        24 => op("__iadd__", [if r.one_in(4) { r.value() } else { r.list(Random::value) }]),
        25 => op("__mul__", [r.pick(&[Value::from(0), 2.into(), (-3).into(), "a".into()])]),
        26 => op("__imul__", [r.pick(&[Value::from(0), 1.into(), 2.into(), "a".into()])]),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(6) { r.value() } else { r.list(|r| r.orderly(false)) }],
        ),
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
        5 | 6 => op("update", [counted(r)]),
        7 | 8 => op("subtract", [counted(r)]),
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

#[test]
fn str() {
    let init = |r: &mut Random| vec![r.text()];
    let operation = |r: &mut Random, _| text_operation(r, Random::text, Random::short_text);
    check(&Subject { class: "builtins.str", kind: "str", init, operation, state: "value", unordered: false });
}

#[test]
fn bytes() {
    let init = |r: &mut Random| vec![r.bytes()];
    let operation = |r: &mut Random, _| match r.below(24) {
        0 => op("hex", []),
        1 => op("decode", [r.pick(&["utf-8", "ascii", "latin-1", "ebcdic"]).into()]),
        2 => op("decode", ["ascii".into(), r.pick(&["ignore", "replace", "strict"]).into()]),
        3 => op("find", [r.pick(&[Value::from(97), 300.into(), 0.into(), (-1).into()])]),
        _ => text_operation(r, Random::bytes, Random::short_bytes),
    };
    check(&Subject { class: "builtins.bytes", kind: "bytes", init, operation, state: "value", unordered: false });
}

/// What str and bytes have alike.
fn text_operation(r: &mut Random, text: fn(&mut Random) -> Value, short: fn(&mut Random) -> Value) -> Operation {
    // Something of another type now and then.
    let part = if r.one_in(20) { r.scalar() } else { short(r) };
    let part = if part.is_null() { short(r) } else { part };
    let bound =
        |r: &mut Random| r.pick(&[Value::Null, 0.into(), 2.into(), (-3).into(), 7.into(), 99.into(), "x".into()]);
    match r.below(34) {
        0..=2 => op(
            r.pick(&["find", "rfind", "index", "rindex", "count", "startswith", "endswith"]),
            [part, bound(r), bound(r)],
        ),
        3..=5 => op(r.pick(&["find", "rfind", "index", "rindex", "count", "startswith", "endswith"]), [part]),
        6 => op(r.pick(&["startswith", "endswith"]), [vec![short(r), short(r)].into()]),
        7 | 8 => op(r.pick(&["split", "rsplit"]), []),
        9 => op(r.pick(&["split", "rsplit"]), [Value::Null, r.small().into()]),
        10 => op(r.pick(&["split", "rsplit"]), [part]),
        11 => op(r.pick(&["split", "rsplit"]), [part, r.small().into()]),
        12 => op("splitlines", []),
        13 => op("splitlines", [r.one_in(2).into()]),
        14 => op(r.pick(&["partition", "rpartition"]), [part]),
        15 => op("replace", [part, text(r)]),
        16 => op("replace", [part, short(r), r.small().into()]),
        17 => op("join", [if r.one_in(8) { r.value() } else { r.list(text) }]),
        18 => op(r.pick(&["removeprefix", "removesuffix"]), [part]),
        19 | 20 => op(r.pick(&["strip", "lstrip", "rstrip"]), []),
        21 => op(r.pick(&["strip", "lstrip", "rstrip"]), [part]),
        22 => op(r.pick(&["center", "ljust", "rjust"]), [r.pick(&[0, 5, 8, 9, 12, 13, -3]).into()]),
        23 => op(r.pick(&["center", "ljust", "rjust"]), [r.pick(&[5, 10, 11]).into(), part]),
        24 => op("zfill", [r.pick(&[0, 5, 8, 12]).into()]),
        25 => op("expandtabs", if r.one_in(2) { vec![] } else { vec![r.small().into()] }),
        26 => op(r.pick(&["upper", "lower", "capitalize", "title", "swapcase", "__repr__", "__len__"]), []),
        27 => op(r.pick(&["isalpha", "isdigit", "isalnum", "isspace", "isupper", "islower", "istitle", "isascii"]), []),
        28 => op("__getitem__", [r.index()]),
        29 => op("__getitem__", [r.slice()]),
        30 => op("__contains__", [part]),
        31 => op("__add__", [if r.one_in(5) { r.value() } else { text(r) }]),
        32 => op("__mul__", [r.pick(&[Value::from(0), 1.into(), 3.into(), (-1).into(), "a".into(), 1.5.into()])]),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(5) { r.value() } else { text(r) }],
        ),
    }
}

#[test]
fn int() {
    let init = |r: &mut Random| vec![Value::Int(r.integer())];
    let operation = |r: &mut Random, _| match r.below(12) {
        0 => op(r.pick(&["bit_length", "bit_count", "as_integer_ratio", "__invert__"]), []),
        1 => op(r.pick(&["__lshift__", "__rshift__"]), [r.pick(&[0, 1, 5, 63, 64, 126, 127, 128, 200, -1]).into()]),
        2 => op(r.pick(&["__and__", "__or__", "__xor__"]), [r.number()]),
        _ => number_operation(r),
    };
    check(&Subject { class: "builtins.int", kind: "int", init, operation, state: "value", unordered: false });
}

#[test]
fn float() {
    let init = |r: &mut Random| vec![r.float().into()];
    let operation = |r: &mut Random, _| match r.below(12) {
        0 => op(r.pick(&["is_integer", "as_integer_ratio", "hex"]), []),
        _ => number_operation(r),
    };
    check(&Subject { class: "builtins.float", kind: "float", init, operation, state: "value", unordered: false });
}

fn number_operation(r: &mut Random) -> Operation {
    match r.below(8) {
        0 => op(r.pick(&["__neg__", "__pos__", "__abs__", "__bool__", "__int__", "__float__", "__repr__"]), []),
        1 => {
            op("__pow__", [r.pick(&[Value::from(0), 1.into(), 2.into(), 3.into(), 20.into(), (-1).into(), 0.5.into()])])
        }
        2 => op(r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]), [r.number()]),
        _ => op(
            r.pick(&["__add__", "__sub__", "__mul__", "__truediv__", "__floordiv__", "__mod__", "__divmod__"]),
            [r.number()],
        ),
    }
}

/// `int(…)` and `float(…)` of texts.
#[test]
fn numbers_from_text() {
    let init = |r: &mut Random| vec![r.numeral()];
    let operation = |_: &mut Random, _| op("__repr__", []);
    for (class, kind) in [("builtins.int", "int"), ("builtins.float", "float")] {
        check(&Subject { class, kind, init, operation, state: "value", unordered: false });
    }
}

#[test]
fn tuple() {
    let init = |r: &mut Random| vec![r.list(Random::value)];
    let operation = |r: &mut Random, _| match r.below(9) {
        0 => op("count", [r.value()]),
        1 => op("index", [r.scalar()]),
        2 => op("__getitem__", [r.index()]),
        3 => op("__getitem__", [r.slice()]),
        4 => op("__contains__", [r.value()]),
        5 => op("__add__", [if r.one_in(3) { r.scalar() } else { r.list(Random::value) }]),
        6 => op("__mul__", [r.pick(&[Value::from(0), 2.into(), (-3).into(), "a".into()])]),
        7 => op(r.pick(&["__len__", "__reversed__"]), []),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(6) { r.value() } else { r.list(|r| r.orderly(false)) }],
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

/// Applies operations on both sides, a batch to each object, and compares.
fn check(subject: &Subject) {
    let Some(mut oracle) = Oracle::start() else { return };
    let seed = match std::env::var("TARMEM_SEED") {
        Ok(seed) => seed.parse().expect("TARMEM_SEED is a number"),
        Err(_) => 20_240_607,
    };
    let service = Service::new();
    let mut random = Random::new(seed);
    let mut applied = 0;
    while applied < OPERATIONS {
        let init = service.given(subject.class, None, (subject.init)(&mut random));
        let (operations, ours) = run(subject, &service, &mut random, &init);
        let theirs = oracle.ask(subject.kind, &init, &operations);
        compare(subject, seed, &init, &operations, &ours, &theirs);
        applied += operations.len();
    }
}

/// One object of ours, and what each operation on it came to; the first outcome is that of making it.
fn run(subject: &Subject, service: &Service, random: &mut Random, init: &[Value]) -> (Vec<Operation>, Vec<Outcome>) {
    let mut object = match service.make(subject.class, init) {
        Ok(object) => object,
        Err(message) => return (Vec::new(), vec![outcome(subject, Err(message), Value::Null)]),
    };
    let (mut operations, mut outcomes) = (Vec::new(), Vec::new());
    let mut state = service.call(&mut *object, subject.state, &[]).expect("it can be shown");
    outcomes.push(outcome(subject, Ok(Value::Null), state.clone()));
    for _ in 0..if subject.kind == "int" || subject.kind == "float" { BATCH / 10 } else { BATCH } {
        let len = state.as_list().map_or_else(|| state.as_map().map_or(0, <[_]>::len), <[_]>::len);
        let (mut name, args) = (subject.operation)(random, len);
        let mut args = service.given(subject.class, Some(&name), args);
        let result = service.call(&mut *object, &name, &args);
        state = service.call(&mut *object, subject.state, &[]).expect("it can be shown");
        outcomes.push(outcome(subject, result.clone(), state.clone()));
        if subject.kind == "set" && name == "pop" {
            if let Ok(taken) = result {
                // It has no order in Python: which one it is, is ours to say.
                (name, args) = op("pop_this", [taken]);
            }
        }
        operations.push((name, args));
    }
    (operations, outcomes)
}

fn outcome(subject: &Subject, result: Result<Value, String>, state: Value) -> Outcome {
    let shown = |value: Value| {
        let value = if subject.unordered { unordered(value) } else { value };
        repr(&value)
    };
    match result {
        Ok(value) => Outcome { error: None, result: shown(value), state: shown(state) },
        Err(message) => {
            let kind = message.split(':').next().unwrap_or_default().to_owned();
            Outcome { error: Some(kind), result: shown(Value::Null), state: shown(state) }
        }
    }
}

/// As the oracle writes a set.
fn unordered(value: Value) -> Value {
    match value {
        Value::List(items) => {
            let mut items: Vec<Value> = items.into_iter().map(whole).collect();
            items.sort_by_key(repr);
            Value::List(items)
        }
        value => value,
    }
}

/// Equal elements are one; which of them stays is not compared.
fn whole(value: Value) -> Value {
    match value {
        Value::Bool(b) => i128::from(b).into(),
        Value::Float(x) if x.fract() == 0.0 && x.abs() < 1e300 => Value::Int(x as i128),
        value => value,
    }
}

fn compare(
    subject: &Subject,
    seed: u64,
    init: &[Value],
    operations: &[Operation],
    ours: &[Outcome],
    theirs: &[Outcome],
) {
    for (at, (ours_at, theirs_at)) in ours.iter().zip(theirs).enumerate() {
        if ours_at != theirs_at {
            let shown = |args: &[Value]| args.iter().map(repr).collect::<Vec<_>>().join(", ");
            let (what, before) = match at.checked_sub(1) {
                None => (format!("{}({})", subject.kind, shown(init)), "nothing"),
                Some(nth) => {
                    let (name, args) = &operations[nth];
                    (format!("{name}({})", shown(args)), ours[nth].state.as_str())
                }
            };
            panic!(
                "{} differs from Python (TARMEM_SEED={seed})\n{what}\n  on {before}\n  ours   {ours_at:?}\n  theirs {theirs_at:?}",
                subject.class
            );
        }
    }
    assert_eq!(
        ours.len(),
        theirs.len(),
        "{} of {}: as many outcomes (TARMEM_SEED={seed})",
        subject.class,
        operations.len()
    );
}
