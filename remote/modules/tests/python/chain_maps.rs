//! `ChainMap`, of plain maps. The tests of tarmem use it over live dicts.

use super::check::{Operation, Subject, check, op};
use super::random::{IntoMap, Random};
use super::service::Service;
use tarmem_remote::{Value, args};

#[test]
fn chain_map() {
    let (class, kind) = ("collections.ChainMap", "ChainMap");
    let init = |r: &mut Random| (0..r.below(4)).map(|_| map(r)).collect();
    check(&Subject { class, kind, init, operation: |r, _| operation(r), state: "maps", unordered: false });
}

fn map(r: &mut Random) -> Value {
    (0..r.below(4)).map(|_| (r.pick(&["a", "b", "c", "d"]).into(), r.scalar())).collect::<Vec<_>>().into_map()
}

fn key(r: &mut Random) -> Value {
    if r.one_in(20) { r.value() } else { r.pick(&["a", "b", "c", "d"]).into() }
}

fn operation(r: &mut Random) -> Operation {
    match r.below(20) {
        0 => op("__getitem__", [key(r)]),
        1 => op("get", [key(r)]),
        2 => op("get", [key(r), r.scalar()]),
        3 => op("__contains__", [key(r)]),
        4 => op(r.pick(&["__len__", "__bool__", "keys", "values", "items", "copy"]), []),
        5 => op(r.pick(&["parents", "maps"]), []),
        6 => op("new_child", []),
        7 => op("new_child", args![map(r); z = r.small()]),
        8 => op(r.pick(&["__or__", "__ror__"]), [if r.one_in(6) { r.scalar() } else { map(r) }]),
        9 => op(r.pick(&["__eq__", "__ne__"]), [map(r)]),
        10..=12 => op("__setitem__", [key(r), r.value()]),
        13 => op("__delitem__", [key(r)]),
        14 => op("pop", [key(r)]),
        15 => op("pop", [key(r), r.scalar()]),
        16 if r.one_in(4) => op("clear", []),
        16 => op("popitem", []),
        17 => op("setdefault", [key(r), r.scalar()]),
        18 => op("update", args![map(r); z = r.small()]),
        _ => op("__ior__", [map(r)]),
    }
}

/// The messages of CPython 3.11, word for word.
#[test]
fn errors_have_the_words_of_python() {
    let service = Service::new();
    let map = |key: &str| Value::Map(vec![(key.into(), 1.into())]);
    let mut chain = service.make("collections.ChainMap", &[map("a"), map("b")]).expect("made");
    for (method, args, expected) in [
        ("__getitem__", args!["z"].to_vec(), "KeyError: 'z'"),
        ("pop", args!["b"].to_vec(), r#"KeyError: "Key not found in the first mapping: 'b'""#),
        ("__delitem__", args!["b"].to_vec(), r#"KeyError: "Key not found in the first mapping: 'b'""#),
        ("__or__", args![5].to_vec(), "TypeError: unsupported operand type(s) for |: 'ChainMap' and 'int'"),
        ("__ror__", args![5].to_vec(), "TypeError: unsupported operand type(s) for |: 'int' and 'ChainMap'"),
    ] {
        assert_eq!(service.call(&mut *chain, method, &args), Err(expected.to_owned()));
    }
    assert_eq!(service.call(&mut *chain, "__repr__", &[]), Ok("ChainMap({'a': 1}, {'b': 1})".into()));
    let mut empty = service.make("collections.ChainMap", &[]).expect("made");
    assert_eq!(
        service.call(&mut *empty, "popitem", &[]),
        Err("KeyError: 'No keys found in the first mapping.'".into())
    );
    assert!(service.make("collections.ChainMap", &args![5]).is_err());
    let mut keys = service.make("collections.ChainMap.fromkeys", &args!["ab", 1]).expect("made");
    assert_eq!(service.call(&mut *keys, "__repr__", &[]), Ok("ChainMap({'a': 1, 'b': 1})".into()));
}
