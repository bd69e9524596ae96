//! Encoded bytes that are sent.

use bytes::Bytes;
use std::fmt;
use std::ops::Deref;

/// Up to this many bytes are stored in a [`Payload`] itself, which does not make it larger.
const SMALL: usize = 38;

/// An encoded operation or result. Most are small, and are stored in place: a separate allocation for each operation
/// took a seventh of the client's cost of a call, and sharing the frame in which a result came took two atomic steps.
#[derive(Clone)]
pub struct Payload(Form);

#[derive(Clone)]
enum Form {
    Small { length: u8, bytes: [u8; SMALL] },
    Shared(Bytes),
}

impl Payload {
    /// A payload of `bytes`, which are a part of `whole`. It shares the memory of `whole`, unless the bytes are few.
    ///
    /// # Panics
    /// If `bytes` is not a part of `whole`.
    pub fn part_of(whole: &Bytes, bytes: &[u8]) -> Self {
        Self::small(bytes).unwrap_or_else(|| Payload(Form::Shared(whole.slice_ref(bytes))))
    }

    /// A byte, twice an array and a slice, and another slice, concatenated. The arrays, whose lengths are known at
    /// compile time, are copied without a call of `memcpy`, which took longer than the copying itself.
    #[inline]
    pub(crate) fn joined<const A: usize, const B: usize>(
        head: u8,
        (a, after_a): ([u8; A], &[u8]),
        (b, after_b): ([u8; B], &[u8]),
        last: &[u8],
    ) -> Self {
        let length = 1 + A + after_a.len() + B + after_b.len() + last.len();
        if length > SMALL {
            return Payload(Form::Shared([&[head], &a[..], after_a, &b, after_b, last].concat().into()));
        }
        let mut bytes = [0; SMALL];
        bytes[0] = head;
        bytes[1..=A].copy_from_slice(&a);
        let mut end = put(&mut bytes, 1 + A, after_a);
        bytes[end..end + B].copy_from_slice(&b);
        end = put(&mut bytes, end + B, after_b);
        put(&mut bytes, end, last);
        Payload(Form::Small { length: length as u8, bytes })
    }

    fn small(bytes: &[u8]) -> Option<Self> {
        let mut small = [0; SMALL];
        small.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Payload(Form::Small { length: bytes.len() as u8, bytes: small }))
    }
}

/// Copies `piece` to `start`, and returns where it ends.
#[inline]
fn put(bytes: &mut [u8], start: usize, piece: &[u8]) -> usize {
    let end = start + piece.len();
    if !piece.is_empty() {
        bytes[start..end].copy_from_slice(piece);
    }
    end
}

impl Default for Payload {
    fn default() -> Self {
        Payload(Form::Small { length: 0, bytes: [0; SMALL] })
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Form::Small { length, bytes } => &bytes[..usize::from(*length).min(SMALL)],
            Form::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::small(&bytes).unwrap_or_else(|| Payload(Form::Shared(bytes.into())))
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::small(&bytes).unwrap_or(Payload(Form::Shared(bytes)))
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self::small(bytes).unwrap_or_else(|| Payload(Form::Shared(Bytes::copy_from_slice(bytes))))
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_of_any_size_keep_their_bytes() {
        for size in [0, 1, SMALL - 1, SMALL, SMALL + 1, 300, 70_000] {
            let bytes: Vec<u8> = (0..size).map(|index| index as u8).collect();
            let whole = Bytes::from([b"before", &bytes[..], b"after"].concat());
            let bodies = [
                Payload::from(&bytes[..]),
                Payload::from(bytes.clone()),
                Payload::from(Bytes::from(bytes.clone())),
                Payload::part_of(&whole, &whole[6..6 + size]),
            ];
            for body in bodies {
                assert_eq!(*body, *bytes);
                assert_eq!(body.clone(), body);
            }
            let (first, last) = bytes.split_at(size / 3);
            let joined = Payload::joined(b'a', (*b"bc", first), (*b"def", last), b"g");
            assert_eq!(*joined, *[b"abc", first, b"def", last, b"g"].concat());
        }
        assert_eq!(size_of::<Payload>(), SMALL + 2);
    }
}
