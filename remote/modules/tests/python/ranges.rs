//! range.

use super::check::{Operation, Subject, check, op};
use super::random::{IntoMap, Random};
use super::service::Service;
use tarmem_remote::{Value, args};

#[test]
fn range() {
    let init = |r: &mut Random| match r.below(8) {
        // Short ones only, since CPython searches all of it for a value that is not an integer.
        0 => vec![r.pick(&[Value::Null, "a".into(), 1.5.into(), true.into(), vec![1].into()])],
        1 => vec![(r.small()).into()],
        2 => vec![r.small().into(), r.small().into(), r.pick(&[Value::Null, "a".into(), true.into(), 0.into()])],
        3 => vec![r.small().into(), r.small().into(), r.pick(&[0, 1, -1, 2, -3]).into()],
        4 => vec![r.small().into(), r.small().into()],
        _ => vec![(3 * r.small()).into(), (3 * r.small()).into(), r.pick(&[1, -1, 2, -2, 3, 7, -40]).into()],
    };
    check(&Subject {
        class: "builtins.range",
        kind: "range",
        init,
        operation: |r, _| {
            let value = if r.one_in(4) { r.scalar() } else { r.small().into() };
            operation(r, value)
        },
        state: "value",
        unordered: false,
    });
}

/// CPython searches all of a range for a value that is not an integer, so only integers are searched for.
#[test]
fn ranges_of_any_size() {
    let init = |r: &mut Random| {
        let step = r.integer();
        let step = if step.is_zero() { 1.into() } else { step };
        let bound = |r: &mut Random| {
            let times = step.multiply(&r.small().into()).expect("within the limit");
            times.add(&r.small().into()).expect("within the limit")
        };
        match r.below(3) {
            0 => vec![r.integer().into(), r.integer().into(), step.into()],
            1 => vec![r.integer().into(), r.integer().into()],
            _ => vec![bound(r).into(), bound(r).into(), step.into()],
        }
    };
    check(&Subject {
        class: "builtins.range",
        kind: "range",
        init,
        operation: |r, _| {
            let value = r.integer().into();
            operation(r, value)
        },
        state: "value",
        unordered: false,
    });
}

fn operation(r: &mut Random, value: Value) -> Operation {
    match r.below(16) {
        0 => op("__len__", []),
        1 => op("__bool__", []),
        2 => op(r.pick(&["start", "stop", "step", "__repr__", "__reversed__"]), []),
        3 | 4 => op("__getitem__", [r.index()]),
        5 => op("__getitem__", [Value::from(r.integer())]),
        6 | 7 => op("__getitem__", [r.slice()]),
        8 => {
            let part = |r: &mut Random| if r.one_in(3) { Value::Null } else { r.integer().into() };
            op("__getitem__", [vec![("slice".into(), Value::List(vec![part(r), part(r), part(r)]))].into_map()])
        }
        9 | 10 => op("__contains__", [value]),
        11 => op("index", [value]),
        12 => op("count", [value]),
        _ => {
            let parts = [r.small(), r.small(), r.pick(&[1, 2, -1, -2])];
            let other = ["start", "stop", "step"].into_iter().zip(parts).map(|(name, n)| (name.into(), n.into()));
            let other = if r.one_in(4) { r.value() } else { Value::Map(other.collect()) };
            op(r.pick(&["__eq__", "__ne__"]), [other])
        }
    }
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    for (args, expected) in [
        (args![1.5].to_vec(), "TypeError: 'float' object cannot be interpreted as an integer"),
        (args![1, 2, 0].to_vec(), "ValueError: range() arg 3 must not be zero"),
    ] {
        assert_eq!(service.make("builtins.range", &args).err(), Some(expected.to_owned()));
    }
    let mut range = service.make("builtins.range", &args![0, 10, 3]).expect("made");
    for (method, arg, expected) in [
        ("__getitem__", Value::from(9), "IndexError: range object index out of range"),
        ("__getitem__", "a".into(), "TypeError: range indices must be integers or slices, not str"),
        ("index", 5.into(), "ValueError: 5 is not in range"),
        ("index", 5.0.into(), "ValueError: sequence.index(x): x not in sequence"),
    ] {
        assert_eq!(service.call(&mut *range, method, &[arg]), Err(expected.to_owned()));
    }
    let mut long = service.make("builtins.range", &[(1i128 << 100).into()]).expect("made");
    let error = "OverflowError: Python int too large to convert to C ssize_t";
    assert_eq!(service.call(&mut *long, "__len__", &[]), Err(error.to_owned()));
}

#[test]
fn a_range_is_iterated_over_without_storing_its_integers() {
    let service = Service::new();
    let mut long = service.make("builtins.range", &args![1i128 << 100, -(1i128 << 100), -2]).expect("made");
    let chunk = service.call(&mut *long, "iter_chunk", &args![(), 2]).expect("a chunk");
    assert_eq!(chunk.get("items"), Some(&Value::from(vec![1i128 << 100, (1i128 << 100) - 2])));
    let next = chunk.get("next").expect("there are more").clone();
    let chunk = service.call(&mut *long, "iter_chunk", &[next, 1.into()]).expect("a chunk");
    assert_eq!(chunk.get("items"), Some(&Value::from(vec![(1i128 << 100) - 4])));
    let mut short = service.make("builtins.range", &args![3]).expect("made");
    let chunk = service.call(&mut *short, "iter_chunk", &[]).expect("a chunk");
    assert_eq!((chunk.get("items"), chunk.get("next")), (Some(&Value::from(vec![0, 1, 2])), Some(&Value::Null)));
}
