//! set.

use super::check::{Operation, Subject, check, op};
use super::random::Random;

#[test]
fn set() {
    let init = |r: &mut Random| {
        vec![match r.below(12) {
            0 => r.value(),
            1..=3 => r.set(),
            _ => r.list(Random::scalar),
        }]
    };
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
    let other = match r.below(10) {
        0 => r.value(),
        1 | 2 => r.list(Random::scalar),
        _ => r.set(),
    };
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
        13 => op(
            r.pick(&["__or__", "__and__", "__sub__", "__xor__", "__ror__", "__rand__", "__rsub__", "__rxor__"]),
            [other],
        ),
        14 => op(r.pick(&["__ior__", "__iand__", "__isub__", "__ixor__"]), [other]),
        _ => op(r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]), [other]),
    }
}
