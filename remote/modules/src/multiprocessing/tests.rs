//! Tests of numbers of C's types.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Exception;
use crate::python::Slice;
use tarmem_remote::args::Arg;
use tarmem_remote::codec;
use tarmem_remote::value::{Value, to_value};

fn kind<T: std::fmt::Debug>(result: Result<T, Exception>) -> &'static str {
    result.unwrap_err().kind()
}

fn number(typecode: &str, value: impl Into<Value>) -> Result<SharedValue, Exception> {
    SharedValue::new(typecode.into(), Arg::Given(value.into()))
}

#[test]
fn integers_wrap_around_as_in_c() {
    assert_eq!(number("i", 1i64 << 31).unwrap().get(), i32::MIN.into());
    assert_eq!(number("B", -1).unwrap().get(), 255.into());
    let mut most = number("q", i64::MAX).unwrap();
    assert_eq!(most.add(Arg::Absent), Ok(i64::MIN.into()));
    assert_eq!(most.add(Arg::Given(i128::MAX.into())), Ok(i64::MAX.into()));
    assert_eq!(number("f", 0.1).unwrap().get(), 0.1f32.into());
    assert_eq!(number("d", 3).unwrap().get(), 3.0.into());
    assert_eq!(number("?", "x").unwrap().get(), true.into());
    assert_eq!(number("c", 65).unwrap().get(), Value::Bytes(vec![65]));
}

#[test]
fn values_that_are_not_numbers_are_refused_and_change_nothing() {
    let mut value = number("i", 5).unwrap();
    assert_eq!(kind(value.set(1.5.into())), "TypeError");
    assert_eq!(kind(value.add(Arg::Given("x".into()))), "TypeError");
    assert_eq!(kind(value.compare_and_set(5.into(), "x".into())), "TypeError");
    assert_eq!(value.get(), 5.into());
    assert_eq!(value.compare_and_set(4.into(), 1.into()), Ok(false));
    assert_eq!(kind(number("x", 1)), "TypeError");
    assert_eq!(kind(number("c", "ab")), "TypeError");
    assert_eq!(kind(number("?", 1).unwrap().add(Arg::Absent)), "TypeError");
}

#[test]
fn an_array_keeps_its_size() {
    let mut array = SharedArray::new("h".into(), [1, 2, 3, 4].into()).unwrap();
    let every_other = Value::from(Slice { start: None, stop: None, step: Some(2) });
    array.setitem(every_other.clone(), [70_000, 8].into()).unwrap();
    assert_eq!(array.getitem(every_other.clone()), Ok([4464, 8].into()));
    assert_eq!(kind(array.setitem(every_other.clone(), [1].into())), "ValueError");
    assert_eq!(kind(array.setitem(every_other, Value::List(vec![1.into(), "x".into()]))), "TypeError");
    assert_eq!(kind(array.getitem(4.into())), "IndexError");
    assert_eq!(array.add((-1).into(), Arg::Given(3.into())), Ok(7.into()));
    assert_eq!(array.to_list(), [4464.into(), 2.into(), 8.into(), 7.into()]);
    assert_eq!(kind(SharedArray::new("i".into(), (1i64 << 50).into())), "MemoryError");
    assert_eq!(kind(SharedArray::new("i".into(), (-1).into())), "ValueError");
}

#[test]
fn the_type_is_serialized_with_the_numbers() {
    let value = number("B", 7).unwrap();
    assert_eq!(codec::decode::<SharedValue>(&codec::encode(&value).unwrap()).unwrap(), value);
    assert_eq!(to_value(&value).unwrap(), 7.into());
    let array = SharedArray::new("f".into(), 2.into()).unwrap();
    assert_eq!(codec::decode::<SharedArray>(&codec::encode(&array).unwrap()).unwrap(), array);
}
