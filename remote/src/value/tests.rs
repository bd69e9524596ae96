//! Tests of values through serde and JSON: round trips, lenient and strict conversions, limits.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::*;
use crate::args;

mod json;

/// Any value, a few levels deep.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        integer::tests::any_integer().prop_map(Value::Int),
        // No NaN, because it is never equal to itself.
        any::<f64>().prop_map(|x| Value::Float(if x.is_nan() { f64::INFINITY } else { x })),
        any::<String>().prop_map(Value::Text),
        "\\$?(bytes|ref|class|map|int|tuple|set)".prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        (any::<u128>(), any::<String>()).prop_map(|(id, class)| Value::Ref(ObjectRef::new(Uuid::from_u128(id), class))),
    ];
    leaf.prop_recursive(6, 64, 5, |inner| {
        let text = prop_oneof![any::<String>(), "\\$?(bytes|ref|class|map|int|tuple|set)"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Tuple),
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| Value::set(items).unwrap_or_default()),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::map),
            prop::collection::vec((text.prop_map(Value::Text), inner), 0..4).prop_map(Value::map),
        ]
    })
}

/// A scalar inside this many lists (or, at every other level, maps).
pub(crate) fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::from(1), |inner, level| match level % 2 {
        0 => Value::List(vec![inner]),
        _ => Value::Map(vec![(Value::Null, inner)]),
    })
}

/// The value with every text-keyed map sorted, like JSON objects.
fn sorted(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.iter().map(sorted).collect()),
        Value::Tuple(items) => Value::Tuple(items.iter().map(sorted).collect()),
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|(k, v)| (sorted(k), sorted(v))).collect();
            if entries.iter().all(|(key, _)| key.as_str().is_some()) {
                entries.sort_by(|a, b| a.0.as_str().cmp(&b.0.as_str()));
            }
            Value::Map(entries)
        }
        scalar => scalar.clone(),
    }
}

proptest! {
    #[test]
    fn values_pass_through_themselves(value in any_value()) {
        prop_assert_eq!(&to_value(&value).unwrap(), &value);
        prop_assert_eq!(&Value::deserialize(&value).unwrap(), &value);
        prop_assert_eq!(&from_value::<Value>(value.clone()).unwrap(), &value);
        let erased = &mut <dyn erased_serde::Deserializer>::erase(&value);
        prop_assert_eq!(&erased_serde::deserialize::<Value>(erased).unwrap(), &value);
        let object: &dyn erased_serde::Serialize = &value;
        prop_assert_eq!(&to_value(object).unwrap(), &value);
        let bytes = crate::codec::encode(&value).unwrap();
        prop_assert_eq!(&crate::codec::decode::<Value>(&bytes).unwrap(), &value);
    }

    #[test]
    fn values_pass_through_json(value in any_value()) {
        let json = value.to_json();
        prop_assert_eq!(sorted(&Value::from_json(&json).unwrap()), sorted(&value));
        let text = json.to_string();
        let reparsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(
            sorted(&Value::parse_json(&text).unwrap()),
            sorted(&Value::from_json(&reparsed).unwrap())
        );
    }

    #[test]
    fn no_json_text_panics(text in "[\\[\\]{}:,\"$a-z0-9. -]{0,60}") {
        if let Ok(value) = Value::parse_json(&text) {
            let _ = value.to_string();
            let _ = value.to_json();
        }
    }

    #[test]
    fn any_value_is_shown_and_refused_in_words(value in any_value()) {
        let _ = value.to_string();
        if let Err(error) = i8::deserialize(&value) {
            prop_assert!(error.message().chars().count() < 100);
        }
    }
}

