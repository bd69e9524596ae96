//! Integers of any size.

mod arithmetic;
mod convert;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use convert::check_digits;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, Sign};

/// How many bits the absolute value of an [`Integer`] may have: 65,536, which is 19,729 decimal digits.
///
/// The limit bounds the cost of one operation: the longest product takes microseconds, the longest text a millisecond.
pub const INTEGER_BITS_LIMIT: u64 = 65_536;

/// An integer of any size, within [`INTEGER_BITS_LIMIT`].
///
/// An integer that fits 64 bits is stored and computed as a machine integer; a larger one allocates memory. Every
/// integer type converts into it with [`From`] and from it with [`TryFrom`], and compares with it.
///
/// ```
/// use tarmem_remote::value::Integer;
///
/// let large: Integer = "340282366920938463463374607431768211456".parse().unwrap();
/// assert_eq!(large.bits(), 129);
/// assert_eq!(i64::try_from(&Integer::from(7u8)), Ok(7));
/// assert!(u128::try_from(&large).is_err());
/// assert_eq!(Integer::from(7), 7);
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Integer(Repr);

/// Each number has only one representation: `Small` if it fits 64 bits.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Small(i64),
    Large(Box<BigInt>),
}

/// The error for an integer with more bits than [`INTEGER_BITS_LIMIT`].
///
/// ```
/// use tarmem_remote::value::{Integer, IntegerTooLarge};
///
/// let refused: IntegerTooLarge = Integer::new(1).shift_left(65_536).unwrap_err();
/// assert!(refused.to_string().starts_with("an integer may have 65536 bits"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an integer may have {INTEGER_BITS_LIMIT} bits (INTEGER_BITS_LIMIT), and this one has {}", Bits(*bits))]
#[non_exhaustive]
pub struct IntegerTooLarge {
    /// How many bits the integer has; `None` if they are so many that they were not counted.
    pub bits: Option<u64>,
}

struct Bits(Option<u64>);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bits) => write!(f, "{bits}"),
            None => f.write_str("more"),
        }
    }
}

impl Integer {
    /// Zero.
    pub const ZERO: Integer = Integer(Repr::Small(0));

    /// Makes an integer from a machine integer.
    pub const fn new(n: i64) -> Self {
        Integer(Repr::Small(n))
    }

    /// The integer as an `i64`, if it fits.
    #[inline]
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Small(n) => Some(n),
            Repr::Large(_) => None,
        }
    }

    /// The integer as an `i128`, if it fits.
    #[inline]
    pub fn as_i128(&self) -> Option<i128> {
        match &self.0 {
            Repr::Small(n) => Some((*n).into()),
            Repr::Large(n) => i128::try_from(&**n).ok(),
        }
    }

    /// The integer as an `i128`, or the highest or lowest `i128` if it does not fit.
    pub fn saturating_i128(&self) -> i128 {
        self.as_i128().unwrap_or(if self.is_negative() { i128::MIN } else { i128::MAX })
    }

    /// The nearest float, or the even one of two. `None` if the integer is larger than all floats.
    pub fn to_f64(&self) -> Option<f64> {
        match &self.0 {
            Repr::Small(n) => Some(*n as f64),
            Repr::Large(n) => num_traits::ToPrimitive::to_f64(&**n).filter(|x| x.is_finite()),
        }
    }

    /// The integer part of a float; `None` if it is infinite or NaN.
    pub fn from_f64(x: f64) -> Option<Self> {
        /// The first float that does not fit 64 bits.
        const BEYOND: f64 = 9_223_372_036_854_775_808.0;
        if (-BEYOND..BEYOND).contains(&x) {
            return Some(Integer::new(x as i64));
        }
        // At most 1024 bits.
        <BigInt as num_traits::FromPrimitive>::from_f64(x).map(Integer::known)
    }

    /// The number of bits of its absolute value; 0 for zero.
    pub fn bits(&self) -> u64 {
        match &self.0 {
            Repr::Small(n) => u64::from(64 - n.unsigned_abs().leading_zeros()),
            Repr::Large(n) => n.bits(),
        }
    }

    /// The number of ones in the binary form of its absolute value.
    pub fn count_ones(&self) -> u64 {
        match &self.0 {
            Repr::Small(n) => n.unsigned_abs().count_ones().into(),
            Repr::Large(n) => n.magnitude().count_ones(),
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        *self == Integer::ZERO
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Small(n) => *n < 0,
            Repr::Large(n) => n.sign() == Sign::Minus,
        }
    }

    /// Approximately how many bytes of memory the integer allocates.
    pub fn weight(&self) -> usize {
        match &self.0 {
            Repr::Small(_) => 0,
            Repr::Large(n) => size_of::<BigInt>() + (n.bits() / 8) as usize,
        }
    }

    fn big(&self) -> Cow<'_, BigInt> {
        match &self.0 {
            Repr::Small(n) => Cow::Owned((*n).into()),
            Repr::Large(n) => Cow::Borrowed(n),
        }
    }

    /// Normalises a number that is known to be within the limit.
    fn known(n: BigInt) -> Self {
        match i64::try_from(&n) {
            Ok(n) => Integer::new(n),
            Err(_) => Integer(Repr::Large(Box::new(n))),
        }
    }

    /// Normalises a number after checking the limit.
    fn checked(n: BigInt) -> Result<Self, IntegerTooLarge> {
        check(n.bits()).map(|()| Integer::known(n))
    }
}

fn check(bits: u64) -> Result<(), IntegerTooLarge> {
    if bits <= INTEGER_BITS_LIMIT { Ok(()) } else { Err(IntegerTooLarge { bits: Some(bits) }) }
}

impl Default for Integer {
    fn default() -> Self {
        Integer::ZERO
    }
}

impl Ord for Integer {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Small(a), Repr::Small(b)) => a.cmp(b),
            (Repr::Large(a), Repr::Large(b)) => a.cmp(b),
            // A large number lies beyond all small ones, in the direction of its sign.
            (Repr::Small(_), Repr::Large(b)) if b.sign() == Sign::Minus => Ordering::Greater,
            (Repr::Small(_), Repr::Large(_)) => Ordering::Less,
            (Repr::Large(a), Repr::Small(_)) if a.sign() == Sign::Minus => Ordering::Less,
            (Repr::Large(_), Repr::Small(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Integer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Small(n) => fmt::Display::fmt(n, f),
            Repr::Large(n) => fmt::Display::fmt(n, f),
        }
    }
}

impl fmt::Debug for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
