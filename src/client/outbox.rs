//! The calls of a session that wait to be sent or to be answered.
//!
//! - [`sending`]: makes the batches in which calls are sent.
//! - [`session_loss`]: decides what happens to calls when a connection or a session ends.
//! - [`timeout`]: the errors of calls that time out. [`detached`]: calls whose outcome nobody waits for. [`lock`]: the
//!   outbox's lock.

mod detached;
mod lock;
mod sending;
mod session_loss;
#[cfg(test)]
mod tests;
mod timeout;

use super::backpressure::{Backpressure, earlier};
use super::clock::Clock;
use super::in_flight::{CallOrigin, InFlight, Slot, UnansweredCall};
use super::reply_acks::ReplyAcks;
use crate::wire::batch::Answered;
use bytes::Bytes;
use hashbrown::HashMap;
pub(super) use lock::SharedOutbox;
use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tarmem_remote::call::Terms;
use tarmem_remote::error::Error;
use tarmem_remote::operation::{Operation, Reply, ReplyError};
use tarmem_remote::payload::Payload;
use timeout::{timed_out, with_own_timeout};
use uuid::Uuid;

/// The deadline of a call with a shorter timeout is computed from the precise clock. Other calls share a time that is
/// a few milliseconds old at most, since reading the clock takes a twentieth of a call's time or more.
const SHORT: Duration = Duration::from_secs(1);

/// For a call with a shorter timeout, timers are too coarse: when its reply arrives, the clock decides whether it is
/// late.
const VERY_SHORT: Duration = Duration::from_millis(10);

/// The limits for sending, which the service announced or the client set.
#[derive(Clone, Copy, Debug)]
pub(super) struct SendLimits {
    pub(super) frame_bytes: usize,
    pub(super) batch: usize,
    pub(super) in_flight: usize,
}

/// The calls of a session: those that wait to be sent, and those that wait for a reply.
pub(super) struct Outbox {
    limits: SendLimits,
    /// `Some` once the session has ended.
    ended: Option<Error>,
    in_flight: InFlight,
    /// Calls that were sent over a broken connection and did not arrive, in order.
    resend: VecDeque<u64>,
    /// The batches of replies that have arrived.
    reply_acks: ReplyAcks,
    /// Replies that have arrived and were not delivered yet. They are kept here, and not with the connection, which may
    /// end first.
    arrived: VecDeque<Bytes>,
    /// The number of the first call that was not sent.
    unsent: u64,
    clock: Clock,
    /// Whether the service shuts down, so that calls wait for the next service.
    paused: bool,
    /// No call is overdue before this.
    next_deadline: Option<Instant>,
    /// Handles to release, with their counts.
    releases: HashMap<Uuid, u32>,
    /// Operations that tell the service about earlier calls: acknowledgements and cancellations.
    settled: Vec<Operation<'static>>,
    backpressure: Backpressure,
    /// Callers for which there is room now; they are woken when the [`lock`] is released.
    admitted: Vec<Waker>,
    /// Whether the last detached call found no room.
    is_dropping: bool,
    /// Detached calls with a signature that the service does not know, each with the task that made it.
    unknown: Vec<(Payload, u64)>,
    /// The last operations of a session that the client closes: releases and acknowledgements.
    goodbye_batch: Option<Bytes>,
}

/// The outcome of [`Outbox::push`].
pub(super) enum Pushed {
    Queued {
        sequence: u64,
        /// Whether no other call was waiting to be sent.
        first: bool,
    },
    Refused(ReplyError),
    NoRoom,
}

impl Outbox {
    pub(super) fn new(limits: SendLimits) -> Self {
        let in_flight = InFlight::new();
        Outbox {
            limits,
            ended: None,
            unsent: in_flight.next(),
            in_flight,
            resend: VecDeque::new(),
            reply_acks: ReplyAcks::default(),
            arrived: VecDeque::new(),
            clock: Clock::new(),
            paused: false,
            next_deadline: None,
            releases: HashMap::new(),
            settled: Vec::new(),
            backpressure: Backpressure::default(),
            admitted: Vec::new(),
            is_dropping: false,
            unknown: Vec::new(),
            goodbye_batch: None,
        }
    }

