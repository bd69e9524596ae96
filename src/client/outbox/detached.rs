//! Detached calls, whose outcome nobody waits for.

use super::super::in_flight::{CallOrigin, Slot};
use super::Outbox;
use tarmem_remote::payload::Payload;

impl Outbox {
    /// Queues a detached operation. Since no caller waits for room with it, it is dropped if more than twice the
    /// largest frame waits to be sent, which is the limit for callers, too; this is traced.
    pub(in crate::client) fn send(&mut self, operation: Payload, task: u64) {
        // An operation larger than a frame would end the connection.
        if self.ended.is_some() || operation.len() > self.largest() {
            return;
        }
        if !self.has_room(operation.len()) {
            if !std::mem::replace(&mut self.is_dropping, true) {
                tracing::warn!(
                    "a detached call is dropped, and so are those that follow until some are sent: calls of {} bytes \
                     wait to be sent, which is the limit (twice the largest frame); await calls instead of detaching \
                     them, so that they wait for room",
                    2 * self.largest()
                );
            }
            return;
        }
        // It keeps its place in the order: later calls may rely on it.
        self.append(operation, task, CallOrigin::Detached);
    }

    /// Whether there is room for another call. Each call also counts with the memory for its slot, so that calls
    /// without arguments are bounded, too.
    fn has_room(&self, bytes: usize) -> bool {
        let calls = usize::try_from(self.in_flight.next() - self.unsent).unwrap_or(usize::MAX);
        let places = calls.saturating_add(self.resend.len() + 1).saturating_mul(size_of::<Slot>());
        places.saturating_add(self.in_flight.totals().unsent_bytes + bytes) <= 2 * self.largest()
    }
}

#[cfg(test)]
mod tests {
    use super::super::SendLimits;
    use super::*;

    #[test]
    fn detached_calls_are_dropped_over_the_limit_until_some_are_sent() {
        for bytes in [1, 1000] {
            let mut outbox = Outbox::new(SendLimits { frame_bytes: 64 << 10, batch: 100_000, in_flight: 8 });
            for _ in 0..10_000 {
                outbox.send(Payload::from(&vec![7; bytes][..]), 0);
            }
            let totals = outbox.in_flight.totals();
            let in_line = (outbox.in_flight.next() - outbox.unsent) as usize;
            assert!(in_line > 50 && in_line * (bytes + size_of::<Slot>()) <= 128 << 10, "{in_line}: {totals:?}");
            while outbox.has_batch().expect("it encodes") {
                outbox.put_batch(&mut Vec::new());
            }
            let next = outbox.in_flight.next();
            outbox.send(Payload::from(&b"one"[..]), 0);
            assert_eq!(outbox.in_flight.next(), next + 1);
        }
    }
}
