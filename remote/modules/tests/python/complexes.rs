//! complex.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use tarmem_remote::{Value, args};

#[test]
fn complex() {
    let init = |r: &mut Random| match r.below(6) {
        0 => vec![r.number(), r.number()],
        1 => vec![numeral(r)],
        2 => vec![number(r), number(r)],
        _ => vec![part(r), part(r)],
    };
    check(&Subject {
        class: "builtins.complex",
        kind: "complex",
        init,
        operation: |r, _| operation(r),
        state: "value",
        unordered: false,
    });
}

/// A part, mostly of a few sizes, so that numbers are often equal and rarely overflow.
fn part(r: &mut Random) -> Value {
    match r.below(5) {
        0 => r.float().into(),
        1 => r.small().into(),
        _ => (r.small() as f64 / 4.0).into(),
    }
}

fn number(r: &mut Random) -> Value {
    match r.below(4) {
        0 => r.number(),
        1 => part(r),
        _ => Value::Map(vec![("real".into(), part(r)), ("imag".into(), part(r))]),
    }
}

/// A text that is a complex number, or nearly one.
fn numeral(r: &mut Random) -> Value {
    let parts =
        ["1", "2.5", "+", "-", "+", "j", "J", "(", ")", " ", "1e3", ".", "_", "inf", "nan", "infinity", "٣", "e"];
    match r.below(3) {
        0 => format!("{:?}{:+?}j", r.float(), r.float()).into(),
        1 => format!("({}{:+}j)", r.small(), r.small()).into(),
        _ => (0..1 + r.below(5)).map(|_| r.pick(&parts)).collect::<String>().into(),
    }
}

fn operation(r: &mut Random) -> Operation {
    let other = number(r);
    match r.below(20) {
        0 => op(r.pick(&["__neg__", "__pos__", "__abs__", "__bool__", "conjugate", "__complex__"]), []),
        1 => op(r.pick(&["real", "imag", "__repr__", "__str__"]), []),
        2 => op("__format__", [r.format_spec().into()]),
        3 | 4 => op("__pow__", [if r.one_in(2) { (r.small() % 12).into() } else { other }]),
        5 => op("__rpow__", [other]),
        6 => op(r.pick(&["__lt__", "__le__", "__gt__", "__ge__"]), [other]),
        7..=8 => op(r.pick(&["__eq__", "__ne__"]), [other]),
        _ => op(
            r.pick(&[
                "__add__",
                "__radd__",
                "__sub__",
                "__rsub__",
                "__mul__",
                "__rmul__",
                "__truediv__",
                "__rtruediv__",
            ]),
            [other],
        ),
    }
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    for (args, expected) in [
        (args![()].to_vec(), "TypeError: complex() first argument must be a string or a number, not 'NoneType'"),
        (args!["a"].to_vec(), "ValueError: complex() arg is a malformed string"),
        (args!["1", 2].to_vec(), "TypeError: complex() can't take second arg if first is a string"),
        (args![1, "2"].to_vec(), "TypeError: complex() second arg can't be a string"),
        (args![1, ()].to_vec(), "TypeError: complex() second argument must be a number, not 'NoneType'"),
        (vec![Value::List(vec![])], "TypeError: complex() first argument must be a string or a number, not 'list'"),
    ] {
        assert_eq!(service.make("builtins.complex", &args).err(), Some(expected.to_owned()));
    }
    let mut zero = service.make("builtins.complex", &[]).expect("made");
    for (method, arg, expected) in [
        ("__pow__", Value::from(-1), "ZeroDivisionError: 0.0 to a negative or complex power"),
        ("__truediv__", 0.into(), "ZeroDivisionError: complex division by zero"),
        ("__add__", "a".into(), "TypeError: unsupported operand type(s) for +: 'complex' and 'str'"),
        ("__rpow__", "a".into(), "TypeError: unsupported operand type(s) for ** or pow(): 'str' and 'complex'"),
        ("__format__", "05".into(), "ValueError: Zero padding is not allowed in complex format specifier"),
        ("__format__", "=5".into(), "ValueError: '=' alignment flag is not allowed in complex format specifier"),
        ("__format__", "%".into(), "ValueError: Unknown format code '%' for object of type 'complex'"),
    ] {
        assert_eq!(service.call(&mut *zero, method, &[arg]), Err(expected.to_owned()));
    }
    assert_eq!(
        service.call(&mut *zero, "__pow__", &[2.into(), 3.into()]),
        Err("ValueError: complex modulo".to_owned())
    );
}
