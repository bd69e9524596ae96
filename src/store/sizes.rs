//! Which states are large.

use crate::journal::rows::pieces::PIECE_BYTES;

/// Which states are large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// A state of more bytes is kept in pieces of so many.
    pub(crate) piece: usize,
    /// A state of more bytes is written anew in the background once there are many calls since.
    pub(crate) rewritten: usize,
    /// How many bytes of calls may come while that is done, besides twice as many as the state has. (The log on the
    /// disk holds more.)
    pub(crate) meanwhile: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { piece: PIECE_BYTES, rewritten: 1 << 20, meanwhile: 64 << 20 }
    }
}
