//! str and bytes.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use tarmem_remote::Value;

#[test]
fn str() {
    let init = |r: &mut Random| vec![r.text()];
    let operation = |r: &mut Random, _| match r.below(24) {
        0 => op("maketrans", [r.short_text(), r.short_text()]),
        1 => op("maketrans", [r.short_text(), r.short_text(), r.text()]),
        2 => op("maketrans", [r.map(Random::scalar)]),
        3 => {
            let other = r.pick(&[Value::from("x"), 120.into(), (1i64 << 40).into(), (-1).into(), 1.5.into()]);
            op("translate", [Value::Map(vec![(97.into(), other), (98.into(), Value::Null)])])
        }
        _ => text_operation(r, Random::text, Random::short_text),
    };
    check(&Subject { class: "builtins.str", kind: "str", init, operation, state: "value", unordered: false });
}

#[test]
fn bytes() {
    let init = |r: &mut Random| vec![r.bytes()];
    let operation = |r: &mut Random, _| match r.below(24) {
        0 => op("hex", hex_arguments(r)),
        1 => op("decode", [r.pick(&["utf-8", "ascii", "latin-1"]).into()]),
        2 => op("decode", ["ascii".into(), r.pick(&["ignore", "replace", "strict"]).into()]),
        4 => op("maketrans", [r.short_bytes(), r.short_bytes()]),
        5 => op("translate", [Value::Null, r.short_bytes()]),
        6 => op("translate", [if r.one_in(3) { r.bytes() } else { Value::Bytes((0..=255).rev().collect()) }]),
        7 => op(r.pick(&["__str__", "__bytes__"]), []),
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
        32 => op(
            r.pick(&["__mul__", "__rmul__"]),
            [r.pick(&[Value::from(0), 1.into(), 3.into(), (-1).into(), "a".into(), 1.5.into()])],
        ),
        _ => op(
            r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]),
            [if r.one_in(5) { r.value() } else { text(r) }],
        ),
    }
}

/// A separator and the size of a group, or nearly.
fn hex_arguments(r: &mut Random) -> Vec<Value> {
    let separator = r.pick(&[Value::from(":"), " ".into(), "é".into(), "".into(), "ab".into(), 5.into()]);
    let separator = if r.one_in(4) { r.short_bytes() } else { separator };
    match r.below(3) {
        0 => vec![],
        1 => vec![separator],
        _ => vec![separator, if r.one_in(20) { (1i64 << 40).into() } else { r.small().into() }],
    }
}
