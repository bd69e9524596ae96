//! What the tests against random operations rarely meet: limits, encodings, and the state after a failure.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Exception;
use crate::python::{ELEMENT_DEPTH, Slice};
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::codec;
use tarmem_remote::object::Object;
use tarmem_remote::value::{INTEGER_BITS_LIMIT, Value, from_value, to_value};

fn list<const N: usize>(items: [i64; N]) -> List {
    items.into_iter().collect()
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inside, _| Value::List(vec![inside]))
}

fn kind<T>(result: Result<T, Exception>) -> &'static str {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn a_repetition_beyond_memory_is_refused() {
    let mut xs = list([1, 2]);
    assert_eq!(kind(xs.imul(1_000_000_000_000i64.into())), "MemoryError");
    assert_eq!(kind(xs.imul(i128::MAX.into())), "MemoryError");
    assert_eq!(kind(xs.mul(i128::MAX.into())), "MemoryError");
    assert_eq!(xs, list([1, 2]));
    let error = xs.imul(10_000_000.into()).unwrap_err().to_string();
    assert!(error.contains("over the limit of 67108864"), "{error}");
    // No elements stay no elements, however often they are repeated.
    assert_eq!(List::default().imul(i128::MAX.into()), Ok(()));
    xs.imul(i128::MIN.into()).unwrap();
    assert!(xs.is_empty());
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let mut xs = list([3, 1, 2]);
    assert_eq!(kind(xs.extend(vec![1.into(), nested(ELEMENT_DEPTH + 1)].into())), "ValueError");
    assert_eq!(kind(xs.append(nested(ELEMENT_DEPTH + 1))), "ValueError");
    let every_other = Slice { start: None, stop: None, step: Some(2) };
    assert_eq!(kind(xs.setitem(every_other.into(), [1].into())), "ValueError");
    assert_eq!(kind(xs.pop(Arg::Given(3.into()))), "IndexError");
    assert_eq!(xs, list([3, 1, 2]));

    let mut d = Dict::new(Arg::Given(Value::Map(vec![("a".into(), 1.into())]))).unwrap();
    let before = d.clone();
    let half_good = Value::List(vec![[1, 2].into(), [3].into()]);
    assert_eq!(kind(d.update(vec![half_good], Kwargs::new())), "ValueError");
    assert_eq!(kind(d.ior(Value::List(vec![Value::List(vec![Value::List(vec![]), 1.into()])]))), "TypeError");
    assert_eq!(kind(d.incr("a".into(), Arg::Given("x".into()))), "TypeError");
    assert_eq!(d, before);
    let most = crate::python::number::power(&2.into(), &(INTEGER_BITS_LIMIT - 1).into()).unwrap();
    d.setitem("n".into(), most.clone()).unwrap();
    assert_eq!(kind(d.incr("n".into(), Arg::Given(most))), "OverflowError");
}

#[test]
fn compare_and_set_treats_a_missing_key_as_null() {
    let mut d = Dict::default();
    assert_eq!(d.compare_and_set("k".into(), 0.into(), 1.into()), Ok(false));
    assert_eq!(d.compare_and_set("k".into(), Value::Null, 1.into()), Ok(true));
    assert_eq!(d.compare_and_set("k".into(), 1.0.into(), 2.into()), Ok(true));
    assert_eq!(d.pop_or("k".into(), Value::Null), Ok(2.into()));
}

