//! The batches in which calls are sent, and in which order.

use super::super::in_flight::{CallOrigin, Slot};
use super::Outbox;
use super::timeout::in_ms;
use crate::wire::batch::{Preamble, SUBMISSION_OVERHEAD, Submission};
use bytes::Bytes;
use tarmem_remote::error::Error;
use tarmem_remote::operation::Operation;

impl Outbox {
    pub(in crate::client) fn has_work(&self) -> bool {
        self.unsent < self.in_flight.next()
            || !self.resend.is_empty()
            || !self.settled.is_empty()
            || !self.releases.is_empty()
    }

    /// What every request begins with.
    pub(in crate::client) fn preamble(&self) -> Bytes {
        let mut preamble = Vec::new();
        Preamble { received_below: self.reply_acks.below }.put(&mut preamble);
        preamble.into()
    }

    /// Whether there is a batch to send, with what the service is to know first.
    pub(in crate::client) fn has_batch(&mut self) -> Result<bool, Error> {
        self.append_housekeeping()?;
        // One that was cancelled before it was sent is over.
        while let Some(sequence) = self.next_to_send()
            && !self.may_go(sequence)
        {
            self.pass_over();
        }
        Ok(self.next_to_send().is_some())
    }

    /// It is to be sent, and to this service.
    fn may_go(&mut self, sequence: u64) -> bool {
        let slot = self.in_flight.get_mut(sequence);
        let Some(Slot::Unanswered(call)) = slot.as_deref() else { return false };
        !self.paused || matches!(call.origin, CallOrigin::Client)
    }

    /// The service shuts down, and begins nothing new: calls wait for the one that takes its place, for as long as each
    /// may. What this one is to know about earlier calls is still sent.
    pub(in crate::client) fn pause(&mut self) {
        self.paused = true;
    }

    /// The first call to send.
    fn next_to_send(&self) -> Option<u64> {
        self.resend.front().copied().or_else(|| self.next_unsent())
    }

    /// Goes on to the next call to send.
    fn pass_over(&mut self) {
        if self.resend.pop_front().is_none() {
            self.unsent += 1;
        }
    }

    /// Appends the next batch to send: as much as fits a frame.
    pub(in crate::client) fn put_batch(&mut self, batch: &mut Vec<u8>) {
        let start = batch.len();
        let operations = usize::try_from(self.in_flight.next() - self.unsent).unwrap_or(usize::MAX);
        let most = self.in_flight.totals().unsent_bytes + operations.saturating_mul(SUBMISSION_OVERHEAD) + 16;
        batch.reserve(most.min(self.limits.frame_bytes));
        Preamble { received_below: self.reply_acks.below }.put(batch);
        // Some may have waited for long: while there was no connection, say.
        let now = self.clock.now(false);
        // Most of those that gather together have the same time: how much of it is left is computed once for them.
        let mut time = (None, None);
        let mut time_left_ms = None;
        let mut operations = 0;
        while let Some(sequence) = self.next_to_send() {
            if let Some(mut slot) = self.in_flight.get_mut(sequence)
                && let Slot::Unanswered(call) = &mut *slot
                && (!self.paused || matches!(call.origin, CallOrigin::Client))
            {
                let full = operations >= self.limits.batch
                    || batch.len() - start + call.operation.len() + SUBMISSION_OVERHEAD > self.limits.frame_bytes;
                if operations > 0 && full {
                    break;
                }
                if time != (call.deadline, call.timeout) {
                    time = (call.deadline, call.timeout);
                    time_left_ms = call.time_left(now).map(in_ms);
                }
                Submission { sequence, task: call.task, timeout_ms: time_left_ms, operation: &call.operation }
                    .put(batch);
                call.sent = true;
                operations += 1;
            }
            self.pass_over();
        }
        self.is_dropping = false;
        self.relieve_backpressure();
    }

    fn next_unsent(&self) -> Option<u64> {
        (self.unsent < self.in_flight.next()).then_some(self.unsent)
    }

    pub(super) fn append_housekeeping(&mut self) -> Result<(), Error> {
        // An acknowledged handle may be released at once: in this order.
        self.append_settled()?;
        for (id, count) in std::mem::take(&mut self.releases) {
            self.append(Operation::Release { id, count }.encode()?, 0, CallOrigin::Client);
        }
        Ok(())
    }

    pub(super) fn append_settled(&mut self) -> Result<(), Error> {
        for operation in std::mem::take(&mut self.settled) {
            self.append(operation.encode()?, 0, CallOrigin::Client);
        }
        Ok(())
    }
}
