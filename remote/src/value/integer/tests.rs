//! Laws of arithmetic, for machine integers, 128 bits and more; and the limit.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// An integer of up to some hundred bits, often near the limits of 64 and 128 bits.
pub(crate) fn any_integer() -> impl Strategy<Value = Integer> {
    let at = |n: i128| Just(Integer::from(n));
    prop_oneof![
        any::<i8>().prop_map(Integer::from),
        any::<i64>().prop_map(Integer::from),
        any::<i128>().prop_map(Integer::from),
        prop_oneof![at(i64::MAX.into()), at(i64::MIN.into()), at(i128::MAX), at(i128::MIN), at(u64::MAX.into())],
        prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| Integer::from_signed_bytes_le(&bytes).unwrap()),
    ]
}

proptest! {
    #[test]
    fn what_is_128_bits_is_computed_as_128_bits(a in any::<i64>(), b in any::<i64>(), shift in 0u64..60) {
        let (x, y) = (Integer::from(a), Integer::from(b));
        let (a, b) = (i128::from(a), i128::from(b));
        prop_assert_eq!(x.add(&y).unwrap(), a + b);
        prop_assert_eq!(x.subtract(&y).unwrap(), a - b);
        prop_assert_eq!(x.multiply(&y).unwrap(), a * b);
        prop_assert_eq!(x.bit_and(&y).unwrap(), a & b);
        prop_assert_eq!(x.bit_or(&y).unwrap(), a | b);
        prop_assert_eq!(x.bit_xor(&y).unwrap(), a ^ b);
        prop_assert_eq!(x.invert().unwrap(), !a);
        prop_assert_eq!(x.negate(), -a);
        prop_assert_eq!(x.shift_left(shift).unwrap(), a << shift);
        prop_assert_eq!(x.shift_right(shift), a >> shift);
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(u64::from(x.bits() as u32), u64::from(128 - a.unsigned_abs().leading_zeros()));
    }

    #[test]
    fn division_gives_back_what_was_divided(a in any_integer(), b in any_integer()) {
        match a.div_mod_floor(&b) {
            None => prop_assert!(b.is_zero()),
            Some((quotient, left)) => {
                prop_assert_eq!(quotient.multiply(&b).unwrap().add(&left).unwrap(), a);
                prop_assert!(left.is_zero() || left.is_negative() == b.is_negative());
                let absolute = |n: Integer| if n.is_negative() { n.negate() } else { n };
                let (left, b) = (absolute(left), absolute(b));
                prop_assert!(left < b);
            }
        }
    }

    #[test]
    fn a_number_has_one_form(a in any_integer(), b in any_integer()) {
        let there_and_back = a.add(&b).unwrap().subtract(&b).unwrap();
        prop_assert_eq!(&there_and_back, &a);
        let machine = Integer::from(i64::MIN)..=Integer::from(i64::MAX);
        prop_assert_eq!(a.as_i64().is_some(), machine.contains(&a));
        prop_assert_eq!(a.to_string().parse::<Integer>().unwrap(), a.clone());
        prop_assert_eq!(Integer::from_signed_bytes_le(&a.to_signed_bytes_le()).unwrap(), a.clone());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        prop_assert_eq!(a.cmp(&b), a.big().cmp(&b.big()));
        prop_assert_eq!(i128::try_from(&a).ok(), a.as_i128());
    }

    #[test]
    fn floats_are_whole_numbers_exactly(x in any::<f64>()) {
        match Integer::from_f64(x) {
            Some(n) => prop_assert_eq!(n.to_f64(), Some(x.trunc())),
            None => prop_assert!(!x.is_finite()),
        }
    }

    #[test]
    fn quotients_are_the_nearest_floats(a in any::<i32>(), b in 1..i32::MAX) {
        // Both are exact floats, so the machine's division rounds once.
        let (mantissa, scale) = Integer::from(a).quotient_bits(&Integer::from(b)).unwrap();
        prop_assert_eq!(mantissa as f64 * 2f64.powi(scale as i32), (f64::from(a) / f64::from(b)).abs());
    }
}

#[test]
fn an_integer_that_is_too_long_is_refused_before_it_is_computed() {
    let bits = |n: u64| Integer::new(1).shift_left(n);
    let longest = bits(INTEGER_BITS_LIMIT - 1).unwrap();
    assert_eq!(longest.bits(), INTEGER_BITS_LIMIT);
    let error = longest.add(&longest).unwrap_err();
    assert_eq!(error.to_string(), "an integer may have 65536 bits (INTEGER_BITS_LIMIT), and this one has 65537");
    assert!(longest.multiply(&2.into()).is_err());
    assert!(longest.power(&2.into()).is_err());
    assert!(Integer::new(3).power(&u64::MAX.into()).is_err());
    assert!(Integer::new(3).power(&longest).is_err());
    assert_eq!(Integer::new(-1).power(&longest).unwrap(), 1);
    assert!(bits(INTEGER_BITS_LIMIT).is_err());
    assert!(bits(u64::MAX).is_err());
    assert!(longest.add(&longest.subtract(&1.into()).unwrap()).unwrap().invert().is_err());
    assert_eq!(Integer::ZERO.shift_left(u64::MAX).unwrap(), 0);
    assert!(Integer::from_digits(&"9".repeat(19_729), 10).unwrap().is_err());
    assert!(Integer::from_digits(&"9".repeat(19_728), 10).unwrap().is_ok());
    assert!(Integer::from_digits(&"f".repeat(100_000_000), 16).unwrap().is_err());
    assert_eq!(Integer::from_digits(&"0".repeat(1_000_000), 10).unwrap().unwrap(), 0);
    let mut bytes = vec![0xff; 8192];
    assert_eq!(Integer::from_unsigned_bytes_le(&bytes).unwrap().bits(), INTEGER_BITS_LIMIT);
    assert_eq!(Integer::from_signed_bytes_le(&bytes).unwrap(), -1);
    bytes.resize(1 << 20, 0);
    assert_eq!(Integer::from_unsigned_bytes_le(&bytes).unwrap().bits(), INTEGER_BITS_LIMIT);
    assert_eq!(Integer::from_signed_bytes_le(&bytes).unwrap().bits(), INTEGER_BITS_LIMIT);
    bytes.push(1);
    assert!(Integer::from_unsigned_bytes_le(&bytes).is_err());
    assert!(Integer::from_signed_bytes_le(&bytes).is_err());
    assert_eq!(Integer::from_signed_bytes_le(&vec![0xff; 1 << 20]).unwrap(), -1);
}

#[test]
fn text_that_is_not_a_number_is_not_parsed() {
    for text in ["", "-", "+", "1_0", " 1", "0x1", "1.0", "--1"] {
        assert!(text.parse::<Integer>().is_err(), "{text}");
    }
    assert_eq!(Integer::from(1u128 << 100).does_not_fit("i64").message(), format!("{} does not fit i64", 1u128 << 100));
    let long = Integer::new(1).shift_left(300).unwrap();
    assert_eq!(long.does_not_fit("i64").message(), "an integer of 301 bits does not fit i64");
    assert_eq!(Integer::new(1).shift_left(2000).unwrap().to_f64(), None);
}

/// A collection may contain many of them.
#[test]
fn an_integer_is_two_words() {
    assert_eq!(size_of::<Integer>(), 16);
}
