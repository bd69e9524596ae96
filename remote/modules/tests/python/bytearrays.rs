//! bytearray.

use super::check::{Operation, Subject, check, op};
use super::random::Random;
use super::service::Service;
use super::texts::{hex_arguments, text_operation};
use tarmem_remote::{Value, args};

#[test]
fn bytearray() {
    let init = |r: &mut Random| vec![r.bytes()];
    check(&Subject {
        class: "builtins.bytearray",
        kind: "bytearray",
        init,
        operation: |r, _| operation(r),
        state: "value",
        unordered: false,
    });
}

fn operation(r: &mut Random) -> Operation {
    let byte = match r.below(12) {
        0 => r.pick(&[256.into(), (-1).into(), (1i128 << 70).into(), "a".into(), Value::Null, true.into(), 1.5.into()]),
        _ => r.pick(&[97, 98, 0, 255, 32]).into(),
    };
    let items = |r: &mut Random| match r.below(8) {
        0 => r.value(),
        1 => r.list(|r| r.pick(&[97.into(), 255.into(), 0.into(), 256.into()])),
        2 => r.list(|r| r.pick(&[97, 98]).into()),
        3 => Value::Bytes(vec![]),
        _ => r.bytes(),
    };
    match r.below(26) {
        0 | 1 => op("append", [byte]),
        2 => op("extend", [items(r)]),
        3 => op("insert", [r.index(), byte]),
        4 => op("pop", []),
        5 => op("pop", [r.index()]),
        6 => op("remove", [byte]),
        7 if r.one_in(4) => op("clear", []),
        7 => op("copy", []),
        8 => op("reverse", []),
        9 => op("__setitem__", [r.index(), byte]),
        10 => op("__setitem__", [r.slice(), items(r)]),
        11 => op("__delitem__", [r.index()]),
        12 => op("__delitem__", [r.slice()]),
        13 => op("__iadd__", [items(r)]),
        14 => op("__imul__", [r.pick(&[Value::from(0), 1.into(), 2.into(), (-1).into(), "a".into(), 1.5.into()])]),
        15 => op("hex", hex_arguments(r)),
        16 => op("decode", args!["latin-1"]),
        17 => op("translate", [Value::Null, r.short_bytes()]),
        18 => op("maketrans", [r.short_bytes(), r.short_bytes()]),
        19 => op("__str__", []),
        20 => op("find", [r.pick(&[Value::from(97), 300.into(), 0.into(), (-1).into()])]),
        _ => text_operation(r, Random::bytes, Random::short_bytes),
    }
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    let slice = |parts: [i64; 3]| Value::Map(vec![("slice".into(), parts.into())]);
    for (method, args, expected) in [
        ("append", args![300].to_vec(), "ValueError: byte must be in range(0, 256)"),
        ("append", args!["a"].to_vec(), "TypeError: 'str' object cannot be interpreted as an integer"),
        ("extend", args![5].to_vec(), "TypeError: can't extend bytearray with int"),
        ("extend", args!["a"].to_vec(), "TypeError: 'str' object cannot be interpreted as an integer"),
        ("remove", args![99].to_vec(), "ValueError: value not found in bytearray"),
        ("pop", args![9].to_vec(), "IndexError: pop index out of range"),
        ("__getitem__", args![9].to_vec(), "IndexError: bytearray index out of range"),
        ("__getitem__", args!["a"].to_vec(), "TypeError: bytearray indices must be integers or slices, not str"),
        ("__setitem__", args![0, 300].to_vec(), "ValueError: byte must be in range(0, 256)"),
        (
            "__setitem__",
            vec![slice([0, 2, 1]), "a".into()],
            "TypeError: can assign only bytes, buffers, or iterables of ints in range(0, 256)",
        ),
        (
            "__setitem__",
            vec![slice([0, 2, 1]), Value::Null],
            "TypeError: cannot convert 'NoneType' object to bytearray",
        ),
        (
            "__setitem__",
            vec![slice([0, 2, 2]), Value::Bytes(b"abc".to_vec())],
            "ValueError: attempt to assign bytes of size 3 to extended slice of size 1",
        ),
        ("__iadd__", args![5].to_vec(), "TypeError: can't concat int to bytearray"),
        ("__add__", args![5].to_vec(), "TypeError: can't concat int to bytearray"),
        ("__format__", args!["x"].to_vec(), "TypeError: unsupported format string passed to bytearray.__format__"),
        (
            "startswith",
            args!["a"].to_vec(),
            "TypeError: startswith first arg must be bytes or a tuple of bytes, not str",
        ),
    ] {
        let mut array = service.make("builtins.bytearray", &[Value::Bytes(b"ab".to_vec())]).expect("made");
        assert_eq!(service.call(&mut *array, method, &args), Err(expected.to_owned()), "{method}");
    }
    let mut empty = service.make("builtins.bytearray", &[]).expect("made");
    assert_eq!(service.call(&mut *empty, "pop", &[]), Err("IndexError: pop from empty bytearray".into()));
    for (args, expected) in [
        (args![1.5], "TypeError: cannot convert 'float' object to bytearray"),
        (args!["a"], "TypeError: string argument without an encoding"),
        (args![vec![300]], "ValueError: byte must be in range(0, 256)"),
        (args![-1], "ValueError: negative count"),
    ] {
        assert_eq!(service.make("builtins.bytearray", &args).err(), Some(expected.to_owned()));
    }
    let mut array = service.make("builtins.bytearray", &[Value::Bytes(b"it's".to_vec())]).expect("made");
    assert_eq!(service.call(&mut *array, "__repr__", &[]), Ok(r#"bytearray(b"it\'s")"#.into()));
    assert_eq!(
        service.call(&mut *array, "__imul__", &[(1i64 << 40).into()]).map_err(|e| e[..11].to_owned()),
        Err("MemoryError".into())
    );
}
