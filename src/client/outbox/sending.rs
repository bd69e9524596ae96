//! Makes the batches in which calls are sent, in order.

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

    /// The beginning of every request.
    pub(in crate::client) fn preamble(&self) -> Bytes {
        let mut preamble = Vec::new();
        Preamble { received_below: self.reply_acks.below }.put(&mut preamble);
        preamble.into()
    }

    /// Whether there is a batch to send. Queues acknowledgements, cancellations and releases first.
    pub(in crate::client) fn has_batch(&mut self) -> Result<bool, Error> {
        self.append_housekeeping()?;
        // Skip calls that were cancelled before they were sent.
        while let Some(sequence) = self.next_to_send()
            && !self.may_go(sequence)
        {
            self.pass_over();
        }
        Ok(self.next_to_send().is_some())
    }

    /// Whether a call is to be sent to this service now.
    fn may_go(&mut self, sequence: u64) -> bool {
        let slot = self.in_flight.get_mut(sequence);
        let Some(Slot::Unanswered(call)) = slot.as_deref() else { return false };
        !self.paused || matches!(call.origin, CallOrigin::Client)
    }

    /// Stops sending calls, since the service shuts down and starts nothing new. Calls wait for the next service, each
    /// until its deadline. Acknowledgements, cancellations and releases are still sent to this one.
    pub(in crate::client) fn pause(&mut self) {
        self.paused = true;
    }

    /// The next call to send.
    fn next_to_send(&self) -> Option<u64> {
        self.resend.front().copied().or_else(|| self.next_unsent())
    }

    /// Skips the next call to send.
    fn pass_over(&mut self) {
        if self.resend.pop_front().is_none() {
            self.unsent += 1;
        }
    }

    /// Appends the next batch to send to `batch`: as much as fits a frame.
    pub(in crate::client) fn put_batch(&mut self, batch: &mut Vec<u8>) {
        let start = batch.len();
        let operations = usize::try_from(self.in_flight.next() - self.unsent).unwrap_or(usize::MAX);
        let most = self.in_flight.totals().unsent_bytes + operations.saturating_mul(SUBMISSION_OVERHEAD) + 16;
        batch.reserve(most.min(self.limits.frame_bytes));
        Preamble { received_below: self.reply_acks.below }.put(batch);
        // Calls may have waited for long, for example while there was no connection.
        let now = self.clock.now(false);
        // Most calls of a batch have the same deadline, so the time that is left is computed once for all of them.
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
        // A handle has to be acknowledged before it can be released.
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
