//! Unsigned integers in LEB128 (seven bits per byte, the lowest first), as in postcard.

use tarmem_remote::error::Error;

/// The maximum size of a number, in bytes.
const LONGEST: usize = 10;

/// Appends `value`.
#[inline]
pub(super) fn put(buffer: &mut Vec<u8>, mut value: u64) {
    // The bytes are pushed one by one. If they were gathered in an array and copied, the copy would have to wait until
    // the processor has written the array.
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Decodes the number at the beginning of `bytes`, and returns it with the rest.
#[inline(always)]
pub(super) fn take(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    match bytes {
        // Most numbers take one byte. This path needs no loop, and no room for an error.
        [byte, rest @ ..] if *byte < 0x80 => Ok((u64::from(*byte), rest)),
        _ => take_long(bytes).ok_or_else(|| Error::malformed("batch", "a number is cut off or too long")),
    }
}

#[inline]
fn take_long(bytes: &[u8]) -> Option<(u64, &[u8])> {
    match bytes.first_chunk::<8>() {
        Some(first) => take_at_once(*first, bytes).or_else(|| take_by_bytes(bytes)),
        None => take_by_bytes(bytes),
    }
}

/// Decodes a number of up to eight bytes without a loop. A batch has two of those for each operation.
#[inline]
fn take_at_once(first: [u8; 8], bytes: &[u8]) -> Option<(u64, &[u8])> {
    const LAST: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(first);
    // The top bit of a byte says that another one follows.
    let lasts = !word & LAST;
    if lasts == 0 {
        return None;
    }
    let bits = lasts.trailing_zeros() + 1;
    let word = word & (u64::MAX >> (64 - bits)) & !LAST;
    // Eight groups of 7 bits are joined to four of 14, to two of 28, to one of 56.
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    let word = (word & 0x0000_0000_0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
    Some((word, bytes.get((bits / 8) as usize..)?))
}

#[cold]
fn take_by_bytes(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(LONGEST).enumerate() {
        // The tenth byte contains only the last bit.
        if index == LONGEST - 1 && *byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_round_trip(value: u64, small in 0_u64..300, rest: Vec<u8>) {
            for value in [value, small, u64::MAX, 1 << 63] {
                let mut bytes = Vec::new();
                put(&mut bytes, value);
                prop_assert_eq!(&bytes, &postcard::to_stdvec(&value).expect("it is a number"));
                bytes.extend(&rest);
                prop_assert_eq!(take(&bytes).expect("it is one"), (value, &rest[..]));
            }
        }

        #[test]
        fn malformed_numbers_are_errors(bytes: Vec<u8>) {
            let ours = take(&bytes).ok();
            let theirs = postcard::take_from_bytes::<u64>(&bytes).ok();
            prop_assert_eq!(ours, theirs);
        }
    }
}
