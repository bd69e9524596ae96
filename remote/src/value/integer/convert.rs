//! Conversions of integers from and to machine integers, text and bytes, and their serde implementations.

use std::cmp::Ordering;
use std::str::FromStr;

use num_bigint::{BigInt, BigUint, Sign};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{INTEGER_BITS_LIMIT, Integer, IntegerTooLarge, Repr, check};
use crate::value::{Value, ValueError};

macro_rules! machine {
    ($($int:ty)*) => {$(
        impl From<$int> for Integer {
            #[inline]
            fn from(n: $int) -> Self {
                match i64::try_from(n) {
                    Ok(n) => Integer::new(n),
                    Err(_) => Integer::large(n.into()),
                }
            }
        }

        impl TryFrom<&Integer> for $int {
            type Error = ValueError;

            #[inline]
            fn try_from(n: &Integer) -> Result<Self, ValueError> {
                let fitting = match &n.0 {
                    Repr::Small(n) => <$int>::try_from(*n).ok(),
                    Repr::Large(n) => <$int>::try_from(&**n).ok(),
                };
                fitting.ok_or_else(|| n.does_not_fit(stringify!($int)))
            }
        }

        impl PartialEq<$int> for Integer {
            fn eq(&self, other: &$int) -> bool {
                <$int>::try_from(self).is_ok_and(|n| n == *other)
            }
        }
    )*};
}

machine!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

impl Integer {
    /// Converts a number that does not fit a machine integer.
    #[cold]
    fn large(n: BigInt) -> Self {
        Integer(Repr::Large(Box::new(n)))
    }

    /// Compares with a float exactly, where a cast would round. `None` for NaN.
    ///
    /// ```
    /// use std::cmp::Ordering;
    /// use tarmem_remote::value::Integer;
    ///
    /// let n = Integer::new((1 << 53) + 1);
    /// assert_eq!(n.compare_to_f64((1u64 << 53) as f64), Some(Ordering::Greater));
    /// ```
    pub fn compare_to_f64(&self, x: f64) -> Option<Ordering> {
        match Integer::from_f64(x) {
            Some(whole) => x.trunc().partial_cmp(&x).map(|rest| self.cmp(&whole).then(rest)),
            None => 0.0.partial_cmp(&x),
        }
    }

    /// The error that the integer does not fit a type. A number that would fill the message is described by its bits.
    #[cold]
    pub(crate) fn does_not_fit(&self, kind: &str) -> ValueError {
        match self.bits() {
            0..=256 => ValueError::new(format!("{self} does not fit {kind}")),
            bits => ValueError::new(format!("an integer of {bits} bits does not fit {kind}")),
        }
    }

    /// The number that digits of a base from 2 to 36 represent, with an optional sign.
    ///
    /// # Errors
    /// `None` if the text is not a number of that base; an error for more bits than [`INTEGER_BITS_LIMIT`].
    ///
    /// # Panics
    /// If the base is below 2 or above 36.
    pub fn from_digits(text: &str, base: u32) -> Option<Result<Self, IntegerTooLarge>> {
        if let Ok(n) = i64::from_str_radix(text, base) {
            return Some(Ok(Integer::new(n)));
        }
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        // Each digit adds at least this many bits, so a number that is too long is not computed.
        let least = u64::from(base.ilog2()).saturating_mul(digits.len().saturating_sub(1) as u64);
        if least > INTEGER_BITS_LIMIT {
            return Some(Err(IntegerTooLarge { bits: None }));
        }
        let magnitude = match digits {
            "" => BigUint::ZERO,
            digits => BigUint::parse_bytes(digits.as_bytes(), base)?,
        };
        Some(Integer::checked(BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, magnitude)))
    }

    /// The number that little-endian bytes represent in two's complement.
    ///
    /// # Errors
    /// The number has more bits than [`INTEGER_BITS_LIMIT`].
    pub fn from_signed_bytes_le(bytes: &[u8]) -> Result<Self, IntegerTooLarge> {
        Integer::checked(BigInt::from_signed_bytes_le(within(bytes, 0xff)?))
    }

    /// The number that little-endian bytes represent, without a sign.
    ///
    /// # Errors
    /// The number has more bits than [`INTEGER_BITS_LIMIT`].
    pub fn from_unsigned_bytes_le(bytes: &[u8]) -> Result<Self, IntegerTooLarge> {
        Integer::checked(BigInt::from_bytes_le(Sign::Plus, within(bytes, 0)?))
    }

    /// The number in two's complement, little-endian, in as few bytes as possible, and at least one.
    pub fn to_signed_bytes_le(&self) -> Vec<u8> {
        self.big().to_signed_bytes_le()
    }
}

/// The bytes without trailing ones that only repeat the sign, if the rest is within the limit.
fn within(bytes: &[u8], negative: u8) -> Result<&[u8], IntegerTooLarge> {
    const MOST: usize = INTEGER_BITS_LIMIT as usize / 8 + 1;
    let fill = match bytes.last() {
        Some(0xff) if negative == 0xff => 0xff,
        _ => 0,
    };
    let above = bytes.get(MOST..).unwrap_or_default();
    match above.iter().rposition(|byte| *byte != fill) {
        Some(last) => Err(IntegerTooLarge { bits: Some((MOST + last) as u64 * 8 + 1) }),
        // One more byte is kept for the sign.
        None => Ok(&bytes[..bytes.len().min(MOST + 1)]),
    }
}

/// Parses decimal digits with an optional sign.
impl FromStr for Integer {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match Integer::from_digits(text, 10) {
            Some(n) => n.map_err(|error| ValueError::new(error.to_string())),
            None => Err(ValueError::new("an integer consists of digits, with an optional sign before them")),
        }
    }
}

/// Serializes as an int, as in a [`Value`].
impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::Int(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Int(n) => Ok(n),
            other => Err(serde::de::Error::custom(ValueError::mismatch("an integer", &other))),
        }
    }
}

/// Checks the number of digits against the limit, for a reader that reports the error itself.
pub(crate) fn check_digits(digits: usize) -> Result<(), IntegerTooLarge> {
    // A decimal digit is more than three bits.
    check((digits.saturating_sub(1) as u64).saturating_mul(3)).map_err(|_| IntegerTooLarge { bits: None })
}
