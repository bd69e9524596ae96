//! Exact arithmetic, which is fast if everything fits 64 bits.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{Pow, Zero};

use super::{INTEGER_BITS_LIMIT, Integer, IntegerTooLarge, Repr, check};

/// Defines an operation that uses machine integers if the result fits, and large integers otherwise.
macro_rules! operation {
    ($(#[$doc:meta])* $name:ident, $small:ident, $large:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// The result would have more bits than [`INTEGER_BITS_LIMIT`].
        #[inline]
        pub fn $name(&self, other: &Self) -> Result<Self, IntegerTooLarge> {
            if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
                && let Some(n) = a.$small(*b)
            {
                return Ok(Integer::new(n));
            }
            let large: fn(&BigInt, &BigInt) -> BigInt = $large;
            Integer::checked(large(&self.big(), &other.big()))
        }
    };
}

impl Integer {
    operation!(
        /// The sum.
        add,
        checked_add,
        |a, b| a + b
    );

    operation!(
        /// The difference.
        subtract,
        checked_sub,
        |a, b| a - b
    );

    /// The product.
    ///
    /// # Errors
    /// The result would have more bits than [`INTEGER_BITS_LIMIT`].
    #[inline]
    pub fn multiply(&self, other: &Self) -> Result<Self, IntegerTooLarge> {
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
            && let Some(n) = a.checked_mul(*b)
        {
            return Ok(Integer::new(n));
        }
        if self.is_zero() || other.is_zero() {
            return Ok(Integer::ZERO);
        }
        // The product has as many bits as both factors together, or one less.
        check((self.bits() + other.bits()).saturating_sub(1))?;
        Integer::checked(&*self.big() * &*other.big())
    }

    /// The quotient, rounded down, and the remainder, which has the sign of `other`. `None` if `other` is zero.
    pub fn div_mod_floor(&self, other: &Self) -> Option<(Self, Self)> {
        if other.is_zero() {
            return None;
        }
        if let (Repr::Small(a), Repr::Small(b)) = (&self.0, &other.0)
            && let (Some(quotient), Some(left)) = (a.checked_div(*b), a.checked_rem(*b))
        {
            let down = left != 0 && (left < 0) != (*b < 0);
            // If there is a remainder, the divisor is at least 2, so there is room below the quotient.
            return Some(match down {
                true => (Integer::new(quotient - 1), Integer::new(left + b)),
                false => (Integer::new(quotient), Integer::new(left)),
            });
        }
        let (quotient, left) = self.big().div_mod_floor(&other.big());
        // Neither result has more bits than its operand. The quotient is as long as the dividend only if the divisor is
        // 1 or -1, and then there is no remainder.
        Some((Integer::known(quotient), Integer::known(left)))
    }

    /// The power.
    ///
    /// # Errors
    /// The result would have more bits than [`INTEGER_BITS_LIMIT`]; this is found before it is computed.
    pub fn power(&self, exponent: &Self) -> Result<Self, IntegerTooLarge> {
        if exponent.is_zero() {
            return Ok(Integer::new(1));
        }
        let odd = exponent.is_odd();
        match self.as_i64() {
            Some(0 | 1) => return Ok(self.clone()),
            Some(-1) => return Ok(Integer::new(if odd { -1 } else { 1 })),
            _ => {}
        }
        // A number of b bits is at least two to the power of b - 1.
        let too_large = IntegerTooLarge { bits: None };
        let exponent = u32::try_from(exponent).map_err(|_| too_large)?;
        let least = (self.bits() - 1).saturating_mul(exponent.into());
        if least > INTEGER_BITS_LIMIT {
            return Err(too_large);
        }
        if let Some(n) = self.as_i64().and_then(|n| n.checked_pow(exponent)) {
            return Ok(Integer::new(n));
        }
        Integer::checked(Pow::pow(&*self.big(), exponent))
    }

    /// Whether the number is odd.
    pub fn is_odd(&self) -> bool {
        match &self.0 {
            Repr::Small(n) => n % 2 != 0,
            Repr::Large(n) => n.is_odd(),
        }
    }

    /// The bits, shifted to the left.
    ///
    /// # Errors
    /// The result would have more bits than [`INTEGER_BITS_LIMIT`]; this is found before it is computed.
    pub fn shift_left(&self, count: u64) -> Result<Self, IntegerTooLarge> {
        if self.is_zero() {
            return Ok(Integer::ZERO);
        }
        check(self.bits().saturating_add(count))?;
        Ok(Integer::known(&*self.big() << count))
    }

    /// The bits, shifted to the right, which rounds down.
    pub fn shift_right(&self, count: u64) -> Self {
        match &self.0 {
            Repr::Small(n) => Integer::new(n >> count.min(63)),
            Repr::Large(n) => Integer::known(&**n >> count),
        }
    }

    operation!(
        /// The bits that are set in both numbers, in two's complement.
        bit_and,
        checked_bit_and,
        |a, b| a & b
    );

    operation!(
        /// The bits that are set in either number.
        bit_or,
        checked_bit_or,
        |a, b| a | b
    );

    operation!(
        /// The bits that are set in exactly one of the numbers.
        bit_xor,
        checked_bit_xor,
        |a, b| a ^ b
    );

    /// Every bit inverted: `-n - 1`.
    ///
    /// # Errors
    /// The result would have more bits than [`INTEGER_BITS_LIMIT`].
    pub fn invert(&self) -> Result<Self, IntegerTooLarge> {
        match &self.0 {
            Repr::Small(n) => Ok(Integer::new(!n)),
            Repr::Large(n) => Integer::checked(!(&**n)),
        }
    }

    /// The number with the other sign.
    pub fn negate(&self) -> Self {
        match &self.0 {
            Repr::Small(n) if *n != i64::MIN => Integer::new(-n),
            _ => Integer::known(-&*self.big()),
        }
    }

    /// The quotient of the absolute values as `mantissa * 2^scale`, with at least 66 bits, the last of which is set if
    /// there is a remainder. `None` if `other` is zero.
    pub fn quotient_bits(&self, other: &Self) -> Option<(u128, i64)> {
        if other.is_zero() {
            return None;
        }
        let shift = (66 + other.bits() as i64 - self.bits() as i64).max(0);
        let dividend = self.big().magnitude() << shift;
        let (quotient, left) = dividend.div_rem(other.big().magnitude());
        // If nothing was shifted, there may be more than 127 bits. The last ones then only show whether they are zero.
        let spare = (quotient.bits() as i64 - 100).max(0);
        let kept = &quotient >> spare;
        let lost = !left.is_zero() || (&kept << spare) != quotient;
        let mantissa = u128::try_from(kept).ok()?;
        Some((mantissa | u128::from(lost), spare - shift))
    }
}

/// The operators of machine integers under names that the macro can use for all operations.
trait Bits: Sized {
    fn checked_bit_and(self, other: Self) -> Option<Self>;
    fn checked_bit_or(self, other: Self) -> Option<Self>;
    fn checked_bit_xor(self, other: Self) -> Option<Self>;
}

impl Bits for i64 {
    fn checked_bit_and(self, other: i64) -> Option<i64> {
        Some(self & other)
    }

    fn checked_bit_or(self, other: i64) -> Option<i64> {
        Some(self | other)
    }

    fn checked_bit_xor(self, other: i64) -> Option<i64> {
        Some(self ^ other)
    }
}
