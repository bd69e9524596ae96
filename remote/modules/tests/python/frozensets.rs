//! frozenset.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use tarmem_remote::Value;

#[test]
fn frozenset() {
    let init = |r: &mut Random| {
        vec![match r.below(12) {
            0 => r.value(),
            1..=3 => r.set(),
            _ => r.list(Random::scalar),
        }]
    };
    let (class, kind) = ("builtins.frozenset", "frozenset");
    check(&Subject { class, kind, init, operation: |r, _| operation(r), state: "copy", unordered: true });
}

fn operation(r: &mut Random) -> Operation {
    let element = if r.one_in(20) { r.value() } else { r.scalar() };
    let other = |r: &mut Random| match r.below(10) {
        0 => r.value(),
        1 | 2 => r.list(Random::scalar),
        _ => r.set(),
    };
    match r.below(10) {
        0 => op("copy", []),
        1 => op("__contains__", [element]),
        2 => op("__len__", []),
        3 => {
            let others: Vec<Value> = (0..r.below(4)).map(|_| other(r)).collect();
            op(r.pick(&["union", "intersection", "difference"]), others)
        }
        4 => op("symmetric_difference", [other(r)]),
        5 => op(r.pick(&["isdisjoint", "issubset", "issuperset"]), [other(r)]),
        6 | 7 => op(
            r.pick(&["__or__", "__and__", "__sub__", "__xor__", "__ror__", "__rand__", "__rsub__", "__rxor__"]),
            [other(r)],
        ),
        _ => op(r.pick(&["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]), [other(r)]),
    }
}

#[test]
fn it_is_written_as_python_writes_it_and_can_be_a_key() {
    let service = Service::new();
    let mut set = service.make("builtins.frozenset", &[vec![2, 1, 2].into()]).expect("made");
    assert_eq!(service.call(&mut *set, "__repr__", &[]), Ok("frozenset({2, 1})".into()));
    assert_eq!(
        service.call(&mut *set, "__or__", &[vec![1].into()]),
        Err("TypeError: unsupported operand type(s) for |: 'frozenset' and 'list'".into())
    );
    assert_eq!(
        service.call(&mut *set, "__lt__", &[1.into()]),
        Err("TypeError: '<' not supported between instances of 'frozenset' and 'int'".into())
    );
    let plain = service.call(&mut *set, "copy", &[]).expect("a set");
    let mut dict = service.make("builtins.dict", &[]).expect("made");
    assert_eq!(service.call(&mut *dict, "__setitem__", &[plain.clone(), 5.into()]), Ok(Value::Null));
    let same = Value::set([1.into(), 2.into()]).expect("a set");
    assert_eq!(service.call(&mut *dict, "__getitem__", &[same]), Ok(5.into()));
    let mut empty = service.make("builtins.frozenset", &[]).expect("made");
    assert_eq!(service.call(&mut *empty, "__repr__", &[]), Ok("frozenset()".into()));
}
