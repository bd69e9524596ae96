//! Decides what happens to calls when a connection or a session ends.

use super::super::in_flight::{CallOrigin, Slot, UnansweredCall};
use super::{Outbox, SendLimits};
use std::task::Waker;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};

impl Outbox {
    /// Continues the session over another connection. The service has started the calls up to `begun`; later ones are
    /// sent again.
    pub(in crate::client) fn resume(&mut self, begun: u64) {
        if begun == 0 {
            // It may have been started again, and know the session from what it has kept. If it shuts down all the
            // same, it says so again.
            self.paused = false;
            self.reply_acks.of_another_run();
        }
        self.send_again(|sequence| sequence > begun);
    }

    /// Queues the calls again that were sent and that `lost` picks, and those that were skipped without being sent.
    fn send_again(&mut self, lost: impl Fn(u64) -> bool) {
        let (mut again, unsent) = (Vec::new(), self.unsent);
        self.in_flight.each_unanswered(|sequence, slot| {
            if let Slot::Unanswered(call) = slot
                && sequence < unsent
                && (!call.sent || lost(sequence))
            {
                call.sent = false;
                again.push(sequence);
            }
        });
        again.sort_unstable();
        self.resend = again.into();
    }

    /// Answers all calls of a session that has expired. The outcome of the calls up to `begun`, which the service had
    /// started, is `unknown`; the others did not run, and get `expired`. So do calls that may be repeated. Returns the
    /// wakers of their callers.
    pub(in crate::client) fn expired(&mut self, begun: u64, expired: &Error, unknown: &Error) -> Vec<Waker> {
        self.give_up(|sequence, call| {
            let doubtful = call.sent && sequence <= begun && !call.idempotent;
            Some(if doubtful { unknown } else { expired }.clone())
        })
    }

    /// Continues with another service, after the one with the session has ended. Calls that may be repeated, or were
    /// not sent yet, are sent to it; the outcome of the others is `unknown`. Returns the wakers of their callers.
    pub(in crate::client) fn restart(&mut self, limits: SendLimits, unknown: &Error) -> Vec<Waker> {
        let wakers = self.give_up(|_, call| (call.sent && !call.idempotent).then(|| unknown.clone()));
        // Handles and provisional results are gone with the old service, and so are detached calls that were sent to
        // it.
        self.in_flight.discard(|call| match call.origin {
            CallOrigin::Caller(_) => false,
            CallOrigin::Detached => call.sent,
            CallOrigin::Client => true,
        });
        self.settled.clear();
        self.releases.clear();
        self.begin_session(limits);
        self.send_again(|_| true);
        self.relieve_backpressure();
        wakers
    }

    /// Continues with a new session in place of one in which the service had started nothing: everything is sent again.
    pub(in crate::client) fn begin_anew(&mut self, limits: SendLimits) -> Vec<Waker> {
        self.begin_session(limits);
        self.send_again(|_| true);
        self.relieve_backpressure();
        Vec::new()
    }

    fn begin_session(&mut self, limits: SendLimits) {
        self.reply_acks = self.reply_acks.of_another_session();
        self.limits = limits;
        self.paused = false;
    }

    /// Answers each waiting call with the error that `of` returns for it, if any. Returns the wakers of their callers.
    fn give_up(&mut self, of: impl Fn(u64, &UnansweredCall) -> Option<Error>) -> Vec<Waker> {
        let mut wakers = Vec::new();
        self.in_flight.each_unanswered(|sequence, slot| {
            let Slot::Unanswered(call) = slot else { return };
            let CallOrigin::Caller(waker) = &call.origin else { return };
            let Some(error) = of(sequence, call) else { return };
            wakers.push(waker.clone());
            let operation = std::mem::take(&mut call.operation);
            *slot = Slot::Answered(Reply::failed(error), Some(Box::new(operation)));
        });
        wakers
    }

    /// Ends the session. New calls get `closed`, and so do calls that were never sent or may be repeated; the outcome
    /// of the others is `unknown`. Returns the wakers of their callers. With `goodbye`, a last batch is made of the
    /// detached calls, releases and acknowledgements that were not sent yet, and the goodbye itself.
    pub(in crate::client) fn end(&mut self, closed: Error, unknown: &Error, goodbye: bool) -> Vec<Waker> {
        if self.ended.is_some() {
            return Vec::new();
        }
        let mut wakers =
            self.give_up(|_, call| Some(if call.sent && !call.idempotent { unknown } else { &closed }.clone()));
        wakers.extend(self.backpressure.take());
        if goodbye && let Ok(operation) = Operation::Goodbye.encode() {
            // The goodbye comes after everything else.
            let _ = self.append_housekeeping();
            self.append(operation, 0, CallOrigin::Client);
            let mut goodbye_batch = Vec::new();
            self.put_batch(&mut goodbye_batch);
            self.goodbye_batch = Some(goodbye_batch.into());
        }
        self.ended = Some(closed);
        wakers
    }

    /// Starts a new session in place of one that has ended.
    pub(in crate::client) fn reopen(&mut self, limits: SendLimits) {
        self.in_flight.discard(|_| true);
        self.ended = None;
        self.resend.clear();
        self.arrived.clear();
        self.settled.clear();
        self.releases.clear();
        self.goodbye_batch = None;
        self.begin_session(limits);
        (self.unsent, self.next_deadline) = (self.in_flight.next(), None);
    }
}
