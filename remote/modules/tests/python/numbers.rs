//! int and float.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use tarmem_remote::Value;
use tarmem_remote::value::Integer;

#[test]
fn int() {
    let init = |r: &mut Random| vec![Value::from(r.integer())];
    let operation = |r: &mut Random, _| match r.below(14) {
        0 => op(r.pick(&["bit_length", "bit_count", "as_integer_ratio", "__invert__", "__index__"]), []),
        3 => op(r.pick(&["numerator", "denominator"]), []),
        4 => op(r.pick(&["__rand__", "__ror__", "__rxor__"]), [r.number()]),
        5 => op(r.pick(&["__rlshift__", "__rrshift__"]), [r.number()]),
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
    match r.below(14) {
        12 | 13 => op("__format__", [r.format_spec().into()]),
        0 => op(
            r.pick(&["__neg__", "__pos__", "__abs__", "__bool__", "__int__", "__float__", "__repr__", "__str__"]),
            [],
        ),
        3 => op(r.pick(&["__trunc__", "__floor__", "__ceil__", "__round__", "conjugate", "real", "imag"]), []),
        4 => op("__round__", [r.pick(&[0, 1, 2, 5, 17, -1, -2, -3, -18, -40]).into()]),
        5 => op(
            r.pick(&["__radd__", "__rsub__", "__rmul__", "__rtruediv__", "__rfloordiv__", "__rmod__", "__rdivmod__"]),
            [r.number()],
        ),
        6 => op("__rpow__", [r.pick(&[Value::from(0), 1.into(), 2.into(), (-1).into(), 3.into(), 0.5.into()])]),
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

/// Floats as hexadecimal text.
#[test]
fn floats_from_hexadecimal_text() {
    let init = |r: &mut Random| vec![r.hexadecimal()];
    let operation = |_: &mut Random, _| op("hex", []);
    check(&Subject {
        class: "builtins.float.fromhex",
        kind: "fromhex",
        init,
        operation,
        state: "value",
        unordered: false,
    });
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    let (whole, float) = (Value::from(1), Value::from(1.0));
    let huge = Value::Int(Integer::from(9).power(&400.into()).expect("within the limit"));
    for (number, method, other, expected) in [
        (&float, "__divmod__", 0.0.into(), "ZeroDivisionError: float divmod()"),
        (&float, "__divmod__", 0.into(), "ZeroDivisionError: float divmod()"),
        (&whole, "__divmod__", 0.0.into(), "ZeroDivisionError: float divmod()"),
        (&whole, "__divmod__", 0.into(), "ZeroDivisionError: integer division or modulo by zero"),
        (&float, "__floordiv__", 0.into(), "ZeroDivisionError: float floor division by zero"),
        (&float, "__mod__", 0.into(), "ZeroDivisionError: float modulo"),
        (&whole, "__floordiv__", false.into(), "ZeroDivisionError: integer division or modulo by zero"),
        (&whole, "__mod__", 0.into(), "ZeroDivisionError: integer modulo by zero"),
        (&whole, "__truediv__", 0.into(), "ZeroDivisionError: division by zero"),
        (&float, "__truediv__", 0.into(), "ZeroDivisionError: float division by zero"),
        (&whole, "__divmod__", "a".into(), "TypeError: unsupported operand type(s) for divmod(): 'int' and 'str'"),
        (&float, "__rdivmod__", "a".into(), "TypeError: unsupported operand type(s) for divmod(): 'str' and 'float'"),
        (&float, "__divmod__", huge, "OverflowError: int too large to convert to float"),
    ] {
        let class = if matches!(number, Value::Float(_)) { "builtins.float" } else { "builtins.int" };
        let mut object = service.make(class, std::slice::from_ref(number)).expect("made");
        let shown = format!("{number}.{method}({other})");
        assert_eq!(service.call(&mut *object, method, &[other]), Err(expected.to_owned()), "{shown}");
    }
    let mut zero = service.make("builtins.float", &[0.into()]).expect("made");
    let error = "ZeroDivisionError: float divmod()";
    assert_eq!(service.call(&mut *zero, "__rdivmod__", &[1.into()]), Err(error.to_owned()));
}
