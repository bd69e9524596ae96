//! What the tests against random operations rarely meet: the ends of ranges, holes in tables, values that are not
//! numbers.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Exception;
use tarmem_remote::codec;
use tarmem_remote::value::{INTEGER_BITS_LIMIT, Value, from_value, to_value};

fn key(value: impl Into<Value>) -> Key {
    Key::new(value.into()).unwrap()
}

fn positions(start: Option<i128>, stop: Option<i128>, step: Option<i128>, len: usize) -> Vec<usize> {
    Slice { start, stop, step }.span(len).unwrap().positions().collect()
}

#[test]
fn slices_hold_at_the_ends_of_integers() {
    let (least, most) = (Some(i128::MIN), Some(i128::MAX));
    assert_eq!(positions(least, most, None, 3), [0, 1, 2]);
    assert_eq!(positions(most, least, least, 3), [2]);
    assert_eq!(positions(most, least, Some(-1), 3), [2, 1, 0]);
    assert_eq!(positions(Some(-2), None, most, 3), [1]);
    assert_eq!(positions(least, most, Some(2), 0), [0; 0]);
    let zero = Slice { start: None, stop: None, step: Some(0) };
    assert_eq!(zero.span(3), Err(Exception::ValueError("slice step cannot be zero".into())));
    assert!(Slice::of(&Slice::from(1..).into()).unwrap().is_some());
    assert_eq!(Slice::of(&Value::Map(vec![("slice".into(), 1.into())])).unwrap_err().kind(), "TypeError");
}

#[test]
fn indices_hold_at_the_ends_of_integers() {
    assert_eq!(position(i128::MIN, 3), None);
    assert_eq!(position(i128::MAX, 3), None);
    assert_eq!(position(-3, 3), Some(0));
    assert_eq!(insertion(i128::MIN, 3), 0);
    assert_eq!(insertion(i128::MAX, 3), 3);
}

#[test]
fn integers_and_floats_compare_exactly() {
    let above = (1i128 << 53) + 1;
    assert!(!equal(&above.into(), &(above as f64).into()));
    assert!(!equal(&i128::MAX.into(), &(i128::MAX as f64).into()));
    assert!(equal(&i128::MIN.into(), &(i128::MIN as f64).into()));
    assert_eq!(Comparison::Less.holds(&i128::MAX.into(), &f64::INFINITY.into()), Ok(true));
    assert_eq!(Comparison::GreaterOrEqual.holds(&0.into(), &f64::NAN.into()), Ok(false));
    assert!(!equal(&f64::NAN.into(), &f64::NAN.into()));
    assert!(equal(&(-0.0).into(), &0.into()));
}

#[test]
fn an_int_beyond_floats_is_reported_before_a_division_by_zero() {
    let huge = number::power(&10.into(), &400.into()).unwrap();
    for divide in [number::divide, number::floor_divide, number::modulo] {
        for (a, b) in [(&huge, &0.0.into()), (&1.5.into(), &huge)] {
            let error = divide(a, b).unwrap_err();
            assert_eq!(error, Exception::OverflowError("int too large to convert to float".into()));
        }
        assert_eq!(divide(&1.into(), &0.0.into()).unwrap_err().kind(), "ZeroDivisionError");
        assert_eq!(divide(&huge, &0.into()).unwrap_err().kind(), "ZeroDivisionError");
    }
}

#[test]
fn equal_values_are_one_key() {
    let mut table = Table::new();
    for one in [Value::from(1), 1.0.into(), true.into()] {
        table.insert(key(one), ());
    }
    for nan in [f64::NAN, -f64::NAN] {
        table.insert(key(nan), ());
    }
    table.insert(key(-0.0), ());
    table.insert(key(false), ());
    assert_eq!(table.into_value().to_string(), "{1,NaN,-0.0}");
    let error = Exception::from(Key::new(Value::List(vec![])).unwrap_err());
    assert_eq!(error.to_string(), "TypeError: unhashable type: 'list'");
}

#[test]
fn maps_are_equal_in_any_order() {
    let map = |entries: &[(i64, i64)]| Value::Map(entries.iter().map(|&(k, v)| (k.into(), v.into())).collect());
    assert!(equal(&map(&[(1, 2), (3, 4)]), &map(&[(3, 4), (1, 2)])));
    assert!(!equal(&map(&[(1, 2), (3, 4)]), &map(&[(1, 2)])));
    assert!(!equal(&map(&[(1, 2)]), &map(&[(1, 3)])));
}

#[test]
fn a_table_forgets_its_holes() {
    let mut table: Table<i64> = (0..1000).map(|n| (key(n), n)).collect();
    for n in 0..990 {
        let from_front = n % 2 == 0;
        let (_, taken) = if from_front { table.pop_first() } else { table.pop_last() }.unwrap();
        assert!((0..1000).contains(&taken));
    }
    assert_eq!(table.len(), 10);
    let rest: Vec<i64> = table.values().copied().collect();
    assert_eq!(rest, (495..505).collect::<Vec<_>>());
    for n in rest {
        assert_eq!(table.get(&key(n)), Some(&n));
    }
    assert!(table.remove(&key(1)).is_none());
}

#[test]
fn a_table_is_fast_as_a_queue() {
    // Each is added at the end and removed from the front, past a hole in the middle that stays.
    let mut table: Table<()> = (0..100).map(|n| (key(n), ())).collect();
    table.remove(&key(50));
    for n in 100..200_000 {
        table.insert(key(n), ());
        table.pop_first().unwrap();
    }
    assert_eq!(table.len(), 99);
}

#[test]
fn a_key_moves_to_either_end() {
    let mut table: Table<i64> = (0..3).map(|n| (key(n), n)).collect();
    assert!(table.move_to_end(&key(2), false));
    assert!(table.move_to_end(&key(0), true));
    assert!(!table.move_to_end(&key(7), true));
    assert_eq!(table.values().copied().collect::<Vec<_>>(), [2, 1, 0]);
}

