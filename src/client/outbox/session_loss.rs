//! What becomes of calls when a connection ends, or a session.

use super::super::in_flight::{CallOrigin, Slot, UnansweredCall};
use super::{Outbox, SendLimits};
use std::task::Waker;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply};

impl Outbox {
    /// The session goes on over another connection. The service has begun the calls up to `begun`, and what came after
    /// them is sent again.
    pub(in crate::client) fn resume(&mut self, begun: u64) {
        self.send_again(|sequence| sequence > begun);
    }

    /// Sends those calls again that were sent and that `lost` picks, and those whose turn has passed although they were
    /// not.
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

    /// The session has expired after the service had begun the calls up to `begun`: of those nobody knows, and the
    /// others were not made. Of a call that may be made twice it does not matter whether it was. Who waits for them is
    /// to be woken.
    pub(in crate::client) fn expired(&mut self, begun: u64, expired: &Error, unknown: &Error) -> Vec<Waker> {
        self.give_up(|sequence, call| {
            let doubtful = call.sent && sequence <= begun && !call.idempotent;
            Some(if doubtful { unknown } else { expired }.clone())
        })
    }

    /// Another service has taken the place of the one that had the session. What can be made twice is sent to it, and
    /// what was not sent yet; of the rest the outcome is `unknown`. Who waits for them is to be woken.
    pub(in crate::client) fn restart(&mut self, limits: SendLimits, unknown: &Error) -> Vec<Waker> {
        let wakers = self.give_up(|_, call| (call.sent && !call.idempotent).then(|| unknown.clone()));
        // Handles and provisional results are gone with the service that knew them, and so is what was sent of which
        // nobody hears.
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

    /// A session in which nothing was begun has been replaced by a new one: everything is sent to that.
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

    /// Answers those that wait with the error that `of` has for them.
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

    /// The session has ended: new calls get `closed`, and so do those that were never sent or that may be made twice;
    /// of the others the outcome is `unknown`. Who waits for them is to be woken. What nobody was to wait for is the
    /// last that may still be sent, with a `goodbye` if the client does not come back.
    pub(in crate::client) fn end(&mut self, closed: Error, unknown: &Error, goodbye: bool) -> Vec<Waker> {
        if self.ended.is_some() {
            return Vec::new();
        }
        let mut wakers =
            self.give_up(|_, call| Some(if call.sent && !call.idempotent { unknown } else { &closed }.clone()));
        wakers.extend(self.backpressure.take());
        if goodbye && let Ok(operation) = Operation::Goodbye.encode() {
            // After those that are to be sent before the session ends.
            let _ = self.append_housekeeping();
            self.append(operation, 0, CallOrigin::Client);
            let mut goodbye_batch = Vec::new();
            self.put_batch(&mut goodbye_batch);
            self.goodbye_batch = Some(goodbye_batch.into());
        }
        self.ended = Some(closed);
        wakers
    }

    /// A new session has taken the place of one that has ended.
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
