//! Whether a session may begin another call: its calls under way, and its limits.

use super::position::Carrier;
use super::{Calls, ServerSession};
use crate::config::Limits;
use std::sync::atomic::Ordering;
use tarmem_remote::error::Error;

/// What a session had under way when a batch last looked. Until the batch looks again it can only become less, apart
/// from what the batch itself adds.
pub(crate) struct Underway {
    /// How many calls are pending, or finished and not sent.
    in_flight: usize,
    /// The bytes of results that the client has not acknowledged.
    kept_bytes: usize,
    /// Of these, the bytes that were sent since the client last acknowledged any, while the limit was already reached.
    beyond_bytes: usize,
    kept_batches: usize,
    /// The bytes of the arguments of pending calls.
    waiting_bytes: usize,
}

impl Underway {
    fn of(calls: &Calls) -> Self {
        Underway {
            in_flight: calls.pending.len() - calls.cancelled + calls.finished.len(),
            kept_bytes: calls.finished_bytes + calls.delivery.bytes(),
            beyond_bytes: calls.delivery.beyond(),
            kept_batches: calls.delivery.batches(),
            waiting_bytes: calls.waiting_bytes,
        }
    }

    /// Whether the client has so much to receive that no other call may begin.
    pub(crate) fn is_full(&self, limits: &Limits) -> bool {
        self.kept_bytes >= limits.uncollected_bytes || self.kept_batches >= limits.uncollected_batches
    }
}

impl ServerSession {
    /// Begins a batch. Its client has received all batches of replies below `received_below`.
    pub(crate) fn begin_batch(&self, carrier: Carrier, received_below: u64) -> Underway {
        self.hear();
        let mut calls = self.calls.lock();
        self.received(carrier, &mut calls, received_below);
        Underway::of(&calls)
    }

    /// What is under way now.
    pub(crate) fn underway(&self) -> Underway {
        Underway::of(&self.calls.lock())
    }

    /// Checks that the client says which replies it has received.
    ///
    /// Calls of a client that does not say it no longer begin, but what is always permitted (to cancel, release and
    /// acknowledge) still gets replies. This check bounds those: at some point the client is no longer heard. A client
    /// that reads its replies does not get there: beyond the limit, no more than the answer to one poll is on its way
    /// to it.
    ///
    /// # Errors
    /// If the replies that the client has not acknowledged exceed a limit. The connection then ends.
    pub(crate) fn check_received(&self, underway: &Underway) -> Result<(), Error> {
        let limits = &self.state.limits;
        let bytes = limits.uncollected_bytes.saturating_add(limits.frame_bytes);
        let batches = limits.uncollected_batches.saturating_mul(2);
        let kept = [
            ("bytes of replies not acknowledged", underway.beyond_bytes, bytes),
            ("batches of replies not acknowledged", underway.kept_batches, batches),
        ];
        for (what, found, limit) in kept {
            if found > limit {
                let remedy = "acknowledge received replies with each batch";
                return Err(Error::limit(what, found as u64, limit as u64, remedy));
            }
        }
        Ok(())
    }

    /// Checks that another call may begin.
    ///
    /// # Errors
    /// Names the limit that is reached, or says that the service shuts down.
    pub(crate) fn admit(&self, underway: &Underway) -> Result<(), Error> {
        if self.state.is_closing() {
            return Err(Error::ShuttingDown);
        }
        let limits = &self.state.limits;
        let in_flight = underway.in_flight;
        if in_flight >= limits.calls_in_flight {
            let (found, limit) = (in_flight as u64 + 1, limits.calls_in_flight as u64);
            return Err(Error::limit("calls in flight in this session", found, limit, "await some first"));
        }
        if underway.waiting_bytes >= limits.waiting_bytes {
            let (found, limit) = (underway.waiting_bytes as u64, limits.waiting_bytes as u64);
            let what = "bytes of arguments of waiting calls in this session";
            return Err(Error::limit(what, found, limit, "await some first"));
        }
        let (found, limit) = (self.provisional.load(Ordering::Relaxed), limits.unacknowledged);
        if found >= limit {
            let remedy = "acknowledge those that have arrived first";
            return Err(Error::limit("results not acknowledged", found as u64 + 1, limit as u64, remedy));
        }
        let (found, limit) = (self.state.held_bytes.load(Ordering::Relaxed), limits.held_bytes);
        if found >= limit {
            let what = "bytes that the service holds for all sessions";
            return Err(Error::limit(
                what,
                found as u64,
                limit as u64,
                "try again later, or raise the service's limit",
            ));
        }
        Ok(())
    }
}
