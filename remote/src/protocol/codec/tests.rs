//! Tests of the encoding against postcard, with hostile bytes and on small stacks.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::*;
use crate::value::tests::{any_value, nested};
use crate::value::{DEPTH_LIMIT, ObjectRef, RefScope, Value, with_scope};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
    Branches { all: Vec<Tree>, best: Option<Box<Tree>> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

proptest! {
    #[test]
    fn values_round_trip(value in any_value()) {
        let bytes = encode(&value).unwrap();
        prop_assert_eq!(decode::<Value>(&bytes).unwrap(), value);
    }

    #[test]
    fn the_bytes_are_postcard(value: (i64, Option<String>, Vec<(u8, char)>, Result<f32, i128>, bool)) {
        let bytes = encode(&value).unwrap();
        prop_assert_eq!(&bytes, &postcard::to_stdvec(&value).unwrap());
        if value.3.is_err() || value.3.is_ok_and(|x| !x.is_nan()) {
            type Decoded = (i64, Option<String>, Vec<(u8, char)>, Result<f32, i128>, bool);
            prop_assert_eq!(decode::<Decoded>(&bytes), Ok(value));
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(prop_oneof![0u8..10, any::<u8>()], 0..200)) {
        if let Ok(value) = decode::<Value>(&bytes) {
            let again = decode::<Value>(&encode(&value).unwrap()).unwrap();
            prop_assert_eq!(again.to_string(), value.to_string());
        }
        let _ = decode::<Vec<()>>(&bytes);
        if let Ok(tree) = decode::<Tree>(&bytes) {
            prop_assert_eq!(decode::<Tree>(&encode(&tree).unwrap()), Ok(tree));
        }
        let _ = decode::<String>(&bytes);
        let _ = decode::<Vec<u64>>(&bytes);
        let _ = decode::<HashMap<u8, Vec<Option<char>>>>(&bytes);
        let _ = decode::<ObjectRef>(&bytes);
        let _ = decode::<(bool, &str, &[u8], i128, f32)>(&bytes);
    }

    #[test]
    fn a_limit_is_kept_exactly(value in any_value(), spare in 0usize..3) {
        let whole = encode(&value).unwrap();
        let mut buf = vec![1, 2, 3];
        encode_into(&value, &mut buf, whole.len() + spare).unwrap();
        prop_assert_eq!(&buf[3..], &whole[..]);
        let limit = whole.len() - 1 - spare.min(whole.len() - 1);
        let mut buf = vec![1, 2, 3];
        prop_assert_eq!(encode_into(&value, &mut buf, limit), Err(CodecError::TooLarge { limit }));
        prop_assert_eq!(buf, vec![1, 2, 3]);
    }
}

/// Runs `f` with a stack of this size.
fn with_stack<R: Send + 'static>(kib: usize, f: impl FnOnce() -> R + Send + 'static) -> R {
    let thread = std::thread::Builder::new().stack_size(kib << 10);
    thread.spawn(f).unwrap().join().unwrap()
}

fn chain(levels: usize) -> Chain {
    (0..levels).fold(Chain(None), |inner, _| Chain(Some(Box::new(inner))))
}

#[test]
fn a_value_of_64_levels_passes_and_of_65_does_not() {
    let fits = nested(DEPTH_LIMIT);
    let bytes = encode(&fits).unwrap();
    assert_eq!(decode::<Value>(&bytes), Ok(fits));
    let too_deep = CodecError::TooDeep { limit: DEPTH_LIMIT };
    assert_eq!(encode(&nested(65)), Err(too_deep.clone()));
    let wrapped = [&[6, 1][..], &bytes].concat();
    assert_eq!(decode::<Value>(&wrapped), Err(too_deep.clone()));
    // Dropping it would overflow the stack, so it is never dropped.
    let bomb = std::mem::ManuallyDrop::new(nested(100_000));
    assert_eq!(encode(&*bomb), Err(too_deep));
}

#[test]
fn values_at_the_nesting_limit_that_encode_also_decode() {
    // A chain is a newtype and a `Some`: two levels each, except for the last one, which is only a newtype.
    for levels in NESTING_LIMIT / 2 - 5..NESTING_LIMIT / 2 + 5 {
        let fits = 2 * levels < NESTING_LIMIT;
        let bytes = postcard::to_stdvec(&chain(levels)).unwrap();
        let too_deep = CodecError::TooDeep { limit: NESTING_LIMIT };
        assert_eq!(encode(&chain(levels)), if fits { Ok(bytes.clone()) } else { Err(too_deep.clone()) });
        assert_eq!(decode::<Chain>(&bytes), if fits { Ok(chain(levels)) } else { Err(too_deep) });
    }
}

#[test]
fn deeply_nested_bytes_do_not_overflow_a_small_stack() {
    with_stack(512, || {
        for pattern in [&[6u8, 1][..], &[7, 1], &[7, 1, 0], &[6, 0x81, 0x80, 0x80, 0]] {
            let bomb = pattern.repeat((1 << 20) / pattern.len());
            assert!(decode::<Value>(&bomb).is_err());
            let mut d = TypedDeserializer::new(&bomb);
            let erased = &mut <dyn erased_serde::Deserializer>::erase(&mut d);
            assert!(erased_serde::deserialize::<Value>(erased).is_err());
        }
        assert_eq!(decode::<Value>(&[6, 1].repeat(1 << 19)), Err(CodecError::TooDeep { limit: DEPTH_LIMIT }));
        let too_deep = CodecError::TooDeep { limit: NESTING_LIMIT };
        assert_eq!(decode::<Tree>(&vec![1; 1 << 20]), Err(too_deep.clone()));
        assert_eq!(decode::<Tree>(&[2, 1].repeat(1 << 19)), Err(too_deep.clone()));
        assert_eq!(decode::<Chain>(&vec![1; 1 << 20]), Err(too_deep.clone()));
        assert_eq!(encode(&chain(1000)), Err(too_deep));
    });
}

#[test]
fn a_sequence_of_empty_values_is_bounded() {
    let announced = encode(&(1u64 << 60)).unwrap();
    let limit = announced.len() + SPARE_ELEMENTS;
    let too_many = CodecError::TooManyElements { limit };
    assert_eq!(decode::<Vec<()>>(&announced), Err(too_many.clone()));
    assert_eq!(decode::<Vec<PhantomData<u8>>>(&announced), Err(too_many.clone()));
    assert_eq!(decode::<HashMap<(), ()>>(&announced), Err(too_many));
    assert_eq!(decode::<Vec<()>>(&encode(&[(); 1000][..]).unwrap()), Ok(vec![(); 1000]));
    // The budget is for the whole message.
    let spread = encode(&vec![vec![(); 400]; 3]).unwrap();
    let limit = spread.len() + SPARE_ELEMENTS;
    assert_eq!(decode::<Vec<Vec<()>>>(&spread), Err(CodecError::TooManyElements { limit }));
    // Fields are not elements, however many there are per byte.
    type Row = ((u8, (), PhantomData<u8>), (((),),), [(); 8]);
    let rows: Vec<Row> = vec![((1, (), PhantomData), (((),),), [(); 8]); 100_000];
    assert_eq!(decode::<Vec<Row>>(&encode(&rows).unwrap()), Ok(rows));
    // No memory is reserved for elements that were only announced.
    assert!(decode::<Vec<[u64; 32]>>(&announced).is_err());
}

#[test]
fn errors_have_readable_messages() {
    let words = |error: CodecError| error.to_string();
    assert_eq!(words(decode::<u64>(&[0x80]).unwrap_err()), "the data ends too early");
    assert_eq!(words(decode::<&str>(&[1, 0xff]).unwrap_err()), "a text in the data is not UTF-8");
    assert_eq!(words(decode::<bool>(&[2]).unwrap_err()), "a bool in the data is neither true nor false");
    assert_eq!(words(decode::<()>(&[2]).unwrap_err()), "1 byte left over: sender and receiver disagree on the type");
    assert!(words(decode::<Tree>(&[9]).unwrap_err()).contains("expected variant index 0 <= i < 3"));
    assert!(words(decode::<serde_json::Value>(&[9]).unwrap_err()).contains("cannot be decoded"));

    #[derive(Debug, Deserialize)]
    #[serde(try_from = "i64")]
    struct Positive;
    impl TryFrom<i64> for Positive {
        type Error = String;
        fn try_from(n: i64) -> Result<Self, String> {
            if n > 0 { Ok(Positive) } else { Err(format!("{n} is not positive")) }
        }
    }
    let bytes = encode(&vec![1i64, -5]).unwrap();
    assert_eq!(words(decode::<Vec<Positive>>(&bytes).unwrap_err()), "-5 is not positive");
    let unknown_length = std::collections::BTreeMap::from([("flat", 1)]);
    #[derive(Serialize)]
    struct Flat {
        #[serde(flatten)]
        flat: std::collections::BTreeMap<&'static str, i32>,
    }
    let flat = Flat { flat: unknown_length };
    assert!(words(encode(&flat).unwrap_err()).contains("has to know lengths"));
}

#[derive(Default)]
struct Spy {
    seen: Mutex<Vec<String>>,
}

impl RefScope for Spy {
    fn resolve(&self, reference: ObjectRef) -> Result<ObjectRef, String> {
        self.seen.lock().unwrap().push(format!("in {}", reference.class()));
        match reference.class() {
            "no.Such" => Err("no such object".to_owned()),
            class => Ok(ObjectRef::with_live(reference.id(), class, Arc::new(5i32))),
        }
    }

    fn export(&self, reference: &ObjectRef) -> Result<(), String> {
        self.seen.lock().unwrap().push(format!("out {}", reference.class()));
        match reference.class() {
            "is.Secret" => Err("not for you".to_owned()),
            _ => Ok(()),
        }
    }
}

#[test]
fn scopes_resolve_and_export_references() {
    let reference = |class: &str| ObjectRef::new(Uuid::from_u128(3), class);
    let value = |class: &str| Value::List(vec![reference(class).into()]);
    let spy = Spy::default();
    let outside = encode(&value("a.B")).unwrap();
    with_scope(&spy, || {
        assert_eq!(encode(&value("a.B")), Ok(outside.clone()));
        let back: Value = decode(&outside).unwrap();
        assert!(back.as_list().unwrap()[0].as_object().unwrap().live().is_some());
        let refused = encode(&("x", reference("is.Secret"))).unwrap_err();
        assert_eq!(refused.to_string(), "not for you");
    });
    let unknown = encode(&value("no.Such")).unwrap();
    let refused = with_scope(&spy, || decode::<Value>(&unknown)).unwrap_err();
    assert_eq!(refused.to_string(), "no such object");
    assert_eq!(*spy.seen.lock().unwrap(), ["out a.B", "in a.B", "out is.Secret", "in no.Such"]);

    // Outside, and after a panic inside, the scope is not used.
    let panicked = std::panic::catch_unwind(|| {
        with_scope(&Spy::default(), || panic!("as arranged"));
    });
    assert!(panicked.is_err());
    assert!(decode::<Value>(&unknown).is_ok());
    // The inner scope is used, then the outer one again.
    let inner = Spy::default();
    with_scope(&spy, || {
        with_scope(&inner, || decode::<Value>(&outside).unwrap());
        decode::<Value>(&outside).unwrap();
    });
    assert_eq!((inner.seen.lock().unwrap().len(), spy.seen.lock().unwrap().len()), (1, 5));
    // Human-readable forms do not use the scope: they come from this process and go to it.
    with_scope(&spy, || serde_json::to_string(&value("is.Secret")).unwrap());
}

#[test]
fn erased_values_have_the_same_encoding() {
    let value = (nested(20), chain(9), Some("text"), u64::MAX);
    let erased: &dyn erased_serde::Serialize = &value;
    assert_eq!(encode(erased), encode(&value));
    let too_deep: &dyn erased_serde::Serialize = &chain(200);
    assert!(matches!(encode(too_deep), Err(CodecError::TooDeep { .. })));
}
