//! Sample data for types that accept only certain values; [`Tracer`](super::Tracer) tries one after the other.

/// Integers; 1 is for types that refuse zero.
pub(super) const INTEGERS: [u8; 3] = [0, 1, 2];

/// Floats.
pub(super) const FLOATS: [f64; 3] = [0.0, 1.0, 0.5];

/// Bools.
pub(super) const BOOLS: [bool; 2] = [false, true];

/// Characters.
pub(super) const CHARS: [char; 3] = ['a', '0', 'A'];

/// Texts that types of the standard library and of well-known crates can parse.
pub(super) const TEXTS: [&str; 22] = [
    "",
    "a",
    "0",
    "1",
    "A",
    "00000000-0000-0000-0000-000000000000",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "[::1]:80",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01",
    "00:00:00",
    "0.0.0",
    "*",
    "http://localhost/",
    "a@b.c",
    "00",
    "127.0.0.0/8",
    "UTC",
    "P1D",
];

/// Lengths of byte strings.
pub(super) const BYTES: [usize; 6] = [0, 16, 4, 32, 12, 64];

/// Lengths of sequences and maps.
pub(super) const LENGTHS: [usize; 3] = [1, 2, 0];

/// Values, by the numbers of their variants: null, a text, an integer, a list, a map.
pub(super) const VALUES: [u32; 5] = [0, 4, 2, 6, 7];
