//! Which connection carries a session, and how far its calls have come: both in one word, so that a connection that was
//! replaced can begin no call.

use crate::sync::atomic::{AtomicU64, Ordering};
use tarmem_remote::error::Error;

/// One of the connections that carry a session, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Carrier(u64);

/// How many bits of a position hold the sequence number; the others hold the carrier.
const SEQUENCE_BITS: u32 = 48;

/// Sequence numbers are below this. (At two million calls per second they last for four years.)
const SEQUENCES: u64 = 1 << SEQUENCE_BITS;

/// No call has a higher number.
pub(super) const LAST_SEQUENCE: u64 = SEQUENCES - 1;

/// Stands for the carrier of a session that has ended; no connection gets this number.
const NONE: Carrier = Carrier((1 << (64 - SEQUENCE_BITS)) - 1);

/// The carrier, and the highest sequence number of a call that it brought. A connection that was replaced cannot begin
/// another call, and the one that replaced it knows exactly which calls were begun.
#[derive(Default)]
pub(super) struct Position(AtomicU64);

impl Position {
    /// The highest sequence number of a call that was begun.
    pub(super) fn last(&self) -> u64 {
        self.0.load(Ordering::Acquire) & (SEQUENCES - 1)
    }

    pub(super) fn is_carried_by(&self, carrier: Carrier) -> bool {
        self.0.load(Ordering::Acquire) >> SEQUENCE_BITS == carrier.0
    }

    /// Whether the session has ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_carried_by(NONE)
    }

    /// Begins the calls up to `next`. Returns false if the connection that brought them was replaced.
    pub(super) fn advance(&self, carrier: Carrier, last: u64, next: u64) -> bool {
        let at = |sequence| carrier.0 << SEQUENCE_BITS | sequence;
        self.0.compare_exchange(at(last), at(next), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Makes a new connection the carrier. Returns `None` if the session has ended.
    pub(super) fn hand_over(&self) -> Option<Carrier> {
        let next = |position: u64| {
            let carrier = position >> SEQUENCE_BITS;
            // After 65,534 connections the numbers start again: the connection that had this one is long gone.
            let next = if carrier + 1 == NONE.0 { 1 } else { carrier + 1 };
            (carrier != NONE.0).then_some(next << SEQUENCE_BITS | position & (SEQUENCES - 1))
        };
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()?;
        next(before).map(|position| Carrier(position >> SEQUENCE_BITS))
    }

    /// From now on no connection carries the session, ever.
    pub(super) fn end(&self) {
        self.0.fetch_or(NONE.0 << SEQUENCE_BITS, Ordering::AcqRel);
    }
}

pub(crate) fn check_sequence(sequence: u64) -> Result<(), Error> {
    // Higher numbers are for calls from within the process.
    if sequence < SEQUENCES {
        return Ok(());
    }
    Err(Error::malformed("sequence number", format!("{sequence} is not below 2^{SEQUENCE_BITS}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carrier_numbers_start_again_before_the_one_that_means_none() {
        let position = Position::default();
        for _ in 0..200_000 {
            let carrier = position.hand_over().expect("it has not ended");
            assert!(carrier != NONE && position.is_carried_by(carrier));
        }
    }
}
