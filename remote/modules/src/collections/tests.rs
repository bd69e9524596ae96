//! What the tests against random operations rarely meet: limits, encodings, factories.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Exception;
use tarmem_remote::args::{Arg, Kwargs};
use tarmem_remote::codec;
use tarmem_remote::object::Object;
use tarmem_remote::value::{Value, from_value, to_value};

fn kind<T: std::fmt::Debug>(result: Result<T, Exception>) -> &'static str {
    result.unwrap_err().kind()
}

#[test]
fn a_bounded_deque_stays_bounded() {
    let mut deque = Deque::new(Arg::Given([1, 2, 3, 4].into()), Some(3.into())).unwrap();
    assert_eq!(deque.copy(), [2.into(), 3.into(), 4.into()]);
    deque.appendleft(1.into()).unwrap();
    assert_eq!(kind(deque.insert(0.into(), 9.into())), "IndexError");
    deque.imul(1_000_000_000_000i64.into()).unwrap();
    assert_eq!(deque.copy(), [1.into(), 2.into(), 3.into()]);

    let object: Box<dyn Object> = Box::new(deque.clone());
    let back: Box<dyn Object> = codec::decode(&codec::encode(&object).unwrap()).unwrap();
    let back: &Deque = (&*back as &dyn std::any::Any).downcast_ref().unwrap();
    assert_eq!(back.maxlen(), Some(3));
    assert_eq!(to_value(&deque).unwrap(), [1, 2, 3].into());
    assert_eq!(from_value::<Deque>([1, 2].into()).unwrap().maxlen(), None);
}

#[test]
fn an_unbounded_deque_is_not_repeated_beyond_the_memory_limit() {
    let mut deque = Deque::new(Arg::Given([1].into()), None).unwrap();
    assert_eq!(kind(deque.imul(1_000_000_000_000i64.into())), "MemoryError");
    deque.rotate(Arg::Given(i64::MIN.into())).unwrap();
    assert_eq!(kind(deque.rotate(Arg::Given(i128::MAX.into()))), "OverflowError");
    assert_eq!(kind(Deque::new(Arg::Absent, Some(i128::MAX.into()))), "OverflowError");
}

#[test]
fn the_elements_of_a_counter_are_limited_in_memory() {
    let counts = Value::Map(vec![("a".into(), 1_000_000_000_000i64.into())]);
    let counter = Counter::new(Some(counts)).unwrap();
    assert_eq!(kind(counter.elements()), "MemoryError");
}

#[test]
fn a_counter_changes_entirely_or_not_at_all() {
    let mut counter = Counter::new(Some("ab".into())).unwrap();
    let before = counter.clone();
    let half_good = Value::Map(vec![("a".into(), 1.into()), ("b".into(), "x".into())]);
    assert_eq!(kind(counter.update(vec![half_good.clone()], Kwargs::new())), "TypeError");
    assert_eq!(kind(counter.subtract(vec![half_good.clone()], Kwargs::new())), "TypeError");
    assert_eq!(kind(counter.iadd(half_good)), "TypeError");
    assert_eq!(kind(counter.iadd([1].into())), "TypeError");
    assert_eq!(counter, before);
}

#[test]
fn an_empty_counter_takes_all_counts_or_none() {
    let mut counter = Counter::default();
    let half_good = Value::Map(vec![("a".into(), 1.into()), (Value::List(vec![]), 1.into())]);
    assert_eq!(kind(counter.update(vec![half_good], Kwargs::new())), "TypeError");
    assert_eq!(counter, Counter::default());
}

#[test]
fn factories_are_given_by_name() {
    let mut made = DefaultDict::with(&"list".into(), vec![], Kwargs::new()).unwrap();
    made.setitem("k".into(), Value::List(vec![])).unwrap();
    assert_eq!(made.default_factory(), Some("builtins.list".into()));
    assert_eq!(made.get("other".into(), None), Ok(Value::Null));
    assert_eq!(made.len(), 1, "to ask is not to make");
    assert_eq!(made.repr().unwrap(), "defaultdict(<class 'list'>, {'k': []})");
    let other = DefaultDict::with(&"bank.Account".into(), vec![], Kwargs::new()).unwrap();
    assert_eq!(other.default_factory(), Some("bank.Account".into()));
    let error = DefaultDict::with(&"lists".into(), vec![], Kwargs::new()).unwrap_err();
    assert!(error.to_string().contains("builtins.list, builtins.dict"), "{error}");

    let back: DefaultDict = codec::decode(&codec::encode(&made).unwrap()).unwrap();
    assert_eq!(back, made);
    assert_eq!(to_value(&made).unwrap().to_string(), r#"{"k":[]}"#);
}

#[test]
fn a_key_that_is_moved_to_the_front_is_the_first_to_be_removed() {
    let mut dict = OrderedDict::new(Arg::Given(vec![("a", 1), ("b", 2), ("c", 3)].into())).unwrap();
    dict.move_to_end("c".into(), false.into()).unwrap();
    assert_eq!(dict.popitem(false.into()), Ok(("c", 3).into()));
    assert_eq!(kind(dict.move_to_end("c".into(), Arg::Absent)), "KeyError");
    assert_eq!(dict.repr().unwrap(), "OrderedDict([('a', 1), ('b', 2)])");
}