    /// Queues a call, which is taken out of `operation`. `waker` is woken when its reply has arrived.
    pub(super) fn push(
        &mut self,
        operation: &mut Payload,
        timeout: Option<Duration>,
        terms: Terms,
        waker: &Waker,
    ) -> Pushed {
        if let Some(error) = &self.ended {
            return Pushed::Refused(error.clone().into());
        }
        let limit = self.largest();
        if operation.len() > limit {
            let remedy = "send less at once, or raise the service's limit";
            let (found, limit) = (operation.len() as u64, limit as u64);
            return Pushed::Refused(Error::limit("the call's size in bytes", found, limit, remedy).into());
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(terms.waited));
        if left.is_some_and(|left| left.is_zero()) {
            return Pushed::Refused(timed_out(timeout));
        }
        // At most twice the largest frame waits to be sent. Beyond that, callers wait.
        let totals = self.in_flight.totals();
        if totals.in_flight >= self.limits.in_flight || totals.unsent_bytes >= 2 * limit {
            let deadline = left.and_then(|left| Instant::now().checked_add(left));
            self.backpressure.join(waker, deadline);
            self.next_deadline = earlier(self.next_deadline, deadline);
            return Pushed::NoRoom;
        }
        let first = self.unsent == self.in_flight.next();
        let deadline = left.and_then(|left| self.clock.now(left < SHORT).checked_add(left));
        self.next_deadline = earlier(self.next_deadline, deadline);
        // Earlier cancellations make room for this call, so they are sent first. (Encoding them cannot fail.)
        if !self.settled.is_empty() {
            let _ = self.append_settled();
        }
        let call = UnansweredCall {
            operation: std::mem::take(operation),
            task: terms.task(),
            timeout,
            deadline,
            idempotent: terms.idempotent,
            sent: false,
            origin: CallOrigin::Caller(waker.clone()),
        };
        let sequence = self.in_flight.push(call, self.unsent);
        Pushed::Queued { sequence, first }
    }

    /// The maximum size of an operation that fits a frame, in bytes.
    fn largest(&self) -> usize {
        self.limits.frame_bytes.saturating_sub(1024)
    }

    /// Queues an operation whose outcome nobody waits for.
    fn append(&mut self, operation: Payload, task: u64, origin: CallOrigin) {
        let call =
            UnansweredCall { operation, task, timeout: None, deadline: None, idempotent: false, sent: false, origin };
        self.in_flight.push(call, self.unsent);
    }

