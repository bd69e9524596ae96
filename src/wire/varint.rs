//! Whole numbers, seven bits a byte, the lowest first (LEB128), as postcard has them.

use tarmem_remote::error::Error;

/// The most bytes that a number takes.
const LONGEST: usize = 10;

/// Appends `value`.
#[inline]
pub(super) fn put(buffer: &mut Vec<u8>, mut value: u64) {
    // Byte by byte: gathered in an array first, and copied from there, they would be read before they are written
    // through, which the processor waits for.
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// The number at the front of `bytes`, and the rest.
#[inline(always)]
pub(super) fn take(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    match bytes {
        // As most are. The loop, and the room for an error, stay out of its way.
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

/// One of up to eight bytes, without a loop over them: a batch has two of those for each operation.
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
    // Eight times 7 bits move together to four times 14, to two times 28, to 56.
    let word = (word & 0x007f_007f_007f_007f) | ((word & 0x7f00_7f00_7f00_7f00) >> 1);
    let word = (word & 0x0000_3fff_0000_3fff) | ((word & 0x3fff_0000_3fff_0000) >> 2);
    let word = (word & 0x0000_0000_0fff_ffff) | ((word & 0x0fff_ffff_0000_0000) >> 4);
    Some((word, bytes.get((bits / 8) as usize..)?))
}

#[cold]
fn take_by_bytes(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(LONGEST).enumerate() {
        // The tenth holds the last bit only.
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
        fn a_number_is_read_as_it_was_written(value: u64, small in 0_u64..300, rest: Vec<u8>) {
            for value in [value, small, u64::MAX, 1 << 63] {
                let mut bytes = Vec::new();
                put(&mut bytes, value);
                prop_assert_eq!(&bytes, &postcard::to_stdvec(&value).expect("it is a number"));
                bytes.extend(&rest);
                prop_assert_eq!(take(&bytes).expect("it is one"), (value, &rest[..]));
            }
        }

        #[test]
        fn what_is_no_number_is_an_error(bytes: Vec<u8>) {
            let ours = take(&bytes).ok();
            let theirs = postcard::take_from_bytes::<u64>(&bytes).ok();
            prop_assert_eq!(ours, theirs);
        }
    }
}