/// As in Python's `dict`.
#[test]
fn a_repeated_key_has_its_last_value_in_the_place_of_the_first() {
    let map = |pairs: &[(Value, i64)]| Value::Map(pairs.iter().map(|(key, n)| (key.clone(), (*n).into())).collect());
    let read = |value: &Value| crate::codec::decode::<Value>(&crate::codec::encode(value).unwrap()).unwrap();
    let [a, b, c] = ["a", "b", "c"].map(Value::from);
    let list = || Value::List(vec![]);
    for (sent, expected) in [
        (map(&[(a.clone(), 1), (b.clone(), 2), (a.clone(), 3)]), map(&[(a.clone(), 3), (b.clone(), 2)])),
        (map(&[(a.clone(), 1), (a.clone(), 2), (a.clone(), 3)]), map(&[(a.clone(), 3)])),
        // Equal keys are one key.
        (map(&[(1.into(), 1), (c, 2), (1.0.into(), 3), (true.into(), 4)]), map(&[(1.into(), 4), ("c".into(), 2)])),
        (map(&[(f64::NAN.into(), 1), (f64::NAN.into(), 2), (b, 3)]), map(&[(f64::NAN.into(), 2), ("b".into(), 3)])),
        (map(&[((1, "a").into(), 1), ((1.0, "a").into(), 2)]), map(&[((1, "a").into(), 2)])),
        // Values that cannot be keys stay as they are.
        (map(&[(list(), 1), (a.clone(), 2), (list(), 3), (a, 4)]), map(&[(list(), 1), ("a".into(), 4), (list(), 3)])),
    ] {
        assert_eq!(read(&sent).to_string(), expected.to_string());
        assert_eq!(read(&Value::List(vec![sent])).to_string(), Value::List(vec![expected]).to_string(), "inside, too");
    }
    let shown: Value = serde_json::from_str(r#"{"a":1,"b":2,"a":3}"#).unwrap();
    assert_eq!(shown.to_string(), r#"{"a":3,"b":2}"#);
}

#[test]
fn reading_a_map_with_many_repeated_keys_takes_linear_time() {
    const MANY: usize = 100_000;
    // The keys are neither sorted nor of one kind, and half of them are repeated.
    let key = |n: usize| match n % 3 {
        0 => Value::from(format!("{:x}", n.wrapping_mul(0x9e37_79b9))),
        1 => Value::from(n as f64 + 0.5),
        _ => Value::from(-(n as i64)),
    };
    let pairs = (0..MANY).chain(0..MANY / 2).enumerate().map(|(at, n)| (key(n), Value::from(at as i64)));
    let sent = crate::codec::encode(&Value::Map(pairs.collect())).unwrap();
    let begun = std::time::Instant::now();
    let read: Value = crate::codec::decode(&sent).unwrap();
    let taken = begun.elapsed();
    let read = read.as_map().unwrap();
    assert_eq!(read.len(), MANY);
    for n in [0, 1, MANY / 2 - 1, MANY / 2, MANY - 1] {
        let at = if n < MANY / 2 { MANY + n } else { n };
        assert_eq!(read[n], (key(n), Value::from(at as i64)), "{n}");
    }
    assert!(taken < std::time::Duration::from_secs(20), "each with each would take minutes: {taken:?}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(Box<Option<i8>>);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u64, char);
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Unit,
    Newtype(Option<u8>),
    Tuple(i8, String),
    Struct { a: f32, b: Vec<Choice> },
}
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    unit: Unit,
    newtype: Newtype,
    pair: Pair,
    choices: Vec<Choice>,
    by_number: BTreeMap<i32, String>,
    by_text: HashMap<String, (u128, i128)>,
    largest: u64,
    bytes: Vec<u8>,
    value: Value,
    object: ObjectRef,
    nothing: (),
}

fn everything() -> Everything {
    Everything {
        unit: Unit,
        newtype: Newtype(Box::new(Some(-3))),
        pair: Pair(u64::MAX, 'ß'),
        choices: vec![
            Choice::Unit,
            Choice::Newtype(None),
            Choice::Newtype(Some(1)),
            Choice::Tuple(-1, "x".into()),
            Choice::Struct { a: 0.1, b: vec![Choice::Unit] },
        ],
        by_number: BTreeMap::from([(-1, "a".into()), (7, "b".into())]),
        by_text: HashMap::from([("k".into(), (1, i128::MIN))]),
        largest: u64::MAX,
        bytes: vec![1, 2, 255],
        value: args![1, "a", [1, 2], Value::Bytes(vec![9])].into(),
        object: ObjectRef::new(Uuid::from_u128(1), "bank.Account"),
        nothing: (),
    }
}

fn through_value<T: Serialize + DeserializeOwned + PartialEq + Debug>(typed: &T) {
    let value = to_value(typed).unwrap();
    assert_eq!(&T::deserialize(&value).unwrap(), typed, "from {value}");
    let erased = &mut <dyn erased_serde::Deserializer>::erase(&value);
    assert_eq!(&erased_serde::deserialize::<T>(erased).unwrap(), typed);
    let binary = crate::codec::encode(&value).unwrap();
    let value: Value = crate::codec::decode(&binary).unwrap();
    assert_eq!(&from_value::<T>(value).unwrap(), typed);
    let binary = crate::codec::encode(typed).unwrap();
    assert_eq!(&crate::codec::decode::<T>(&binary).unwrap(), typed);
    let d = &mut crate::codec::TypedDeserializer::new(&binary);
    let erased = &mut <dyn erased_serde::Deserializer>::erase(d);
    assert_eq!(&erased_serde::deserialize::<T>(erased).unwrap(), typed);
}

#[test]
fn typed_values_pass_through_both_encodings() {
    through_value(&everything());
    through_value(&vec![Some(everything())]);
    through_value(&(u64::MAX, i64::MIN, f32::MIN_POSITIVE, f64::MAX));
    through_value(&Value::List(vec![nested(63)]));
}

#[test]
fn rust_types_become_the_natural_values() {
    let text = to_value(&everything()).unwrap();
    assert_eq!(text.get("unit"), Some(&Value::Null));
    assert_eq!(text.get("newtype"), Some(&Value::from(-3)));
    assert_eq!(text.get("pair").unwrap().to_string(), "[18446744073709551615,\"ß\"]");
    assert_eq!(text.get("by_number").unwrap().to_string(), r#"{-1:"a",7:"b"}"#);
    assert_eq!(
        text.get("choices").unwrap().to_string(),
        r#"["Unit",{"Newtype":null},{"Newtype":1},{"Tuple":[-1,"x"]},{"Struct":{"a":0.10000000149011612,"b":["Unit"]}}]"#
    );
    assert_eq!(text.get("value"), Some(&everything().value));
    assert_eq!(to_value(&u128::MAX).unwrap().to_string(), u128::MAX.to_string());
}

#[test]
fn live_objects_stay_live() {
    let live = ObjectRef::with_live(Uuid::nil(), "a.B", Arc::new(7i32));
    let value = Value::List(vec![live.clone().into()]);
    let is_live = |r: &ObjectRef| *r.live().unwrap().clone().downcast::<i32>().unwrap() == 7;
    let first = |v: &Value| is_live(v.as_list().unwrap()[0].as_object().unwrap());

    assert!(first(&to_value(&value).unwrap()));
    assert!(first(&to_value(&[&live]).unwrap()));
    assert!(first(&Value::deserialize(&value).unwrap()));
    assert!(is_live(&Vec::<ObjectRef>::deserialize(&value).unwrap()[0]));
    assert!(is_live(&Option::<(ObjectRef,)>::deserialize(&value).unwrap().unwrap().0));
    let erased = &mut <dyn erased_serde::Deserializer>::erase(&value);
    assert!(first(&erased_serde::deserialize::<Value>(erased).unwrap()));
    let object: &dyn erased_serde::Serialize = &live;
    assert!(is_live(to_value(object).unwrap().as_object().unwrap()));

    // Nothing is left in the slot for another reader.
    let json = serde_json::to_string(&value).unwrap();
    assert!(json.contains(r#""class":"a.B""#));
    assert_eq!(to_value(&Newtype(Box::new(None))).unwrap(), Value::Null);
    let back: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(back, value);
    assert!(back.as_list().unwrap()[0].as_object().unwrap().live().is_none());
    assert!(!format!("{live:?}").contains("live"));
}

#[test]
fn conversions_are_lenient_where_nothing_is_lost() {
    assert_eq!(from_value::<f64>(3.into()), Ok(3.0));
    assert_eq!(from_value::<f32>(3.into()), Ok(3.0));
    assert_eq!(from_value::<Vec<u8>>(Value::Bytes(vec![1, 2])), Ok(vec![1, 2]));
    assert_eq!(from_value::<[u8; 2]>(Value::Bytes(vec![1, 2])), Ok([1, 2]));
    assert_eq!(from_value::<bytes::Bytes>([1, 2].into()), Ok(vec![1u8, 2].into()));
    assert_eq!(from_value::<bytes::Bytes>(Value::Bytes(vec![3])), Ok(vec![3u8].into()));
    assert_eq!(from_value::<()>(args![].into()), Ok(()));
    assert_eq!(from_value::<Option<()>>(Value::Null), Ok(None));
    let text = Value::from("borrowed");
    assert_eq!(<&str>::deserialize(&text), Ok("borrowed"));
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Object(ObjectRef),
    }
    assert!(matches!(from_value(1.into()), Ok(Either::Number(1))));
    let object = ObjectRef::new(Uuid::nil(), "a.B");
    match from_value(object.clone().into()) {
        Ok(Either::Object(found)) => assert_eq!((found.class(), &found), ("a.B", &object)),
        _ => panic!("no object"),
    }
}

#[test]
fn refused_conversions_say_what_was_expected_and_found() {
    fn words<T: DeserializeOwned + Debug>(value: impl Into<Value>) -> String {
        let value = value.into();
        let erased = &mut <dyn erased_serde::Deserializer>::erase(&value);
        let error = erased_serde::deserialize::<T>(erased).unwrap_err().to_string();
        let message = T::deserialize(&value).unwrap_err().to_string();
        assert_eq!(error, message);
        assert_eq!(from_value::<T>(value).unwrap_err().to_string(), message);
        message
    }
    assert_eq!(words::<i64>("abc"), r#"expected i64, found text "abc""#);
    assert_eq!(words::<u8>(300), "300 does not fit u8");
    assert_eq!(words::<u64>(-1), "-1 does not fit u64");
    assert_eq!(words::<u128>(-1), "-1 does not fit u128");
    assert_eq!(words::<i64>(2.0), "expected i64, found float 2.0");
    assert_eq!(words::<f64>(i64::MAX), "9223372036854775807 does not fit f64 exactly");
    assert_eq!(words::<f64>(i128::MAX), format!("{} does not fit f64 exactly", i128::MAX));
    assert_eq!(words::<f32>(1e300), "1e300 does not fit f32");
    assert_eq!(words::<f32>((1 << 24) + 1), "16777217 does not fit f32");
    assert_eq!(words::<bool>(()), "expected bool, found null");
    assert_eq!(words::<char>("ab"), r#"expected one character, found text "ab""#);
    assert_eq!(words::<String>(1), "expected text, found int 1");
    assert_eq!(words::<Vec<i32>>(1), "expected a list, found int 1");
    assert_eq!(words::<bytes::Bytes>([1, 300]), "300 does not fit u8");
    assert_eq!(words::<(i32, i32)>([1]), "expected a list of 2, not of 1, found list [1]");
    assert_eq!(words::<Pair>((1, "a", 2)), "expected a list of 2, found one of 3");
    assert_eq!(words::<(i32, i32)>((1, 2, 3)), "expected a list of 2, not of 3, found tuple (1,2,3)");
    assert_eq!(words::<ObjectRef>("a"), r#"expected object reference, found text "a""#);
    assert_eq!(words::<HashMap<String, i32>>([1]), "expected a map, found list [1]");
    assert_eq!(words::<Choice>("Unti"), "unknown variant `Unti`, expected one of `Unit`, `Newtype`, `Tuple`, `Struct`");
    assert_eq!(words::<Choice>("Tuple"), r#"variant `Tuple` has content: pass a map of "Tuple" to it"#);
    assert_eq!(
        words::<Choice>(7),
        "expected the name of a variant (`Unit`, `Newtype`, `Tuple`, `Struct`) or a map of it to its content, \
         found int 7"
    );
    assert_eq!(
        words::<Choice>(BTreeMap::from([("Struct", BTreeMap::from([("a", "x")]))])),
        r#"field `a`: expected f32, found text "x""#
    );
    assert_eq!(words::<Everything>(HashMap::from([("pair", 1)])), "field `pair`: expected a list, found int 1");
}

#[test]
fn depth_is_limited_wherever_values_are_read_or_written() {
    let deep = |result: Result<Value, ValueError>| {
        assert_eq!(result.unwrap_err().message().split(" at ").next(), Some("nested deeper than 64 levels"));
    };
    let fits = nested(64);
    assert_eq!(to_value(&fits).unwrap(), fits);
    assert_eq!(Value::deserialize(&fits).unwrap(), fits);
    assert_eq!(Value::from_json(&fits.to_json()).unwrap(), fits);
    deep(to_value(&nested(65)));
    deep(Value::deserialize(&nested(65)));
    deep(from_value(nested(65)));
    deep(Value::parse_json(&format!("{}{}", "[".repeat(65), "]".repeat(65))));
    deep(Value::parse_json(&format!("{}{{}}{}", "[".repeat(64), "]".repeat(64))));
    assert!(Value::parse_json(&format!("{}{}", "[".repeat(64), "]".repeat(64))).is_ok());
    assert!(Value::from_json(&nested(65).to_json()).is_err());
    assert!(Value::parse_json(&"[".repeat(1_000_000)).is_err());
    assert!(Value::parse_json(&r#"{"$map":[["#.repeat(100_000)).is_err());
    assert!(Value::parse_json(&r#"{"$int":"#.repeat(100_000)).is_err());
    assert!(nested(100).to_string().contains('…'));

    #[derive(Serialize, Deserialize, Debug)]
    struct Chain(Option<Box<Chain>>);
    let chain = (0..1000).fold(Chain(None), |inner, _| Chain(Some(Box::new(inner))));
    assert_eq!(to_value(&chain).unwrap_err().message(), "nested deeper than 192 levels");
    // A hundred thousand levels: dropping such a value would overflow the stack, but reading it must not.
    let bomb = std::mem::ManuallyDrop::new(nested(100_001));
    deep(to_value(&*bomb));
    deep(Value::deserialize(&*bomb));
    assert!(serde_json::to_string(&*bomb).is_err());
    assert!(Vec::<serde::de::IgnoredAny>::deserialize(&*bomb).is_ok());
    let _ = (bomb.to_string(), bomb.to_json());
    let json = (0..100_000).fold(serde_json::Value::Null, |inner, _| {
        serde_json::Value::Object([("$int".to_owned(), inner)].into_iter().collect())
    });
    let json = std::mem::ManuallyDrop::new(json);
    assert!(Value::from_json(&json).is_err());
}

#[test]
fn rust_values_convert_with_from() {
    assert_eq!(Value::from((1u8, "a", 'b', Some(2.5f32))).to_string(), r#"(1,"a","b",2.5)"#);
    assert_eq!(Value::from(&[1, 2][..]), Value::from(vec![1, 2]));
    assert_eq!(Value::from(usize::MAX).as_int(), Some(usize::MAX as i128));
    assert_eq!(Value::from(BTreeMap::from([(1, "x")])).to_string(), r#"{1:"x"}"#);
    assert_eq!(Value::from("q\"\\\n\u{1}").to_string(), r#""q\"\\\n\u0001""#);
    assert_ne!(
        Value::Map(vec![(1.into(), 1.into()), (2.into(), 2.into())]),
        Value::Map(vec![(2.into(), 2.into()), (1.into(), 1.into())])
    );
    assert!(size_of::<Value>() <= 32);
}

#[test]
fn tuples_and_sets_keep_their_kinds() {
    let tuple = Value::from((1, "a", (2.5,), ()));
    let set = Value::set(["a".into(), (1, 2).into(), 1.into(), true.into(), Value::set([]).unwrap()]).unwrap();
    assert_eq!(tuple.to_string(), r#"(1,"a",(2.5,),null)"#);
    assert_eq!(set.to_string(), r#"{"a",(1,2),1,set()}"#);
    let both = Value::from(vec![tuple.clone(), set.clone()]);
    assert_eq!(
        both.to_json().to_string(),
        r#"[{"$tuple":[1,"a",{"$tuple":[2.5]},null]},{"$set":["a",{"$tuple":[1,2]},1,{"$set":[]}]}]"#
    );
    assert_eq!(Value::parse_json(&both.to_json().to_string()), Ok(both.clone()));
    // Also in a struct, through serde.
    let held = Everything { value: both.clone(), ..everything() };
    assert_eq!(to_value(&held).unwrap().get("value"), Some(&both));
    through_value(&held);

    assert_eq!(from_value::<(i64, String, (f64,), ())>(tuple.clone()), Ok((1, "a".into(), (2.5,), ())));
    assert_eq!(from_value::<Vec<i64>>((1, 2).into()), Ok(vec![1, 2]));
    assert_eq!(
        from_value::<std::collections::HashSet<i64>>(Value::set([1.into(), 2.into()]).unwrap()).unwrap().len(),
        2
    );
    assert_eq!(from_value::<(i64, i64)>([1, 2].into()), Ok((1, 2)));
    assert!(from_value::<(i64, i64)>(Value::set([1.into(), 2.into()]).unwrap()).is_err(), "a set has no order");
    assert_eq!(to_value(&(1, 2)).unwrap(), [1, 2].into(), "to serde it could be an array");
    // Formats without tuples and sets show sequences.
    assert_eq!(serde_json::to_string(&both).unwrap(), r#"[[1,"a",[2.5],null],["a",[1,2],1,[]]]"#);
}

#[test]
fn a_set_has_each_element_once_wherever_it_comes_from() {
    let twice = Value::Set(vec![1.into(), 1.0.into(), (1, 2).into(), (1.0, true).into(), (1, 2.0).into()]);
    let once = Value::set([1.into(), (1, 2).into(), (1, 1).into()]).unwrap();
    assert_eq!(
        crate::codec::decode::<Value>(&crate::codec::encode(&twice).unwrap()).unwrap().as_set().unwrap().len(),
        once.as_set().unwrap().len()
    );
    assert_eq!(Value::from_json(&twice.to_json()).unwrap().as_set().unwrap().len(), 3);
    for unfit in [Value::List(vec![]), Value::Tuple(vec![Value::Map(vec![])])] {
        let set = Value::Set(vec![unfit]);
        let error = crate::codec::decode::<Value>(&crate::codec::encode(&set).unwrap()).unwrap_err();
        assert!(error.to_string().contains("unhashable type"), "{error}");
        assert!(Value::from_json(&set.to_json()).unwrap_err().message().contains("unhashable type"));
    }
    for text in [r#"{"$tuple":1}"#, r#"{"$set":{}}"#, r#"{"$tuple":[],"a":1}"#, r#"{"a":1,"$set":[]}"#] {
        assert!(Value::parse_json(text).unwrap_err().message().contains("has to be exactly {"), "{text}");
    }
}

#[test]
fn large_integers_pass_through_every_encoding() {
    let far: Integer = "7".repeat(300).parse().unwrap();
    through_value(&far);
    through_value(&vec![far.negate(), u128::MAX.into(), 1.into()]);
    assert_eq!(from_value::<u128>(u128::MAX.into()), Ok(u128::MAX));
    assert_eq!(from_value::<i64>(far.clone().into()).unwrap_err().message(), "an integer of 997 bits does not fit i64");
    assert_eq!(from_value::<f64>(Integer::new(1).shift_left(1000).unwrap().into()), Ok(2f64.powi(1000)));
    let json = serde_json::to_string(&Value::from(far.clone())).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), far.into());
    // An integer that fits 64 bits is encoded in the same bytes as in 128 bits.
    for n in [0, -1, i64::MAX, i64::MIN] {
        let bytes = crate::codec::encode(&Value::from(n)).unwrap();
        assert_eq!(bytes[1..], crate::codec::encode(&i128::from(n)).unwrap());
    }
    let hostile = crate::codec::encode(&(11u8, vec![1u8; 10_000])).unwrap();
    assert!(crate::codec::decode::<Value>(&hostile).unwrap_err().to_string().contains("INTEGER_BITS_LIMIT"));
}

#[test]
fn the_sign_of_nan_is_kept() {
    let nan = Value::Float(-f64::NAN);
    let sign = |value: Value| value.as_f64().unwrap().is_sign_negative();
    assert!(sign(Value::parse_json(&nan.to_json().to_string()).unwrap()));
    assert!(sign(crate::codec::decode(&crate::codec::encode(&nan).unwrap()).unwrap()));
    assert!(sign(to_value(&nan).unwrap()));
    assert!(!sign(Value::parse_json(&Value::Float(f64::NAN).to_json().to_string()).unwrap()));
}

/// A list may contain many of them.
#[test]
fn a_value_is_four_words() {
    assert_eq!((size_of::<Value>(), align_of::<Value>()), (32, 8));
}