#[test]
fn objects_are_shown_to_people_as_their_contents() {
    let shown = |object: &dyn Object| {
        let tagged = to_value(object).unwrap();
        tagged.as_map().unwrap()[0].1.to_string()
    };
    assert_eq!(shown(&list([1, 2])), "[1,2]");
    assert_eq!(shown(&Dict::new(Arg::Given(vec![("a", 1)].into())).unwrap()), r#"{"a":1}"#);
    assert_eq!(shown(&Set::new(Arg::Given([1, 2, 1].into())).unwrap()), "{1,2}");
    assert_eq!(shown(&Tuple::new(Arg::Given("ab".into())).unwrap()), r#"("a","b")"#);
    assert_eq!(shown(&Str::new(Arg::Given(2.5.into()), Arg::Absent, Arg::Absent).unwrap()), r#""2.5""#);
    assert_eq!(shown(&Bytes::new(Arg::Given([1, 255].into()), Arg::Absent, Arg::Absent).unwrap()), "0x01ff");
    assert_eq!(shown(&Int::new(Arg::Given("0x10".into()), Arg::Given(0.into())).unwrap()), "16");
    assert_eq!(shown(&Bool::new(Some("x".into())).expect("a plain value")), "true");
}

#[test]
fn objects_travel_with_their_class() {
    let objects: [Box<dyn Object>; 4] = [
        Box::new(list([1, 2])),
        Box::new(Dict::new(Arg::Given(vec![("a", 1)].into())).unwrap()),
        Box::new(Set::new(Arg::Given([1].into())).unwrap()),
        Box::new(Bytes::new(Arg::Given([1, 255].into()), Arg::Absent, Arg::Absent).unwrap()),
    ];
    for object in objects {
        let bytes = codec::encode(&object).unwrap();
        let back: Box<dyn Object> = codec::decode(&bytes).unwrap();
        assert_eq!(back.class(), object.class());
        assert_eq!(to_value(&back).unwrap(), to_value(&object).unwrap());
    }
}

#[test]
fn a_list_that_is_nested_too_deeply_is_refused() {
    let bytes = codec::encode(&vec![nested(ELEMENT_DEPTH + 1)]).unwrap();
    assert!(codec::decode::<List>(&bytes).unwrap_err().to_string().contains("62 levels"));
    assert!(from_value::<List>(vec![nested(3)].into()).is_ok());
    let deepest = List::try_from(vec![nested(ELEMENT_DEPTH)]).unwrap();
    assert!(to_value(&deepest).is_ok());
}

#[test]
fn texts_beyond_the_memory_limit_are_refused() {
    let text = Str::new(Arg::Given("ab\tab".repeat(1000).into()), Arg::Absent, Arg::Absent).unwrap();
    let huge = Value::from(1_000_000_000_000i64);
    assert_eq!(kind(text.ljust(huge.clone(), Arg::Absent)), "MemoryError");
    assert_eq!(kind(text.zfill(huge.clone())), "MemoryError");
    assert_eq!(kind(text.expandtabs(Arg::Given(huge.clone()))), "MemoryError");
    assert_eq!(kind(text.mul(huge.clone())), "MemoryError");
    assert_eq!(kind(text.center(i128::MAX.into(), Arg::Absent)), "OverflowError");
    let long = Value::from("x".repeat(100_000));
    assert_eq!(kind(text.replace("".into(), long.clone(), Arg::Absent)), "MemoryError");
    let table = Value::Map(vec![(97.into(), long)]);
    assert_eq!(kind(text.translate(table)), "MemoryError");
    let separator = Str::new(Arg::Given("x".repeat(1 << 20).into()), Arg::Absent, Arg::Absent).unwrap();
    assert_eq!(kind(separator.join(vec![""; 1000].into())), "MemoryError");
    assert_eq!(kind(Bytes::new(Arg::Given(huge), Arg::Absent, Arg::Absent)), "MemoryError");
    assert_eq!(kind(Bytes::new(Arg::Given((-1).into()), Arg::Absent, Arg::Absent)), "ValueError");
}

#[test]
fn searching_takes_linear_time_in_the_worst_case() {
    let text = Str::new(Arg::Given("a".repeat(200_000).into()), Arg::Absent, Arg::Absent).unwrap();
    let part = Value::from(format!("{}b", "a".repeat(100_000)));
    assert_eq!(text.find(part.clone(), None, None), Ok(-1));
    assert_eq!(text.rfind(part.clone(), None, None), Ok(-1));
    assert_eq!(text.count(part, None, None), Ok(0));
}

#[test]
fn encodings() {
    let text = Str::new(Arg::Given("aé😀".into()), Arg::Absent, Arg::Absent).unwrap();
    let encoded = |encoding: &str, errors: Option<&str>| text.encode(encoding.into(), errors.map(Value::from).into());
    assert_eq!(encoded("latin_1", Some("replace")), Ok(Value::Bytes(vec![b'a', 0xe9, b'?'])));
    assert_eq!(encoded("ASCII", Some("ignore")), Ok(Value::Bytes(vec![b'a'])));
    assert_eq!(kind(encoded("ascii", None)), "UnicodeEncodeError");
    assert_eq!(kind(encoded("ebcdic", None)), "LookupError");
    assert_eq!(kind(encoded("utf-8", Some("guess"))), "LookupError");
    let broken = Bytes::fromhex("61 ff 62".into()).unwrap();
    assert_eq!(kind(broken.decode(Arg::Absent, Arg::Absent)), "UnicodeDecodeError");
    assert_eq!(broken.decode(Arg::Absent, Arg::Given("ignore".into())), Ok("ab".into()));
    assert_eq!(broken.hex(Arg::Absent, Arg::Absent), Ok("61ff62".into()));
    assert_eq!(broken.hex(Arg::Given(":".into()), Arg::Given(2.into())), Ok("61:ff62".into()));
    assert_eq!(broken.hex(Arg::Given(":".into()), Arg::Given((-2).into())), Ok("61ff:62".into()));
    assert_eq!(kind(Bytes::fromhex("6".into())), "ValueError");
    assert_eq!(kind(Bytes::fromhex("6 1".into())), "ValueError");
}

#[test]
fn numbers_that_are_not_digits_are_alphanumeric() {
    let is = |text: &str| Str::new(Arg::Given(text.into()), Arg::Absent, Arg::Absent).unwrap().isalnum();
    assert!(is("x½²٣") && is("Ⅷ") && !is("½ ") && !is(""));
}

#[test]
fn integers_convert_to_bytes_and_back() {
    let bytes = |n: i128, length: i64, order: &str, signed: bool| {
        let int = Int::new(Arg::Given(n.into()), Arg::Absent).unwrap();
        int.to_bytes(Arg::Given(length.into()), Arg::Given(order.into()), signed.into())
    };
    assert_eq!(bytes(258, 4, "big", false), Ok(Value::Bytes(vec![0, 0, 1, 2])));
    assert_eq!(bytes(-2, 20, "little", true).unwrap().as_bytes().map(<[u8]>::len), Some(20));
    assert_eq!(bytes(128, 1, "big", false), Ok(Value::Bytes(vec![128])));
    assert_eq!(kind(bytes(128, 1, "big", true)), "OverflowError");
    assert_eq!(kind(bytes(-1, 1, "big", false)), "OverflowError");
    assert_eq!(kind(bytes(1, 1, "middle", false)), "ValueError");
    assert_eq!(kind(bytes(1, -1, "big", false)), "ValueError");
    assert_eq!(kind(bytes(1, 1 << 40, "big", false)), "MemoryError");
    for n in [0, 1, -1, 255, -256, i128::MAX, i128::MIN] {
        for order in ["big", "little"] {
            let there = bytes(n, 17, order, true).unwrap();
            assert_eq!(Int::from_bytes(there, order.into(), true.into()).unwrap().plain(), n.into());
        }
    }
    let wide = Value::Bytes(vec![255; 17]);
    assert_eq!(Int::from_bytes(wide.clone(), Arg::Absent, Arg::Absent).unwrap().bit_length(), 17 * 8);
    assert_eq!(Int::from_bytes(wide, Arg::Absent, true.into()).unwrap().plain(), (-1).into());
    assert_eq!(kind(Int::from_bytes(Value::Bytes(vec![255; 8193]), Arg::Absent, Arg::Absent)), "OverflowError");
}

#[test]
fn floats_convert_to_hexadecimal_and_back() {
    let hex = |x: f64| Float::new(Arg::Given(x.into())).unwrap().hex();
    assert_eq!(hex(-0.5), "-0x1.0000000000000p-1");
    assert_eq!(hex(0.0), "0x0.0p+0");
    assert_eq!(hex(5e-324), "0x0.0000000000001p-1022");
    assert_eq!(hex(f64::INFINITY), "inf");
    assert_eq!(kind(Float::new(Arg::Given(f64::INFINITY.into())).unwrap().to_int()), "OverflowError");
    assert_eq!(kind(Float::new(Arg::Given(f64::NAN.into())).unwrap().as_integer_ratio()), "ValueError");
}

#[test]
fn formatting_is_bounded() {
    let text = |text: &str| Str::new(text.into(), Arg::Absent, Arg::Absent).unwrap();
    let map = |a: Value| Value::Map(vec![("a".into(), a)]);
    let five = Int::new(5.into(), Arg::Absent).unwrap();
    for spec in ["99999999999", "b<99999999", "é<40000000", ".99999999f", "99999999,"] {
        assert_eq!(kind(five.format(spec.into())), "MemoryError", "{spec}");
    }
    assert_eq!(kind(five.format("9999999999999999999999".into())), "ValueError");
    assert_eq!(five.format(".2000f".into()).unwrap().len(), 2002);
    assert_eq!(kind(text("{a:33999999}".repeat(2).as_str()).format_map(map(1.into()))), "MemoryError");
    // The list is large, but its fields show none of it.
    let list = map(vec![0; 100_000].into());
    assert_eq!(kind(text("{a!r:.0}".repeat(1000).as_str()).format_map(list.clone())), "MemoryError");
    assert_eq!(text("{a[7]}{a[99999]:02}{{}}").format_map(list), Ok("000{}".into()));
    assert_eq!(kind(text("{0}").format_map(map(1.into()))), "ValueError");
    assert_eq!(kind(text("{a}").format_map(5.into())), "TypeError");
}

/// A text or bytes of this many letters on the wire, each of which becomes an element.
fn letters(count: usize) -> Value {
    "a".repeat(count).into()
}

#[test]
fn elements_of_a_text_are_refused_before_they_take_the_memory() {
    // A letter becomes an element of 32 bytes, with an allocation of another 32.
    let (fits, too_many) = (1 << 20, (1 << 20) + 1);
    assert_eq!(List::new(Arg::Given(letters(fits))).unwrap().len(), fits);
    let error = List::new(Arg::Given(letters(too_many))).map(drop).unwrap_err();
    let told = "the result would take 67108928 bytes or more, over the limit of 67108864; make it in parts";
    assert_eq!(error, Exception::MemoryError(told.into()));
    assert_eq!(kind(Tuple::new(Arg::Given(letters(too_many)))), "MemoryError");
    assert_eq!(kind(Set::new(Arg::Given(letters(too_many)))), "MemoryError");
    assert_eq!(kind(Dict::new(Arg::Given(letters(too_many)))), "MemoryError");
    assert_eq!(kind(Dict::new(Arg::Given(vec![letters(too_many)].into()))), "MemoryError");
    assert_eq!(kind(List::new(Arg::Given(Value::Bytes(vec![7; (2 << 20) + 1])))), "MemoryError");
    let mut xs = list([1]);
    assert_eq!(kind(xs.extend(letters(too_many))), "MemoryError");
    assert_eq!(kind(xs.setitem(Slice::from(0..).into(), letters(too_many))), "MemoryError");
    assert_eq!(xs, list([1]));
}

#[test]
fn parts_of_a_text_are_refused_before_they_take_the_memory() {
    let text = |of: &str| Str::new(Arg::Given(of.repeat(1 << 20).into()), Arg::Absent, Arg::Absent).unwrap();
    let bytes = |of: &[u8]| Bytes::new(Arg::Given(Value::Bytes(of.repeat(1 << 20))), Arg::Absent, Arg::Absent).unwrap();
    let separated = text("a,");
    assert_eq!(kind(separated.split(Some(",".into()), Arg::Absent)), "MemoryError");
    assert_eq!(kind(separated.rsplit(Some(",".into()), Arg::Absent)), "MemoryError");
    assert_eq!(separated.split(Some(",".into()), Arg::Given(9.into())).unwrap().len(), 10);
    assert_eq!(separated.count(",".into(), None, None), Ok(1 << 20));
    let words = text("aa ");
    assert_eq!(words.split(None, Arg::Absent).unwrap().len(), 1 << 20);
    let words = text("a b ");
    assert_eq!(kind(words.split(None, Arg::Absent)), "MemoryError");
    assert_eq!(kind(words.rsplit(None, Arg::Absent)), "MemoryError");
    assert_eq!(kind(text("a\nb\n").splitlines(Arg::Absent)), "MemoryError");
    assert_eq!(kind(bytes(b"a,b,").split(Some(Value::Bytes(b",".to_vec())), Arg::Absent)), "MemoryError");
    let joined = Str::new(Arg::Absent, Arg::Absent, Arg::Absent).unwrap().join(letters(2 << 20));
    assert_eq!(kind(joined), "MemoryError");
    assert_eq!(kind(Str::new(Arg::Absent, Arg::Absent, Arg::Absent).unwrap().join(1.into())), "TypeError");
}

#[test]
fn copies_of_elements_are_refused_before_they_take_the_memory() {
    let large: List = (0..(2 << 20) + 1).collect();
    assert_eq!(kind(large.getitem(Slice::from(..).into())), "MemoryError");
    assert!(large.getitem(Slice::from(1..).into()).is_ok());
    assert_eq!(kind(large.add(Value::List(vec![]))), "MemoryError");
    assert_eq!(kind(list([]).add(large.into())), "MemoryError");
}