    /// Takes the reply to a call if it has arrived; otherwise `cx` is woken when it does.
    pub(super) fn poll_reply(
        &mut self,
        cx: &mut Context<'_>,
        sequence: u64,
        operation: &mut Option<Box<Payload>>,
    ) -> Poll<Reply> {
        if let Some((reply, made)) = self.in_flight.take_answer(sequence) {
            *operation = made;
            return Poll::Ready(reply);
        }
        let Some(mut slot) = self.in_flight.get_mut(sequence) else {
            return Poll::Ready(Reply::failed(Error::Cancelled));
        };
        match &mut *slot {
            Slot::Answered(..) => {}
            Slot::Unanswered(call) => {
                match &mut call.origin {
                    CallOrigin::Caller(waker) => waker.clone_from(cx.waker()),
                    origin => *origin = CallOrigin::Caller(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            Slot::Over => return Poll::Ready(Reply::failed(Error::Cancelled)),
        }
        let Slot::Answered(reply, made) = std::mem::replace(&mut *slot, Slot::Over) else { return Poll::Pending };
        drop(slot);
        self.in_flight.tidy(sequence);
        *operation = made;
        Poll::Ready(reply)
    }

    /// Tells the service whether a provisional reply is to stay (`received`) or to be undone.
    pub(super) fn settle(&mut self, sequence: u64, received: bool) {
        if self.ended.is_none() {
            self.settled.push(if received {
                Operation::Acknowledge { sequence }
            } else {
                Operation::Cancel { sequence }
            });
        }
    }

    /// Cancels a call whose caller no longer waits.
    pub(super) fn cancel(&mut self, sequence: u64) {
        match self.in_flight.remove(sequence) {
            // It was not sent, and never will be.
            Some(Slot::Unanswered(call)) if !call.sent => return self.relieve_backpressure(),
            Some(Slot::Unanswered(_)) => {}
            // The service has answered, but a provisional result has to be undone.
            Some(Slot::Answered(Reply::Provisional(_), _)) => {}
            _ => return,
        }
        if self.ended.is_none() {
            self.settled.push(Operation::Cancel { sequence });
        }
        self.relieve_backpressure();
    }

    /// Detaches a call: it runs, although its caller no longer waits.
    pub(super) fn forget(&mut self, sequence: u64) {
        let Some(mut slot) = self.in_flight.get_mut(sequence) else { return };
        match &mut *slot {
            Slot::Unanswered(call) => call.origin = CallOrigin::Detached,
            Slot::Answered(..) => {
                drop(slot);
                return self.cancel(sequence);
            }
            Slot::Over => return,
        }
        drop(slot);
        self.relieve_backpressure();
    }

    /// Releases a handle.
    pub(super) fn release(&mut self, id: Uuid) {
        if self.ended.is_some() {
            return;
        }
        *self.releases.entry(id).or_default() += 1;
    }

    /// Stores a reply that has arrived. Returns the waker of its caller, if one waits for it.
    pub(super) fn answered(&mut self, sequence: u64, reply: Reply) -> Option<Waker> {
        let mut slot_guard = self.in_flight.get_mut(sequence);
        if let Some(slot) = slot_guard.as_deref_mut()
            && let Slot::Unanswered(call) = slot
        {
            if self.paused && reply.error() == Some(&Error::ShuttingDown) {
                // It was not run. It is sent to the next service.
                call.sent = false;
                return None;
            }
            if let CallOrigin::Caller(waker) = std::mem::replace(&mut call.origin, CallOrigin::Detached) {
                let is_late = call.timeout.is_some_and(|timeout| timeout < VERY_SHORT)
                    && call.deadline.is_some_and(|at| at <= Instant::now());
                let reply = match reply {
                    reply if is_late => {
                        if matches!(reply, Reply::Provisional(_)) {
                            self.settled.push(Operation::Cancel { sequence });
                        }
                        Reply::failed(timed_out(call.timeout))
                    }
                    Reply::Failed(error) => Reply::Failed(with_own_timeout(error, call.timeout)),
                    reply => reply,
                };
                let operation =
                    matches!(reply, Reply::Failed(_)).then(|| Box::new(std::mem::take(&mut call.operation)));
                *slot = Slot::Answered(reply, operation);
                drop(slot_guard);
                self.relieve_backpressure();
                return Some(waker);
            }
            if matches!(reply.error(), Some(Error::SignatureUnknown { .. })) {
                self.unknown.push((std::mem::take(&mut call.operation), call.task));
            }
            *slot = Slot::Over;
        }
        // If the call was cancelled meanwhile, a provisional result has to be undone.
        let given_up = !matches!(slot_guard.as_deref(), Some(Slot::Answered(..)));
        drop(slot_guard);
        self.in_flight.tidy(sequence);
        if given_up && matches!(reply, Reply::Provisional(_)) && self.ended.is_none() {
            self.settled.push(Operation::Cancel { sequence });
        }
        None
    }

    /// Takes the calls that have to be sent again with the names of their arguments. The caller encodes them after it
    /// has released the lock, since that runs code of the arguments' types.
    pub(super) fn take_unknown(&mut self) -> Vec<(Payload, u64)> {
        std::mem::take(&mut self.unknown)
    }

    fn relieve_backpressure(&mut self) {
        // All callers are woken together, once there is enough room.
        let totals = self.in_flight.totals();
        let roomy = totals.in_flight <= self.limits.in_flight * 3 / 4 && totals.unsent_bytes <= self.limits.frame_bytes;
        if !self.backpressure.is_empty() && roomy {
            self.admitted.extend(self.backpressure.take());
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline
    }

    /// Times out the calls whose deadline has passed, whatever the service does. Returns the wakers of their callers.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Waker> {
        let mut overdue = Vec::new();
        self.next_deadline = self.backpressure.expire(now, &mut overdue);
        let mut next = self.next_deadline;
        self.in_flight.each_unanswered(|sequence, slot| {
            let Slot::Unanswered(call) = slot else { return };
            let (CallOrigin::Caller(waker), Some(at)) = (&call.origin, call.deadline) else { return };
            if at > now {
                next = earlier(next, Some(at));
                return;
            }
            if call.sent {
                self.settled.push(Operation::Cancel { sequence });
            }
            overdue.push(waker.clone());
            let operation = Box::new(std::mem::take(&mut call.operation));
            *slot = Slot::Answered(Reply::failed(timed_out(call.timeout)), Some(operation));
        });
        self.next_deadline = next;
        self.relieve_backpressure();
        overdue
    }

    /// Takes the batch that is to be sent when the session ends.
    pub(super) fn take_goodbye_batch(&mut self) -> Option<Bytes> {
        self.goodbye_batch.take()
    }

    pub(super) fn ended(&self) -> Option<&Error> {
        self.ended.as_ref()
    }

    /// Adds a batch of replies, the `number`th, or the last of all if that is 0. A batch that had arrived before is
    /// dropped.
    pub(super) fn arrived(&mut self, number: u64, replies: Bytes) {
        if !replies.is_empty() && (number == 0 || self.reply_acks.add(number)) {
            self.arrived.push_back(replies);
        }
    }

    /// Delivers at most `most` replies of the first batch that has arrived. Returns whether there are more. The wakers
    /// of their callers are added to `woken`.
    pub(super) fn deliver(&mut self, most: usize, woken: &mut Vec<Waker>) -> Result<bool, Error> {
        let Some(replies) = self.arrived.pop_front() else { return Ok(false) };
        let mut rest: &[u8] = &replies;
        for _ in 0..most {
            if rest.is_empty() {
                break;
            }
            let (reply, more) = Answered::take(rest)?;
            rest = more;
            // A reply that only says that its call is pending is skipped.
            if let Some(outcome) = reply.outcome.into_reply(&replies) {
                woken.extend(self.answered(reply.sequence, outcome));
            }
        }
        if !rest.is_empty() {
            self.arrived.push_front(replies.slice_ref(rest));
        }
        Ok(self.has_arrived())
    }

    /// Whether there are replies that have not been delivered yet.
    pub(super) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// All batches below this number have arrived.
    pub(super) fn received_below(&self) -> u64 {
        self.reply_acks.below
    }

    /// How many batches of replies have arrived over all connections.
    pub(super) fn count_received(&self) -> u64 {
        self.reply_acks.count
    }
}