#[test]
fn a_table_is_serialized_as_a_map() {
    let table: Table<Value> = [(key("a"), 1.into()), (key(2), Value::Null)].into_iter().collect();
    let natural = to_value(&table).unwrap();
    assert_eq!(natural.to_string(), r#"{"a":1,2:null}"#);
    assert_eq!(from_value::<Table<Value>>(natural).unwrap(), table);
    assert_eq!(codec::decode::<Table<Value>>(&codec::encode(&table).unwrap()).unwrap(), table);
    let unhashable = Value::Map(vec![(Value::List(vec![]), 1.into())]);
    assert!(from_value::<Table<Value>>(unhashable).unwrap_err().to_string().contains("unhashable"));
}

#[test]
fn a_sort_of_values_without_an_order_moves_nothing() {
    let mut items: Vec<Value> = vec![3.into(), "a".into(), 1.into()];
    let before = items.clone();
    assert_eq!(sort(&mut items, false).unwrap_err().kind(), "TypeError");
    assert_eq!(items, before);
    // NaN cannot be ordered with anything, and does no harm.
    let mut items: Vec<Value> =
        (0..100).map(|n| if n % 3 == 0 { f64::NAN } else { f64::from(50 - n) }.into()).collect();
    sort(&mut items, true).unwrap();
    assert_eq!(items.len(), 100);
}

#[test]
fn arithmetic_beyond_the_limit_of_integers_is_refused() {
    let most = number::shift_left(&1.into(), &(INTEGER_BITS_LIMIT - 1).into()).unwrap();
    let minus_one = Value::from(-1);
    for too_much in [
        number::add(&most, &most),
        number::multiply(&most, &2.into()),
        number::power(&2.into(), &INTEGER_BITS_LIMIT.into()),
        number::power(&2.into(), &most),
        number::shift_left(&1.into(), &INTEGER_BITS_LIMIT.into()),
        number::shift_left(&1.into(), &most),
        number::divide(&most, &1.into()),
        number::add(&most, &1.5.into()),
    ] {
        assert_eq!(too_much.unwrap_err().kind(), "OverflowError");
    }
    let error = number::add(&most, &most).unwrap_err();
    assert!(error.message().contains("65536 bits (INTEGER_BITS_LIMIT)"), "{error}");
    assert_eq!(number::modulo(&most, &minus_one), Ok(0.into()));
    assert_eq!(number::shift_right(&most, &most), Ok(0.into()));
    assert_eq!(number::power(&minus_one, &number::add(&most, &1.into()).unwrap()), Ok(minus_one.clone()));
    assert_eq!(number::divide(&most, &most), Ok(1.0.into()));
    assert_eq!(number::power(&(-8.0).into(), &0.5.into()).unwrap_err().kind(), "ValueError");
}

#[test]
fn a_negated_nan_has_the_other_sign() {
    let negated = number::negate(&f64::NAN.into()).unwrap();
    assert!(negated.as_f64().unwrap().is_sign_negative());
}

#[test]
fn tuples_and_sets_are_keys() {
    let mut table = Table::new();
    let set = |items: &[i64]| Value::set(items.iter().map(|&n| n.into())).unwrap();
    table.insert(key((1, "a")), "tuple");
    table.insert(key(set(&[1, 2])), "set");
    assert_eq!(table.get(&key((1.0, "a"))), Some(&"tuple"));
    assert_eq!(table.get(&key(set(&[2, 1]))), Some(&"set"), "in any order");
    assert_eq!(table.get(&key(set(&[1, 3]))), None);
    assert!(!equal(&(1, 2).into(), &[1, 2].into()));
    assert_eq!(
        Exception::from(Key::new((1, [1]).into()).unwrap_err()).to_string(),
        "TypeError: unhashable type: 'list'"
    );
    assert_eq!(repr(&((1,), (), set(&[]), set(&[3])).into()), "((1,), None, set(), {3})");
    assert_eq!(Comparison::Less.holds(&set(&[1]), &set(&[2, 1])), Ok(true));
    assert_eq!(Comparison::Less.holds(&set(&[1, 3]), &set(&[2, 1])), Ok(false));
    assert_eq!(Comparison::Less.holds(&(1, 2).into(), &(1, 3).into()), Ok(true));
    assert_eq!(Comparison::Less.holds(&(1, 2).into(), &[1, 3].into()).unwrap_err().kind(), "TypeError");
}

#[test]
fn floats_are_written_as_python_writes_them() {
    let cases = [(1e16, "1e+16"), (1e15, "1000000000000000.0"), (0.0001, "0.0001"), (0.00001, "1e-05"), (-0.0, "-0.0")];
    for (x, text) in cases {
        assert_eq!(repr(&x.into()), text);
    }
    assert_eq!(
        repr(&(1_078_869_452_933_059.0 + 0.25).into()),
        "1078869452933059.2",
        "the even one of two that are as near"
    );
    assert_eq!(repr(&f64::NAN.into()), "nan");
}

#[test]
fn messages_are_short() {
    let long = Value::from("x".repeat(1 << 20));
    assert!(short(&long).len() < 200);
    assert!(short(&Value::List(vec![long; 100])).len() < 200);
}

#[test]
fn elements_that_are_nested_too_deeply_are_refused() {
    let nested = |depth| (0..depth).fold(Value::Null, |inside, _| Value::List(vec![inside]));
    assert_eq!(check_depth(&nested(ELEMENT_DEPTH)), Ok(()));
    assert_eq!(check_depth(&nested(ELEMENT_DEPTH + 1)).unwrap_err().kind(), "ValueError");
}
